//! The patch format that models write: reading it, applying it, showing what it changes.
//!
//! [`parse`] reads the text, [`plan`] checks every file before anything is written and [`Plan::write`] writes;
//! [`TurnDiff`] keeps what all patches of a turn changed. Policies and approvals are the `apply_patch` tool's.

mod apply;
mod diff;
mod parse;
mod seek;

pub use apply::{Plan, PlanError, WriteFailure, plan};
pub use diff::TurnDiff;
pub use parse::{Chunk, FilePatch, Line, ParseError, Patch, parse};
