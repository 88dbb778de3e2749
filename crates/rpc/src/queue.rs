//! What waits to be written to one connection.

use std::mem;

use bytes::Bytes;

use crate::notice::Notice;
use crate::parts::Made;

/// What an entry costs beside its text, so that many tiny ones are bounded too.
const ENTRY_COST: usize = 128;

/// From here on a client counts as lagging, and deltas are joined. A whole long answer, word by word, is less.
const LAGGING_BYTES: usize = 1024 * 1024;

/// How long a joined text may become: far fewer messages than single deltas, and small enough that the client can begin
/// with it, and what has been written is given back, while the rest comes. For a tool that prints 10 MB that is a quarter of
/// the time and of the memory.
const JOINED_BYTES: usize = 256 * 1024;

/// How far back a delta looks for the one it continues. Entries between them are those of other streams, so this many
/// streams may be told of in turns.
const LOOK_BACK: usize = 32;

/// One thing to be written.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A response, or a request of ours.
    Message(Bytes),
    /// A long response, whose pieces were never put together.
    Pieces(Vec<Bytes>),
    /// A long response that is made while it is written; it costs nothing before.
    Parts(Made),
    /// A notification, possibly with the texts of later ones.
    Notice(Grown),
    /// A WebSocket control frame, complete.
    Control(Bytes),
}

/// A notification that may have taken on the texts of those after it.
#[derive(Debug)]
pub(crate) struct Grown {
    notice: Notice,
    /// Texts of later deltas, escaped, in order.
    more: Vec<u8>,
    /// The number of the last one that it holds; 0 if the client is told none.
    last: u64,
}

impl Entry {
    pub(crate) fn notice(notice: &Notice, numbered: bool) -> Self {
        let last = if numbered { notice.number() } else { 0 };
        Self::Notice(Grown { notice: notice.clone(), more: Vec::new(), last })
    }

    pub(crate) fn cost(&self) -> usize {
        let text = match self {
            Self::Message(frame) | Self::Control(frame) => frame.len(),
            Self::Pieces(pieces) => pieces.iter().map(Bytes::len).sum(),
            Self::Parts(_) => 0,
            Self::Notice(grown) => grown.notice.frame().len() + grown.more.len(),
        };
        text + ENTRY_COST
    }
}

impl Grown {
    /// The message, in pieces: a beginning with its numbers if there are any, and what follows.
    pub(crate) fn pieces(&self) -> (String, [&[u8]; 3]) {
        let frame = self.notice.frame();
        let at = self.notice.text_end().filter(|_| !self.more.is_empty()).unwrap_or(frame.len());
        let first = self.notice.number();
        let (start, skip) = match self.last {
            0 => (String::new(), 0),
            last if last == first => (format!("{{\"seq\":{last},"), 1),
            last => (format!("{{\"firstSeq\":{first},\"seq\":{last},"), 1),
        };
        (start, [&frame[skip..at], &self.more, &frame[at..]])
    }
}

/// What was written and is to be taken off the books.
#[derive(Debug, Default)]
pub(crate) struct Written {
    cost: usize,
    /// Without control frames: they say nothing to a client.
    messages: u64,
}

impl Written {
    pub(crate) fn add(&mut self, entry: &Entry) {
        self.cost += entry.cost();
        self.messages += u64::from(!matches!(entry, Entry::Control(_)));
    }
}

/// The queue of one connection.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// What the writer has not taken yet. Its length is bounded by `bytes`, as each entry costs something.
    entries: Vec<Entry>,
    /// The cost of the entries here and of those the writer has in hand.
    pub(crate) bytes: usize,
    /// Messages and notifications that were written.
    pub(crate) written: u64,
    /// Nothing more is accepted.
    pub(crate) closed: bool,
}

impl Queue {
    /// Whether something of this cost fits. Something larger than the whole queue fits into an empty one.
    pub(crate) fn fits(&self, cost: usize, capacity: usize) -> bool {
        self.bytes == 0 || self.bytes.saturating_add(cost) <= capacity
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.bytes += entry.cost();
        self.entries.push(entry);
    }

    /// Adds a delta to the one that it continues, if the client lags and there is one.
    pub(crate) fn join(&mut self, notice: &Notice, capacity: usize) -> bool {
        if self.bytes < LAGGING_BYTES {
            return false;
        }
        for entry in self.entries.iter_mut().rev().take(LOOK_BACK) {
            match entry {
                Entry::Notice(earlier) if earlier.notice.stream() == notice.stream() => {
                    let Some(text) = earlier.notice.continuation(notice) else { return false };
                    if self.bytes + text.len() > capacity || earlier.more.len() + text.len() > JOINED_BYTES {
                        return false;
                    }
                    self.bytes += text.len();
                    earlier.more.extend_from_slice(text);
                    if earlier.last != 0 {
                        earlier.last = notice.number();
                    }
                    return true;
                }
                Entry::Notice(_) | Entry::Control(_) => {}
                // An answer may rest on what was told before it.
                Entry::Message(_) | Entry::Pieces(_) | Entry::Parts(_) => return false,
            }
        }
        false
    }

    /// Gives everything to the writer, which leaves its empty batch in exchange.
    pub(crate) fn take(&mut self, batch: &mut Vec<Entry>) {
        mem::swap(&mut self.entries, batch);
    }

    /// Entries have been written.
    pub(crate) fn release(&mut self, written: &Written) {
        self.bytes -= written.cost;
        self.written += written.messages;
    }

    /// Forgets what waits; what the writer has in hand goes on counting until it says so.
    pub(crate) fn clear(&mut self) {
        self.bytes -= self.entries.iter().map(Entry::cost).sum::<usize>();
        self.entries = Vec::new();
    }

    /// Gives the memory of a burst back.
    pub(crate) fn shrink(&mut self, entries: usize) {
        if self.entries.is_empty() && self.entries.capacity() > entries {
            self.entries = Vec::new();
        }
    }
}
