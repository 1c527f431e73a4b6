//! A transaction as an object: what one line of the log says, in the words of the wire.

use ledger::{AccountId, Amount, Command, Event, Leg, Refused, Rejection, Transaction};

use super::{before_and_after, integer, side};
use crate::escape;

/// Appends `transaction` as one JSON object.
pub(super) fn object(out: &mut Vec<u8>, transaction: &Transaction<'_>) {
    let Transaction { seq, tx_id, by, event, at_us } = transaction;
    out.extend_from_slice(b"{\"seq\":");
    integer(out, seq.get());
    out.extend_from_slice(b",\"tx\":\"");
    out.extend_from_slice(kind(event));
    out.extend_from_slice(b"\",\"tx_id\":");
    escape::string(out, tx_id.as_str());
    match event {
        Event::Init { legs } => {
            out.extend_from_slice(b",\"accounts\":{");
            for (place, leg) in legs.iter().enumerate() {
                named(out, place, &leg.account);
                out.push(b'{');
                before_and_after(out, leg);
                out.push(b'}');
            }
            out.push(b'}');
        }
        Event::Deposit { leg, amount } | Event::Withdraw { leg, amount } => {
            one_account(out, leg, *amount);
        }
        Event::Transfer { from, to, amount } => {
            out.extend_from_slice(b",\"from\":");
            side(out, from);
            out.extend_from_slice(b",\"to\":");
            side(out, to);
            amount_of(out, *amount);
        }
        Event::Refused(refused) => refusal(out, refused),
        Event::Void => {}
    }
    if let Some(by) = by {
        out.extend_from_slice(b",\"by\":");
        escape::string(out, by.as_str());
    }
    out.extend_from_slice(b",\"at\":");
    integer(out, *at_us);
    out.push(b'}');
}

/// What an event is called in the log and on the wire.
fn kind(event: &Event<'_>) -> &'static [u8] {
    match event {
        Event::Init { .. } => b"init",
        Event::Deposit { .. } => b"deposit",
        Event::Withdraw { .. } => b"withdraw",
        Event::Transfer { .. } => b"transfer",
        Event::Refused(_) => b"refused",
        Event::Void => b"void",
    }
}

fn one_account(out: &mut Vec<u8>, leg: &Leg<'_>, amount: Amount) {
    user(out, &leg.account);
    amount_of(out, amount);
    out.push(b',');
    before_and_after(out, leg);
}

/// Why not, what was asked, and what the refusal rests on.
fn refusal(out: &mut Vec<u8>, Refused { command, rejection }: &Refused<'_>) {
    out.extend_from_slice(b",\"code\":\"");
    out.extend_from_slice(rejection.code().as_bytes());
    out.extend_from_slice(b"\",\"cmd\":\"");
    match command {
        Command::Init(openings) => {
            out.extend_from_slice(b"init_accounts\",\"accounts\":{");
            for (place, (account, balance)) in openings.as_slice().iter().enumerate() {
                named(out, place, account);
                integer(out, balance.get());
            }
            out.push(b'}');
        }
        Command::Deposit { account, amount } => {
            out.extend_from_slice(b"deposit\"");
            user(out, account);
            amount_of(out, *amount);
        }
        Command::Withdraw { account, amount } => {
            out.extend_from_slice(b"withdraw\"");
            user(out, account);
            amount_of(out, *amount);
        }
        Command::Transfer(transfer) => {
            out.extend_from_slice(b"transfer\",\"from\":");
            escape::string(out, transfer.from().as_str());
            out.extend_from_slice(b",\"to\":");
            escape::string(out, transfer.to().as_str());
            amount_of(out, transfer.amount());
        }
    }
    if let Some(balance) = rejection.balance() {
        out.extend_from_slice(b",\"balance\":");
        integer(out, balance.get());
    }
    if let Rejection::DeadlinePassed { not_after_us } = rejection {
        out.extend_from_slice(b",\"not_after\":");
        integer(out, *not_after_us);
    }
}

/// The key of the `place`-th account of a list.
fn named(out: &mut Vec<u8>, place: usize, account: &AccountId<'_>) {
    if place > 0 {
        out.push(b',');
    }
    escape::string(out, account.as_str());
    out.push(b':');
}

fn user(out: &mut Vec<u8>, account: &AccountId<'_>) {
    out.extend_from_slice(b",\"user\":");
    escape::string(out, account.as_str());
}

fn amount_of(out: &mut Vec<u8>, amount: Amount) {
    out.extend_from_slice(b",\"amount\":");
    integer(out, amount.get());
}
