//! Nouns that unrelated crates share.
//!
//! Ids, absolute paths, thread items, policies, token usage: plain data without I/O, without async, and without the
//! spelling of any surface. The client's spelling lives in `protocol`, the file's in `store`, the provider's in
//! `model`; each converts from and to these types with exhaustive matches.
//!
//! Two exceptions: [`ResponseItem`] carries its serde form, because the model provider, the rollout file and the
//! client's raw events share one spelling of it, fixed by the Responses API and none of ours to choose. [`Text`] may be
//! the JSON of a text, which the file and the client share.
//!
//! Open [`item`] first.

pub mod approval_review;
pub mod ids;
pub mod item;
pub mod network;
pub mod path;
pub mod policy;
pub mod response_item;
pub mod session;
pub mod settings;
pub mod text;
pub mod tool;
pub mod usage;

pub use approval_review::{ApprovalReview, ReviewStatus, ReviewedAction, RiskLevel, UserAuthorization};
pub use ids::{ItemId, ThreadId, TurnId};
pub use item::{Item, Turn, TurnError, TurnErrorKind, TurnStatus, UserInput};
pub use network::{
    DomainAccess, DomainPattern, DomainVerdict, Domains, Host, NetworkPolicy, NetworkProtocol, UpstreamProxies,
};
pub use path::AbsPath;
pub use policy::{
    ApprovalPolicy, ApprovalsReviewer, FileSystemAccess, FileSystemEntry, FileSystemPath, GranularApproval,
    PermissionProfile, ReadAccess, SandboxMode, SandboxPolicy, SpecialPath,
};
pub use response_item::{ContentItem, ResponseItem, ToolOutput, ToolOutputItem};
pub use session::{GitFacts, SessionSource, SubAgentSource};
pub use settings::{
    CollaborationMode, ModeKind, Personality, ReasoningEffort, ReasoningSummary, ServiceTier, Verbosity,
};
pub use text::Text;
pub use tool::{SearchLocation, ToolSpec, WebSearch};
pub use usage::{BYTES_PER_TOKEN, Credits, RateLimitWindow, RateLimits, TokenUsage, TokenUsageTotals};
