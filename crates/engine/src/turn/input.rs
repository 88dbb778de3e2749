//! The user's input as the client shows it, as the model reads it, and as the rollout keeps it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use extensions::skills::{self, Mention, Skill};
use store::{EventRecord, Record};
use types::item::UserInput;
use types::{ContentItem, Item, ItemId, ResponseItem};

/// Largest image file that is sent to a model, in bytes.
const MAX_IMAGE_BYTES: u64 = 20 << 20;

/// Gives the item to announce and the records to write, in order.
pub(super) fn prepare(input: &[UserInput], known: &[Skill]) -> (Item, Vec<Record>) {
    let item = Item::UserMessage { id: ItemId::new(), content: input.to_vec() };
    let mut records = Vec::new();
    let content = content(input);
    if !content.is_empty() {
        records.push(Record::ResponseItem(ResponseItem::message("user", content)));
    }
    records.push(Record::Event(user_message(input)));
    records.extend(skills(input, known).map(Record::ResponseItem));
    (item, records)
}

fn content(input: &[UserInput]) -> Vec<ContentItem> {
    let mut content = Vec::new();
    let mut images = 0;
    for part in input {
        match part {
            UserInput::Text { text, .. } => content.push(ContentItem::InputText { text: text.clone() }),
            UserInput::Image { url } => {
                push_image(&mut content, "<image>".to_owned(), url.clone());
            }
            UserInput::LocalImage { path } => {
                images += 1;
                match read_image(path) {
                    Ok(url) => push_image(&mut content, format!("<image name=[Image #{images}]>"), url),
                    Err(reason) => content.push(ContentItem::InputText {
                        text: format!("The image `{}` could not be read: {reason}", path.display()),
                    }),
                }
            }
            UserInput::Skill { .. } | UserInput::Mention { .. } => {}
        }
    }
    content
}

fn push_image(content: &mut Vec<ContentItem>, open: String, image_url: String) {
    content.push(ContentItem::InputText { text: open });
    content.push(ContentItem::InputImage { image_url, detail: Some("high".to_owned()) });
    content.push(ContentItem::InputText { text: "</image>".to_owned() });
}

/// A `data:` URL of the file, or why there is none.
fn read_image(path: &Path) -> Result<String, String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    // A pipe might never end, and a device has no end.
    if !meta.is_file() {
        return Err("it is not a file".to_owned());
    }
    let size = meta.len();
    if size > MAX_IMAGE_BYTES {
        return Err(format!("{size} bytes are more than the limit of {MAX_IMAGE_BYTES}"));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let mime = image_type(&bytes).ok_or("it is no PNG, JPEG, GIF or WebP image")?;
    Ok(format!("data:{mime};base64,{}", BASE64.encode(bytes)))
}

fn image_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

fn user_message(input: &[UserInput]) -> EventRecord {
    let mut text = String::new();
    let (mut images, mut local_images, mut elements) = (Vec::new(), Vec::new(), Vec::new());
    for part in input {
        match part {
            UserInput::Text { text: more, elements: spans } => {
                let offset = text.len();
                elements.extend(spans.iter().cloned().map(|mut span| {
                    span.start += offset;
                    span.end += offset;
                    span
                }));
                text.push_str(more);
            }
            UserInput::Image { url } => images.push(url.clone()),
            UserInput::LocalImage { path } => local_images.push(path.clone()),
            UserInput::Skill { .. } | UserInput::Mention { .. } => {}
        }
    }
    EventRecord::UserMessage { text, images, local_images, elements }
}

/// The skills that the user named, whole, for the model to read.
fn skills<'a>(input: &'a [UserInput], known: &'a [Skill]) -> impl Iterator<Item = ResponseItem> + 'a {
    let mentions: Vec<Mention<'_>> = input
        .iter()
        .filter_map(|part| match part {
            UserInput::Skill { path, .. } => Some(Mention::Item { path }),
            UserInput::Text { text, .. } => Some(Mention::Text(text)),
            UserInput::Image { .. } | UserInput::LocalImage { .. } | UserInput::Mention { .. } => None,
        })
        .collect();
    let named = skills::mentioned(known, &mentions);
    named.into_iter().filter_map(|skill| skills::injection(&skill.name, &skill.path).map(ResponseItem::user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_is_no_file_is_not_read() {
        // As with a pipe, there is no telling when it would end.
        assert_eq!(read_image(Path::new("/dev/null")), Err("it is not a file".to_owned()));
    }
}
