//! The user's input as the client shows it, as the model reads it, and as the rollout keeps it.

use extensions::skills::{self, Mention, Skill};
use store::{EventRecord, Record};
use tools::image::{self, Scale};
use types::item::UserInput;
use types::{ContentItem, Item, ItemId, ResponseItem};

/// Gives the item to announce and the records to write, in order. Reads the pictures that are files.
pub(super) async fn prepare(input: &[UserInput], known: &[Skill]) -> (Item, Vec<Record>) {
    let item = Item::UserMessage { id: ItemId::new(), content: input.to_vec() };
    let mut records = Vec::new();
    let content = content(input).await;
    if !content.is_empty() {
        records.push(Record::ResponseItem(ResponseItem::message("user", content)));
    }
    records.push(Record::Event(user_message(input)));
    records.extend(skills(input, known).map(Record::ResponseItem));
    (item, records)
}

async fn content(input: &[UserInput]) -> Vec<ContentItem> {
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
                match image::load(path.clone(), Scale::Shown).await {
                    Ok(url) => push_image(&mut content, format!("<image name=[Image #{images}]>"), url),
                    Err(error) => content.push(ContentItem::InputText {
                        text: format!("The image `{}` cannot be shown: {error}", path.display()),
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
