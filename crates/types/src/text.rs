//! Texts that are passed on without being looked at.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// What somebody said. One that was read from JSON may still be as it is spelled there: most texts of a long thread are
/// read only to be written as JSON again, and are neither unescaped nor escaped for it.
///
/// Texts are equal when they say the same. It serialises as a string.
#[derive(Clone)]
pub struct Text(Form);

#[derive(Clone)]
enum Form {
    Plain(String),
    /// A string as [`serde_json`] would write it.
    Json(Box<RawValue>),
}

impl Text {
    /// A text from a JSON value. It is unescaped if writing it would give another spelling: JSON allows several.
    ///
    /// # Errors
    /// When the value is no string, or one that is no text, such as half a surrogate pair.
    pub fn from_json(json: Box<RawValue>) -> serde_json::Result<Self> {
        let spelled = json.get().as_bytes();
        let as_written = spelled.first() == Some(&b'"') && has_no_other_spelling(spelled);
        Ok(Self(if as_written { Form::Json(json) } else { Form::Plain(serde_json::from_str(json.get())?) }))
    }

    /// The text if it is plain, or else the JSON of it.
    ///
    /// # Errors
    /// A text that is plain is the error.
    pub fn into_json(self) -> Result<Box<RawValue>, String> {
        match self.0 {
            Form::Json(json) => Ok(json),
            Form::Plain(text) => Err(text),
        }
    }

    /// The text itself.
    #[must_use]
    pub fn into_string(self) -> String {
        match self.0 {
            Form::Plain(text) => text,
            Form::Json(json) => unescape(&json).into_owned(),
        }
    }

    /// The text itself.
    #[must_use]
    pub fn to_str(&self) -> Cow<'_, str> {
        match &self.0 {
            Form::Plain(text) => Cow::Borrowed(text),
            Form::Json(json) => unescape(json),
        }
    }

    /// Whether it has no characters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Plain(text) => text.is_empty(),
            Form::Json(json) => json.get() == r#""""#,
        }
    }
}

/// Whether every escape in a JSON string is the one that a writer chooses for that character. The characters that JSON
/// lets stand for themselves are written so; a writer's `\u`, for rare control characters, is not told from others.
fn has_no_other_spelling(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = memchr(b'\\', rest) {
        let [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', behind @ ..] = &rest[at + 1..] else { return false };
        rest = behind;
    }
    true
}

fn unescape(json: &RawValue) -> Cow<'_, str> {
    let spelled = json.get();
    if spelled.contains('\\') {
        Cow::Owned(serde_json::from_str(spelled).expect("a JSON string with none but plain escapes"))
    } else {
        Cow::Borrowed(&spelled[1..spelled.len() - 1])
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Form::Plain(text))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Form::Plain(text.to_owned()))
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.to_str() == other.to_str()
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_str().fmt(f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Plain(text) => serializer.serialize_str(text),
            Form::Json(json) => json.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> serde_json::Result<Text> {
        Text::from_json(RawValue::from_string(json.to_owned()).unwrap())
    }

    #[test]
    fn a_text_is_written_as_the_same_text_unescaped_would_be() {
        let parts = [
            "",
            "a",
            "ä",
            "\u{7f}",
            "\u{2028}",
            "😀",
            "/",
            r"\/",
            r#"\""#,
            r"\\",
            r"\n",
            r"\t\r\b\f",
            r"\u0001",
            r"\u001F",
            r"\u000a",
            r"\u0022",
            r"\u005c",
            r"\u00e4",
            r"\ud83d\ude00",
            r"\\u0041",
            r"\\\\",
            r#"\\\""#,
        ];
        for first in parts {
            for second in parts {
                let json = format!("\"{first}{second}\"");
                let expected: String = serde_json::from_str(&json).unwrap();
                let text = read(&json).unwrap();
                assert_eq!(text.to_str(), expected, "{json}");
                assert_eq!(text.is_empty(), expected.is_empty(), "{json}");
                assert_eq!(text, Text::from(expected.as_str()), "{json}");
                assert_eq!(serde_json::to_string(&text).unwrap(), serde_json::to_string(&expected).unwrap(), "{json}");
                let written = text
                    .clone()
                    .into_json()
                    .map_or_else(|text| serde_json::to_string(&text).unwrap(), |json| json.get().to_owned());
                assert_eq!(written, serde_json::to_string(&expected).unwrap(), "{json}");
                assert_eq!(text.into_string(), expected, "{json}");
            }
        }
    }

    #[test]
    fn the_escapes_that_writers_choose_are_kept() {
        assert!(read(r#""one\ntwo \"three\" \\ four\t""#).unwrap().into_json().is_ok());
        assert!(read(r#""ä""#).unwrap().into_json().is_ok());
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for json in ["5", "null", "[]", r#"{"a":"b"}"#, r#""\ud800""#, r#""\ud800\u0041""#] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
