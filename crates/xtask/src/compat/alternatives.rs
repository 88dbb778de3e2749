//! A schema as the list of things a value may be.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::surface::{Types, reference, tag};

/// One thing a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Alternative<'a> {
    Any,
    Null,
    Boolean,
    /// Any text.
    Text,
    Number,
    /// A whole number, with the smallest and the largest there can be.
    Integer(i128, i128),
    /// Exactly this text.
    Value,
    /// An array with such items; `None` for items of any kind.
    Array(Option<&'a Value>),
    /// An object with such values under any key.
    Map(&'a Value),
    /// An object with the members of this schema.
    Struct(&'a Value),
}

/// What a value may be, by a name that is the same for the same thing in another version.
pub(super) type Alternatives<'a> = BTreeMap<String, Alternative<'a>>;

/// Takes a schema apart. References are followed, unions are flattened.
pub(super) fn alternatives<'a>(schema: &'a Value, types: &'a Types) -> Alternatives<'a> {
    let mut found = Alternatives::new();
    collect(schema, types, false, &mut found);
    found
}

fn collect<'a>(schema: &'a Value, types: &'a Types, is_variant: bool, found: &mut Alternatives<'a>) {
    if let Some(name) = reference(schema) {
        match types.get(name) {
            Some(schema) => collect(schema, types, false, found),
            None => drop(found.insert("any".to_owned(), Alternative::Any)),
        }
    } else if let Some(variants) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
        variants.iter().for_each(|variant| collect(variant, types, true, found));
        // Members that all variants share may stand beside them.
        if schema["properties"].is_object() {
            found.insert("object".to_owned(), Alternative::Struct(schema));
        }
    } else if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        found.extend(values.iter().map(|value| (value.to_string(), Alternative::Value)));
    } else {
        let kinds = match &schema["type"] {
            Value::String(kind) => vec![kind.as_str()],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => vec!["any"],
        };
        found.extend(kinds.into_iter().map(|kind| of_kind(schema, kind, is_variant)));
    }
}

fn of_kind<'a>(schema: &'a Value, kind: &str, is_variant: bool) -> (String, Alternative<'a>) {
    let alternative = match kind {
        "null" => Alternative::Null,
        "boolean" => Alternative::Boolean,
        "string" => Alternative::Text,
        "number" => Alternative::Number,
        "integer" => {
            let (least, most) = range(schema["format"].as_str().unwrap_or_default());
            Alternative::Integer(least, most)
        }
        "array" => Alternative::Array(schema.get("items")),
        "object" => return object(schema, is_variant),
        _ => Alternative::Any,
    };
    (kind.to_owned(), alternative)
}

fn object(schema: &Value, is_variant: bool) -> (String, Alternative<'_>) {
    let members = schema["properties"].as_object();
    if is_variant && let Some((member, value)) = tag(schema) {
        return (format!("the object with {member} \"{value}\""), Alternative::Struct(schema));
    }
    // The only member of an object without others says which variant it is.
    if is_variant
        && schema["additionalProperties"] == false
        && let Some((member, _)) =
            members.filter(|members| members.len() == 1).and_then(|members| members.iter().next())
    {
        return (format!("the object with {member}"), Alternative::Struct(schema));
    }
    match schema.get("additionalProperties") {
        Some(values) if members.is_none() && *values != false => ("object".to_owned(), Alternative::Map(values)),
        _ => ("object".to_owned(), Alternative::Struct(schema)),
    }
}

fn range(format: &str) -> (i128, i128) {
    match format {
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "uint64" | "uint" => (0, u64::MAX.into()),
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    }
}
