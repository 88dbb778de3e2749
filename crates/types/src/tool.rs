//! Tools as the model is told of them.

use serde_json::Value;

/// What the model may call, in no provider's spelling.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolSpec {
    /// Called with JSON arguments that fit `parameters` (a JSON Schema).
    Function { name: String, description: String, parameters: Value, strict: bool },
    /// Called with free text that fits a Lark grammar.
    Freeform { name: String, description: String, grammar: String },
    /// Functions that the model addresses by namespace and name.
    Namespace { name: String, description: String, tools: Vec<ToolSpec> },
    /// The provider's own web search.
    WebSearch(WebSearch),
    /// The provider's own image generation.
    ImageGeneration { output_format: String },
}

/// How a provider searches the web.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebSearch {
    /// Otherwise it answers from its cache only.
    pub live: bool,
    /// Where it looks; everywhere when there is none.
    pub allowed_domains: Option<Vec<String>>,
    pub location: Option<SearchLocation>,
    /// How much of what is found the model is shown: a word of the Responses API.
    pub context_size: Option<&'static str>,
}

/// Where searches are made from, roughly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchLocation {
    pub country: Option<String>,
    pub region: Option<String>,
    pub city: Option<String>,
    pub timezone: Option<String>,
}

impl ToolSpec {
    /// The name the model calls it by; for tools that the provider runs, their kind.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Function { name, .. } | Self::Freeform { name, .. } | Self::Namespace { name, .. } => name,
            Self::WebSearch(_) => "web_search",
            Self::ImageGeneration { .. } => "image_generation",
        }
    }
}
