//! Every transaction of a span, in order, in one of three forms. The span ends at one position, so
//! an export is a whole: what happens meanwhile is not in it.

use std::collections::VecDeque;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::csv::{Rows, TRANSACTION_COLUMNS, transaction_rows};
use super::{Commodity, Target};
use crate::bulk::{Pipe, Progress};
use crate::failure::Failure;
use crate::refused;
use crate::server::Server;

/// Transactions in one request, and requests under way at once.
const PAGE: u64 = 1_000;
const PAGES_AT_ONCE: u64 = 8;

/// How transactions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TransactionsFormat {
    /// The server's own objects, one per line.
    Jsonl,
    /// One row per transaction, with a header.
    Csv,
    /// A journal for hledger.
    Hledger,
}

/// Writes the transactions from `from` to `to`, or to the end as it is now. Returns how many, and
/// the last of them.
pub async fn transactions(
    server: &Server,
    format: TransactionsFormat,
    commodity: &Commodity,
    (from, to): (u64, Option<u64>),
    target: &mut Target,
    is_hidden: bool,
) -> Result<(u64, u64), Failure> {
    let mut pipe = Pipe::new(server);
    let end = position(&mut pipe, server).await?;
    let last = to.map_or(end, |to| to.min(end));
    let total = (last + 1).saturating_sub(from);
    let mut progress = Progress::new("export", "transactions", total, is_hidden);
    let mut rows = Rows::new(&TRANSACTION_COLUMNS)?;
    if format == TransactionsFormat::Hledger {
        target.write(commodity.head(from, last).as_bytes())?;
    }
    let mut next = from;
    let mut ahead = VecDeque::new();
    let mut is_first_of_ask = false;
    // The server may give fewer than were asked for when they are large, so what counts is the seq of
    // each; a page that was asked for ahead and does not follow is asked for again.
    while next <= last && !target.is_gone() {
        let reply = match ahead.pop_front() {
            Some(reply) => reply,
            None => {
                ahead.extend(pipe.ask(&pages(next, last)).await?);
                is_first_of_ask = true;
                continue;
            }
        };
        let items = items(server, &reply)?;
        let first = items.first().and_then(|one| one.get("seq")).and_then(Value::as_u64);
        if first != Some(next) {
            if is_first_of_ask {
                return Err(refused::no(server, &reply));
            }
            ahead.clear();
            continue;
        }
        is_first_of_ask = false;
        for transaction in items {
            next += 1;
            match format {
                TransactionsFormat::Jsonl => {
                    target.write(format!("{transaction}\n").as_bytes())?;
                }
                TransactionsFormat::Csv => {
                    for row in transaction_rows(transaction) {
                        rows.add(&row)?;
                    }
                }
                TransactionsFormat::Hledger => {
                    let text = commodity.transaction(transaction, from == 1);
                    target.write(text.as_bytes())?;
                }
            }
        }
        if format == TransactionsFormat::Csv {
            target.write(&rows.take()?)?;
        }
        progress.show(next - from);
    }
    if format == TransactionsFormat::Csv {
        target.write(&rows.take()?)?;
    }
    progress.finish(total);
    Ok((total, last))
}

fn pages(next: u64, last: u64) -> Vec<String> {
    let firsts = (0..PAGES_AT_ONCE).map(|n| next + n * PAGE).take_while(|first| *first <= last);
    firsts
        .map(|first| {
            let to = last.min(first + PAGE - 1);
            json!({"cmd": "transactions", "from_seq": first, "to_seq": to, "limit": PAGE})
                .to_string()
        })
        .collect()
}

/// The place of the last event, as it is now.
pub async fn position(pipe: &mut Pipe<'_>, server: &Server) -> Result<u64, Failure> {
    let replies = pipe.ask(&[json!({"cmd": "totals"}).to_string()]).await?;
    let reply = replies.first().unwrap_or(&Value::Null);
    match reply.get("seq").and_then(Value::as_u64) {
        Some(seq) => Ok(seq),
        None => Err(refused::no(server, reply)),
    }
}

/// The items of a list.
pub(super) fn items<'r>(server: &Server, reply: &'r Value) -> Result<&'r [Value], Failure> {
    match reply.get("items").and_then(Value::as_array) {
        Some(items) => Ok(items),
        None => Err(refused::no(server, reply)),
    }
}
