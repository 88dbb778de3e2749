//! The built-in tools, one a file.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::tool::Tool;

mod apply_patch;
mod request_user_input;
mod update_plan;
mod view_image;
mod web_search;

pub use request_user_input::RequestUserInput;

/// Every built-in tool, in the order in which they are offered.
pub(crate) fn all() -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(apply_patch::ApplyPatch),
        Arc::new(update_plan::UpdatePlan),
        Arc::new(RequestUserInput::in_plan_mode()),
        Arc::new(view_image::ViewImage),
        Arc::new(web_search::WebSearch),
    ]
}

/// The JSON Schema of an object with exactly these members.
fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
