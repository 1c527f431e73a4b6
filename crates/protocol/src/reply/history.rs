//! The replies about history. Each function appends one line to `out`, its line feed included.
//! Lists are `items`, then what goes with all of them, then `next_cursor` (null at the end) and
//! `as_of`.

use ledger::{AccountId, Balance, By, Event, Seq, Transaction, TxId};

use super::{Standing, end, error, integer, reading, standing_and_end, transaction};
use crate::code::Code;
use crate::escape;
use crate::limits::PAGE_BYTES;

/// The answer to `resolve`: what stands under the tx_id for ever.
pub fn resolved(out: &mut Vec<u8>, transaction: &Transaction<'_>, duplicate: bool) {
    out.extend_from_slice(b"{\"ok\":true,\"outcome\":\"");
    out.extend_from_slice(match transaction.event {
        Event::Init { .. }
        | Event::Deposit { .. }
        | Event::Withdraw { .. }
        | Event::Transfer { .. } => b"done",
        Event::Refused(_) => b"refused",
        Event::Void => b"voided",
    });
    out.extend_from_slice(b"\",\"transaction\":");
    transaction::object(out, transaction);
    out.extend_from_slice(b",\"seq\":");
    integer(out, transaction.seq.get());
    out.extend_from_slice(b",\"tx_id\":");
    escape::string(out, transaction.tx_id.as_str());
    end(out, duplicate);
}

/// One transaction; `None` when there is none under that name, which is refused.
pub fn transaction(out: &mut Vec<u8>, found: Option<&Transaction<'_>>, as_of: Seq) {
    let Some(found) = found else {
        error(out, "there is no such transaction", Code::UnknownTransaction);
        return standing_and_end(out, &Standing::unrecorded(as_of, None));
    };
    out.extend_from_slice(b"{\"ok\":true,\"transaction\":");
    transaction::object(out, found);
    position_and_end(out, as_of);
}

/// One transaction alone, as it stands in a list: one object, without a line feed.
pub fn item(out: &mut Vec<u8>, transaction: &Transaction<'_>) {
    transaction::object(out, transaction);
}

/// A page of transactions, oldest first. `next`: where the next page begins, when there is one.
/// The page ends early behind [`PAGE_BYTES`]. `cursor`: the cursor of a page that goes on behind
/// this seq.
pub fn transactions(
    out: &mut Vec<u8>,
    transactions: &[Transaction<'_>],
    next: Option<Seq>,
    as_of: Seq,
    cursor: impl FnOnce(Seq) -> String,
) {
    let start = out.len();
    let mut next = next;
    let mut last = Seq::ZERO;
    out.extend_from_slice(b"{\"ok\":true,\"items\":[");
    for (place, found) in transactions.iter().enumerate() {
        if place > 0 {
            if out.len() - start >= PAGE_BYTES {
                next = last.checked_next();
                break;
            }
            out.push(b',');
        }
        transaction::object(out, found);
        last = found.seq;
    }
    out.push(b']');
    let behind = next.map(|next| Seq::new(next.get().saturating_sub(1)));
    next_cursor(out, behind.map(cursor).as_deref());
    position_and_end(out, as_of);
}

/// A page of an account's history.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'r, 'a> {
    /// The account.
    pub account: &'r AccountId<'a>,
    /// Whether there is such an account.
    pub exists: bool,
    /// What it held before the earliest of the lines.
    pub before: Balance,
    /// What it held after the latest of them.
    pub after: Balance,
    /// The cursor of the next page; `None` at the end.
    pub next_cursor: Option<&'r str>,
    /// The position that the answer reflects.
    pub as_of: Seq,
}

/// One change of an account.
#[derive(Clone, Copy, Debug)]
pub struct Line<'r, 'a> {
    /// Its place in the one order.
    pub seq: Seq,
    /// Microseconds since the Unix epoch.
    pub at_us: u64,
    /// What it was: `init`, `deposit`, `withdraw` or `transfer`.
    pub kind: &'static str,
    /// The account on the other side of a transfer.
    pub other: Option<&'r AccountId<'a>>,
    /// What the account gained, in minor units: below zero when it paid.
    pub change: i64,
    /// What it held afterwards.
    pub after: Balance,
    /// The idempotency key.
    pub tx_id: &'r TxId<'a>,
    /// Who did it, if anybody was named.
    pub by: Option<&'r By<'a>>,
}

/// A page of an account's history, with its lines in the order asked.
pub fn statement<'r, 'a: 'r>(
    out: &mut Vec<u8>,
    statement: &Statement<'_, '_>,
    lines: impl IntoIterator<Item = Line<'r, 'a>>,
) {
    out.extend_from_slice(b"{\"ok\":true,\"user\":");
    escape::string(out, statement.account.as_str());
    out.extend_from_slice(b",\"items\":[");
    for (place, line) in lines.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        statement_line(out, &line);
    }
    out.extend_from_slice(b"],\"balance_before\":");
    integer(out, statement.before.get());
    out.extend_from_slice(b",\"balance_after\":");
    integer(out, statement.after.get());
    if !statement.exists {
        out.extend_from_slice(b",\"exists\":false");
    }
    next_cursor(out, statement.next_cursor);
    position_and_end(out, statement.as_of);
}

/// A page of accounts, each with its balance and the seq of its last change. `count`: how many
/// there are in all, when that was asked.
pub fn accounts<'r, 'a: 'r>(
    out: &mut Vec<u8>,
    accounts: impl IntoIterator<Item = (&'r AccountId<'a>, Balance, Seq)>,
    next: Option<&str>,
    count: Option<u64>,
    as_of: Seq,
) {
    out.extend_from_slice(b"{\"ok\":true,\"items\":[");
    for (place, (account, balance, seq)) in accounts.into_iter().enumerate() {
        out.extend_from_slice(if place > 0 { b",{" } else { b"{" });
        reading(out, account, Some(balance));
        out.extend_from_slice(b",\"seq\":");
        integer(out, seq.get());
        out.push(b'}');
    }
    out.push(b']');
    next_cursor(out, next);
    if let Some(count) = count {
        out.extend_from_slice(b",\"count\":");
        integer(out, count);
    }
    position_and_end(out, as_of);
}

/// The bank as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Totals {
    /// How many accounts there are.
    pub accounts_count: u64,
    /// The sum of their balances, in minor units.
    pub sum: i128,
    /// All that ever came in, in minor units.
    pub money_in: i128,
    /// All that ever went out, in minor units.
    pub money_out: i128,
    /// The last event: the position that the answer reflects.
    pub seq: Seq,
    /// Its time, in microseconds since the Unix epoch.
    pub at_us: u64,
}

/// The bank as a whole, at one position.
pub fn totals(out: &mut Vec<u8>, totals: &Totals) {
    out.extend_from_slice(b"{\"ok\":true,\"accounts\":");
    integer(out, totals.accounts_count);
    out.extend_from_slice(b",\"sum\":");
    integer(out, totals.sum);
    out.extend_from_slice(b",\"money_in\":");
    integer(out, totals.money_in);
    out.extend_from_slice(b",\"money_out\":");
    integer(out, totals.money_out);
    out.extend_from_slice(b",\"seq\":");
    integer(out, totals.seq.get());
    out.extend_from_slice(b",\"at\":");
    integer(out, totals.at_us);
    position_and_end(out, totals.seq);
}

/// What was asked for lies ahead of the position `as_of`.
pub fn not_yet(out: &mut Vec<u8>, as_of: Seq) {
    error(out, "the position asked for lies ahead", Code::NotYet);
    standing_and_end(out, &Standing::unrecorded(as_of, None));
}

fn statement_line(out: &mut Vec<u8>, line: &Line<'_, '_>) {
    out.extend_from_slice(b"{\"seq\":");
    integer(out, line.seq.get());
    out.extend_from_slice(b",\"at\":");
    integer(out, line.at_us);
    out.extend_from_slice(b",\"tx\":\"");
    out.extend_from_slice(line.kind.as_bytes());
    out.push(b'"');
    if let Some(other) = line.other {
        out.extend_from_slice(b",\"other\":");
        escape::string(out, other.as_str());
    }
    out.extend_from_slice(b",\"amount\":");
    integer(out, line.change);
    out.extend_from_slice(b",\"balance\":");
    integer(out, line.after.get());
    out.extend_from_slice(b",\"tx_id\":");
    escape::string(out, line.tx_id.as_str());
    if let Some(by) = line.by {
        out.extend_from_slice(b",\"by\":");
        escape::string(out, by.as_str());
    }
    out.push(b'}');
}

fn next_cursor(out: &mut Vec<u8>, cursor: Option<&str>) {
    out.extend_from_slice(b",\"next_cursor\":");
    match cursor {
        Some(cursor) => escape::string(out, cursor),
        None => out.extend_from_slice(b"null"),
    }
}

fn position_and_end(out: &mut Vec<u8>, as_of: Seq) {
    out.extend_from_slice(b",\"as_of\":");
    integer(out, as_of.get());
    end(out, false);
}
