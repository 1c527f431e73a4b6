//! The server's log: stderr, one line per event, text for a person and JSON otherwise.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::setting::Setting;

/// What is said about a format that is none.
pub const FORMAT_NEEDED: &str = "it can be text or json";

/// Sets the log up. `SALDO_LOG` filters (default `info`), `SALDO_LOG_FORMAT` is `text` or `json`.
/// Errors: one of them is none.
pub fn init() -> Result<(), Failure> {
    let setting = Setting::pick(("", None), "SALDO_LOG", "info")?;
    let filter = filter(&setting.value).map_err(|needed| setting.refuse(&needed))?;
    let format = format()?;
    if !format.value.is_empty() && is_text_by(&format.value).is_none() {
        return Err(format.refuse(FORMAT_NEEDED));
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = if is_text() {
        builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
    // Set twice, the first one stays: a test may have one of its own.
    drop(set);
    Ok(())
}

/// Reads a filter. Errors: what is needed.
pub fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(text)
        .map_err(|error| format!("give a level, or parts of the program with theirs: {error}"))
}

/// Whether people read a log in this format; `None`: it is none.
pub fn is_text_by(format: &str) -> Option<bool> {
    match format {
        "text" => Some(true),
        "json" => Some(false),
        _ => None,
    }
}

/// Whether people read the log.
pub fn is_text() -> bool {
    let asked = format().ok().and_then(|format| is_text_by(&format.value));
    asked.unwrap_or_else(|| std::io::stderr().is_terminal())
}

/// What was asked for; empty where nothing was, and the stream decides.
fn format() -> Result<Setting, Failure> {
    Setting::pick(("", None), "SALDO_LOG_FORMAT", "")
}
