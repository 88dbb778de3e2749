//! What a reviewer's answer says.

use serde::Deserialize;
use serde_json::{Value, json};

/// The state of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalReview {
    pub status: ReviewStatus,
    pub risk_level: Option<RiskLevel>,
    pub user_authorization: Option<UserAuthorization>,
    pub rationale: Option<String>,
}

/// How far a review got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewStatus {
    InProgress,
    Approved,
    Denied,
    TimedOut,
    /// It was broken off, as its turn was.
    Aborted,
}

/// How much harm an action can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    Low,
    Medium,
    High,
    Critical,
}

/// How clearly the user wants an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserAuthorization {
    Unknown,
    Low,
    Medium,
    High,
}

#[derive(Deserialize)]
struct Answer {
    risk_level: Option<RiskLevel>,
    user_authorization: Option<UserAuthorization>,
    outcome: Outcome,
    rationale: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Allow,
    Deny,
}

/// The JSON Schema that answers have to fit.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "risk_level": { "type": "string", "enum": ["low", "medium", "high", "critical"] },
            "user_authorization": { "type": "string", "enum": ["unknown", "low", "medium", "high"] },
            "outcome": { "type": "string", "enum": ["allow", "deny"] },
            "rationale": { "type": "string" },
        },
        "required": ["risk_level", "user_authorization", "outcome", "rationale"],
        "additionalProperties": false,
    })
}

impl ApprovalReview {
    pub(super) fn in_progress() -> Self {
        Self { status: ReviewStatus::InProgress, risk_level: None, user_authorization: None, rationale: None }
    }

    pub(super) fn aborted() -> Self {
        Self { status: ReviewStatus::Aborted, ..Self::in_progress() }
    }

    pub(super) fn timed_out() -> Self {
        Self { status: ReviewStatus::TimedOut, ..Self::failed("it took too long") }
    }

    /// There is no verdict, so the answer is no.
    pub(super) fn failed(reason: &str) -> Self {
        Self {
            status: ReviewStatus::Denied,
            risk_level: Some(RiskLevel::High),
            user_authorization: Some(UserAuthorization::Unknown),
            rationale: Some(format!("the automatic review failed: {reason}")),
        }
    }

    /// Reads an answer: one JSON object, perhaps among words. What cannot be read denies.
    pub(super) fn of_answer(text: &str) -> Self {
        let Some((start, end)) = text.find('{').zip(text.rfind('}')).filter(|(start, end)| start < end) else {
            return Self::failed("the reviewer gave no verdict");
        };
        let answer: Answer = match serde_json::from_str(&text[start..=end]) {
            Ok(answer) => answer,
            Err(error) => return Self::failed(&format!("the reviewer's verdict cannot be read: {error}")),
        };
        let (status, risk, default) = match answer.outcome {
            Outcome::Allow => (ReviewStatus::Approved, RiskLevel::Low, "the reviewer allowed it and gave no reason"),
            Outcome::Deny => (ReviewStatus::Denied, RiskLevel::High, "the reviewer denied it and gave no reason"),
        };
        let rationale = answer.rationale.filter(|rationale| !rationale.trim().is_empty());
        Self {
            status,
            risk_level: Some(answer.risk_level.unwrap_or(risk)),
            user_authorization: Some(answer.user_authorization.unwrap_or(UserAuthorization::Unknown)),
            rationale: Some(rationale.unwrap_or_else(|| default.to_owned())),
        }
    }

    /// What people are told.
    pub(super) fn message(&self) -> String {
        let what = match self.status {
            ReviewStatus::Approved => "allowed",
            ReviewStatus::TimedOut => "timed out",
            ReviewStatus::InProgress | ReviewStatus::Denied | ReviewStatus::Aborted => "denied",
        };
        let risk = match self.risk_level {
            Some(RiskLevel::Low) => "low risk",
            Some(RiskLevel::Medium) => "medium risk",
            Some(RiskLevel::High) => "high risk",
            Some(RiskLevel::Critical) => "critical risk",
            None => "unknown risk",
        };
        format!("Automatic review: {what}, {risk}: {}", self.rationale.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_readable_allow_allows() {
        for (answer, status) in [
            (r#"{"outcome":"allow"}"#, ReviewStatus::Approved),
            ("Well: {\"outcome\": \"allow\", \"risk_level\": \"high\"} so be it", ReviewStatus::Approved),
            (r#"{"outcome":"deny"}"#, ReviewStatus::Denied),
            (r#"{"outcome":"maybe"}"#, ReviewStatus::Denied),
            (r#"{"risk_level":"low"}"#, ReviewStatus::Denied),
            (r#"{"outcome":"allow","risk_level":"none"}"#, ReviewStatus::Denied),
            (r#"{"outcome":"allow"} {"outcome":"deny"}"#, ReviewStatus::Denied),
            ("allow", ReviewStatus::Denied),
            ("}{", ReviewStatus::Denied),
            ("", ReviewStatus::Denied),
        ] {
            assert_eq!(ApprovalReview::of_answer(answer).status, status, "{answer}");
        }
    }

    #[test]
    fn what_an_answer_leaves_out_is_filled_in() {
        let review = ApprovalReview::of_answer(r#"{"outcome":"deny","rationale":" "}"#);
        assert_eq!(review.risk_level, Some(RiskLevel::High));
        assert_eq!(review.user_authorization, Some(UserAuthorization::Unknown));
        assert_eq!(review.rationale.as_deref(), Some("the reviewer denied it and gave no reason"));
        assert_eq!(ApprovalReview::of_answer(r#"{"outcome":"allow"}"#).risk_level, Some(RiskLevel::Low));
    }
}
