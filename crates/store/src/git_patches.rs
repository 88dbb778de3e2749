//! What clients have changed of threads' git facts: `<home>/thread_git.jsonl`, append only, the newest entry of a
//! thread wins.
//!
//! Rollouts are never rewritten and other readers of the format know no line for this, so it stands beside them. Shape
//! of a line: `{"id":"<thread>","sha":…,"branch":…,"origin_url":…}`; a member that is left out is as the rollout says,
//! `null` is cleared.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize};
use types::{AbsPath, GitFacts, ThreadId};

use crate::error::StoreError;
use crate::index_file;

pub(crate) const FILE: &str = "thread_git.jsonl";

/// A change of git facts. Of each fact: `None` leaves it, `Some(None)` clears it, `Some(Some(_))` sets it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GitPatch {
    /// Full commit hash.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub sha: Option<Option<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub branch: Option<Option<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub origin_url: Option<Option<String>>,
}

impl GitPatch {
    /// The facts with this change made; `None` when nothing is left of them.
    #[must_use]
    pub fn apply(&self, facts: Option<GitFacts>) -> Option<GitFacts> {
        let mut facts = facts.unwrap_or(GitFacts { sha: None, branch: None, origin_url: None });
        for (fact, change) in
            [(&mut facts.sha, &self.sha), (&mut facts.branch, &self.branch), (&mut facts.origin_url, &self.origin_url)]
        {
            if let Some(change) = change {
                fact.clone_from(change);
            }
        }
        let any = facts.sha.is_some() || facts.branch.is_some() || facts.origin_url.is_some();
        any.then_some(facts)
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This change and a later one as one.
    pub(crate) fn then(self, later: Self) -> Self {
        Self {
            sha: later.sha.or(self.sha),
            branch: later.branch.or(self.branch),
            origin_url: later.origin_url.or(self.origin_url),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(flatten)]
    patch: GitPatch,
}

/// All changes, those of one thread as one.
pub(crate) fn read(home: &AbsPath) -> Result<HashMap<ThreadId, GitPatch>, StoreError> {
    let mut patches = HashMap::new();
    index_file::read(&home.join(FILE), |line| {
        if let Ok(entry) = serde_json::from_str::<Entry<'_>>(line)
            && let Ok(id) = entry.id.parse::<ThreadId>()
        {
            patches.insert(id, entry.patch);
        }
    })?;
    Ok(patches)
}

pub(crate) fn append(home: &AbsPath, id: ThreadId, patch: &GitPatch) -> Result<(), StoreError> {
    index_file::append(&home.join(FILE), &Entry { id: id.to_string().into(), patch: patch.clone() })
}

/// Keeps `null` apart from a member that is left out.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
