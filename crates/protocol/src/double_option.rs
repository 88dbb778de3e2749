//! Members with three states: absent (`None`), `null` (`Some(None)`) and a value (`Some(Some(_))`).

use serde::{Deserialize, Deserializer};

/// Keeps `null` apart from absence. For use with `default`, and `skip_serializing_if = "Option::is_none"`.
pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::{ServiceTier, ThreadStartParams};

    fn tier(params: Value) -> (Option<Option<ServiceTier>>, Value) {
        let params: ThreadStartParams = serde_json::from_value(params).unwrap();
        let tier = params.service_tier;
        (tier, serde_json::to_value(params).unwrap().get("serviceTier").cloned().unwrap_or(json!("absent")))
    }

    #[test]
    fn absent_null_and_a_value_are_three_things_both_ways() {
        assert_eq!(tier(json!({})), (None, json!("absent")));
        assert_eq!(tier(json!({"serviceTier": null})), (Some(None), json!(null)));
        assert_eq!(tier(json!({"serviceTier": "fast"})), (Some(Some(ServiceTier::Fast)), json!("fast")));
    }
}
