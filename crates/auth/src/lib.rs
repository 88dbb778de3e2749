//! Accounts and credentials.
