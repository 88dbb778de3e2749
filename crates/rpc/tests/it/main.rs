//! What a connection promises, over a connection that stays in this process.

mod connection;
mod fuzz;
mod reader;
mod websocket;
mod writer;
