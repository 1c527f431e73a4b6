//! Sends the rows of a file, many at once, and keeps account of what the bank says to each.

use std::fs::File;
use std::path::PathBuf;

use serde_json::Value;

use super::Tally;
use super::source::{Found, Item, Rows, Source};
use crate::bulk::{Pipe, Progress, text_of};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::server::Server;
use crate::{runtime, shell};

/// Rows under way at once, where a refusal does not stop the others. Where it does, each row waits for
/// the answer to the one before: whatever is on its way behind a refused row would be done.
const WINDOW: usize = 512;

/// What to do about a row that the bank refuses.
pub enum Rejected {
    /// Stop there.
    Stop,
    /// Write it to this file and go on.
    Keep(PathBuf),
}

struct Sender<'s> {
    pipe: Pipe<'s>,
    waiting: Vec<Item>,
    tally: Tally,
    rejects: Option<(PathBuf, csv::Writer<File>)>,
    progress: Progress,
}

/// Sends all rows, of which there are `total`. Errors: the first refusal, unless it is to be kept.
pub fn send(
    server: &Server,
    source: &mut Source,
    rejected: Rejected,
    total: u64,
    is_quiet: bool,
) -> Result<Tally, Failure> {
    let window = match rejected {
        Rejected::Stop => 1,
        Rejected::Keep(_) => WINDOW,
    };
    let rejects = match rejected {
        Rejected::Stop => None,
        Rejected::Keep(path) => {
            let writer = csv::Writer::from_path(&path).map_err(|error| unkept(&path, &error))?;
            Some((path, writer))
        }
    };
    let mut sender = Sender {
        pipe: Pipe::for_writes(server),
        waiting: Vec::with_capacity(window),
        tally: Tally::default(),
        rejects,
        progress: Progress::new("import", "rows", total, is_quiet),
    };
    // The file is read between the exchanges, on the thread that waits for them.
    let mut rows = source.rows()?;
    while let Some(found) = rows.next()? {
        match found {
            Found::Skip => sender.tally.skipped += 1,
            Found::Item(item) => sender.waiting.push(item),
        }
        if sender.waiting.len() >= window {
            sender.exchange(&rows)?;
        }
    }
    sender.exchange(&rows)?;
    let Sender { tally, rejects, progress, .. } = sender;
    if let Some((path, mut writer)) = rejects {
        writer.flush().map_err(|error| unkept(&path, &error.into()))?;
    }
    progress.finish(tally.rows);
    Ok(tally)
}

impl Sender<'_> {
    fn exchange(&mut self, rows: &Rows<'_>) -> Result<(), Failure> {
        let lines: Vec<Vec<u8>> = self.waiting.iter().map(Item::request).collect();
        let replies = runtime::block_on(self.pipe.ask(&lines));
        let done = self.tally.done + self.tally.already;
        let replies =
            replies.map_err(|failure| failure.after(&format!("{done} rows were done")))?;
        let waiting = std::mem::take(&mut self.waiting);
        for (item, reply) in waiting.iter().zip(&replies) {
            self.tally.rows += 1;
            if reply.get("ok") == Some(&Value::Bool(true)) {
                let again = reply.get("duplicate").is_some();
                *(if again { &mut self.tally.already } else { &mut self.tally.done }) += 1;
                continue;
            }
            self.tally.rejected += 1;
            match &mut self.rejects {
                Some((path, writer)) => {
                    keep(writer, item, reply).map_err(|error| unkept(path, &error))?;
                }
                None => return Err(self.refused(rows, item, reply)),
            }
        }
        self.progress.show(self.tally.rows);
        Ok(())
    }

    fn refused(&self, rows: &Rows<'_>, item: &Item, reply: &Value) -> Failure {
        let (code, error) = (text_of(reply, "code").to_owned(), text_of(reply, "error"));
        let path = rows.path().display().to_string();
        let before = self.tally.done + self.tally.already;
        let text = format!("{path} row {}: {error}; {before} rows were done", item.row);
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

fn keep(writer: &mut csv::Writer<File>, item: &Item, reply: &Value) -> csv::Result<()> {
    if writer_is_new(writer) {
        writer.write_record(["row", "tx_id", "code", "error", "request"])?;
    }
    writer.write_record([
        &item.row.to_string(),
        item.tx_id.as_str(),
        text_of(reply, "code"),
        text_of(reply, "error"),
        &String::from_utf8_lossy(&item.request()),
    ])
}

fn writer_is_new(writer: &csv::Writer<File>) -> bool {
    // Nothing is written before the first row that is kept.
    writer.get_ref().metadata().is_ok_and(|file| file.len() == 0)
}

fn unkept(path: &std::path::Path, error: &csv::Error) -> Failure {
    let text = format!("cannot write to {}: {error}", path.display());
    Failure::new(Exit::Usage, "output", text)
}
