//! What can be told about a command from its text alone: its parts, whether they only read, what they seem to do.

mod actions;
mod danger;
mod embedded;
mod quote;
mod safe;
mod script;

pub use actions::actions;
pub use danger::looks_dangerous;
pub use embedded::{Embedded, EmbeddedPatch, embedded_patch};
pub use quote::join;
pub use safe::is_known_safe;
pub use script::{Part, has_heredoc, parts, shell_script, split};

/// The program's name without its folder.
fn program(words: &[String]) -> &str {
    words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word))
}
