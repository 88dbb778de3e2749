//! Output kept within a limit: its beginning and its end.

use std::collections::VecDeque;

/// Keeps the first and the last half of a limit; what comes between is dropped.
#[derive(Debug)]
pub(crate) struct Capped {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// Half of the limit, in bytes.
    half: usize,
}

impl Capped {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), half: limit_bytes / 2 }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at((self.half - self.head.len()).min(bytes.len()));
        self.head.extend_from_slice(first);
        let rest = &rest[rest.len().saturating_sub(self.half)..];
        let excess = (self.tail.len() + rest.len()).saturating_sub(self.half);
        self.tail.drain(..excess);
        self.tail.extend(rest);
    }

    /// Gives what is kept and starts anew.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.head);
        let tail = std::mem::take(&mut self.tail);
        let (front, back) = tail.as_slices();
        all.reserve_exact(tail.len());
        all.extend_from_slice(front);
        all.extend_from_slice(back);
        all
    }

    /// What is kept.
    pub(crate) fn copy(&self) -> Vec<u8> {
        let (front, back) = self.tail.as_slices();
        [&self.head, front, back].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        let mut capped = Capped::new(8);
        for piece in ["ab", "cdef", "ghi", "jklmnop", ""] {
            capped.push(piece.as_bytes());
        }
        assert_eq!(capped.copy(), b"abcdmnop");
        assert_eq!(capped.take(), b"abcdmnop");
        assert_eq!(capped.take(), b"");
        capped.push(b"xyz");
        assert_eq!(capped.take(), b"xyz");
    }
}
