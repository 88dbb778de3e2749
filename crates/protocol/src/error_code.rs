//! The error codes of the protocol.

/// The codes an error answer may carry.
pub struct ErrorCode;

impl ErrorCode {
    /// The request is not one this server can carry out: unknown method, parameters that do not decode, a state that
    /// does not allow it.
    pub const INVALID_REQUEST: i64 = -32600;
    /// The method does not exist. The server answers unknown methods with [`ErrorCode::INVALID_REQUEST`]; this code
    /// is understood when a client sends it.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The parameters decode, but a value in them is not acceptable.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The server failed; the request may have been fine.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// The server has too much to do right now; the same request may succeed later.
    pub const OVERLOADED: i64 = -32001;
}
