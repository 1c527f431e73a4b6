//! The server's log: stderr, one line per event, text for a person and JSON otherwise.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Sets the log up. `SALDO_LOG` filters (default `info`), `SALDO_LOG_FORMAT` is `text` or `json`.
pub fn init() {
    let filter = EnvFilter::try_from_env("SALDO_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = if is_text() {
        builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
    // Set twice, the first one stays: a test may have one of its own.
    drop(set);
}

/// Whether people read the log.
pub fn is_text() -> bool {
    match std::env::var("SALDO_LOG_FORMAT").as_deref() {
        Ok("text") => true,
        Ok("json") => false,
        _ => std::io::stderr().is_terminal(),
    }
}
