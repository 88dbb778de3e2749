//! Scripted models and servers for tests.
