//! What a collector gets.

mod collector;
mod delivery;
mod grpc;
mod kit;
mod targets;
