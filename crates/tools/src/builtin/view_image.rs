//! `view_image`: puts a picture from disk before the model.

use std::io;

use async_trait::async_trait;
use base64::Engine as _;
use serde::Deserialize;
use serde_json::json;
use types::{AbsPath, Item, ItemId, ToolOutput, ToolOutputItem, ToolSpec};

use super::object;
use crate::arguments;
use crate::host::ToolEvent;
use crate::tool::{Needs, SpecContext, Tool, ToolCall, ToolResult};
use crate::turn::TurnTools;

pub(crate) struct ViewImage;

/// What providers take in one request, with room for the rest of it.
const MAX_BYTES: u64 = 20 << 20;

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
        let path =
            json!({ "type": "string", "description": "The file, absolute or relative to the working directory." });
        cx.image_input.then(|| ToolSpec::Function {
            name: self.name().to_owned(),
            description: DESCRIPTION.to_owned(),
            parameters: object(json!({ "path": path }), &["path"]),
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
        let detail = match detail.as_deref() {
            None => "high",
            Some("original") => "original",
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
        let image_url = match load(path.clone()).await {
            Ok(url) => url,
            Err(reason) => return ToolResult::failed(reason),
        };
        let item = Item::ImageView { id: ItemId::from(call.call_id), path };
        cx.host.emit(ToolEvent::ItemStarted(item.clone()));
        cx.host.emit(ToolEvent::ItemCompleted(item));
        let image = ToolOutputItem::InputImage { image_url, detail: Some(detail.to_owned()) };
        ToolResult::new(ToolOutput::Items(vec![image]), true)
    }
}

/// The image as a `data:` URL, or why there is none. Cancel safe.
async fn load(path: AbsPath) -> Result<String, String> {
    let unreadable = |error: io::Error| format!("cannot read the image `{path}`: {error}");
    let meta = tokio::fs::metadata(&path).await.map_err(unreadable)?;
    if !meta.is_file() {
        return Err(format!("the image path `{path}` is not a file"));
    }
    if meta.len() > MAX_BYTES {
        return Err(format!(
            "the image `{path}` has {} bytes, more than the {MAX_BYTES} allowed; make a smaller copy first",
            meta.len()
        ));
    }
    let bytes = tokio::fs::read(&path).await.map_err(unreadable)?;
    let Some(kind) = media_type(&bytes) else {
        return Err(format!("`{path}` is not a PNG, JPEG, GIF or WebP image"));
    };
    let head = format!("data:{kind};base64,");
    let mut url = String::with_capacity(head.len() + bytes.len().div_ceil(3) * 4);
    url.push_str(&head);
    base64::engine::general_purpose::STANDARD.encode_string(&bytes, &mut url);
    Ok(url)
}

/// Tells the kind of image by its first bytes.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_by_their_content() {
        let table: [(&[u8], _); 6] = [
            (b"\x89PNG\r\n\x1a\nrest", Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"not an image", None),
            (b"", None),
        ];
        for (bytes, expected) in table {
            assert_eq!(media_type(bytes), expected);
        }
    }
}
