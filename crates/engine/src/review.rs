//! Reviews: what can be reviewed, what the reviewer is asked, and what its answer means.
//!
//! Pure; how the reviewer is run is in `turn/reviewing.rs`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::prompts;

/// Characters of a commit's id that people see.
const SHORT_SHA: usize = 7;
/// Shown when the reviewer says nothing that could be shown.
const NOTHING_SAID: &str = "Reviewer failed to output a response.";

/// What a review is about. Texts are trimmed and not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReviewTarget {
    /// What is staged, changed or new in the working tree.
    UncommittedChanges,
    /// Everything since the branch went apart from this one.
    BaseBranch {
        branch: String,
    },
    Commit {
        sha: String,
        title: Option<String>,
    },
    /// Whatever the user asks.
    Custom {
        instructions: String,
    },
}

impl ReviewTarget {
    /// In a few words, for people.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::UncommittedChanges => "current changes".to_owned(),
            Self::BaseBranch { branch } => format!("changes against '{branch}'"),
            Self::Commit { sha, title } => {
                let short = sha.chars().take(SHORT_SHA).collect::<String>();
                match title {
                    Some(title) => format!("commit {short}: {title}"),
                    None => format!("commit {short}"),
                }
            }
            Self::Custom { instructions } => instructions.clone(),
        }
    }

    /// What the reviewer is asked to do.
    pub(crate) fn request(&self) -> String {
        match self {
            Self::UncommittedChanges => {
                "Review the changes in the working tree that are not committed: staged, unstaged \
                 and untracked files."
                    .to_owned()
            }
            Self::BaseBranch { branch } => format!(
                "Review the changes of this branch against the branch '{branch}'. Find the commit where the two went \
                 apart (`git merge-base HEAD {branch}`, with the branch's upstream if that is ahead of it) and look at \
                 the difference from there to the working tree. Nothing else belongs to the review."
            ),
            Self::Commit { sha, title } => {
                let called = title.as_ref().map(|title| format!(" (\"{title}\")")).unwrap_or_default();
                format!("Review the changes that the commit {sha}{called} brings.")
            }
            Self::Custom { instructions } => instructions.clone(),
        }
    }

    /// As the rollout has it. Source: the rollout format.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::UncommittedChanges => json!({ "type": "uncommittedChanges" }),
            Self::BaseBranch { branch } => json!({ "type": "baseBranch", "branch": branch }),
            Self::Commit { sha, title } => json!({ "type": "commit", "sha": sha, "title": title }),
            Self::Custom { instructions } => json!({ "type": "custom", "instructions": instructions }),
        }
    }
}

/// What a reviewer found, in the spelling that it and the rollout use.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Findings {
    findings: Vec<Finding>,
    overall_correctness: String,
    overall_explanation: String,
    overall_confidence_score: f32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Finding {
    title: String,
    body: String,
    confidence_score: f32,
    priority: i32,
    code_location: CodeLocation,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct CodeLocation {
    absolute_file_path: String,
    line_range: LineRange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct LineRange {
    start: u32,
    end: u32,
}

impl Findings {
    /// Reads a reviewer's answer: the object it was asked for, alone or among other text. Anything else counts as an
    /// explanation without findings.
    pub(crate) fn parse(answer: &str) -> Self {
        let object = || {
            let (start, end) = (answer.find('{')?, answer.rfind('}')?);
            serde_json::from_str(answer.get(start..=end)?).ok()
        };
        serde_json::from_str(answer)
            .ok()
            .or_else(object)
            .unwrap_or_else(|| Self { overall_explanation: answer.to_owned(), ..Self::default() })
    }

    /// As people read it: the explanation, then each finding with its place.
    pub(crate) fn rendered(&self) -> String {
        let mut parts = Vec::new();
        let explanation = self.overall_explanation.trim();
        if !explanation.is_empty() {
            parts.push(explanation.to_owned());
        }
        match &self.findings[..] {
            [] => {}
            [_] => parts.push("Review comment:".to_owned()),
            _ => parts.push("Full review comments:".to_owned()),
        }
        parts.extend(self.findings.iter().map(Finding::rendered));
        if parts.is_empty() { NOTHING_SAID.to_owned() } else { parts.join("\n\n") }
    }

    pub(crate) fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("findings are texts and finite numbers")
    }
}

impl Finding {
    fn rendered(&self) -> String {
        let CodeLocation { absolute_file_path: path, line_range: LineRange { start, end } } = &self.code_location;
        let mut text = format!("- {} — {path}:{start}-{end}", self.title);
        for line in self.body.lines() {
            text.push_str("\n  ");
            text.push_str(line);
        }
        text
    }
}

/// How a review ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Found(Findings),
    Interrupted,
    Failed,
}

impl Outcome {
    /// A reviewer that says nothing at all has failed.
    pub(crate) fn of_answer(answer: &str) -> Self {
        if answer.is_empty() { Self::Failed } else { Self::Found(Findings::parse(answer)) }
    }

    /// What the item shows that ends the review.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Found(findings) => findings.rendered(),
            Self::Interrupted | Self::Failed => NOTHING_SAID.to_owned(),
        }
    }

    /// What the agent says about it, to the user and to itself.
    pub(crate) fn said(&self) -> String {
        match self {
            Self::Found(findings) => findings.rendered(),
            Self::Interrupted => prompts::REVIEW_INTERRUPTED.to_owned(),
            Self::Failed => prompts::REVIEW_FAILED.to_owned(),
        }
    }

    /// Tells the model of the review in the user's place.
    pub(crate) fn told(&self) -> String {
        let context = match self {
            Self::Found(_) => prompts::REVIEW_DONE,
            Self::Interrupted => prompts::REVIEW_WAS_INTERRUPTED,
            Self::Failed => prompts::REVIEW_HAS_FAILED,
        };
        let results = match self {
            Self::Found(findings) => findings.rendered(),
            Self::Interrupted | Self::Failed => "none".to_owned(),
        };
        format!(
            "<user_action>\n<context>{context}</context>\n<action>review</action>\n<results>\n{results}\n</results>\n\
             </user_action>"
        )
    }

    pub(crate) fn to_json(&self) -> Option<Value> {
        match self {
            Self::Found(findings) => Some(findings.to_json()),
            Self::Interrupted | Self::Failed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(title: &str, body: &str, lines: (u32, u32)) -> Value {
        json!({
            "title": title,
            "body": body,
            "confidence_score": 0.9,
            "priority": 1,
            "code_location": {
                "absolute_file_path": "/src/file.rs",
                "line_range": { "start": lines.0, "end": lines.1 },
            },
        })
    }

    fn answer(findings: &[Value], explanation: &str) -> String {
        json!({
            "findings": findings,
            "overall_correctness": "patch is correct",
            "overall_explanation": explanation,
            "overall_confidence_score": 0.8,
        })
        .to_string()
    }

    fn rendered(answer: &str) -> String {
        Findings::parse(answer).rendered()
    }

    #[test]
    fn a_finding_shows_its_title_its_place_and_its_body_indented() {
        let answer = answer(&[finding("Off by one", "one\ntwo\n\nfour", (10, 20))], "All in all.");
        assert_eq!(
            rendered(&answer),
            "All in all.\n\nReview comment:\n\n- Off by one — /src/file.rs:10-20\n  one\n  two\n  \n  four"
        );
    }

    #[test]
    fn several_findings_stand_apart() {
        let answer = answer(&[finding("A", "a", (1, 2)), finding("B", "b", (3, 3))], "");
        assert_eq!(
            rendered(&answer),
            "Full review comments:\n\n- A — /src/file.rs:1-2\n  a\n\n- B — /src/file.rs:3-3\n  b"
        );
    }

    #[test]
    fn the_object_is_found_among_other_text() {
        let object = answer(&[], "Fine.");
        assert_eq!(rendered(&format!("Here it is:\n```json\n{object}\n```\n")), "Fine.");
        assert_eq!(rendered(&format!("Result: {object} end")), "Fine.");
    }

    #[test]
    fn an_answer_of_another_shape_is_shown_as_it_is() {
        let without_priority = r#"{"findings": [{"title": "T"}], "overall_explanation": "E"}"#;
        for answer in ["Just words.\nTwo lines.", r#"{"findings": ["#, r#"{"other": 1}"#, without_priority] {
            assert_eq!(rendered(answer), answer);
        }
    }

    #[test]
    fn a_reviewer_that_says_nothing_shows_that_it_failed() {
        assert_eq!(Outcome::of_answer("").shown(), NOTHING_SAID);
        assert_eq!(rendered(&answer(&[], " ")), NOTHING_SAID);
    }

    #[test]
    fn what_is_reviewed_is_said_in_a_few_words() {
        let commit = |title: Option<&str>| ReviewTarget::Commit {
            sha: "0123456789abcdef".to_owned(),
            title: title.map(str::to_owned),
        };
        assert_eq!(ReviewTarget::UncommittedChanges.hint(), "current changes");
        assert_eq!(ReviewTarget::BaseBranch { branch: "main".to_owned() }.hint(), "changes against 'main'");
        assert_eq!(commit(None).hint(), "commit 0123456");
        assert_eq!(commit(Some("Tidy up")).hint(), "commit 0123456: Tidy up");
    }
}
