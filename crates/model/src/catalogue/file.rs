//! Reads a catalogue file (`model_catalog_json`), which replaces the bundled models.
//!
//! Shape: `{"models": [{"slug", "display_name", "visibility": "list" | "hide" | "none", "priority", …}]}`. Only the
//! slug is indispensable; whatever else is missing is as for an unknown model.

use serde::Deserialize;
use serde_json::Value;
use types::{ReasoningEffort, ReasoningSummary, Verbosity};

use super::{ApplyPatchKind, Modality, ModelInfo, Truncation, Upgrade};

/// A catalogue file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// Not JSON, or not of this shape.
    #[error("{0}")]
    Malformed(String),
    /// No model in it.
    #[error("must contain at least one model")]
    Empty,
}

/// Reads the file's text. The result is in the order of priority; the default is the first that is not hidden.
///
/// # Errors
/// When the text is not a catalogue or an empty one.
pub fn from_json(text: &str) -> Result<Vec<ModelInfo>, CatalogueError> {
    let file: File = serde_json::from_str(text).map_err(|error| CatalogueError::Malformed(error.to_string()))?;
    if file.models.is_empty() {
        return Err(CatalogueError::Empty);
    }
    let mut models: Vec<_> = file.models.into_iter().map(Entry::into_info).collect();
    models.sort_by_key(|model| model.priority);
    if let Some(first) = models.iter_mut().find(|model| !model.hidden) {
        first.is_default = true;
    }
    Ok(models)
}

#[derive(Deserialize)]
struct File {
    models: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    slug: String,
    display_name: Option<String>,
    description: Option<String>,
    default_reasoning_level: Option<String>,
    #[serde(default)]
    supported_reasoning_levels: Vec<Level>,
    visibility: Option<String>,
    priority: Option<i64>,
    upgrade: Option<UpgradeEntry>,
    base_instructions: Option<String>,
    model_messages: Option<Value>,
    #[serde(default)]
    supports_reasoning_summaries: bool,
    default_reasoning_summary: Option<String>,
    #[serde(default)]
    support_verbosity: bool,
    default_verbosity: Option<String>,
    apply_patch_tool_type: Option<String>,
    truncation_policy: Option<Policy>,
    #[serde(default)]
    supports_parallel_tool_calls: bool,
    context_window: Option<i64>,
    max_context_window: Option<i64>,
    auto_compact_token_limit: Option<i64>,
    effective_context_window_percent: Option<i64>,
    input_modalities: Option<Vec<String>>,
    supports_image_detail_original: Option<bool>,
    #[serde(default)]
    additional_speed_tiers: Vec<String>,
}

#[derive(Deserialize)]
struct Level {
    effort: String,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct UpgradeEntry {
    model: String,
    migration_markdown: Option<String>,
}

#[derive(Deserialize)]
struct Policy {
    mode: String,
    limit: usize,
}

impl Entry {
    fn into_info(self) -> ModelInfo {
        let fallback = ModelInfo::fallback(&self.slug);
        ModelInfo {
            display_name: self.display_name.unwrap_or(fallback.display_name),
            description: self.description.unwrap_or_default(),
            context_window: self.context_window.or(self.max_context_window).unwrap_or(fallback.context_window),
            max_context_window: self.max_context_window,
            auto_compact_token_limit: self.auto_compact_token_limit,
            supported_efforts: self
                .supported_reasoning_levels
                .into_iter()
                .filter_map(|level| Some((ReasoningEffort::parse(&level.effort)?, level.description)))
                .collect(),
            default_effort: self.default_reasoning_level.as_deref().and_then(ReasoningEffort::parse),
            supports_reasoning_summaries: self.supports_reasoning_summaries,
            default_summary: self
                .default_reasoning_summary
                .as_deref()
                .and_then(ReasoningSummary::parse)
                .unwrap_or(fallback.default_summary),
            supports_verbosity: self.support_verbosity,
            default_verbosity: self.default_verbosity.as_deref().and_then(Verbosity::parse),
            takes_original_images: self.supports_image_detail_original.unwrap_or(fallback.takes_original_images),
            input_modalities: self
                .input_modalities
                .map_or(fallback.input_modalities, |names| names.iter().filter_map(|name| modality(name)).collect()),
            supports_parallel_tool_calls: self.supports_parallel_tool_calls,
            apply_patch: match self.apply_patch_tool_type.as_deref() {
                Some("freeform") => Some(ApplyPatchKind::Freeform),
                Some("function") => Some(ApplyPatchKind::Function),
                _ => None,
            },
            truncation: self.truncation_policy.map_or(fallback.truncation, |policy| match policy.mode.as_str() {
                "tokens" => Truncation::Tokens(policy.limit),
                _ => Truncation::Bytes(policy.limit),
            }),
            supports_personality: self.model_messages.as_ref().is_some_and(has_personalities),
            hidden: self.visibility.as_deref().is_some_and(|visibility| visibility != "list"),
            is_default: false,
            upgrade: self
                .upgrade
                .map(|upgrade| Upgrade { model: upgrade.model, migration_markdown: upgrade.migration_markdown }),
            priority: self.priority.unwrap_or(fallback.priority),
            effective_context_percent: self
                .effective_context_window_percent
                .unwrap_or(fallback.effective_context_percent),
            additional_speed_tiers: self.additional_speed_tiers,
            base_instructions: self.base_instructions.filter(|text| !text.is_empty()),
            slug: self.slug,
        }
    }
}

fn modality(name: &str) -> Option<Modality> {
    match name {
        "text" => Some(Modality::Text),
        "image" => Some(Modality::Image),
        _ => None,
    }
}

/// A model has personalities when its messages come in several tones.
fn has_personalities(messages: &Value) -> bool {
    messages.get("instructions_variables").is_some_and(Value::is_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_file_is_sorted_and_its_first_visible_model_is_the_default() {
        let models = from_json(
            r#"{"models": [
                {"slug": "third", "priority": 30, "display_name": "THIRD", "context_window": 100000,
                 "default_reasoning_level": "medium",
                 "supported_reasoning_levels": [{"effort": "low", "description": "quick"}, {"effort": "medium"}],
                 "truncation_policy": {"mode": "tokens", "limit": 7}, "apply_patch_tool_type": "freeform"},
                {"slug": "first", "priority": 10, "input_modalities": ["text"]},
                {"slug": "second", "priority": 20, "upgrade": {"model": "first", "migration_markdown": "Use **first**."}},
                {"slug": "secret", "priority": 5, "visibility": "hide"},
                {"slug": "none", "priority": 1, "visibility": "none"}]}"#,
        )
        .unwrap();
        let facts: Vec<_> = models.iter().map(|m| (m.slug.as_str(), m.hidden, m.is_default)).collect();
        assert_eq!(
            facts,
            [
                ("none", true, false),
                ("secret", true, false),
                ("first", false, true),
                ("second", false, false),
                ("third", false, false)
            ]
        );
        assert_eq!(models[2].input_modalities, [Modality::Text]);
        assert_eq!(models[3].upgrade.as_ref().unwrap().model, "first");
        assert_eq!(models[4].default_effort, Some(ReasoningEffort::Medium));
        assert_eq!(models[4].supported_efforts[0], (ReasoningEffort::Low, "quick".to_owned()));
        assert_eq!(models[4].truncation, Truncation::Tokens(7));
        assert_eq!(models[4].apply_patch, Some(ApplyPatchKind::Freeform));
        assert_eq!(models[4].effective_context_window(), 95_000);
    }

    #[test]
    fn an_empty_or_broken_catalogue_is_refused() {
        assert_eq!(from_json(r#"{"models": []}"#), Err(CatalogueError::Empty));
        assert!(matches!(from_json("{"), Err(CatalogueError::Malformed(_))));
        assert!(matches!(from_json(r#"{"models": [{}]}"#), Err(CatalogueError::Malformed(_))));
    }
}
