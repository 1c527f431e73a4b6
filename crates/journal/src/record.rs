//! One event as one line: its canonical bytes, written and read.
//!
//! The form of every kind of line stands in `docs/formats.md`, which changes before this file.

use ledger::{
    AccountId, Amount, Balance, By, Command, Event, Leg, Openings, Refused, Rejection, Seq,
    Transaction, Transfer, TxId,
};

use crate::text::{Cursor, Pen};

/// What stands before the name of who did it.
const BY_KEY: &str = ",\"by\":";

/// Appends the line of an event, newline included, to `line`. `by`: who did it, a name that
/// [`By::new`] took.
pub fn encode(
    line: &mut Vec<u8>,
    seq: Seq,
    tx_id: &str,
    by: Option<&str>,
    event: &Event<'_>,
    at_us: u64,
) {
    let mut pen = Pen(line);
    pen.literal("{\"seq\":").number(seq.get()).literal(",\"tx\":");
    match event {
        Event::Init { legs } => {
            pen.literal("\"init\",\"tx_id\":").string(tx_id).literal(",\"accounts\":{");
            for (n, leg) in legs.iter().enumerate() {
                pen.literal(if n == 0 { "" } else { "," }).string(leg.account.as_str());
                pen.literal(":{\"before\":").number(leg.before.get());
                pen.literal(",\"after\":").number(leg.after.get()).literal("}");
            }
            pen.literal("}");
        }
        Event::Deposit { leg, amount } => one_leg(&mut pen, "\"deposit\"", tx_id, leg, *amount),
        Event::Withdraw { leg, amount } => one_leg(&mut pen, "\"withdraw\"", tx_id, leg, *amount),
        Event::Transfer { from, to, amount } => {
            pen.literal("\"transfer\",\"tx_id\":").string(tx_id);
            pen.literal(",\"from\":").string(from.account.as_str());
            pen.literal(",\"to\":").string(to.account.as_str());
            pen.literal(",\"amount\":").number(amount.get());
            pen.literal(",\"after_from\":").number(from.after.get());
            pen.literal(",\"after_to\":").number(to.after.get());
        }
        Event::Refused(refused) => {
            pen.literal("\"refused\",\"tx_id\":").string(tx_id);
            pen.literal(",\"code\":").string(refused.rejection.code());
            match &refused.command {
                Command::Deposit { account, amount } => {
                    asked_of_one(&mut pen, "\"deposit\"", account, *amount);
                }
                Command::Withdraw { account, amount } => {
                    asked_of_one(&mut pen, "\"withdraw\"", account, *amount);
                }
                Command::Transfer(transfer) => {
                    pen.literal(",\"cmd\":\"transfer\",\"from\":").string(transfer.from().as_str());
                    pen.literal(",\"to\":").string(transfer.to().as_str());
                    pen.literal(",\"amount\":").number(transfer.amount().get());
                }
                Command::Init(openings) => {
                    pen.literal(",\"cmd\":\"init\",\"accounts\":{");
                    for (n, (account, balance)) in openings.as_slice().iter().enumerate() {
                        pen.literal(if n == 0 { "" } else { "," }).string(account.as_str());
                        pen.literal(":").number(balance.get());
                    }
                    pen.literal("}");
                }
            }
            match refused.rejection {
                Rejection::DeadlinePassed { not_after_us } => {
                    pen.literal(",\"not_after\":").number(not_after_us);
                }
                Rejection::InsufficientFunds { balance }
                | Rejection::BalanceOutOfRange { balance } => {
                    pen.literal(",\"balance\":").number(balance.get());
                }
                Rejection::InvalidName(_)
                | Rejection::InvalidAmount(_)
                | Rejection::InvalidTxId(_)
                | Rejection::SameAccount
                | Rejection::TxIdReused
                | Rejection::Voided => unreachable!("such a refusal is never recorded"),
            }
        }
        Event::Void => {
            pen.literal("\"void\",\"tx_id\":").string(tx_id);
        }
    }
    if let Some(by) = by {
        pen.literal(BY_KEY).string(by);
    }
    pen.literal(",\"at\":").number(at_us).literal("}\n");
}

fn one_leg(pen: &mut Pen<'_>, kind: &str, tx_id: &str, leg: &Leg<'_>, amount: Amount) {
    pen.literal(kind).literal(",\"tx_id\":").string(tx_id);
    pen.literal(",\"user\":").string(leg.account.as_str());
    pen.literal(",\"amount\":").number(amount.get());
    pen.literal(",\"after\":").number(leg.after.get());
}

fn asked_of_one(pen: &mut Pen<'_>, command: &str, account: &AccountId<'_>, amount: Amount) {
    pen.literal(",\"cmd\":").literal(command);
    pen.literal(",\"user\":").string(account.as_str());
    pen.literal(",\"amount\":").number(amount.get());
}

/// Reads one line (without its newline); `None` unless it is the canonical form of an event.
/// Balances before are derived from the balances after and the amount.
pub fn decode(line: &[u8]) -> Option<Transaction<'_>> {
    let mut cursor = Cursor::new(line);
    cursor.literal("{\"seq\":")?;
    let seq = Seq::new(cursor.u64()?);
    cursor.literal(",\"tx\":")?;
    let (tx_id, event) = if cursor.takes("\"transfer\",") {
        let tx_id = tx_id(&mut cursor)?;
        cursor.literal(",\"from\":")?;
        let from = account(&mut cursor)?;
        cursor.literal(",\"to\":")?;
        let to = account(&mut cursor)?;
        let amount = amount(&mut cursor)?;
        cursor.literal(",\"after_from\":")?;
        let from_after = balance(&mut cursor)?;
        cursor.literal(",\"after_to\":")?;
        let to_after = balance(&mut cursor)?;
        if from == to {
            return None;
        }
        let from = Leg { account: from, before: from_after.plus(amount)?, after: from_after };
        let to = Leg { account: to, before: to_after.minus(amount)?, after: to_after };
        (tx_id, Event::Transfer { from, to, amount })
    } else if cursor.takes("\"deposit\",") {
        let (tx_id, account, amount, after) = one_account(&mut cursor)?;
        let leg = Leg { account, before: after.minus(amount)?, after };
        (tx_id, Event::Deposit { leg, amount })
    } else if cursor.takes("\"withdraw\",") {
        let (tx_id, account, amount, after) = one_account(&mut cursor)?;
        let leg = Leg { account, before: after.plus(amount)?, after };
        (tx_id, Event::Withdraw { leg, amount })
    } else if cursor.takes("\"init\",") {
        let tx_id = tx_id(&mut cursor)?;
        (tx_id, Event::Init { legs: opening_legs(&mut cursor)? })
    } else if cursor.takes("\"refused\",") {
        let tx_id = tx_id(&mut cursor)?;
        (tx_id, Event::Refused(refused(&mut cursor)?))
    } else if cursor.takes("\"void\",") {
        (tx_id(&mut cursor)?, Event::Void)
    } else {
        return None;
    };
    let by = if cursor.takes(BY_KEY) { Some(By::new(cursor.string()?).ok()?) } else { None };
    cursor.literal(",\"at\":")?;
    let at_us = cursor.u64()?;
    cursor.literal("}")?;
    cursor.end()?;
    Some(Transaction { seq, tx_id, by, event, at_us })
}

fn tx_id<'a>(cursor: &mut Cursor<'a>) -> Option<TxId<'a>> {
    cursor.literal("\"tx_id\":")?;
    TxId::new(cursor.string()?).ok()
}

fn account<'a>(cursor: &mut Cursor<'a>) -> Option<AccountId<'a>> {
    AccountId::new(cursor.string()?).ok()
}

fn balance(cursor: &mut Cursor<'_>) -> Option<Balance> {
    Balance::new(cursor.i64()?)
}

fn amount(cursor: &mut Cursor<'_>) -> Option<Amount> {
    cursor.literal(",\"amount\":")?;
    Amount::new(cursor.i64()?).ok()
}

fn one_account<'a>(cursor: &mut Cursor<'a>) -> Option<(TxId<'a>, AccountId<'a>, Amount, Balance)> {
    let tx_id = tx_id(cursor)?;
    cursor.literal(",\"user\":")?;
    let account = account(cursor)?;
    let amount = amount(cursor)?;
    cursor.literal(",\"after\":")?;
    Some((tx_id, account, amount, balance(cursor)?))
}

fn opening_legs<'a>(cursor: &mut Cursor<'a>) -> Option<Vec<Leg<'a>>> {
    cursor.literal(",\"accounts\":{")?;
    let mut legs = Vec::new();
    while !cursor.takes("}") {
        if !legs.is_empty() {
            cursor.literal(",")?;
        }
        let account = account(cursor)?;
        cursor.literal(":{\"before\":")?;
        let before = balance(cursor)?;
        cursor.literal(",\"after\":")?;
        let after = balance(cursor)?;
        cursor.literal("}")?;
        legs.push(Leg { account, before, after });
    }
    Some(legs)
}

fn refused<'a>(cursor: &mut Cursor<'a>) -> Option<Refused<'a>> {
    cursor.literal(",\"code\":")?;
    let code = cursor.string()?;
    cursor.literal(",\"cmd\":")?;
    let command = if cursor.takes("\"transfer\",\"from\":") {
        let from = account(cursor)?;
        cursor.literal(",\"to\":")?;
        let to = account(cursor)?;
        Command::Transfer(Transfer::new(from, to, amount(cursor)?).ok()?)
    } else if cursor.takes("\"init\",\"accounts\":{") {
        Command::Init(openings(cursor)?)
    } else {
        let deposits = cursor.takes("\"deposit\",\"user\":");
        if !deposits {
            cursor.literal("\"withdraw\",\"user\":")?;
        }
        let account = account(cursor)?;
        let amount = amount(cursor)?;
        if deposits {
            Command::Deposit { account, amount }
        } else {
            Command::Withdraw { account, amount }
        }
    };
    let rejection = if cursor.takes(",\"not_after\":") {
        let rejection = Rejection::DeadlinePassed { not_after_us: cursor.u64()? };
        (code == rejection.code()).then_some(rejection)?
    } else {
        cursor.literal(",\"balance\":")?;
        Rejection::recorded(&code, balance(cursor)?)?
    };
    Some(Refused { command, rejection })
}

/// The rest of an object of names and opening balances, whose brace was read.
fn openings<'a>(cursor: &mut Cursor<'a>) -> Option<Openings<'a>> {
    let mut openings = Vec::new();
    while !cursor.takes("}") {
        if !openings.is_empty() {
            cursor.literal(",")?;
        }
        let account = account(cursor)?;
        cursor.literal(":")?;
        openings.push((account, balance(cursor)?));
    }
    Openings::new(openings)
}

/// No fewer bytes than the line of `command` can have under `tx_id`, done `by` somebody, whatever the
/// outcome.
pub fn bytes_max(command: &Command<'_>, tx_id: &str, by: Option<&By<'_>>) -> usize {
    // Keys, numbers and the newline of the longest kind, a refused transfer, have 230 bytes.
    const FIXED_BYTES: usize = 256;
    // Quotes, colons, commas, braces and keys of an account in an `init`, and the balance before.
    const OPENING_BYTES: usize = 42;
    let names: usize = match command {
        Command::Init(openings) => {
            let names = openings.as_slice().iter();
            let bytes = |(account, after): &(AccountId<'_>, Balance)| {
                let digits = itoa::Buffer::new().format(after.get()).len();
                escaped_bytes(account.as_str()) + OPENING_BYTES + digits
            };
            names.map(bytes).sum()
        }
        Command::Deposit { .. } | Command::Withdraw { .. } | Command::Transfer(_) => {
            command.accounts().map(|account| 2 * account.as_str().len()).sum()
        }
    };
    FIXED_BYTES + 2 * tx_id.len() + by_bytes_max(by) + names
}

/// No fewer bytes than the line of a void can have under `tx_id`, asked for `by` somebody.
pub fn bytes_max_void(tx_id: &str, by: Option<&By<'_>>) -> usize {
    // Keys, two numbers of twenty digits and the newline have 80 bytes.
    96 + 2 * tx_id.len() + by_bytes_max(by)
}

fn by_bytes_max(by: Option<&By<'_>>) -> usize {
    // The name's quotes.
    by.map_or(0, |by| BY_KEY.len() + 2 + 2 * by.as_str().len())
}

fn escaped_bytes(text: &str) -> usize {
    text.len() + memchr::memchr2_iter(b'"', b'\\', text.as_bytes()).count()
}

#[cfg(test)]
mod tests;
