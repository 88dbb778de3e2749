//! Answers with many turns, written without holding the turns.

use bytes::Bytes;
use protocol as p;
use rpc::RequestId;
use serde::Serialize;

/// Turns as the text of a JSON array, which takes the place of the empty one in an answer.
#[derive(Default)]
pub(crate) struct TurnsText {
    /// The turns with a comma before each but the first, cut anywhere.
    pieces: Vec<Vec<u8>>,
}

/// Room for the turns that one processor writes at a time.
const ROOM: usize = 512 << 10;

impl TurnsText {
    /// No turns yet, and room for many.
    pub(crate) fn with_room() -> Self {
        Self::in_buffer(Vec::new())
    }

    /// The same in memory that may have served before.
    pub(crate) fn in_buffer(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.reserve(ROOM);
        Self { pieces: vec![buffer] }
    }

    pub(crate) fn push(&mut self, turn: &p::Turn) {
        if self.pieces.is_empty() {
            self.pieces.push(Vec::new());
        }
        self.separate();
        let text = self.pieces.last_mut().expect("there is one by now");
        serde_json::to_writer(text, turn).expect("turns are data and can be written as JSON");
    }

    /// Adds the turns that come after these, without copying them.
    pub(crate) fn append(&mut self, more: Self) {
        if !more.is_empty() {
            self.separate();
            self.pieces.extend(more.pieces);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.iter().all(Vec::is_empty)
    }

    fn separate(&mut self) {
        if !self.is_empty()
            && let Some(text) = self.pieces.last_mut()
        {
            text.push(b',');
        }
    }

    /// The pieces of the text, in order.
    pub(crate) fn into_pieces(self) -> impl Iterator<Item = Bytes> {
        self.pieces.into_iter().map(Bytes::from)
    }
}

/// The frame of an answer, before and after the turns that are to take the place of the empty list in it. `None` when it
/// has none.
pub(crate) fn around_turns(id: &RequestId, response: &impl Serialize) -> Option<[Bytes; 2]> {
    // Within a text the quotes would be escaped: it can only be the member.
    const EMPTY: &[u8] = br#""turns":[]"#;
    let mut before = rpc::encode_result(id, response);
    let after = before.split_off(memchr::memmem::find(&before, EMPTY)? + EMPTY.len() - 1);
    Some([before, after])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_turns_takes_the_place_of_the_empty_list() {
        #[derive(Serialize)]
        struct Answer {
            preview: &'static str,
            turns: [u8; 0],
            after: u8,
        }
        let answer = Answer { preview: r#"say "turns":[] twice"#, turns: [], after: 1 };
        let mut text = TurnsText::default();
        for part in [&b""[..], b"{}", b"", b"{}"] {
            text.append(TurnsText { pieces: vec![part.to_vec()] });
        }
        let [before, after] = around_turns(&RequestId::Int(7), &answer).unwrap();
        let frame = std::iter::once(before).chain(text.into_pieces()).chain([after]).collect::<Vec<_>>().concat();
        let expected = r#"{"id":7,"result":{"preview":"say \"turns\":[] twice","turns":[{},{}],"after":1}}"#;
        assert_eq!(String::from_utf8(frame).unwrap(), expected);
    }
}
