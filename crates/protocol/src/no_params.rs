//! The parameters of methods that take none.

use std::fmt;

use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// No parameters: the `params` member is absent, `null` or an empty object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoParams;

impl Serialize for NoParams {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for NoParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nothing;

        impl<'de> Visitor<'de> for Nothing {
            type Value = NoParams;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("unit")
            }

            fn visit_unit<E: Error>(self) -> Result<NoParams, E> {
                Ok(NoParams)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<NoParams, A::Error> {
                match members.next_key::<serde::de::IgnoredAny>()? {
                    None => Ok(NoParams),
                    Some(_) => Err(A::Error::invalid_type(Unexpected::Map, &self)),
                }
            }
        }

        deserializer.deserialize_any(Nothing)
    }
}

#[cfg(feature = "export")]
impl schemars::JsonSchema for NoParams {
    fn schema_name() -> String {
        <()>::schema_name()
    }

    fn is_referenceable() -> bool {
        false
    }

    fn json_schema(generator: &mut schemars::r#gen::SchemaGenerator) -> schemars::schema::Schema {
        <()>::json_schema(generator)
    }
}

#[cfg(feature = "export")]
impl ts_rs::TS for NoParams {
    type WithoutGenerics = Self;
    type OptionInnerType = Self;

    fn name() -> String {
        "undefined".to_owned()
    }

    fn inline() -> String {
        Self::name()
    }

    fn inline_flattened() -> String {
        Self::name()
    }

    fn decl() -> String {
        unreachable!("`undefined` needs no declaration")
    }

    fn decl_concrete() -> String {
        Self::decl()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_and_an_empty_object_say_nothing() {
        for params in [json!(null), json!({})] {
            assert_eq!(serde_json::from_value::<NoParams>(params).unwrap(), NoParams);
        }
    }

    #[test]
    fn anything_else_is_refused_as_not_being_a_unit() {
        for (params, words) in [
            (json!([]), "invalid type: sequence, expected unit"),
            (json!({"a": 1}), "invalid type: map, expected unit"),
            (json!("x"), "invalid type: string \"x\", expected unit"),
        ] {
            assert_eq!(serde_json::from_value::<NoParams>(params).unwrap_err().to_string(), words);
        }
    }
}
