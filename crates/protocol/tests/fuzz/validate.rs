//! As much of JSON Schema as the schemas use.

use std::borrow::Cow;

use serde_json::Value;

/// Whether a schema, with its own definitions, accepts a value.
pub(crate) fn accepts(schema: &Value, value: &Value) -> bool {
    Validator { root: schema, lenient: false }.accepts(schema, value)
}

/// The same, with what decoding takes beyond the schemas, as clients of the protocol may rely on:
///
/// - an array for an object, its members by position, at most as many as the object has;
/// - an empty object for no parameters;
/// - `null` for the flag of a dynamic tool, which has two spellings;
/// - a piece of the conversation of an unknown type.
pub(crate) fn tolerates(schema: &Value, value: &Value) -> bool {
    let no_params = schema["type"] == "null" && *value == serde_json::json!({});
    no_params || Validator { root: schema, lenient: true }.accepts(schema, value)
}

/// Types of which a variant that nobody knows is one more variant.
const OPEN: [&str; 1] = ["ResponseItem"];

/// A dynamic tool whose flag is not `null`, by name or by position.
fn flagged(tool: &Value) -> Cow<'_, Value> {
    let mut said = tool.clone();
    let flag = match &mut said {
        Value::Object(members) => members.get_mut("deferLoading"),
        Value::Array(members) => members.get_mut(4),
        _ => None,
    };
    match flag {
        Some(flag) if flag.is_null() => *flag = Value::Bool(false),
        _ => return Cow::Borrowed(tool),
    }
    Cow::Owned(said)
}

struct Validator<'a> {
    root: &'a Value,
    lenient: bool,
}

impl Validator<'_> {
    fn accepts(&self, schema: &Value, value: &Value) -> bool {
        if let Some(verdict) = schema.as_bool() {
            return verdict;
        }
        let reference = schema.get("$ref").and_then(Value::as_str);
        if let Some(name) = reference.and_then(|reference| reference.strip_prefix("#/definitions/")) {
            let is_unknown = self.lenient && OPEN.contains(&name) && value["type"].is_string();
            let value = &*if self.lenient && name == "DynamicToolSpec" { flagged(value) } else { Cow::Borrowed(value) };
            return is_unknown || self.unsaid(name, value) && self.accepts(&self.root["definitions"][name], value);
        }
        let list = |keyword: &str| schema.get(keyword).and_then(Value::as_array);
        list("allOf").is_none_or(|all| all.iter().all(|one| self.accepts(one, value)))
            && list("anyOf").is_none_or(|any| any.iter().any(|one| self.accepts(one, value)))
            && list("oneOf").is_none_or(|one_of| one_of.iter().any(|one| self.accepts(one, value)))
            && list("enum").is_none_or(|values| values.contains(value))
            && self.has_type(schema, value)
            && self.members(schema, value)
            && self.items(schema, value)
    }

    /// What types demand and the published schemas do not say.
    fn unsaid(&self, name: &str, value: &Value) -> bool {
        match name {
            "AbsolutePathBuf" => value.as_str().is_some_and(|path| path.starts_with('/')),
            // Beside `_default` stand apps by name.
            "AppsConfig" => value.as_object().is_none_or(|apps| {
                let mut others = apps.iter().filter(|(name, _)| *name != "_default");
                others.all(|(_, app)| app.is_object() || self.lenient && app.is_array())
            }),
            _ => true,
        }
    }

    fn has_type(&self, schema: &Value, value: &Value) -> bool {
        let is = |kind: &Value| match kind.as_str().unwrap_or_default() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "number" => value.is_number(),
            "integer" => is_integer(schema, value),
            "array" => value.is_array(),
            "object" if self.lenient && value.is_array() => self.by_position(schema, value),
            "object" => value.is_object(),
            other => panic!("an unknown type {other}"),
        };
        match &schema["type"] {
            Value::Array(kinds) => kinds.iter().any(is),
            Value::Null => true,
            kind => is(kind),
        }
    }

    /// Whether an array has a struct's members in order. Their order is not in the schema: their number has to do.
    fn by_position(&self, schema: &Value, value: &Value) -> bool {
        let most = schema["properties"].as_object().map_or(0, serde_json::Map::len);
        value.as_array().is_some_and(|items| items.len() <= most)
    }

    fn members(&self, schema: &Value, value: &Value) -> bool {
        let Some(members) = value.as_object() else { return true };
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut required = required.map(|name| members.contains_key(name));
        let properties = schema["properties"].as_object();
        required.all(|there| there)
            && members.iter().all(|(name, member)| match properties.and_then(|properties| properties.get(name)) {
                Some(schema) => self.accepts(schema, member),
                None => schema.get("additionalProperties").is_none_or(|further| self.accepts(further, member)),
            })
    }

    fn items(&self, schema: &Value, value: &Value) -> bool {
        let (Some(items), Some(of)) = (value.as_array(), schema.get("items")) else { return true };
        match of.as_array() {
            Some(each) => {
                items.len() == each.len() && each.iter().zip(items).all(|(schema, item)| self.accepts(schema, item))
            }
            None => items.iter().all(|item| self.accepts(of, item)),
        }
    }
}

/// Whether it is a whole number in the range that the format names.
fn is_integer(schema: &Value, value: &Value) -> bool {
    let Some(number) = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from)) else { return false };
    let (least, most) = match schema["format"].as_str().unwrap_or_default() {
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "uint" | "uint64" => (0, u64::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    };
    let minimum = schema["minimum"].as_f64().unwrap_or(f64::MIN);
    (least..=most).contains(&number) && value.as_f64().is_some_and(|number| number >= minimum)
}
