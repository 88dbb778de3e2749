//! The server as a client sees it: in process, over the real protocol, with a scripted model.

mod kit;

mod accounts;
mod agents;
mod approvals;
mod clients;
mod commands;
mod configuration;
mod files;
mod initialize;
mod model_failures;
mod shutdown;
mod skills;
mod storage;
mod threads;
mod turns;
