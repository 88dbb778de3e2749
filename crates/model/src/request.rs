//! One call of a model, in no provider's spelling.

use std::sync::Arc;

use serde_json::Value;
use types::{ReasoningEffort, ReasoningSummary, ResponseItem, ServiceTier, ToolSpec, Verbosity};

/// What the model is asked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The model's slug, as configured.
    pub model: String,
    /// The base instructions (the system prompt).
    pub instructions: Option<String>,
    /// The history, oldest first.
    pub input: Arc<Vec<ResponseItem>>,
    /// What the model may call.
    pub tools: Arc<[ToolSpec]>,
    /// Whether one response may hold several tool calls.
    pub parallel_tool_calls: bool,
    /// `None` for models that do not reason.
    pub reasoning: Option<Reasoning>,
    /// `None` for models that take no such wish.
    pub verbosity: Option<Verbosity>,
    /// A JSON Schema that the final answer must fit.
    pub output_schema: Option<Value>,
    /// `None` for the provider's default.
    pub service_tier: Option<ServiceTier>,
    /// Requests with the same key share the provider's prompt cache.
    pub prompt_cache_key: String,
    /// Sent along in the body, for the provider's own records.
    pub client_metadata: Vec<(String, String)>,
    /// More HTTP headers. They win over the provider's own headers of the same name.
    pub headers: Vec<(String, String)>,
}

/// How a reasoning model should think and what it should show of it. `None` leaves the choice to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reasoning {
    pub effort: Option<ReasoningEffort>,
    pub summary: Option<ReasoningSummary>,
}
