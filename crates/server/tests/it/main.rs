//! The server as a client sees it: in process, over the real protocol, with a scripted model.

mod kit;

mod approvals;
mod initialize;
mod model_failures;
mod storage;
mod turns;
