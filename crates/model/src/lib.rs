//! Model providers: what is sent to a model, what comes back, and what is known about models.
//!
//! A [`Request`] is one call of a model; a [`ModelProvider`] answers it with a [`ResponseStream`] of
//! [`ResponseEvent`]s or a [`ModelError`]. [`connect`] makes the provider for a [`ProviderInfo`]: the Responses wire
//! API over HTTP, or the [`simulator`], which needs no network. [`catalogue`] holds the facts about known models.
//!
//! This crate does not know threads, turns, tools' code, configuration files or the client's wire. It repeats a
//! request that failed before its stream began; repeating a broken stream is the caller's decision, which
//! [`ModelError::retryable`] and [`backoff`] serve.
//!
//! Start with `request.rs`, then `responses.rs`, which shows one call from top to bottom.

pub mod catalogue;
mod error;
mod event;
mod http;
mod provider;
mod request;
mod responses;
mod retry;
pub mod simulator;

pub use auth::Credentials;
pub use error::ModelError;
pub use event::{ResponseEvent, ResponseStream};
pub use http::Network;
pub use provider::{Env, ModelProvider, Options, ProviderInfo, WireApi, connect};
pub use request::{Reasoning, Request};
pub use retry::backoff;
