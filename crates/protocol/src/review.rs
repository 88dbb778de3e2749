//! Reviews.

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::turn::Turn;

/// Parameters of `review/start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(optional_fields = nullable, export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ReviewStartParams {
    /// The thread.
    pub thread_id: String,
    /// What to review.
    pub target: ReviewTarget,
    /// Where; in the thread when absent.
    #[serde(default)]
    pub delivery: Option<ReviewDelivery>,
}

/// What to review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ReviewTarget {
    /// What is changed and not committed.
    UncommittedChanges,
    /// What this branch adds to another.
    BaseBranch {
        /// The other branch.
        branch: String,
    },
    /// A commit.
    Commit {
        /// Its name.
        sha: String,
        /// Its first line, to show.
        title: Option<String>,
    },
    /// Whatever the instructions say.
    Custom {
        /// The instructions.
        instructions: String,
    },
}

/// Where a review takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum ReviewDelivery {
    /// In the thread.
    Inline,
    /// In a thread of its own.
    Detached,
}

/// Result of `review/start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ReviewStartResponse {
    /// The turn.
    pub turn: Turn,
    /// The thread the review takes place in.
    pub review_thread_id: String,
}
