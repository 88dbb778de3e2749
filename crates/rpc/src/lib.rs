//! JSON-RPC between two programs: framing, pending requests both ways, one ordered writer a connection.
