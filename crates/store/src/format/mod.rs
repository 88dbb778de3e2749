//! The spelling of a rollout's lines. Private: outside, records speak `types`.
//!
//! Shape of a line: `{"timestamp":"<RFC 3339, UTC, ms>","type":T,"payload":P}`, UTF-8, ended by `\n`.
//! Members stand in the order in which the format's other writers put them, and members that may be missing are left
//! out or written as `null` as those do; readers accept either.
//!
//! - `meta`: the first line.
//! - `context`: a turn's settings; `policy`: the policies in them.
//! - `event`: what clients saw; `parts`: the shapes in it.
//! - `items`: what the model saw and said.
//! - `shape`: what a line means for a thread's outline.
//! - `extended`: tool items of threads with an extended history; `tool_parts`: the shapes in them.

mod approval_review;
mod context;
mod event;
mod extended;
mod items;
mod meta;
mod parts;
mod policy;
mod shape;
mod tool_parts;

#[cfg(test)]
mod tests;

pub(crate) use meta::Head;
pub(crate) use shape::{Shape, Step, read_seen, read_shape, read_shown};

use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use memchr::{memchr, memchr2, memmem};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use types::ResponseItem;

use crate::record::{EventRecord, Record, SessionMeta};

#[derive(Serialize)]
struct LineOut<'a, P> {
    timestamp: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    payload: P,
}

#[derive(Deserialize)]
struct LineIn<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Deserialize)]
struct TagIn<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

#[derive(Serialize)]
struct CompactedOut<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement_history: Option<&'a [ResponseItem]>,
}

#[derive(Deserialize)]
struct CompactedIn {
    message: String,
    #[serde(default)]
    replacement_history: Option<Vec<ResponseItem>>,
}

/// Appends the line of `record` to `out`; nothing for items that are not kept, see [`crate::Extended::of`].
pub(crate) fn write_record(out: &mut Vec<u8>, timestamp: &str, record: &Record) {
    match record {
        Record::ResponseItem(item) => write_line(out, timestamp, "response_item", item),
        Record::TurnContext(context) => write_line(out, timestamp, "turn_context", context::ContextOut::new(context)),
        Record::Compacted { message, replacement } => {
            let payload = CompactedOut { message, replacement_history: replacement.as_deref() };
            write_line(out, timestamp, "compacted", payload);
        }
        Record::Event(event) => {
            if let Some(payload) = event::EventOut::new(event) {
                write_line(out, timestamp, "event_msg", payload);
            }
        }
        Record::SessionMeta(meta) => write_meta(out, timestamp, meta),
        Record::Unknown { kind, payload } => write_line(out, timestamp, kind, payload),
    }
}

/// Appends the first line to `out`.
pub(crate) fn write_meta(out: &mut Vec<u8>, timestamp: &str, meta: &SessionMeta) {
    write_line(out, timestamp, "session_meta", meta::MetaOut::new(meta));
}

fn write_line(out: &mut Vec<u8>, timestamp: &str, kind: &str, payload: impl Serialize) {
    serde_json::to_writer(&mut *out, &LineOut { timestamp, kind, payload })
        .expect("records have text keys only, and a vector takes every byte");
    out.push(b'\n');
}

/// Reads one line, without its line feed.
///
/// # Errors
/// When `line` is not a JSON object with `type` and `payload`. A payload that does not fit its kind is kept whole, as
/// an unknown one.
pub(crate) fn read_line(line: &str) -> Result<Record, serde_json::Error> {
    if let Some((kind, payload)) = split(line)
        && let Some(record) = read_payload(kind, payload)
    {
        return Ok(record);
    }
    let LineIn { kind, payload } = serde_json::from_str(line)?;
    Ok(match read_payload(&kind, payload.get()) {
        Some(record) => record,
        None if kind == "event_msg" => Record::Event(EventRecord::Unknown(payload.to_owned())),
        None => Record::Unknown { kind: kind.into_owned(), payload: payload.to_owned() },
    })
}

/// `None` for a kind that is not known, or a payload that does not fit it.
fn read_payload(kind: &str, payload: &str) -> Option<Record> {
    match kind {
        "response_item" => items::read(payload).map(Record::ResponseItem),
        "event_msg" => event::read(&tag(payload)?, payload).map(Record::Event),
        "turn_context" => context::read(payload).map(|context| Record::TurnContext(Box::new(context))),
        "compacted" => {
            serde_json::from_str(payload).ok().map(|CompactedIn { message, replacement_history: replacement }| {
                Record::Compacted { message, replacement }
            })
        }
        "session_meta" => meta::read(payload).map(|meta| Record::SessionMeta(Box::new(meta))),
        _ => None,
    }
}

/// A line's kind and payload, cut out without parsing, where the members stand as writers put them. What is cut out has
/// not been checked: it may be followed by members that nobody wants, and then does not parse.
fn split(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix(r#"{"timestamp":""#)?;
    let (_, rest) = split_at_quote(rest)?;
    let rest = rest.strip_prefix(r#","type":""#)?;
    let (kind, rest) = split_at_quote(rest)?;
    let payload = rest.strip_prefix(r#","payload":"#)?.strip_suffix('}')?;
    (payload.starts_with('{') && payload.ends_with('}')).then_some((kind, payload))
}

/// What stands before the first quotation mark, and what behind it. Asked several times a line.
fn split_at_quote(text: &str) -> Option<(&str, &str)> {
    let quote = memchr(b'"', text.as_bytes())?;
    Some((&text[..quote], &text[quote + 1..]))
}

/// Whether a line gives a thread its name.
pub(crate) fn is_name(line: &str) -> bool {
    memmem::find(line.as_bytes(), b"\"thread_name_updated\"").is_some()
        && matches!(read_line(line), Ok(Record::Event(EventRecord::ThreadName { .. })))
}

/// Reads what lists show of a first line; `None` for any other line.
pub(crate) fn read_head(line: &str) -> Option<Head> {
    let LineIn { kind, payload } = serde_json::from_str(line).ok()?;
    if kind == "session_meta" { meta::read_head(payload.get()) } else { None }
}

/// What [`read_head`] read in a line, as short text for [`read_short_head`]; `None` for any other line.
pub(crate) fn shorten_head(line: &str) -> Option<String> {
    let LineIn { kind, payload } = serde_json::from_str(line).ok()?;
    if kind == "session_meta" { meta::shorten(payload.get()) } else { None }
}

/// The opposite of [`shorten_head`].
pub(crate) fn read_short_head(text: &str) -> Option<Head> {
    meta::read_head(text)
}

/// The text of a line that is a message of the user; `None` for any other line.
pub(crate) fn read_preview(line: &str) -> Option<String> {
    memmem::find(line.as_bytes(), b"\"user_message\"")?;
    let LineIn { kind, payload } = serde_json::from_str(line).ok()?;
    let payload = payload.get();
    if kind == "event_msg" && tag(payload)? == "user_message" { event::read_message(payload) } else { None }
}

/// The `type` of a payload. Writers put it first, so that the rest need not be looked at.
fn tag(payload: &str) -> Option<Cow<'_, str>> {
    if let Some(rest) = payload.strip_prefix(r#"{"type":""#)
        && let Some(end) = memchr2(b'"', b'\\', rest.as_bytes())
        && rest.as_bytes()[end] == b'"'
    {
        return Some(Cow::Borrowed(&rest[..end]));
    }
    serde_json::from_str::<TagIn<'_>>(payload).ok().map(|tag| tag.kind)
}

/// RFC 3339 in UTC with milliseconds and `Z`.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let timestamp = Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{timestamp:.3}")
}

/// The opposite of [`rfc3339`]; takes any offset and precision.
pub(crate) fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    text.parse::<Timestamp>().ok().map(SystemTime::from)
}

/// Milliseconds as the format has them.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The opposite of [`millis`]; a negative duration is none.
fn from_millis(millis: i64) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}

/// Whole milliseconds since the epoch, for instants that come from a file.
pub(crate) fn unix_millis(at: SystemTime) -> i64 {
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => -millis(before.duration()),
    }
}
