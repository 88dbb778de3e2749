//! Messages for people who run the server: to standard error, never to disk.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::environment;

/// Starts logging as `RUST_LOG` and `LOG_FORMAT` (`json` or nothing) say; errors only where they say nothing.
pub(crate) fn start() {
    let filter = environment::variable("RUST_LOG").unwrap_or_else(|| "error".to_owned());
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|_| EnvFilter::new("error"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = if environment::variable("LOG_FORMAT").as_deref() == Some("json") {
        builder.json().try_init()
    } else {
        builder
            .with_ansi(environment::variable("NO_COLOR").is_none() && io::IsTerminal::is_terminal(&io::stderr()))
            .try_init()
    };
    // Only a second start fails, and then logging works already.
    let _ = started;
}
