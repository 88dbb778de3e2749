//! Reads a call's JSON arguments.

use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::tool::{ToolCall, ToolInput, ToolResult};

/// Parses the arguments of `call`.
///
/// # Errors
/// A result that tells the model what is wrong and where, for a call with free text what form is expected.
pub(crate) fn parse<T: DeserializeOwned>(call: &ToolCall) -> Result<T, ToolResult> {
    match &call.input {
        ToolInput::Json(text) => serde_json::from_str(text)
            .map_err(|error| ToolResult::failed(format!("failed to parse function arguments: {error}"))),
        ToolInput::Text(_) => {
            Err(ToolResult::failed("failed to parse function arguments: this tool takes a JSON object, not free text"))
        }
    }
}

/// A number that is not negative. Models also write whole numbers with a point (`1000.0`), which JSON does not tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole(pub(crate) u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WholeVisitor;

        impl Visitor<'_> for WholeVisitor {
            type Value = Whole;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number that is not negative")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
                Ok(Whole(number))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
                // Any whole number below 2^53 is exact.
                if number.fract() == 0.0 && (0.0..9e15).contains(&number) {
                    Ok(Whole(number as u64))
                } else {
                    Err(E::invalid_value(serde::de::Unexpected::Float(number), &self))
                }
            }
        }

        deserializer.deserialize_u64(WholeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_may_have_a_point() {
        let read = |text: &str| serde_json::from_str::<Whole>(text).map_err(|error| error.to_string());
        assert_eq!(read("5"), Ok(Whole(5)));
        assert_eq!(read("1000.0"), Ok(Whole(1000)));
        assert_eq!(
            read("1.5"),
            Err("invalid value: floating point `1.5`, expected a whole number that is not negative at line 1 column 3"
                .into())
        );
        assert!(read("-5").unwrap_err().starts_with("invalid type: integer `-5`"));
        assert!(read("\"5\"").unwrap_err().starts_with("invalid type: string \"5\""));
    }
}
