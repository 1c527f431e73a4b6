//! What an import would do: every row against the balances as they are now and as the rows before it
//! would leave them, by the ledger's own rules. Nothing is sent but questions.

use std::collections::{HashMap, HashSet};

use ledger::{Balance, apply, decide};
use serde_json::{Value, json};

use super::Tally;
use super::source::{Found, Item, Source};
use crate::bulk::{Pipe, Progress, text_of};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::refused;
use crate::server::Server;

/// Rows that are asked about at once.
const WINDOW: usize = 512;

struct DryRun<'s> {
    server: &'s Server,
    pipe: Pipe<'s>,
    waiting: Vec<Item>,
    balances: HashMap<String, Balance>,
    /// tx_ids of rows before.
    named: HashSet<String>,
    tally: Tally,
    rejected: Vec<(u64, String)>,
    progress: Progress,
}

/// Refusals that are told one by one.
const TOLD_MAX: usize = 20;

/// Tries all rows. Returns the tally, and the first refusals with their rows.
pub async fn dry_run(
    server: &Server,
    source: &mut Source,
    total: u64,
    is_quiet: bool,
) -> Result<(Tally, Vec<(u64, String)>), Failure> {
    let mut run = DryRun {
        server,
        pipe: Pipe::new(server),
        waiting: Vec::with_capacity(WINDOW),
        balances: HashMap::new(),
        named: HashSet::new(),
        tally: Tally::default(),
        rejected: Vec::new(),
        progress: Progress::new("import", "rows", total, is_quiet),
    };
    let mut rows = source.rows()?;
    while let Some(found) = rows.next()? {
        match found {
            Found::Skip => run.tally.skipped += 1,
            Found::Item(item) => run.waiting.push(item),
        }
        if run.waiting.len() >= WINDOW {
            run.try_waiting().await?;
        }
    }
    run.try_waiting().await?;
    let DryRun { tally, rejected, progress, .. } = run;
    progress.finish(tally.rows);
    Ok((tally, rejected))
}

impl DryRun<'_> {
    async fn try_waiting(&mut self) -> Result<(), Failure> {
        let waiting = std::mem::take(&mut self.waiting);
        let known = self.known(&waiting).await?;
        self.look_up(&waiting).await?;
        for (item, known) in waiting.into_iter().zip(known) {
            self.tally.rows += 1;
            if known || !self.named.insert(item.tx_id.to_string()) {
                self.tally.already += 1;
                continue;
            }
            let held: Vec<Balance> = item
                .command
                .accounts()
                .map(|account| self.balances.get(account.as_str()).copied().unwrap_or_default())
                .collect();
            match decide(item.command, &held) {
                Ok(event) => {
                    apply(&event, |account, balance| {
                        self.balances.insert(account.as_str().to_owned(), balance);
                    });
                    self.tally.done += 1;
                }
                Err(refused) => {
                    self.tally.rejected += 1;
                    if self.rejected.len() < TOLD_MAX {
                        self.rejected.push((item.row, refused.rejection.to_string()));
                    }
                }
            }
        }
        self.progress.show(self.tally.rows);
        Ok(())
    }

    /// Which of the tx_ids the bank knows.
    async fn known(&mut self, items: &[Item]) -> Result<Vec<bool>, Failure> {
        let lines: Vec<String> = items
            .iter()
            .map(|item| json!({"cmd": "transaction", "tx_id": item.tx_id.as_str()}).to_string())
            .collect();
        let replies = self.pipe.ask(&lines).await?;
        let known = replies.iter().map(|reply| match text_of(reply, "code") {
            "unknown_transaction" => Ok(false),
            "" => Ok(true),
            _ => Err(refused::no(self.server, reply)),
        });
        known.collect()
    }

    /// Asks what the accounts hold that no row named before.
    async fn look_up(&mut self, items: &[Item]) -> Result<(), Failure> {
        let mut unknown: Vec<String> = items
            .iter()
            .flat_map(|item| item.command.accounts().map(ToString::to_string).collect::<Vec<_>>())
            .filter(|name| !self.balances.contains_key(name))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        let lines: Vec<String> = unknown
            .chunks(1_000)
            .map(|users| json!({"cmd": "balance", "users": users}).to_string())
            .collect();
        for reply in self.pipe.ask(&lines).await? {
            let held = reply.get("balances").and_then(Value::as_array);
            for one in held.ok_or_else(|| refused::no(self.server, &reply))? {
                let balance = one.get("balance").and_then(Value::as_i64).and_then(Balance::new);
                let balance = balance.ok_or_else(|| {
                    Failure::new(Exit::NothingDone, "bad_reply", "a balance is none")
                })?;
                self.balances.insert(text_of(one, "user").to_owned(), balance);
            }
        }
        Ok(())
    }
}
