//! `view_image`: puts a picture from disk before the model.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use types::{Item, ItemId, ToolOutput, ToolOutputItem, ToolSpec};

use super::object;
use crate::arguments;
use crate::host::ToolEvent;
use crate::image::{self, Scale};
use crate::tool::{Needs, SpecContext, Tool, ToolCall, ToolResult};
use crate::turn::TurnTools;

pub(crate) struct ViewImage;

const DESCRIPTION: &str = "\
Shows you an image file (PNG, JPEG, GIF or WebP) from disk, for instance a screenshot you made or a file the user \
names. Images that are already part of the conversation need no call.";

#[derive(Deserialize)]
struct Arguments {
    path: String,
    detail: Option<String>,
}

#[async_trait]
impl Tool for ViewImage {
    fn name(&self) -> &'static str {
        "view_image"
    }

    fn spec(&self, cx: &SpecContext) -> Option<ToolSpec> {
        let mut properties = json!({
            "path": { "type": "string", "description": "The file, absolute or relative to the working directory." },
        });
        if cx.switches.original_images {
            properties["detail"] = json!({
                "type": "string",
                "description": "`original` shows a large image in full size, where small things matter: a dense screenshot, positions to click at. Left out, it is made smaller.",
            });
        }
        cx.image_input.then(|| ToolSpec::Function {
            name: self.name().to_owned(),
            description: DESCRIPTION.to_owned(),
            parameters: object(properties, &["path"]),
            strict: false,
        })
    }

    fn parallel_safe(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::Environment
    }

    async fn run(&self, call: ToolCall, cx: &TurnTools) -> ToolResult {
        let Arguments { path, detail } = match arguments::parse(&call) {
            Ok(arguments) => arguments,
            Err(result) => return result,
        };
        if !cx.image_input {
            return ToolResult::failed("view_image is not available: the model in use does not read images");
        }
        let (detail, scale) = match detail.as_deref() {
            Some("original") if cx.switches.original_images => ("original", Scale::Original),
            // It does no harm to ask.
            None | Some("original") => ("high", Scale::Shown),
            Some(other) => {
                return ToolResult::failed(format!(
                    "view_image knows only the detail `original`, not `{other}`; leave it out for the usual one"
                ));
            }
        };
        let path = cx.cwd.join(path);
        match cx.may_read(&path) {
            Ok(true) => {}
            Ok(false) => return ToolResult::failed(format!("the sandbox does not allow reading `{path}`")),
            Err(reason) => return ToolResult::failed(reason),
        }
        let image_url = match image::load(path.clone().into_path_buf(), scale).await {
            Ok(url) => url,
            Err(error) => return ToolResult::failed(format!("cannot show the image `{path}`: {error}")),
        };
        let item = Item::ImageView { id: ItemId::from(call.call_id), path };
        cx.host.emit(ToolEvent::ItemStarted(item.clone()));
        cx.host.emit(ToolEvent::ItemCompleted(item));
        let image = ToolOutputItem::InputImage { image_url, detail: Some(detail.to_owned()) };
        ToolResult::new(ToolOutput::Items(vec![image]), true)
    }
}
