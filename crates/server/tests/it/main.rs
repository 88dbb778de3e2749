//! The server as a client sees it: in process, over the real protocol, with a scripted model.

mod kit;

mod accounts;
mod agents;
mod approvals;
mod bad_input;
mod clients;
mod commands;
mod compaction;
mod configuration;
mod configured_turns;
mod errors;
mod examples;
mod files;
mod guardian;
mod initialize;
mod invariants;
mod model_failures;
mod order;
mod otel;
mod permissions;
mod random_turns;
mod searches;
mod shutdown;
mod skills;
mod storage;
mod threads;
mod turns;
