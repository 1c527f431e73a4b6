//! What all accounts hold, at one position: those that changed while the list was read are asked for
//! again, as they were then.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::Target;
use super::csv::Rows;
use super::transactions::{items, position};
use crate::bulk::{Pipe, Progress, text_of};
use crate::failure::Failure;
use crate::refused;
use crate::server::Server;

const PAGE: usize = 1_000;

/// How accounts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccountsFormat {
    /// An object per line: user, balance.
    Jsonl,
    /// One row per account, with a header.
    Csv,
}

/// Writes all accounts; returns how many, and the position.
pub async fn accounts(
    server: &Server,
    format: AccountsFormat,
    target: &mut Target,
    is_hidden: bool,
) -> Result<(u64, u64), Failure> {
    let mut pipe = Pipe::new(server);
    let end = position(&mut pipe, server).await?;
    let mut progress = Progress::new("export", "accounts", 0, is_hidden);
    let mut rows = Rows::new(&["user", "balance"])?;
    let mut count = 0;
    let mut cursor = Value::Null;
    loop {
        let mut request = json!({"cmd": "accounts", "limit": PAGE});
        if !cursor.is_null() {
            request["cursor"] = cursor;
        }
        let replies = pipe.ask(&[request.to_string()]).await?;
        let reply = replies.first().unwrap_or(&Value::Null);
        for (user, balance) in held(&mut pipe, server, items(server, reply)?, end).await? {
            count += 1;
            match format {
                AccountsFormat::Jsonl => {
                    target.write(
                        format!("{}\n", json!({"user": user, "balance": balance})).as_bytes(),
                    )?;
                }
                AccountsFormat::Csv => rows.add(&[user, balance.to_string()])?,
            }
        }
        if format == AccountsFormat::Csv {
            target.write(&rows.take()?)?;
        }
        progress.show(count);
        cursor = reply.get("next_cursor").cloned().unwrap_or_default();
        if cursor.is_null() || target.is_gone() {
            break;
        }
    }
    progress.finish(count);
    Ok((count, end))
}

/// What the accounts of a page held behind the event `end`.
async fn held(
    pipe: &mut Pipe<'_>,
    server: &Server,
    page: &[Value],
    end: u64,
) -> Result<Vec<(String, i64)>, Failure> {
    let seq = |one: &Value| one.get("seq").and_then(Value::as_u64).unwrap_or_default();
    let asked: Vec<String> = page
        .iter()
        .filter(|one| seq(one) > end)
        .map(|one| json!({"cmd": "balance", "user": one.get("user"), "at_seq": end}).to_string())
        .collect();
    let mut then = pipe.ask(&asked).await?.into_iter();
    let mut held = Vec::with_capacity(page.len());
    for one in page {
        let told = if seq(one) > end { then.next().unwrap_or_default() } else { one.clone() };
        let Some(balance) = told.get("balance").and_then(Value::as_i64) else {
            return Err(refused::no(server, &told));
        };
        // One that was opened meanwhile was not there.
        if told.get("exists").is_none() {
            held.push((text_of(one, "user").to_owned(), balance));
        }
    }
    Ok(held)
}
