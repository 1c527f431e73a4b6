//! What an import would do: every row against the balances as they are now and as the rows before it
//! would leave them, by the ledger's own rules, and against what its tx_id stands for. Nothing is sent
//! but questions.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use ledger::{Balance, Rejection, TxId, apply, decide};
use serde_json::{Value, json};

use super::source::{Found, Item, Source};
use super::standing::{Content, Standing};
use super::window::{ROWS_MAX, Window};
use super::{Refusal, Tally};
use crate::bulk::{Pipe, Progress, text_of};
use crate::exit_code::Exit;
use crate::failure::Failure;
use crate::refused;
use crate::server::Server;

struct DryRun<'s> {
    server: &'s Server,
    pipe: Pipe<'s>,
    window: Window,
    balances: HashMap<String, Balance>,
    /// What rows before made of their tx_ids, by the hash of each.
    standings: HashMap<[u8; 16], Standing>,
    tally: Tally,
    rejected: Vec<(u64, Refusal)>,
    progress: Progress,
}

/// Refusals that are told one by one.
const TOLD_MAX: usize = 20;

/// Tries all rows. Returns the tally, and the first refusals with their rows.
pub async fn dry_run(
    server: &Server,
    source: &mut Source,
    total: u64,
    is_hidden: bool,
) -> Result<(Tally, Vec<(u64, Refusal)>), Failure> {
    let mut run = DryRun {
        server,
        pipe: Pipe::new(server),
        window: Window::new(ROWS_MAX),
        balances: HashMap::new(),
        standings: HashMap::new(),
        tally: Tally::default(),
        rejected: Vec::new(),
        progress: Progress::new("import", "rows", total, is_hidden),
    };
    let mut rows = source.rows()?;
    while let Some(found) = rows.next()? {
        match found {
            Found::Skip => run.tally.skipped += 1,
            Found::Item(item) => {
                if run.window.add(item) {
                    run.try_window().await?;
                }
            }
        }
    }
    run.try_window().await?;
    let DryRun { tally, rejected, progress, .. } = run;
    progress.finish(tally.rows);
    Ok((tally, rejected))
}

impl DryRun<'_> {
    async fn try_window(&mut self) -> Result<(), Failure> {
        let items = self.window.take();
        let known = self.known(&items).await?;
        self.look_up(&items).await?;
        let now_us = now_us();
        for (item, known) in items.into_iter().zip(known) {
            self.tally.rows += 1;
            let (key, content) = (key(&item.tx_id), Content::of(&item.command));
            let row = item.row;
            let outcome = match self.standings.get(&key).or(known.as_ref()) {
                Some(standing) => standing.answer(content).map(|()| &mut self.tally.already),
                None => {
                    let outcome = self.decide(item, now_us);
                    let standing = match &outcome {
                        Ok(()) => Standing::Done(content),
                        Err(Refusal { code, .. }) => Standing::Refused(content, code.clone()),
                    };
                    self.standings.insert(key, standing);
                    outcome.map(|()| &mut self.tally.done)
                }
            };
            match outcome {
                Ok(count) => *count += 1,
                Err(refusal) => {
                    self.tally.rejected += 1;
                    if self.rejected.len() < TOLD_MAX {
                        self.rejected.push((row, refusal));
                    }
                }
            }
        }
        self.progress.show(self.tally.rows);
        Ok(())
    }

    /// What becomes of a row whose tx_id is new. The bank's clock decides about a deadline; this
    /// machine's is the nearest to it that can be had.
    fn decide(&mut self, item: Item, now_us: u64) -> Result<(), Refusal> {
        if let Some(not_after_us) = item.not_after_us.filter(|not_after_us| now_us > *not_after_us)
        {
            return Err(Refusal::from(&Rejection::DeadlinePassed { not_after_us }));
        }
        let held: Vec<Balance> = item
            .command
            .accounts()
            .map(|account| self.balances.get(account.as_str()).copied().unwrap_or_default())
            .collect();
        let event = decide(item.command, &held).map_err(|no| Refusal::from(&no.rejection))?;
        apply(&event, |account, balance| {
            self.balances.insert(account.as_str().to_owned(), balance);
        });
        Ok(())
    }

    /// What the bank has under each of the tx_ids.
    async fn known(&mut self, items: &[Item]) -> Result<Vec<Option<Standing>>, Failure> {
        let lines: Vec<String> = items
            .iter()
            .map(|item| json!({"cmd": "transaction", "tx_id": item.tx_id.as_str()}).to_string())
            .collect();
        let replies = self.pipe.ask(&lines).await?;
        let known = replies.iter().map(|reply| match (reply.get("transaction"), reply) {
            (Some(transaction), _) => Standing::of(transaction).map(Some).map_err(|fault| {
                let text = format!("a transaction of the bank cannot be read: {fault}");
                Failure::new(Exit::NothingDone, "bad_reply", text)
            }),
            (None, reply) if text_of(reply, "code") == "unknown_transaction" => Ok(None),
            (None, reply) => Err(refused::no(self.server, reply)),
        });
        known.collect()
    }

    /// Asks what the accounts hold that no row named before.
    async fn look_up(&mut self, items: &[Item]) -> Result<(), Failure> {
        let mut unknown: Vec<&str> = items
            .iter()
            .flat_map(|item| item.command.accounts())
            .map(|account| account.as_str())
            .filter(|name| !self.balances.contains_key(*name))
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

/// Half of a hash: a tx_id is kept for every row, and its text may have 128 bytes.
fn key(tx_id: &TxId<'_>) -> [u8; 16] {
    let mut key = [0; 16];
    blake3::Hasher::new().update(tx_id.as_str().as_bytes()).finalize_xof().fill(&mut key);
    key
}

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
