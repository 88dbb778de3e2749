//! Layered configuration files resolved into one immutable Config.
