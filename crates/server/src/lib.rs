//! Routes requests to the engine and its events to connections.
