//! Accounts and credentials.
//!
//! [`load`] reads `auth.json` of the home folder into an [`Account`]: what is sent to a provider ([`Credentials`]) and
//! what a client is told. [`log_in_with_api_key`] and [`log_out`] write it; [`Login`] is that of a running server. No network here.
//!
//! This crate does not know threads or the client's spelling of anything. Open [`account`] first.

pub mod account;
pub mod file;
mod login;
mod token;

pub use account::{Account, AuthMode, Credentials, Plan};
pub use file::{AuthError, load, log_in_with_api_key, log_out};
pub use login::{Keep, Login};
