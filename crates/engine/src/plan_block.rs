//! Tells the plan apart from the talk in plan mode.
//!
//! In plan mode the model wraps its plan in `<proposed_plan>` and `</proposed_plan>`, each on a line of its own. What is
//! inside belongs to the turn's plan item, the rest to the agent message; the tag lines belong to neither.

const OPEN: &str = "<proposed_plan>";
const CLOSE: &str = "</proposed_plan>";

/// Splits a message that arrives in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct PlanSplitter {
    inside: bool,
    /// The beginning of a line that may yet turn out to be a tag.
    held: String,
    /// The current line has been passed on in part, so it is no tag.
    mid_line: bool,
}

/// A part of the message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Talk(String),
    PlanStart,
    Plan(String),
    PlanEnd,
}

impl PlanSplitter {
    /// Takes the next characters; gives what is decided by now.
    pub(crate) fn push(&mut self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for part in text.split_inclusive('\n') {
            self.held.push_str(part);
            let ends = part.ends_with('\n');
            if self.mid_line {
                self.pass(&mut pieces);
            } else if ends {
                self.end_line(&mut pieces);
            } else if !self.tag().starts_with(self.held.trim_start()) {
                self.pass(&mut pieces);
                self.mid_line = true;
            }
            if ends {
                self.mid_line = false;
            }
        }
        pieces
    }

    /// The message is over: a tag without newline still counts, an open plan is closed.
    pub(crate) fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if !self.held.is_empty() {
            self.end_line(&mut pieces);
        }
        if self.inside {
            self.inside = false;
            pieces.push(Piece::PlanEnd);
        }
        pieces
    }

    fn tag(&self) -> &'static str {
        if self.inside { CLOSE } else { OPEN }
    }

    fn end_line(&mut self, pieces: &mut Vec<Piece>) {
        if self.held.trim() == self.tag() {
            self.held.clear();
            self.inside = !self.inside;
            pieces.push(if self.inside { Piece::PlanStart } else { Piece::PlanEnd });
        } else {
            self.pass(pieces);
        }
    }

    fn pass(&mut self, pieces: &mut Vec<Piece>) {
        let text = std::mem::take(&mut self.held);
        if text.is_empty() {
            return;
        }
        match (pieces.last_mut(), self.inside) {
            (Some(Piece::Talk(before)), false) | (Some(Piece::Plan(before)), true) => before.push_str(&text),
            (_, false) => pieces.push(Piece::Talk(text)),
            (_, true) => pieces.push(Piece::Plan(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Talk and plan of `message`, fed in pieces of `size` bytes.
    fn split(message: &str, size: usize) -> (String, Vec<String>) {
        let mut splitter = PlanSplitter::default();
        let bytes: Vec<char> = message.chars().collect();
        let mut pieces: Vec<Piece> =
            bytes.chunks(size).flat_map(|chunk| splitter.push(&chunk.iter().collect::<String>())).collect();
        pieces.extend(splitter.finish());
        let (mut talk, mut plans) = (String::new(), Vec::new());
        for piece in pieces {
            match piece {
                Piece::Talk(text) => talk.push_str(&text),
                Piece::PlanStart => plans.push(String::new()),
                Piece::Plan(text) => plans.last_mut().expect("a plan is open").push_str(&text),
                Piece::PlanEnd => {}
            }
        }
        (talk, plans)
    }

    #[test]
    fn a_block_is_taken_out_whatever_the_pieces() {
        let message = "Intro\n<proposed_plan>\n# Plan\n- step\n</proposed_plan>\nOutro";
        for size in 1..message.len() {
            assert_eq!(split(message, size), ("Intro\nOutro".into(), vec!["# Plan\n- step\n".into()]), "{size}");
        }
    }

    #[test]
    fn a_tag_inside_a_line_is_text() {
        let message = "see <proposed_plan> here\n";
        assert_eq!(split(message, 3), (message.into(), vec![]));
    }

    #[test]
    fn an_open_block_is_closed_at_the_end() {
        assert_eq!(split("<proposed_plan>\nhalf", 4), (String::new(), vec!["half".into()]));
    }

    #[test]
    fn two_blocks_are_two_plans() {
        let message = "<proposed_plan>\na\n</proposed_plan>\nmid\n<proposed_plan>\nb\n</proposed_plan>";
        assert_eq!(split(message, 5), ("mid\n".into(), vec!["a\n".into(), "b\n".into()]));
    }
}
