//! A notification on its way to any number of connections.

use std::ops::Range;

use bytes::Bytes;
use serde::Serialize;

use crate::message::encode_notification;

/// A notification, encoded once for however many connections it goes to.
///
/// One that is a [delta](Self::delta) may be joined with the next one for a client that lags behind; one that belongs to
/// a [stream](Self::in_stream) may not be overtaken by others of that stream.
#[derive(Clone, Debug)]
pub struct Notice {
    frame: Bytes,
    /// Where the text of a delta stands in `frame`, as it is escaped there.
    delta: Option<Range<u32>>,
    /// What it is a part of; everything that belongs to nothing else shares one stream.
    stream: u128,
    /// Its place in the stream; 0 for none.
    number: u64,
}

/// The member that holds a delta's text, as it stands in every encoded one. A quotation mark within a text is escaped,
/// so that this is a member's name wherever it is found.
const DELTA: &[u8] = b"\"delta\":\"";

impl Notice {
    /// Encodes a notification.
    ///
    /// # Panics
    /// If `params` cannot be written as JSON; the types of a protocol can.
    pub fn new(method: &str, params: &(impl Serialize + ?Sized)) -> Self {
        Self { frame: encode_notification(method, params), delta: None, stream: 0, number: 0 }
    }

    /// Encodes a notification whose `delta` member is a piece of a text: two of them that differ in nothing else say
    /// the same as one with both texts.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn delta(method: &str, params: &(impl Serialize + ?Sized)) -> Self {
        let notice = Self::new(method, params);
        Self { delta: find_text(&notice.frame), ..notice }
    }

    /// Says what the notification is a part of, such as a thread, and its place in there (from 1 on; 0 for none).
    #[must_use]
    pub fn in_stream(self, stream: u128, number: u64) -> Self {
        Self { stream, number, ..self }
    }

    /// The message as it goes to clients that are told no numbers.
    pub fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// Its place in its stream; 0 for none.
    pub fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn stream(&self) -> u128 {
        self.stream
    }

    /// Where the text of a later delta may be added.
    pub(crate) fn text_end(&self) -> Option<usize> {
        self.delta.as_ref().map(|delta| delta.end as usize)
    }

    /// The text of `next`, as it is escaped there, if it continues this one: both are the same besides their texts and
    /// numbers.
    pub fn continuation<'a>(&self, next: &'a Self) -> Option<&'a [u8]> {
        let (mine, other) = (self.delta.as_ref()?, next.delta.as_ref()?);
        let same = mine.start == other.start
            && self.frame[..mine.start as usize] == next.frame[..other.start as usize]
            && self.frame[mine.end as usize..] == next.frame[other.end as usize..];
        same.then(|| &next.frame[other.start as usize..other.end as usize])
    }

    /// The notification whose text, as [`continuation`](Self::continuation) gave it, continues this one, with its number.
    ///
    /// # Panics
    /// If this is no delta.
    #[must_use]
    pub fn continued(&self, text: &[u8], number: u64) -> Self {
        let Range { start, end } = self.delta.clone().expect("only a delta is continued");
        let (before, after) = (&self.frame[..start as usize], &self.frame[end as usize..]);
        let length = u32::try_from(text.len()).expect("it was a part of a notification");
        let frame = Bytes::from([before, text, after].concat());
        Self { frame, delta: Some(start..start + length), stream: self.stream, number }
    }

    /// The same in as little memory as it takes, for those who keep it.
    #[must_use]
    pub fn compact(&self) -> Self {
        Self { frame: Bytes::copy_from_slice(&self.frame), ..self.clone() }
    }
}

fn find_text(frame: &[u8]) -> Option<Range<u32>> {
    let start = memchr::memmem::find(frame, DELTA)? + DELTA.len();
    // Output of commands has an escape in every line, and hardly a quotation mark: only these are looked at.
    let ends = memchr::memchr_iter(b'"', &frame[start..]).map(|offset| start + offset);
    let escaped = |end: usize| frame[start..end].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
    let end = ends.into_iter().find(|end| !escaped(*end))?;
    Some(u32::try_from(start).ok()?..u32::try_from(end).ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(delta: &str) -> Notice {
        Notice::delta("item/delta", &json!({ "item": "\"delta\":\"x\"", "delta": delta, "index": 0 }))
    }

    #[test]
    fn the_text_of_a_delta_is_found_whatever_it_holds() {
        for delta in ["", "plain", "\"", "\\", "\\\"", "a\"delta\":\"b", "line\nbreak", "Grüße 🦀", "\u{1}"] {
            let notice = text(delta);
            let range = notice.delta.clone().unwrap();
            let found = &notice.frame[range.start as usize - 1..=range.end as usize];
            assert_eq!(serde_json::from_slice::<String>(found).unwrap(), delta);
        }
    }

    #[test]
    fn a_delta_can_be_told_by_its_text_and_the_one_before() {
        let (first, next) = (text("a").in_stream(7, 1), text("\"much\\ longer\n").in_stream(7, 2));
        let again = first.continued(first.continuation(&next).unwrap(), 2);
        assert_eq!((&again.frame, &again.delta, again.stream, again.number), (&next.frame, &next.delta, 7, 2));
    }

    #[test]
    fn only_deltas_that_differ_in_nothing_but_their_text_continue_each_other() {
        assert_eq!(text("a").continuation(&text("\"b")), Some(&b"\\\"b"[..]));
        let other_item = Notice::delta("item/delta", &json!({ "item": "y", "delta": "b", "index": 0 }));
        let other_index = Notice::delta("item/delta", &json!({ "item": "\"delta\":\"x\"", "delta": "b", "index": 1 }));
        let no_delta = Notice::new("item/delta", &json!({ "item": "\"delta\":\"x\"", "delta": "b", "index": 0 }));
        for other in [other_item, other_index, no_delta] {
            assert_eq!(text("a").continuation(&other), None);
        }
    }
}
