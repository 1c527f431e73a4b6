//! A verb that did not do what was asked, as people and programs read it: two lines, or one JSON
//! object, on stderr. Not here: what the failures are (`refused`, `unanswered`, the verbs).

use std::borrow::Cow;
use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::exit_code::Exit;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// What went wrong, whether it may be tried again, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    code: Cow<'static, str>,
    text: String,
    hint: Option<String>,
    retryable: bool,
    tx_id: Option<String>,
}

/// The same for programs.
#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    code: &'a str,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tx_id: Option<&'a str>,
}

impl Failure {
    /// `code` is stable and snake_case; `text` is one line, lowercase, without a full stop, with
    /// what was found and what was needed.
    pub fn new(exit: Exit, code: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self {
            exit,
            code: code.into(),
            text: text.into(),
            hint: None,
            retryable: false,
            tx_id: None,
        }
    }

    /// What there is to say stands on stdout already: nothing is reported, and the process ends so.
    pub fn told(exit: Exit) -> Self {
        Self::new(exit, "", "")
    }

    /// Wrong arguments.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", text)
    }

    /// With what to do: best a command that can be pasted.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same request may get another answer later.
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// With the name of the write that it is about.
    pub fn tx_id(mut self, tx_id: impl Into<String>) -> Self {
        self.tx_id = Some(tx_id.into());
        self
    }

    /// The same, with another end of the process.
    pub fn ending_with(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// What went wrong, in one line.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// With what was done before it, put behind its text.
    pub fn after(mut self, what_was_done: &str) -> Self {
        self.text.push_str("; ");
        self.text.push_str(what_was_done);
        self
    }

    /// Whether nobody answered there, so that nothing was done.
    pub fn is_unreachable(&self) -> bool {
        self.code == "unreachable"
    }

    /// What to do about it.
    pub fn hinted(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What the process is to end with.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Writes it to stderr and tells what to end with.
    pub fn report(&self, json: bool) -> ExitCode {
        if self.code.is_empty() {
            return ExitCode::from(self.exit.code());
        }
        let written = if json { self.write_json() } else { self.write_text() };
        // Where stderr itself is closed, the exit code is all that is left to say it with.
        drop(written);
        ExitCode::from(self.exit.code())
    }

    fn write_text(&self) -> io::Result<()> {
        let mut out = anstream::stderr().lock();
        writeln!(out, "{ERROR}error[{}]{ERROR:#}: {}", self.code, self.text)?;
        if let Some(hint) = &self.hint {
            writeln!(out, "  {HINT}hint:{HINT:#} {hint}")?;
        }
        Ok(())
    }

    fn write_json(&self) -> io::Result<()> {
        let document = Document {
            ok: false,
            code: &self.code,
            error: &self.text,
            hint: self.hint.as_deref(),
            retryable: self.retryable,
            tx_id: self.tx_id.as_deref(),
        };
        let mut out = io::stderr().lock();
        serde_json::to_writer(&mut out, &document)?;
        out.write_all(b"\n")
    }
}

#[cfg(test)]
impl Failure {
    /// Its parts: exit code, code, text, hint.
    pub fn parts(&self) -> (u8, &str, &str, Option<&str>) {
        (self.exit.code(), &self.code, &self.text, self.hint.as_deref())
    }
}
