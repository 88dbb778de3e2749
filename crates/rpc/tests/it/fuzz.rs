//! The line reader against a simple model of it: whatever bytes come, in whatever pieces, both see the same messages.
//!
//! Few cases by default; `PROPTEST_CASES` asks for more.

use std::collections::VecDeque;
use std::fmt;

use proptest::prelude::*;
use rpc::Reader;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::reader::{Pieces, now, read_all};

/// What the reader is to make of `bytes`: line by line, with nothing but the whole input in view.
fn expected(bytes: &[u8], limit: usize) -> Vec<String> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| line.len() <= limit);
    lines.filter_map(|line| message(std::str::from_utf8(line).ok()?)).collect()
}

/// One line as a message, rendered as the reader's are.
fn message(line: &str) -> Option<String> {
    let Members(members) = serde_json::from_str(line).ok()?;
    let known = ["id", "method", "params", "result", "error"];
    let values =
        known.map(|name| members.iter().filter(|(key, _)| key == name).map(|(_, raw)| raw.get()).collect::<Vec<_>>());
    if values.iter().any(|same| same.len() > 1) {
        return None;
    }
    let [id, method, params, result, error] = values.map(|same| same.first().copied());
    let given = |raw: &&str| *raw != "null";
    let id = id.and_then(|raw| {
        let text = serde_json::from_str::<String>(raw).ok();
        text.or_else(|| raw.parse::<i64>().ok().filter(|_| raw != "-0").map(|number| number.to_string()))
    });
    if let Some(method) = method.filter(given) {
        let method: String = serde_json::from_str(method).ok()?;
        return Some(match id {
            Some(id) => format!("{id} {method} {}", params.filter(given).unwrap_or_default()),
            None => method,
        });
    }
    let id = id?;
    match (result, error.filter(given)) {
        (Some(result), _) => Some(format!("{id} = {result}")),
        (None, Some(_)) => Some(format!("{id} failed")),
        (None, None) => None,
    }
}

/// An object's members in the order of the text, repeated ones included.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Text that has to do with messages, more or less.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\n",
        "\r\n",
        " ",
        "\"id\":",
        "\"method\":",
        "\"params\":",
        "\"result\":",
        "\"error\":",
        "\"jsonrpc\":\"2.0\",",
        "null",
        "true",
        "0",
        "-0",
        "7",
        "-1",
        "1.5",
        "1e3",
        "9223372036854775807",
        "9223372036854775808",
        "\"a\"",
        "\"\\u0061\"",
        "\"\\ud800\"",
        "\"ü\"",
        "\"\\n\"",
        "\\",
        "\"",
        "\u{0}",
        "{\"code\":1,\"message\":\"m\"}",
    ]);
    let message = (
        prop::sample::select(vec!["7", "\"x\"", "null", "1.5", "[1]"]),
        prop::sample::select(vec!["\"a/b\"", "\"\"", "7", "null", "\"\\u0061\""]),
        prop::sample::select(vec!["{}", "null", "[[[[]]]]", "{\"a\":\"b\"}", "\"\\u00fc\"", "1e999"]),
        prop::sample::select(vec!["method", "params", "result", "error", "id", "other"]),
        prop::sample::select(vec!["\n", "\r\n", " \n", "\n\n", ""]),
    );
    let message = message.prop_map(|(id, method, params, extra, end)| {
        format!("{{\"id\":{id},\"method\":{method},\"params\":{params},\"{extra}\":{params}}}{end}").into_bytes()
    });
    let answer = prop::sample::select(vec![
        "{\"id\":1,\"result\":null}\n",
        "{\"id\":\"1\",\"error\":{\"code\":1,\"message\":\"m\"}}\n",
        "{\"id\":1,\"error\":null}\n",
        "{\"method\":\"note\"}\n",
        "{\"id\":2,\"method\":\"ask\"}\n",
    ]);
    prop_oneof![
        4 => words.prop_map(|word: &str| word.as_bytes().to_vec()),
        3 => message,
        3 => answer.prop_map(|text: &str| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (1_usize..120).prop_map(|length| vec![b' '; length]),
    ]
}

/// Cuts bytes at the given places, taken as parts of what is left.
fn cut(mut bytes: &[u8], cuts: &[usize]) -> VecDeque<Vec<u8>> {
    let mut pieces = VecDeque::new();
    for at in cuts {
        let (piece, rest) = bytes.split_at(at % (bytes.len() + 1));
        pieces.push_back(piece.to_vec());
        bytes = rest;
    }
    pieces.push_back(bytes.to_vec());
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_reader_sees_what_a_simple_model_sees(
        fragments in prop::collection::vec(fragment(), 0..24),
        cuts in prop::collection::vec(any::<usize>(), 0..16),
        limit in prop_oneof![Just(rpc::MAX_LINE_BYTES), 20_usize..120],
    ) {
        let bytes = fragments.concat();
        let reader = Reader::with_limit(Pieces(cut(&bytes, &cuts)), limit);
        prop_assert_eq!(now(read_all(reader)), expected(&bytes, limit), "{:?}", String::from_utf8_lossy(&bytes));
    }
}
