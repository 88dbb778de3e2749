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
    /// The id of the thread, a UUID.
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
        /// The name of the other branch.
        branch: String,
    },
    /// A commit.
    Commit {
        /// The commit's name, in full or shortened.
        sha: String,
        /// Its first line, to be shown; `null` when the client does not know it.
        title: Option<String>,
    },
    /// Whatever the instructions say.
    Custom {
        /// What to look at and how, in the user's words.
        instructions: String,
    },
}

/// Where a review takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub enum ReviewDelivery {
    /// In the thread itself.
    Inline,
    /// In a copy of the thread, whose id is in the answer.
    Detached,
}

/// Result of `review/start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS), ts(export_to = "v2/"))]
#[serde(rename_all = "camelCase")]
pub struct ReviewStartResponse {
    /// The turn as it is now. Its items are told by `item/*`.
    pub turn: Turn,
    /// The thread the review takes place in.
    pub review_thread_id: String,
}
