//! What a line means for the outline of a thread, read with as little parsing as that takes.

use std::sync::LazyLock;

use memchr::memchr;
use memchr::memmem::Finder;
use types::{ItemId, ResponseItem, ThreadId, TurnId};

use super::{event, split, split_at_quote, tag};
use crate::history::is_user_message;
use crate::record::{EventRecord, Extended, Record, SessionMeta};
use crate::turns::{hook_prompt, is_shown};

/// How a line begins. In a text the quotes would be escaped.
static LINE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#"{"timestamp":""#));

/// Before the rate limits of a count. In a text the quotes would be escaped.
static LIMITS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#","rate_limits":"#));

/// What a line means for a thread's outline.
pub(crate) enum Shape {
    /// A thread's facts.
    Meta(Box<SessionMeta>),
    /// A turn's settings.
    Context,
    /// What the model saw or said, other than [`Shape::Said`].
    Item,
    /// What the user said to the model, or hooks in the user's place.
    Said { item: Box<ResponseItem>, hook_prompt: bool },
    /// The history was replaced.
    Compacted { message: String, replacement: Option<Vec<ResponseItem>> },
    /// The thread's newest name.
    Name { thread: ThreadId, name: Option<String> },
    /// Tokens were counted; whether the line has totals, and rate limits.
    Counted { totals: bool, limits: bool },
    /// What it does to the turns.
    Turn(Step),
    /// Nothing.
    Other,
    /// A kind that nobody knows; the line does not count.
    Unknown,
}

impl Shape {
    /// As much as says what the line means for the turns.
    pub(crate) fn for_turns(self) -> Self {
        match self {
            Self::Compacted { .. } => Self::Compacted { message: String::new(), replacement: None },
            Self::Said { hook_prompt: false, .. } | Self::Meta(_) | Self::Context | Self::Item | Self::Name { .. } => {
                Self::Other
            }
            other => other,
        }
    }
}

/// What happens to the turns of a thread, without what is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Started(TurnId),
    Completed(TurnId),
    Aborted(Option<TurnId>),
    UserMessage,
    /// An item without an id of its own.
    Numbered,
    /// More of the reasoning before it, or an item without an id of its own.
    Reasoning,
    /// An item with an id of its own, in the turn of that id or the one under way.
    Put {
        turn: Option<TurnId>,
        item: ItemId,
    },
    RolledBack(u32),
}

/// Reads one line, without its line feed; `None` for one that is no JSON object with `type` and `payload`.
pub(crate) fn read_shape(line: &str) -> Option<Shape> {
    if let Some((kind, payload)) = split(line)
        && let Some(shape) = quick(kind, payload)
    {
        return Some(shape);
    }
    super::read_line(line).ok().map(of_record)
}

/// The frequent kinds, as far as their lines are as writers write them. What stands behind the part that decides is not
/// parsed, but texts that look damaged are left to those who do.
fn quick(kind: &str, payload: &str) -> Option<Shape> {
    match kind {
        "response_item" if !may_be_said(payload) => Some(Shape::Item),
        "turn_context" => Some(Shape::Context),
        "event_msg" => Some(match tag(payload)?.as_ref() {
            "token_count" => counted(payload)?,
            // Texts are long, and that they are there is all that counts.
            "agent_message" => filled(payload, r#"{"type":"agent_message","message":"#, Step::Numbered)?,
            "agent_reasoning" => filled(payload, r#"{"type":"agent_reasoning","text":"#, Step::Reasoning)?,
            "agent_reasoning_raw_content" => {
                filled(payload, r#"{"type":"agent_reasoning_raw_content","text":"#, Step::Reasoning)?
            }
            "user_message" => {
                whole(payload.strip_prefix(r#"{"type":"user_message","message":""#)?)?;
                Shape::Turn(Step::UserMessage)
            }
            "task_complete" => {
                let (id, rest) = split_at_quote(payload.strip_prefix(r#"{"type":"task_complete","turn_id":""#)?)?;
                whole(rest)?;
                Shape::Turn(Step::Completed(TurnId::from(id)))
            }
            _ => return None,
        }),
        _ => None,
    }
}

/// What a count of tokens has, by how its members begin: objects or `null`.
fn counted(payload: &str) -> Option<Shape> {
    let holds = |rest: &str| match rest.as_bytes().first() {
        Some(b'{') => Some(true),
        Some(b'n') => Some(false),
        _ => None,
    };
    let info = payload.strip_prefix(r#"{"type":"token_count","info":"#)?;
    let limits = &info[LIMITS.find(info.as_bytes())? + LIMITS.needle().len()..];
    Some(Shape::Counted { totals: holds(info)?, limits: holds(limits)? })
}

/// The step of an event whose text begins after `before`, unless that is empty.
fn filled(payload: &str, before: &str, step: Step) -> Option<Shape> {
    let text = whole(payload.strip_prefix(before)?.strip_prefix('"')?)?;
    Some(if text.starts_with('"') { Shape::Other } else { Shape::Turn(step) })
}

/// The same, unless it may be half a line with another line behind it, or with a block that never reached the disk.
fn whole(text: &str) -> Option<&str> {
    let is_damaged = memchr(0, text.as_bytes()).is_some() || LINE.find(text.as_bytes()).is_some();
    (!is_damaged).then_some(text)
}

/// Whether a response item may be a message in the user's role.
fn may_be_said(payload: &str) -> bool {
    match payload.strip_prefix(r#"{"type":"message","#) {
        Some(rest) => !(rest.starts_with(r#""role":"assistant""#) || rest.starts_with(r#""role":"developer""#)),
        // Other kinds, where the kind stands first.
        None => !payload.starts_with(r#"{"type":""#),
    }
}

fn of_record(record: Record) -> Shape {
    match record {
        Record::SessionMeta(meta) => Shape::Meta(meta),
        Record::TurnContext(_) => Shape::Context,
        Record::Compacted { message, replacement } => Shape::Compacted { message, replacement },
        Record::ResponseItem(item) => {
            let hook_prompt = hook_prompt(&item).is_some();
            if hook_prompt || is_user_message(&item) {
                Shape::Said { item: Box::new(item), hook_prompt }
            } else {
                Shape::Item
            }
        }
        Record::Event(event) => of_event(event),
        Record::Unknown { .. } => Shape::Unknown,
    }
}

fn of_event(event: EventRecord) -> Shape {
    Shape::Turn(match event {
        EventRecord::Unknown(_) => return Shape::Unknown,
        EventRecord::TokenCount { totals, rate_limits } => {
            return Shape::Counted { totals: totals.is_some(), limits: rate_limits.is_some() };
        }
        EventRecord::ThreadName { thread_id, name } => return Shape::Name { thread: thread_id, name },
        EventRecord::Error { .. } => return Shape::Other,
        EventRecord::TurnStarted { turn_id, .. } => Step::Started(turn_id),
        EventRecord::TurnCompleted { turn_id, .. } => Step::Completed(turn_id),
        EventRecord::TurnAborted { turn_id, .. } => Step::Aborted(turn_id),
        EventRecord::ThreadRolledBack { num_turns } => Step::RolledBack(num_turns),
        EventRecord::UserMessage { .. } => Step::UserMessage,
        EventRecord::AgentMessage { text, .. } if text.is_empty() => return Shape::Other,
        EventRecord::Reasoning { text } | EventRecord::ReasoningRaw { text } if text.is_empty() => return Shape::Other,
        EventRecord::Reasoning { .. } | EventRecord::ReasoningRaw { .. } => Step::Reasoning,
        EventRecord::AgentMessage { .. }
        | EventRecord::ContextCompacted
        | EventRecord::EnteredReview { .. }
        | EventRecord::ExitedReview { .. } => Step::Numbered,
        EventRecord::ItemCompleted { item, .. } if !is_shown(&item) => return Shape::Other,
        EventRecord::ItemCompleted { turn_id, item, .. } => Step::Put { turn: Some(turn_id), item: item.id().clone() },
        EventRecord::ImageGenerationEnd { call_id, .. } => Step::Put { turn: None, item: call_id.as_str().into() },
        EventRecord::Extended(extended) => match *extended {
            Extended::Item { turn_id, item } => Step::Put { turn: turn_id, item: item.id().clone() },
            Extended::DynamicToolCallRequested { turn_id, item } => Step::Put { turn: Some(turn_id), item: item.id },
            Extended::ApprovalReview(_) | Extended::ApprovalReviewRead(_) => return Shape::Other,
        },
    })
}

/// Reads a line for the turns that clients see: `None` for one that does not count, `Some(None)` for one that counts
/// and shows nothing.
pub(crate) fn read_shown(line: &str) -> Option<Option<Record>> {
    let quickly = split(line).and_then(|(kind, payload)| match kind {
        "response_item" if !may_be_said(payload) => Some(None),
        "turn_context" => Some(None),
        "event_msg" => match tag(payload)?.as_ref() {
            "token_count" => Some(None),
            "task_complete" => event::read_end(payload).map(|event| Some(Record::Event(event))),
            tag => event::read(tag, payload).map(|event| Some(Record::Event(event))),
        },
        _ => None,
    });
    quickly.or_else(|| match super::read_line(line).ok()? {
        Record::Unknown { .. } | Record::Event(EventRecord::Unknown(_)) => None,
        record => Some(Some(record)),
    })
}

/// Reads a line for the history that the model sees; `None` for one that says nothing of it.
pub(crate) fn read_seen(line: &str) -> Option<Record> {
    if let Some((kind, payload)) = split(line) {
        let says = match kind {
            "turn_context" => false,
            "event_msg" => tag(payload).is_none_or(|tag| event::tells_the_model(&tag)),
            _ => true,
        };
        if !says {
            return None;
        }
    }
    super::read_line(line).ok()
}
