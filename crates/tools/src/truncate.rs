//! Shortens what goes to the model, in the middle: the beginning says what ran, the end how it went.

use types::{BYTES_PER_TOKEN, ToolOutput, ToolOutputItem};

/// What the note on a gap takes at most, in bytes: two ellipses, a number and the words.
const LONGEST_NOTE: usize = 48;

/// How much text may stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncation {
    Bytes(usize),
    Tokens(usize),
}

impl Truncation {
    /// The limit in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Tokens(tokens) => tokens.saturating_mul(BYTES_PER_TOKEN),
        }
    }

    /// The limit in tokens, rounded up.
    pub fn tokens(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.div_ceil(BYTES_PER_TOKEN),
            Self::Tokens(tokens) => tokens,
        }
    }

    /// What the model's history keeps of one output: a fifth more, for what tools say around the output itself. Source:
    /// measured on the protocol's other server.
    #[must_use]
    pub fn in_history(self) -> Self {
        let more = |limit: usize| limit.saturating_add(limit / 5);
        match self {
            Self::Bytes(bytes) => Self::Bytes(more(bytes)),
            Self::Tokens(tokens) => Self::Tokens(more(tokens)),
        }
    }

    /// Whether an output is longer than this limit leaves one, its note included.
    pub fn exceeded_by(self, output: &ToolOutput) -> bool {
        let length: usize = match output {
            ToolOutput::Text(text) => text.len(),
            ToolOutput::Items(items) => items
                .iter()
                .map(|item| match item {
                    ToolOutputItem::InputText { text } => text.len(),
                    ToolOutputItem::InputImage { .. } => 0,
                })
                .sum(),
        };
        length > self.bytes().saturating_add(LONGEST_NOTE)
    }

    /// Returns `text` as it is when it fits, else its beginning and end with a note of how much is missing between.
    /// Cuts at character borders; the note itself does not count.
    pub fn middle(self, text: &str) -> String {
        let limit = self.bytes();
        if text.len() <= limit {
            return text.to_owned();
        }
        let head = floor_char(text, limit / 2);
        let tail = ceil_char(text, text.len() - (limit - limit / 2));
        let removed = tail - head;
        let note = match self {
            Self::Bytes(_) => format!("…{} chars truncated…", text[head..tail].chars().count()),
            Self::Tokens(_) => format!("…{} tokens truncated…", removed.div_ceil(BYTES_PER_TOKEN)),
        };
        format!("{}{note}{}", &text[..head], &text[tail..])
    }

    /// As [`Self::middle`], with the number of lines in front when something is missing.
    pub fn middle_counting_lines(self, text: &str) -> String {
        if text.len() <= self.bytes() {
            return text.to_owned();
        }
        format!("Total output lines: {}\n\n{}", text.lines().count(), self.middle(text))
    }

    /// Shortens the texts of a tool's output, which share the limit in order; images stay.
    pub fn output(self, output: ToolOutput) -> ToolOutput {
        match output {
            ToolOutput::Text(text) => ToolOutput::Text(self.middle(&text)),
            ToolOutput::Items(items) => {
                let mut left = self.bytes();
                let items = items
                    .into_iter()
                    .map(|item| match item {
                        ToolOutputItem::InputText { text } => {
                            let limit = match self {
                                Self::Bytes(_) => Self::Bytes(left),
                                Self::Tokens(_) => Self::Tokens(left / BYTES_PER_TOKEN),
                            };
                            left = left.saturating_sub(text.len());
                            ToolOutputItem::InputText { text: limit.middle(&text) }
                        }
                        image @ ToolOutputItem::InputImage { .. } => image,
                    })
                    .collect();
                ToolOutput::Items(items)
            }
        }
    }
}

/// About how many tokens `bytes` of text are, rounded up.
pub fn approximate_tokens(bytes: usize) -> usize {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// The last character border at or before `at`.
fn floor_char(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// The first character border at or after `at`.
fn ceil_char(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> String {
        (1..=30_000).map(|n| format!("{n}\n")).collect()
    }

    #[test]
    fn a_text_that_fits_is_left_alone() {
        assert_eq!(Truncation::Tokens(1).middle("abcd"), "abcd");
        assert_eq!(Truncation::Bytes(4).middle_counting_lines("abcd"), "abcd");
    }

    #[test]
    fn beginning_and_end_stay_and_the_note_counts_tokens() {
        let text = numbers();
        assert_eq!(approximate_tokens(text.len()), 42_224);
        let short = Truncation::Tokens(50).middle_counting_lines(&text);
        assert!(short.starts_with("Total output lines: 30000\n\n1\n2\n"), "{short}");
        assert!(short.contains("36\n3…42174 tokens truncated…984\n29985\n"), "{short}");
        assert!(short.ends_with("\n30000\n"), "{short}");
    }

    #[test]
    fn no_room_at_all_leaves_the_note() {
        assert_eq!(Truncation::Tokens(0).middle_counting_lines("x\n"), "Total output lines: 1\n\n…1 tokens truncated…");
    }

    #[test]
    fn characters_are_not_cut() {
        let text = "é".repeat(10);
        assert_eq!(Truncation::Bytes(5).middle(&text), "é…8 chars truncated…é");
    }

    #[test]
    fn what_was_shortened_to_a_limit_does_not_exceed_it() {
        for limit in [Truncation::Bytes(100), Truncation::Tokens(100), Truncation::Tokens(0)] {
            let output = ToolOutput::Text(numbers());
            assert!(limit.exceeded_by(&output));
            assert!(!limit.exceeded_by(&limit.output(output)));
        }
        assert_eq!(Truncation::Tokens(10).in_history().bytes(), 48);
    }

    #[test]
    fn the_texts_of_a_list_share_the_limit() {
        let text = |text: &str| ToolOutputItem::InputText { text: text.to_owned() };
        let image = ToolOutputItem::InputImage { image_url: "data:,".to_owned(), detail: None };
        let output = ToolOutput::Items(vec![text("abcdef"), image.clone(), text("ghij")]);
        let short = Truncation::Bytes(8).output(output);
        assert_eq!(short, ToolOutput::Items(vec![text("abcdef"), image, text("g…2 chars truncated…j")]));
    }
}
