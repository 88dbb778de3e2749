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
    /// The provider's own web search; `external_web_access: false` answers from its cache only.
    WebSearch { external_web_access: bool },
    /// The provider's own image generation.
    ImageGeneration { output_format: String },
}

impl ToolSpec {
    /// The name the model calls it by; for tools that the provider runs, their kind.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Function { name, .. } | Self::Freeform { name, .. } | Self::Namespace { name, .. } => name,
            Self::WebSearch { .. } => "web_search",
            Self::ImageGeneration { .. } => "image_generation",
        }
    }
}
