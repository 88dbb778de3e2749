//! What Spindle adds to the protocol, for clients that come and go.
//!
//! Experimental, and none of it shows unless a client asks for it with the capability `spindle` of `initialize`; the
//! published contract (methods, schemas) stays as it is. The schemas of this module are written apart from it; see
//! [`export_additions`](crate::export::export_additions).

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "export")]
use ts_rs::TS;

use crate::methods::Method;

/// The member `spindle` of a client's capabilities, and of the answer to `initialize`, which says what was granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase", default)]
pub struct Additions {
    /// Notifications of threads that the client follows carry numbers (see [`Numbered`]), and it may call
    /// `thread/events/replay`.
    pub event_numbers: bool,
    /// `thread/start` and `turn/start` may carry a `clientRequestId`; see [`Repeatable`].
    pub client_request_ids: bool,
}

/// Members of a notification beside `method` and `params`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct Numbered {
    /// The number of the notification within its thread. Each is one more than the one before. When a thread is loaded
    /// again, its numbers begin anew, far above all earlier ones. At most 2^53.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub seq: u64,
    /// For a client that lags, deltas of one item are sent as one: with the numbers from this one to `seq`.
    #[cfg_attr(feature = "export", ts(type = "number | null"))]
    pub first_seq: Option<u64>,
}

/// A member of the parameters of `thread/start` and `turn/start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct Repeatable {
    /// Names the request, for the client of this name and for a while. When the same request comes again under the same
    /// name, on this connection or another, it is not carried out again: it is answered as the first one was.
    pub client_request_id: Option<String>,
}

/// Parameters of `thread/events/replay`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct ThreadEventsReplayParams {
    /// The thread.
    pub thread_id: String,
    /// The number of the last notification that the client has seen.
    #[cfg_attr(feature = "export", ts(type = "number"))]
    pub after: u64,
}

/// Result of `thread/events/replay`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(rename_all = "camelCase")]
pub struct ThreadEventsReplayResponse {
    /// Whether `events` is all that the client has missed. If not, it has to read the thread again (`thread/resume`):
    /// too much has happened since, or the thread is not loaded any more.
    pub complete: bool,
    /// Notifications as they were sent, oldest first, without those that the client does not want.
    pub events: Vec<Value>,
}

/// Gives what a client has missed of a thread, and subscribes it: what comes after the answer continues `events`.
#[derive(Debug, Clone, Copy)]
pub struct ThreadEventsReplay;

impl Method for ThreadEventsReplay {
    const NAME: &'static str = "thread/events/replay";
    const ABOUT: &'static str = "Gives what a client has missed of a thread, and subscribes it: what comes after the answer continues `events`.";
    const EXPERIMENTAL: bool = false;
    const LEGACY: bool = false;
    type Params = ThreadEventsReplayParams;
    type Response = ThreadEventsReplayResponse;

    fn experimental_use(_params: &Self::Params) -> Option<&'static str> {
        None
    }

    fn hide_experimental(_response: &mut Self::Response) {}
}
