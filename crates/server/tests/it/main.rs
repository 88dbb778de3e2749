//! The server as a client sees it: in process, over the real protocol, with a scripted model.

mod kit;

mod accounts;
mod agents;
mod approvals;
mod commands;
mod configuration;
mod examples;
mod files;
mod initialize;
mod model_failures;
mod skills;
mod storage;
mod threads;
mod turns;
