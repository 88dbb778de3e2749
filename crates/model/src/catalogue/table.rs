//! The bundled models. Source of names, numbers and abilities: the protocol's `model/list` and recorded requests;
//! the sentences are ours.

use types::{ReasoningEffort, ReasoningSummary, Verbosity};

use super::{ApplyPatchKind, ModelInfo, Truncation, Upgrade};

/// The models in the order in which clients list them.
pub(super) fn models() -> Vec<ModelInfo> {
    vec![
        ModelInfo {
            display_name: "gpt-5.4".to_owned(),
            description: "The strongest model for coding and long tasks.".to_owned(),
            max_context_window: Some(1_000_000),
            is_default: true,
            additional_speed_tiers: vec!["fast".to_owned()],
            ..frontier("gpt-5.4", 0)
        },
        ModelInfo {
            display_name: "GPT-5.4-Mini".to_owned(),
            description: "A smaller sibling of gpt-5.4: faster and cheaper.".to_owned(),
            default_verbosity: Some(Verbosity::Medium),
            ..frontier("gpt-5.4-mini", 1)
        },
        ModelInfo {
            display_name: "gpt-5.3-codex".to_owned(),
            description: "The previous generation, tuned for coding.".to_owned(),
            upgrade: Some(to_gpt_5_4("gpt-5.3-codex")),
            ..frontier("gpt-5.3-codex", 2)
        },
        ModelInfo {
            display_name: "gpt-5.2".to_owned(),
            description: "An older all-round model for office work and agents.".to_owned(),
            default_summary: ReasoningSummary::Auto,
            takes_original_images: false,
            supports_personality: false,
            truncation: Truncation::Bytes(10_000),
            upgrade: Some(to_gpt_5_4("gpt-5.2")),
            ..frontier("gpt-5.2", 3)
        },
        ModelInfo {
            display_name: "Codex Auto Review".to_owned(),
            description: "Decides about approvals in the user's place.".to_owned(),
            max_context_window: Some(1_000_000),
            hidden: true,
            ..frontier("codex-auto-review", 4)
        },
    ]
}

/// The simulator as a model: able to do whatever it is told.
pub(super) fn simulator() -> ModelInfo {
    ModelInfo {
        display_name: "Simulator".to_owned(),
        description: "No model: follows simple statements, for trying out clients.".to_owned(),
        default_summary: ReasoningSummary::Auto,
        default_verbosity: None,
        supports_verbosity: false,
        hidden: true,
        ..frontier(super::SIMULATOR, 99)
    }
}

/// What the current models have in common.
fn frontier(slug: &str, priority: i64) -> ModelInfo {
    ModelInfo {
        supported_efforts: [
            (ReasoningEffort::Low, "Thinks briefly; the fastest answers"),
            (ReasoningEffort::Medium, "Thinks as long as everyday work needs"),
            (ReasoningEffort::High, "Thinks longer; for difficult problems"),
            (ReasoningEffort::XHigh, "Thinks as long as it can; for the hardest problems"),
        ]
        .map(|(effort, text)| (effort, text.to_owned()))
        .into(),
        default_effort: Some(ReasoningEffort::Medium),
        supports_reasoning_summaries: true,
        default_summary: ReasoningSummary::None,
        supports_verbosity: true,
        default_verbosity: Some(Verbosity::Low),
        supports_parallel_tool_calls: true,
        apply_patch: Some(ApplyPatchKind::Freeform),
        truncation: Truncation::Tokens(10_000),
        takes_original_images: true,
        supports_personality: true,
        hidden: false,
        priority,
        ..ModelInfo::fallback(slug)
    }
}

fn to_gpt_5_4(from: &str) -> Upgrade {
    Upgrade {
        model: "gpt-5.4".to_owned(),
        migration_markdown: Some(format!(
            "**gpt-5.4** is newer than {from} and does better at long tasks, tool calls and front-end work while \
             using fewer tokens. {from} stays available.\n"
        )),
    }
}
