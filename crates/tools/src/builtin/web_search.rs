//! `web_search`: offered here, carried out by the model provider.

use async_trait::async_trait;
use types::ToolSpec;

use crate::registry::unsupported_call;
use crate::tool::{SpecContext, Tool, ToolCall, ToolResult};
use crate::turn::TurnTools;

pub(crate) struct WebSearch;

#[async_trait]
impl Tool for WebSearch {
    fn name(&self) -> &'static str {
        "web_search"
    }

    fn spec(&self, cx: &SpecContext) -> Option<ToolSpec> {
        cx.web_search.clone().map(ToolSpec::WebSearch)
    }

    async fn run(&self, call: ToolCall, _cx: &TurnTools) -> ToolResult {
        unsupported_call(self.name(), &call.input)
    }
}
