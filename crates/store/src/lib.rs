//! Threads on disk: rollouts and their index.
//!
//! A thread is an append-only log of records, its *rollout*: one file, one JSON object a line. This crate writes and
//! reads rollouts and is the only one that knows their spelling; around it, threads are `types` ([`record`]). It knows
//! nothing of the client's wire, of running turns or of the model.
//!
//! [`ThreadStore`] is what others see of it; [`FileStore`] keeps threads as files.
//!
//! Open [`record`] first, then `writer.rs` (what is durable when), `reader.rs` (what a damaged file still gives),
//! [`turns`] (records → what clients see) and [`history`] (records → what the model sees). `outline.rs` and
//! `turn_spans.rs` are why little of a long rollout is read, `newest.rs` why the newest turns are found without them.
//! `index/` answers lists sooner than `scan.rs` does; `lock.rs` is why a thread has one writer. `docs/storage.md` describes
//! the files.

pub mod error;
pub mod history;
pub mod record;
pub mod thread;
pub mod turns;

mod copy;
mod cursor;
mod format;
mod git_patches;
mod head;
mod index;
mod index_file;
mod list;
mod lock;
mod log_file;
mod names;
mod newest;
mod open;
mod outline;
mod outline_file;
mod outlining;
mod paths;
mod processors;
mod reader;
mod rollout;
mod scan;
mod store;
mod stored_turns;
mod thread_store;
mod turn_key;
mod turn_spans;
mod writer;

pub use error::StoreError;
pub use git_patches::GitPatch;
pub use history::{ModelHistory, history_from, outlives_compaction};
pub use list::{ListQuery, Page, SortKey, SortOrder, SourceKind, Summary};
pub use lock::Holder;
pub use processors::count as processors;
pub use record::{
    ApprovalReviewRecord, EventRecord, Extended, Record, SessionMeta, TruncationPolicy, TurnContextRecord,
};
pub use store::{FileStore, Found};
pub use stored_turns::StoredTurns;
pub use thread::StoredThread;
pub use thread_store::{Source, Synced, ThreadStore, ThreadWriter};
pub use turns::{LastTurn, turns_from};
