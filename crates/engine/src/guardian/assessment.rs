//! What a reviewer's answer says.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use types::{ApprovalReview, ReviewStatus, RiskLevel, UserAuthorization};

/// A review that has no answer yet.
pub(super) const BEGUN: ApprovalReview =
    ApprovalReview { status: ReviewStatus::InProgress, risk_level: None, user_authorization: None, rationale: None };

/// A review that was broken off.
pub(super) const ABORTED: ApprovalReview = ApprovalReview { status: ReviewStatus::Aborted, ..BEGUN };

#[derive(Deserialize)]
struct Answer {
    #[serde(default, deserialize_with = "risk_level")]
    risk_level: Option<RiskLevel>,
    #[serde(default, deserialize_with = "user_authorization")]
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

/// A review that took too long. It says nothing about the action.
pub(super) fn timed_out() -> ApprovalReview {
    ApprovalReview {
        status: ReviewStatus::TimedOut,
        rationale: Some("the automatic review took too long".to_owned()),
        ..BEGUN
    }
}

/// There is no verdict, so the answer is no.
pub(super) fn failed(reason: &str) -> ApprovalReview {
    ApprovalReview {
        status: ReviewStatus::Denied,
        risk_level: Some(RiskLevel::High),
        user_authorization: Some(UserAuthorization::Unknown),
        rationale: Some(format!("the automatic review failed: {reason}")),
    }
}

/// Reads an answer: one JSON object, perhaps among words.
///
/// # Errors
/// Why it is no verdict.
pub(super) fn read(text: &str) -> Result<ApprovalReview, String> {
    let Some((start, end)) = text.find('{').zip(text.rfind('}')).filter(|(start, end)| start < end) else {
        return Err("the reviewer gave no verdict".to_owned());
    };
    let answer: Answer = serde_json::from_str(&text[start..=end])
        .map_err(|error| format!("the reviewer's verdict cannot be read: {error}"))?;
    let (status, risk, default) = match answer.outcome {
        Outcome::Allow => (ReviewStatus::Approved, RiskLevel::Low, "the reviewer allowed it and gave no reason"),
        Outcome::Deny => (ReviewStatus::Denied, RiskLevel::High, "the reviewer denied it and gave no reason"),
    };
    let rationale = answer.rationale.filter(|rationale| !rationale.trim().is_empty());
    Ok(ApprovalReview {
        status,
        risk_level: Some(answer.risk_level.unwrap_or(risk)),
        user_authorization: Some(answer.user_authorization.unwrap_or(UserAuthorization::Unknown)),
        rationale: Some(rationale.unwrap_or_else(|| default.to_owned())),
    })
}

/// What people are told.
pub(super) fn message(review: &ApprovalReview) -> String {
    let what = match review.status {
        ReviewStatus::Approved => "allowed",
        ReviewStatus::TimedOut => "timed out",
        ReviewStatus::InProgress | ReviewStatus::Denied | ReviewStatus::Aborted => "denied",
    };
    let risk = review.risk_level.map_or("unknown", RiskLevel::as_str);
    format!("Automatic review: {what}, {risk} risk: {}", review.rationale.as_deref().unwrap_or_default())
}

fn risk_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RiskLevel>, D::Error> {
    spelled(deserializer, RiskLevel::parse)
}

fn user_authorization<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserAuthorization>, D::Error> {
    spelled(deserializer, UserAuthorization::parse)
}

/// One of a few words, or nothing.
fn spelled<'de, D: Deserializer<'de>, T>(deserializer: D, parse: fn(&str) -> Option<T>) -> Result<Option<T>, D::Error> {
    let Some(word) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    parse(&word).map(Some).ok_or_else(|| D::Error::custom(format_args!("unknown value `{word}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_readable_allow_allows() {
        let (approved, denied) = (Some(ReviewStatus::Approved), Some(ReviewStatus::Denied));
        for (answer, status) in [
            (r#"{"outcome":"allow"}"#, approved),
            ("Well: {\"outcome\": \"allow\", \"risk_level\": \"high\"} so be it", approved),
            (r#"{"outcome":"allow","risk_level":null}"#, approved),
            (r#"{"outcome":"deny"}"#, denied),
            (r#"{"outcome":"maybe"}"#, None),
            (r#"{"risk_level":"low"}"#, None),
            (r#"{"outcome":"allow","risk_level":"none"}"#, None),
            (r#"{"outcome":"allow"} {"outcome":"deny"}"#, None),
            ("allow", None),
            ("}{", None),
            ("", None),
        ] {
            assert_eq!(read(answer).ok().map(|review| review.status), status, "{answer}");
        }
    }

    #[test]
    fn what_an_answer_leaves_out_is_filled_in() {
        let review = read(r#"{"outcome":"deny","rationale":" "}"#).unwrap();
        assert_eq!(review.risk_level, Some(RiskLevel::High));
        assert_eq!(review.user_authorization, Some(UserAuthorization::Unknown));
        assert_eq!(review.rationale.as_deref(), Some("the reviewer denied it and gave no reason"));
        assert_eq!(read(r#"{"outcome":"allow"}"#).unwrap().risk_level, Some(RiskLevel::Low));
    }
}
