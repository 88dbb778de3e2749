//! The envelope of every message: JSON-RPC 2.0 without the `jsonrpc` member.
//!
//! These types document the envelope and appear in the exported schema; the transport reads and writes frames without
//! building them.

use std::fmt;

#[cfg(feature = "export")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "export")]
use ts_rs::TS;

/// Names a request; its answer carries the same id. Ids are unique per sender and connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema, TS))]
#[serde(untagged)]
pub enum RequestId {
    /// A text id.
    String(String),
    /// A number id.
    Integer(#[cfg_attr(feature = "export", ts(type = "number"))] i64),
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(id) => id.fmt(f),
            Self::Integer(id) => id.fmt(f),
        }
    }
}

/// Any message in either direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema), schemars(rename = "JSONRPCMessage"))]
#[serde(untagged)]
pub enum JsonRpcMessage {
    /// Wants an answer.
    Request(JsonRpcRequest),
    /// Wants none.
    Notification(JsonRpcNotification),
    /// A request that succeeded.
    Response(JsonRpcResponse),
    /// A request that failed.
    Error(JsonRpcError),
}

/// A request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema), schemars(rename = "JSONRPCRequest"))]
pub struct JsonRpcRequest {
    /// To be repeated in the answer.
    pub id: RequestId,
    /// Which request.
    pub method: String,
    /// Its parameters; absent for methods that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    /// The sender's trace, to be continued by the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<W3cTraceContext>,
}

/// A notification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema), schemars(rename = "JSONRPCNotification"))]
pub struct JsonRpcNotification {
    /// Which notification.
    pub method: String,
    /// Its payload; absent for notifications that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
}

/// The answer to a request that succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema), schemars(rename = "JSONRPCResponse"))]
pub struct JsonRpcResponse {
    /// The request's id.
    pub id: RequestId,
    /// What the method gives.
    pub result: Value,
}

/// The answer to a request that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema), schemars(rename = "JSONRPCError"))]
pub struct JsonRpcError {
    /// What went wrong.
    pub error: JsonRpcErrorError,
    /// The request's id.
    pub id: RequestId,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema), schemars(rename = "JSONRPCErrorError"))]
pub struct JsonRpcErrorError {
    /// One of [`crate::ErrorCode`].
    pub code: i64,
    /// More for programs, when there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// What happened, in words for people. Programs do not rely on them.
    pub message: String,
}

/// The sender's position in a distributed trace, as the W3C Trace Context headers of the same names carry it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "export", derive(JsonSchema))]
pub struct W3cTraceContext {
    /// Trace id, parent span id and flags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Vendor data that travels with the trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
}
