//! What is known about models: windows, efforts, tools they were trained for.
//!
//! `table.rs` holds the bundled facts, `file.rs` reads a catalogue that replaces them.

mod file;
mod table;

use std::sync::LazyLock;

use types::{ReasoningEffort, ReasoningSummary, Verbosity};

pub use file::{CatalogueError, from_json};

/// Tokens of context assumed for a model that nobody knows.
const FALLBACK_CONTEXT_WINDOW: i64 = 272_000;
/// The share of the context window that a conversation may fill, in percent; the rest is for the answer.
const EFFECTIVE_CONTEXT_PERCENT: i64 = 95;
/// Without another word, a tool's output is cut to this many bytes before the model sees it.
const FALLBACK_TRUNCATION: Truncation = Truncation::Bytes(10_000);

/// The slug under which the simulator gets every ability that a model can have. It is in no list.
pub const SIMULATOR: &str = "simulator";

/// One model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// The name the provider knows it by.
    pub slug: String,
    /// The name people read.
    pub display_name: String,
    pub description: String,
    /// Tokens.
    pub context_window: i64,
    /// Tokens; a configured window beyond this is cut to it.
    pub max_context_window: Option<i64>,
    /// Tokens at which the history is compacted. `None`: nine tenths of the context window.
    pub auto_compact_token_limit: Option<i64>,
    /// Each with a sentence for people, from least to most.
    pub supported_efforts: Vec<(ReasoningEffort, String)>,
    /// `None` for models that do not reason.
    pub default_effort: Option<ReasoningEffort>,
    /// Whether it reasons and can say so in summaries. Decides whether requests speak of reasoning at all.
    pub supports_reasoning_summaries: bool,
    pub default_summary: ReasoningSummary,
    pub supports_verbosity: bool,
    pub default_verbosity: Option<Verbosity>,
    pub input_modalities: Vec<Modality>,
    /// Takes pictures of any size, as they are.
    pub takes_original_images: bool,
    pub supports_parallel_tool_calls: bool,
    /// The form of the patch tool it was trained for; `None`: it patches through the shell.
    pub apply_patch: Option<ApplyPatchKind>,
    /// How tool outputs are cut for it.
    pub truncation: Truncation,
    pub supports_personality: bool,
    /// Not offered unless asked for.
    pub hidden: bool,
    /// The one a new user gets.
    pub is_default: bool,
    /// The model that supersedes it.
    pub upgrade: Option<Upgrade>,
    /// Smaller comes first.
    pub priority: i64,
    /// See [`ModelInfo::effective_context_window`]. Percent.
    pub effective_context_percent: i64,
    /// Processing tiers offered besides the normal one, in the client's spelling.
    pub additional_speed_tiers: Vec<String>,
    /// Base instructions that come with it, from a catalogue file.
    pub base_instructions: Option<String>,
}

impl ModelInfo {
    /// Tokens of context when the configuration asks for `configured` ones.
    pub fn configured_context_window(&self, configured: i64) -> i64 {
        self.max_context_window.map_or(configured, |max| configured.min(max))
    }

    /// Tokens that a conversation may fill, if the configuration does not ask for another window.
    pub fn effective_context_window(&self) -> i64 {
        self.context_window.saturating_mul(self.effective_context_percent) / 100
    }

    /// Tokens at which the history is compacted, for a context window of `window` tokens.
    pub fn compaction_limit(&self, window: i64) -> i64 {
        let ninety = window.saturating_mul(9) / 10;
        self.auto_compact_token_limit.map_or(ninety, |limit| limit.min(ninety))
    }

    /// What is assumed about a model that nobody knows: it takes text and images and calls functions one by one.
    pub fn fallback(slug: &str) -> Self {
        Self {
            slug: slug.to_owned(),
            display_name: slug.to_owned(),
            description: String::new(),
            context_window: FALLBACK_CONTEXT_WINDOW,
            max_context_window: Some(FALLBACK_CONTEXT_WINDOW),
            auto_compact_token_limit: None,
            supported_efforts: Vec::new(),
            default_effort: None,
            supports_reasoning_summaries: false,
            default_summary: ReasoningSummary::Auto,
            supports_verbosity: false,
            default_verbosity: None,
            input_modalities: vec![Modality::Text, Modality::Image],
            takes_original_images: false,
            supports_parallel_tool_calls: false,
            apply_patch: None,
            truncation: FALLBACK_TRUNCATION,
            supports_personality: false,
            hidden: true,
            is_default: false,
            upgrade: None,
            priority: 99,
            effective_context_percent: EFFECTIVE_CONTEXT_PERCENT,
            additional_speed_tiers: Vec::new(),
            base_instructions: None,
        }
    }
}

/// What a model takes as input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modality {
    Text,
    Image,
}

impl Modality {
    /// The spelling on the client's wire and in catalogue files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
        }
    }
}

/// The form in which a model hands over patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyPatchKind {
    /// As text that fits a grammar.
    Freeform,
    /// As the argument of a function.
    Function,
}

/// How much of a tool's output a model gets to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncation {
    Bytes(usize),
    /// Estimated at four bytes a token.
    Tokens(usize),
}

impl Truncation {
    /// The same measure in another amount.
    #[must_use]
    pub fn with_tokens(self, tokens: usize) -> Self {
        match self {
            Self::Bytes(_) => Self::Bytes(tokens.saturating_mul(types::BYTES_PER_TOKEN)),
            Self::Tokens(_) => Self::Tokens(tokens),
        }
    }
}

/// The model to move to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    pub model: String,
    /// What to tell the user, as Markdown.
    pub migration_markdown: Option<String>,
}

/// A model and whether anything is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The model's facts, under the slug that was asked for.
    pub info: ModelInfo,
    /// `false`: these are the [`ModelInfo::fallback`] ones.
    pub known: bool,
}

/// The bundled models, most recommended first, hidden ones last.
pub fn all() -> &'static [ModelInfo] {
    static ALL: LazyLock<Vec<ModelInfo>> = LazyLock::new(table::models);
    &ALL
}

/// Looks a slug up among the bundled models, see [`lookup_in`], and the simulator.
pub fn lookup(slug: &str) -> Lookup {
    if slug == SIMULATOR {
        return Lookup { info: table::simulator(), known: true };
    }
    lookup_in(all(), slug)
}

/// Looks a slug up: the model of that name, else the one with the longest name that the slug begins with (a dated
/// snapshot or a variant), else the same without one leading `vendor/`.
pub fn lookup_in(models: &[ModelInfo], slug: &str) -> Lookup {
    let longest =
        |name: &str| models.iter().filter(|model| name.starts_with(&model.slug)).max_by_key(|model| model.slug.len());
    let without_vendor = || {
        let (vendor, name) = slug.split_once('/')?;
        if vendor.is_empty() { None } else { longest(name).filter(|_| !name.contains('/')) }
    };
    match longest(slug).or_else(without_vendor) {
        Some(model) => Lookup { info: ModelInfo { slug: slug.to_owned(), ..model.clone() }, known: true },
        None => Lookup { info: ModelInfo::fallback(slug), known: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bundled_model_is_the_default_and_it_is_the_first() {
        assert_eq!(all().iter().filter(|model| model.is_default).count(), 1);
        assert!(all()[0].is_default && !all()[0].hidden);
        assert!(all().iter().is_sorted_by_key(|model| model.priority));
        assert!(all().iter().any(|model| model.hidden));
    }

    #[test]
    fn every_bundled_model_offers_its_default_effort_and_its_upgrade_exists() {
        for model in all() {
            let default = model.default_effort.unwrap();
            assert!(model.supported_efforts.iter().any(|(effort, _)| *effort == default), "{}", model.slug);
            if let Some(upgrade) = &model.upgrade {
                assert!(all().iter().any(|other| other.slug == upgrade.model), "{}", model.slug);
            }
        }
    }

    #[test]
    fn a_slug_is_found_by_name_by_beginning_and_behind_a_vendor() {
        for (slug, display) in [
            ("gpt-5.4", Some("gpt-5.4")),
            ("gpt-5.4-mini", Some("GPT-5.4-Mini")),
            ("gpt-5.4-2026-01-01", Some("gpt-5.4")),
            ("gpt-5.4-mini-2026-01-01", Some("GPT-5.4-Mini")),
            ("gpt-5.2-codex", Some("gpt-5.2")),
            ("openai/gpt-5.4", Some("gpt-5.4")),
            ("a/b/gpt-5.4", None),
            ("/gpt-5.4", None),
            ("GPT-5.4", None),
            ("gpt-5.3", None),
            ("mock-model", None),
            ("", None),
        ] {
            let found = lookup(slug);
            assert_eq!(found.known.then_some(found.info.display_name.as_str()), display, "{slug}");
            assert_eq!(found.info.slug, slug);
        }
    }

    #[test]
    fn an_unknown_model_has_a_window_of_272000_tokens_of_which_95_percent_count() {
        let info = lookup("mock-model").info;
        assert_eq!(info.context_window, 272_000);
        assert_eq!(info.effective_context_window(), 258_400);
        assert_eq!(info.apply_patch, None);
        assert!(!info.supports_parallel_tool_calls);
    }
}
