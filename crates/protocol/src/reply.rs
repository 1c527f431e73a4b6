//! Writes replies, by hand: constant pieces, digits, one string escaper. Each function appends one
//! line to `out`, its line feed included.
//!
//! The order of keys is fixed: `ok`; for a success what happened, then `seq`, `tx_id`,
//! `duplicate`; for a read what was found, then `as_of`; for a refusal `error`, `code`, `balance`,
//! `as_of`, `seq`, `tx_id`, `duplicate`.
//!
//! **Invariant:** every reply is one valid JSON object, and every `"ok":false` has `error`, `code`
//! and `as_of`.

pub mod history;
mod transaction;

use ledger::{AccountId, Balance, Event, Leg, Refused, Rejection, Seq, TxId};

use crate::code::Code;
use crate::escape;
use crate::refusal::Refusal;

/// A change that happened, now or, for a duplicate, the first time. A recorded refusal is written
/// as the refusal that it is.
pub fn done(out: &mut Vec<u8>, event: &Event<'_>, seq: Seq, tx_id: &TxId<'_>, duplicate: bool) {
    match event {
        Event::Deposit { leg, .. } | Event::Withdraw { leg, .. } => {
            out.extend_from_slice(b"{\"ok\":true,");
            before_and_after(out, leg);
        }
        Event::Transfer { from, to, .. } => {
            out.extend_from_slice(b"{\"ok\":true,\"from\":");
            side(out, from);
            out.extend_from_slice(b",\"to\":");
            side(out, to);
        }
        Event::Init { legs } => {
            out.extend_from_slice(b"{\"ok\":true,\"accounts\":{");
            for (place, leg) in legs.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                escape::string(out, leg.account.as_str());
                out.push(b':');
                integer(out, leg.after.get());
            }
            out.push(b'}');
        }
        Event::Refused(Refused { rejection, .. }) => {
            let standing = Standing { as_of: seq, seq: Some(seq), tx_id: Some(tx_id), duplicate };
            return rejected(out, rejection, &standing);
        }
        Event::Void => {
            let standing = Standing { as_of: seq, seq: Some(seq), tx_id: Some(tx_id), duplicate };
            return rejected(out, &Rejection::Voided, &standing);
        }
    }
    out.extend_from_slice(b",\"seq\":");
    integer(out, seq.get());
    out.extend_from_slice(b",\"tx_id\":\"");
    escape::inner(out, tx_id.as_str());
    if duplicate {
        out.extend_from_slice(b"\",\"duplicate\":true}\n");
    } else {
        out.extend_from_slice(b"\"}\n");
    }
}

/// What one account holds; `None` for an account that does not exist.
pub fn balance(out: &mut Vec<u8>, account: &AccountId<'_>, balance: Option<Balance>, as_of: Seq) {
    out.extend_from_slice(b"{\"ok\":true,");
    reading(out, account, balance);
    out.extend_from_slice(b",\"as_of\":");
    integer(out, as_of.get());
    end(out, false);
}

/// What several accounts hold, all at the position `as_of`, in the order given.
pub fn balances<'r, 'a: 'r>(
    out: &mut Vec<u8>,
    readings: impl IntoIterator<Item = (&'r AccountId<'a>, Option<Balance>)>,
    as_of: Seq,
) {
    out.extend_from_slice(b"{\"ok\":true,\"balances\":[");
    for (place, (account, balance)) in readings.into_iter().enumerate() {
        out.extend_from_slice(if place > 0 { b",{" } else { b"{" });
        reading(out, account, balance);
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"as_of\":");
    integer(out, as_of.get());
    end(out, false);
}

/// Where a refusal stands in the one order, and what it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'r, 'a> {
    /// The position that the refusal reflects.
    pub as_of: Seq,
    /// Its own place, when it was recorded.
    pub seq: Option<Seq>,
    /// The name of the request, when the client gave one.
    pub tx_id: Option<&'r TxId<'a>>,
    /// Whether this tx_id had been refused before this request.
    pub duplicate: bool,
}

impl<'r, 'a> Standing<'r, 'a> {
    /// A refusal that is not recorded.
    pub fn unrecorded(as_of: Seq, tx_id: Option<&'r TxId<'a>>) -> Self {
        Self { as_of, seq: None, tx_id, duplicate: false }
    }
}

/// The bank's no.
pub fn rejected(out: &mut Vec<u8>, rejection: &Rejection, standing: &Standing<'_, '_>) {
    let code = Code::from(rejection);
    match rejection {
        // Written without the formatting machinery: a busy account may be refused all day.
        Rejection::InsufficientFunds { .. } => error(out, "insufficient funds", code),
        Rejection::InvalidName(_)
        | Rejection::InvalidAmount(_)
        | Rejection::InvalidTxId(_)
        | Rejection::SameAccount
        | Rejection::TxIdReused
        | Rejection::BalanceOutOfRange { .. }
        | Rejection::DeadlinePassed { .. }
        | Rejection::Voided => error(out, &rejection.to_string(), code),
    }
    if let Some(balance) = rejection.balance() {
        out.extend_from_slice(b",\"balance\":");
        integer(out, balance.get());
    }
    standing_and_end(out, standing);
}

/// A line that is no request.
pub fn refused(out: &mut Vec<u8>, refusal: &Refusal, as_of: Seq) {
    error(out, &refusal.to_string(), refusal.code());
    standing_and_end(out, &Standing::unrecorded(as_of, None));
}

/// No answer from the bank: `code` with its `text`. The tx_id stands there when the client needs
/// it to ask again.
pub fn failed(out: &mut Vec<u8>, code: Code, text: &str, as_of: Seq, tx_id: Option<&TxId<'_>>) {
    error(out, text, code);
    standing_and_end(out, &Standing::unrecorded(as_of, tx_id));
}

/// The answer to `auth`: the principal and its role; `None` where nobody needs to show who they are.
pub fn authenticated(out: &mut Vec<u8>, who: Option<(&str, &str)>) {
    out.extend_from_slice(b"{\"ok\":true,\"principal\":");
    match who {
        Some((principal, role)) => {
            escape::string(out, principal);
            out.extend_from_slice(b",\"role\":");
            escape::string(out, role);
        }
        None => out.extend_from_slice(b"null,\"role\":null"),
    }
    out.extend_from_slice(b"}\n");
}

/// The answer to `shutdown`.
pub fn shutting_down(out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"ok\":true,\"msg\":\"shutting down\"}\n");
}

fn side(out: &mut Vec<u8>, leg: &Leg<'_>) {
    out.extend_from_slice(b"{\"user\":\"");
    escape::inner(out, leg.account.as_str());
    out.extend_from_slice(b"\",");
    before_and_after(out, leg);
    out.push(b'}');
}

fn before_and_after(out: &mut Vec<u8>, leg: &Leg<'_>) {
    out.extend_from_slice(b"\"before\":");
    integer(out, leg.before.get());
    out.extend_from_slice(b",\"after\":");
    integer(out, leg.after.get());
}

fn reading(out: &mut Vec<u8>, account: &AccountId<'_>, balance: Option<Balance>) {
    out.extend_from_slice(b"\"user\":\"");
    escape::inner(out, account.as_str());
    out.extend_from_slice(b"\",\"balance\":");
    integer(out, balance.unwrap_or(Balance::ZERO).get());
    if balance.is_none() {
        out.extend_from_slice(b",\"exists\":false");
    }
}

fn error(out: &mut Vec<u8>, text: &str, code: Code) {
    out.extend_from_slice(b"{\"ok\":false,\"error\":");
    escape::string(out, text);
    out.extend_from_slice(b",\"code\":\"");
    out.extend_from_slice(code.as_str().as_bytes());
    out.push(b'"');
}

fn standing_and_end(out: &mut Vec<u8>, standing: &Standing<'_, '_>) {
    out.extend_from_slice(b",\"as_of\":");
    integer(out, standing.as_of.get());
    if let Some(seq) = standing.seq {
        out.extend_from_slice(b",\"seq\":");
        integer(out, seq.get());
    }
    if let Some(tx_id) = standing.tx_id {
        out.extend_from_slice(b",\"tx_id\":");
        escape::string(out, tx_id.as_str());
    }
    end(out, standing.duplicate);
}

fn end(out: &mut Vec<u8>, duplicate: bool) {
    if duplicate {
        out.extend_from_slice(b",\"duplicate\":true");
    }
    out.extend_from_slice(b"}\n");
}

fn integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
