//! Makes what a test has seen the same on every run and every machine.

use serde_json::Value;

/// Members whose number depends on when or how fast something ran.
const TIMES: &[&str] = &[
    "createdAt",
    "updatedAt",
    "startedAt",
    "completedAt",
    "recencyAt",
    "created_at",
    "updated_at",
    "started_at",
    "completed_at",
    "durationMs",
    "duration_ms",
    "wallTimeMs",
    "modifiedAtMs",
    "createdAtMs",
    "startedAtMs",
    "completedAtMs",
];

/// The length of a UUID's text.
const UUID_LENGTH: usize = 36;

/// Replaces what differs from run to run: UUIDs by `<id:1>`, `<id:2>`, … in the order of their first appearance (the
/// same UUID gets the same number for the life of the redactor), times by `<time>`, and given texts by given names.
#[derive(Debug, Default)]
pub struct Redactor {
    names: Vec<(String, String)>,
    uuids: Vec<String>,
}

impl Redactor {
    /// Makes a redactor that knows no paths.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces `text`, for example a temporary folder, by `name`, for example `<home>`. Longer texts win.
    pub fn name(mut self, text: impl Into<String>, name: impl Into<String>) -> Self {
        self.names.push((text.into(), name.into()));
        self.names.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        self
    }

    /// Redacts all texts, names of members and times inside a value.
    pub fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(values) => values.iter().map(|value| self.value(value)).collect(),
            Value::Object(members) => {
                let redacted = members.iter().map(|(name, value)| {
                    let time = TIMES.contains(&name.as_str()) && (value.is_number() || value.is_string());
                    let value = if time { Value::from("<time>") } else { self.value(value) };
                    (self.text(name), value)
                });
                Value::Object(redacted.collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// Redacts a text.
    pub fn text(&mut self, text: &str) -> String {
        let mut named = text.to_owned();
        for (text, name) in &self.names {
            named = named.replace(text, name);
        }
        let mut redacted = String::with_capacity(named.len());
        let mut rest = named.as_str();
        while let Some(first) = rest.chars().next() {
            if let Some(uuid) = rest.get(..UUID_LENGTH).filter(|text| is_uuid(text)) {
                redacted.push_str(&self.uuid(uuid));
                rest = &rest[UUID_LENGTH..];
            } else if let Some(length) = time_length(rest) {
                redacted.push_str("<time>");
                rest = &rest[length..];
            } else {
                redacted.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        redacted
    }

    fn uuid(&mut self, uuid: &str) -> String {
        let known = self.uuids.iter().position(|known| known == uuid);
        let index = known.unwrap_or_else(|| {
            self.uuids.push(uuid.to_owned());
            self.uuids.len() - 1
        });
        format!("<id:{}>", index + 1)
    }
}

/// Whether `text` fits `pattern`, in which `x` is a hexadecimal digit, `d` a decimal one, and the rest itself.
fn fits(text: &[u8], pattern: &[u8]) -> bool {
    text.len() >= pattern.len()
        && pattern.iter().zip(text).all(|(pattern, byte)| match pattern {
            b'x' => byte.is_ascii_hexdigit(),
            b'd' => byte.is_ascii_digit(),
            literal => literal == byte,
        })
}

fn is_uuid(text: &str) -> bool {
    fits(text.as_bytes(), b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
}

/// The length of a date with a time at the start of `text`, in RFC 3339 or as it stands in file names.
fn time_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if fits(bytes, b"dddd-dd-ddTdd-dd-dd") {
        return Some(19);
    }
    if !fits(bytes, b"dddd-dd-ddTdd:dd:dd") {
        return None;
    }
    let mut length = 19;
    if bytes.get(length) == Some(&b'.') {
        length += 1 + bytes[length + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    }
    match bytes.get(length) {
        Some(b'Z') => length += 1,
        Some(b'+' | b'-') if fits(&bytes[length + 1..], b"dd:dd") => length += 6,
        _ => {}
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_numbered_by_first_appearance_and_keep_their_number() {
        let mut redactor = Redactor::new();
        let (a, b) = ("0199a3f2-1111-7000-8000-000000000000", "0199A3F2-2222-7000-8000-000000000000");
        assert_eq!(redactor.text(&format!("{a}/{b}.{a}")), "<id:1>/<id:2>.<id:1>");
        assert_eq!(redactor.text(b), "<id:2>");
    }

    #[test]
    fn paths_get_their_names_the_longer_one_first() {
        let mut redactor = Redactor::new().name("/tmp/x", "<home>").name("/tmp/x/project", "<cwd>");
        assert_eq!(redactor.text("/tmp/x/project/a and /tmp/x/b"), "<cwd>/a and <home>/b");
    }

    #[test]
    fn times_are_hidden_in_members_and_in_texts() {
        let value = json!({
            "createdAt": 1_764_000_000, "durationMs": null, "other": 7,
            "text": "at 2025-11-25T12:03:32.517Z, 2025-11-25T12:03:32+01:00; ü rollout-2025-11-25T12-03-32-x",
        });
        let expected = json!({
            "createdAt": "<time>", "durationMs": null, "other": 7, "text": "at <time>, <time>; ü rollout-<time>-x",
        });
        assert_eq!(Redactor::new().value(&value), expected);
    }
}
