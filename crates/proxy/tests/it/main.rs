//! The proxies over real sockets, with a gate that knows a few hosts.

mod http;
mod kit;
mod socks;
mod upstream;
