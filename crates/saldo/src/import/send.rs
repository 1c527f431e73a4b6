//! Sends the rows of a file, many at once, and keeps account of what the bank says to each.

use std::collections::HashSet;
use std::path::PathBuf;

use serde_json::Value;

use super::Tally;
use super::rejects::Rejects;
use super::source::{Found, Item, Rows, Source};
use super::window::{ROWS_MAX, Window};
use crate::bulk::{Lost, Pipe, Progress, Sent, text_of};
use crate::exit_code::Exit;
use crate::export::position;
use crate::failure::Failure;
use crate::server::Server;
use crate::shell;

/// What to do about a row that the bank refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Stop there.
    Stop,
    /// Write it to a list beside the file and go on.
    Keep,
}

struct Sender<'s> {
    pipe: Pipe<'s>,
    /// The highest place in the log that this run has heard of: what the bank does for it from now on
    /// stands behind.
    seq_seen: u64,
    window: Window,
    tally: Tally,
    rejects: Option<Rejects>,
    progress: Progress,
}

/// Sends all rows, of which there are `total`; returns what became of them, and where the refused ones
/// stand. Errors: the first refusal, unless it is to be kept.
pub async fn send(
    server: &Server,
    source: &mut Source,
    rejected: Rejected,
    total: u64,
    is_hidden: bool,
) -> Result<(Tally, Option<PathBuf>), Failure> {
    // Where a refusal stops the import, each row waits for the answer to the one before: whatever is on
    // its way behind a refused row would be done.
    let (rows_max, rejects) = match rejected {
        Rejected::Stop => (1, None),
        Rejected::Keep => (ROWS_MAX, Some(Rejects::of(source.path()))),
    };
    let mut pipe = Pipe::new(server);
    let seq_seen = position(&mut pipe, server).await?;
    let mut sender = Sender {
        pipe,
        seq_seen,
        window: Window::new(rows_max),
        tally: Tally::default(),
        rejects,
        progress: Progress::new("import", "rows", total, is_hidden),
    };
    // The file is read between the exchanges, on the thread that waits for them: it serves nobody else.
    let mut rows = source.rows()?;
    while let Some(found) = rows.next()? {
        match found {
            Found::Skip => sender.tally.skipped += 1,
            Found::Item(item) => {
                if sender.window.add(item) {
                    sender.exchange(&rows).await?;
                }
            }
        }
    }
    sender.exchange(&rows).await?;
    let Sender { tally, rejects, progress, .. } = sender;
    progress.finish(tally.rows);
    Ok((tally, rejects.and_then(Rejects::into_path)))
}

impl Sender<'_> {
    async fn exchange(&mut self, rows: &Rows<'_>) -> Result<(), Failure> {
        let waiting = self.window.take();
        let lines: Vec<Vec<u8>> = waiting.iter().map(Item::request).collect();
        let Sent { replies, was_repeated, lost } = self.pipe.send(&lines).await;
        let seq_before = self.seq_seen;
        let mut seqs_done = HashSet::new();
        for (item, reply) in waiting.iter().zip(&replies) {
            self.tally.rows += 1;
            let seq = reply.get("seq").and_then(Value::as_u64).unwrap_or_default();
            self.seq_seen = self.seq_seen.max(seq);
            if reply.get("ok") == Some(&Value::Bool(true)) {
                let is_first = reply.get("duplicate").is_none();
                // A row that was sent again has the answer of its first sending, by this run when it
                // stands behind all that this run had heard of, and no row before it was the same.
                let is_new = seqs_done.insert(seq) && was_repeated && seq > seq_before;
                let count =
                    if is_first || is_new { &mut self.tally.done } else { &mut self.tally.already };
                *count += 1;
                continue;
            }
            self.tally.rejected += 1;
            match &mut self.rejects {
                Some(rejects) => rejects.add(item, reply)?,
                None => return Err(self.refused(rows, item, reply)),
            }
        }
        if let Some(rejects) = &mut self.rejects {
            rejects.flush()?;
        }
        if let Some(Lost { failure, may_have_happened }) = lost {
            let mut told = self.tally.so_far();
            if self.tally.rejected > 0 {
                told.push_str(&format!(", {} were refused", self.tally.rejected));
            }
            if may_have_happened {
                let unknown = waiting.len().saturating_sub(replies.len());
                told.push_str(&format!(", of {unknown} it is not known"));
            }
            return Err(failure.after(&told));
        }
        self.progress.show(self.tally.rows);
        Ok(())
    }

    fn refused(&self, rows: &Rows<'_>, item: &Item, reply: &Value) -> Failure {
        let (code, error) = (text_of(reply, "code").to_owned(), text_of(reply, "error"));
        let path = rows.path().display().to_string();
        let so_far = self.tally.so_far();
        let text = format!("{path} row {}: {error}; {so_far}", item.row);
        let quoted = shell::quoted(&path);
        let hint = if is_recorded(reply) {
            // The bank wrote the no down under the row's name, so the very same row stays refused.
            "the answer under this tx_id stays no; to try the row anew, give it a tx_id of its own, or another one, and run the import again".to_owned()
        } else {
            format!(
                "saldo import {quoted} --keep-going   (goes on behind it; each row happens once)"
            )
        };
        Failure::new(Exit::No, code, text).tx_id(item.tx_id.as_str()).hint(hint)
    }
}

/// Whether the bank wrote a refusal down: it has a place in the log then.
fn is_recorded(reply: &Value) -> bool {
    reply.get("seq").is_some()
}
