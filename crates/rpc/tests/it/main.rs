//! What a connection promises, over a connection that stays in this process.

mod connection;
mod reader;
mod writer;
