//! Text out of output that may be cut anywhere.

/// Turns chunks of bytes into text, holding back the start of a character until the rest has come. What is not UTF-8
/// becomes U+FFFD, cut the same way however the chunks fall.
#[derive(Debug, Default, Clone)]
pub struct Utf8Stream {
    /// At most three bytes: an incomplete character.
    pending: Vec<u8>,
}

impl Utf8Stream {
    /// The text of `bytes`, after what was held back; may be empty.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let joined;
        let bytes = if self.pending.is_empty() {
            bytes
        } else {
            self.pending.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.pending);
            joined.as_slice()
        };
        let complete = bytes.len() - incomplete_tail(bytes);
        let (text, tail) = bytes.split_at(complete);
        self.pending.extend_from_slice(tail);
        // Nearly always it is text, and checking that alone is much the faster.
        std::str::from_utf8(text).map_or_else(|_| String::from_utf8_lossy(text).into_owned(), str::to_owned)
    }

    /// What is left at the end of the stream: U+FFFD for a character that was never finished, else nothing.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

/// The length of a character's start at the end of `bytes`, 0 when the last character is whole or wrong anyway.
fn incomplete_tail(bytes: &[u8]) -> usize {
    match std::str::from_utf8(&bytes[bytes.len().saturating_sub(3)..]) {
        Ok(_) => 0,
        Err(_) => {
            // The last chunk of an invalid sequence, if it is merely unfinished.
            let last = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
            match std::str::from_utf8(last) {
                Err(error) if error.error_len().is_none() => last.len(),
                _ => 0,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_split_over_chunks_come_whole() {
        let text = "aé漢🙂z";
        for size in 1..6 {
            let mut stream = Utf8Stream::default();
            let mut out: String = text.as_bytes().chunks(size).map(|chunk| stream.push(chunk)).collect();
            out += &stream.finish();
            assert_eq!(out, text, "chunks of {size}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_replaced_however_it_is_cut() {
        let bytes = b"a\xffb\xf0\x9f\x99c\xe6\xbc";
        let whole = String::from_utf8_lossy(bytes);
        for size in 1..9 {
            let mut stream = Utf8Stream::default();
            let mut out: String = bytes.chunks(size).map(|chunk| stream.push(chunk)).collect();
            out += &stream.finish();
            assert_eq!(out, whole, "chunks of {size}");
        }
    }
}
