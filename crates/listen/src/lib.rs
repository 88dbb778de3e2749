//! Lets clients in from sockets: WebSocket over TCP, TLS and Unix sockets, HTTP probes, authentication.
//!
//! [`Listener`] binds the [`Address`]es, speaks HTTP with whoever connects, and hands those who ask for a WebSocket
//! connection and may have one to its [`Host`]. Everything a client sends before that is bounded in size and time.
//! Open `listener.rs` first; `http.rs` is what a request is answered with, `auth.rs` who may come in.
//!
//! The crate does not know what messages say, nor what a thread is.

mod address;
mod auth;
mod http;
mod jwt;
mod listener;
mod origin;
mod tcp;
mod tls;

pub use address::{Address, Listen};
pub use auth::{Auth, AuthError, AuthFlags, AuthMode, AuthPlan, Refusal};
pub use listener::{BindError, Client, Host, Io, Limits, Listener, Options, Stream};
pub use origin::Origin;
pub use tls::{Tls, TlsError};
