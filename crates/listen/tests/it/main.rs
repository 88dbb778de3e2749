//! What a client meets at the door, over real sockets.

mod kit;

mod frames;
mod handshake;
mod unix;
mod wss;
