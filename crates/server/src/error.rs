//! What a request that could not be carried out is answered with. The one place, besides `protocol`, that knows codes.

#![warn(clippy::wildcard_enum_match_arm)]

use std::fmt::Display;

use config::ConfigError;
use engine::{ProviderError, ThreadError};
use protocol::ErrorCode;
use rpc::ErrorObject;
use serde_json::Value;
use store::StoreError;
use types::{TurnError, TurnErrorKind};

use crate::wire::ToWire as _;

/// An error on its way to a client.
#[derive(Debug)]
pub(crate) struct RpcError(ErrorObject);

impl RpcError {
    /// The request cannot be carried out as it is.
    pub(crate) fn invalid_request(message: impl Display) -> Self {
        Self(ErrorObject::new(ErrorCode::INVALID_REQUEST, message.to_string()))
    }

    /// A parameter has a value that is not allowed.
    pub(crate) fn invalid_params(message: impl Display) -> Self {
        Self(ErrorObject::new(ErrorCode::INVALID_PARAMS, message.to_string()))
    }

    /// Something on our side failed.
    pub(crate) fn internal(message: impl Display) -> Self {
        Self(ErrorObject::new(ErrorCode::INTERNAL_ERROR, message.to_string()))
    }

    /// The params did not decode.
    pub(crate) fn malformed(error: &protocol::DecodeError) -> Self {
        Self::invalid_request(format_args!("Invalid request: {error}"))
    }

    /// A part of the contract that only experimental clients may use.
    pub(crate) fn needs_experimental(what: &str) -> Self {
        Self::invalid_request(format_args!("{what} requires experimentalApi capability"))
    }

    /// A method of the contract that this build does not serve.
    pub(crate) fn unavailable(method: &str) -> Self {
        Self::internal(format_args!("{method} is not available in this build of spindle"))
    }

    /// Too much waits already; the same request may succeed later. Source of the text: the protocol.
    pub(crate) fn overloaded() -> Self {
        Self(ErrorObject::new(ErrorCode::OVERLOADED, "Server overloaded; retry later."))
    }

    /// Nothing is begun any more; the next server may take the same request.
    pub(crate) fn stopping() -> Self {
        Self(ErrorObject::new(ErrorCode::OVERLOADED, "Server is stopping; retry later."))
    }

    /// No such thread is loaded.
    pub(crate) fn thread_not_found(id: impl Display) -> Self {
        Self::invalid_request(format_args!("thread not found: {id}"))
    }

    #[must_use]
    pub(crate) fn with_data(self, data: Value) -> Self {
        Self(self.0.with_data(data))
    }

    pub(crate) fn into_object(self) -> ErrorObject {
        self.0
    }
}

impl From<ThreadError> for RpcError {
    fn from(error: ThreadError) -> Self {
        match error {
            ThreadError::NotSteerable(kind) => {
                let told = TurnError {
                    message: error.to_string(),
                    kind: Some(TurnErrorKind::ActiveTurnNotSteerable { turn_kind: kind }),
                    details: None,
                };
                let data = serde_json::to_value(told.to_wire()).expect("a turn's error is plain JSON");
                Self::invalid_request(error).with_data(data)
            }
            ThreadError::NoActiveTurn
            | ThreadError::OtherTurn { .. }
            | ThreadError::NothingToInterrupt
            | ThreadError::RollbackDuringTurn
            | ThreadError::RollbackNotStored
            | ThreadError::Replay { .. }
            | ThreadError::Closed => Self::invalid_request(error),
            ThreadError::Overloaded => Self::overloaded(),
            ThreadError::Store(error) => error.into(),
        }
    }
}

impl From<ProviderError> for RpcError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Unknown(_) => Self::internal(format_args!("error creating thread: {error}")),
            ProviderError::Unusable { .. } => Self::internal(error),
        }
    }
}

impl From<StoreError> for RpcError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::InvalidCursor { .. } | StoreError::InUse { .. }) {
            return Self::invalid_request(error);
        }
        tracing::error!(%error, "the store failed");
        Self::internal(error)
    }
}

impl From<ConfigError> for RpcError {
    fn from(error: ConfigError) -> Self {
        Self::internal(format_args!("failed to load configuration: {error}"))
    }
}
