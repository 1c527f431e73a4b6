//! One transaction, as people and programs read it.

use client::reply::Leg;
use client::reply::history::{Refused, Transaction, What};
use ledger::Seq;
use protocol::limits::NUMBER_MAX;

use crate::moment::{self, Clock};
use crate::output::table::{self, Align};
use crate::output::{Answer, Rows, text, tsv};

/// What each value of a row is.
const COLUMNS: [&str; 9] =
    ["seq", "at", "kind", "tx_id", "account", "amount", "balance", "code", "by"];

/// The place in the log that a plain number names.
pub fn numbered(given: &str) -> Option<Seq> {
    if given.is_empty() || !given.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    given.parse().ok().filter(|number| (1..=NUMBER_MAX).contains(number)).map(Seq::new)
}

/// One account's part: who, what it gained, what it held before and afterwards.
struct Part<'t> {
    account: &'t str,
    gained: i64,
    before: i64,
    after: i64,
}

/// Fills in the table, the rows (one per account that changed, or one) and the bare values (the
/// resulting balances).
pub fn show(answer: &mut Answer, transaction: &Transaction, clock: Clock) {
    let Transaction { seq, tx_id, at_us, by, what } = transaction;
    let kind = kind(what);
    answer.rows = Rows::of(&COLUMNS);
    let mut rows = vec![
        vec!["seq".to_owned(), seq.to_string()],
        vec!["at".to_owned(), moment::shown(*at_us, clock)],
        vec!["kind".to_owned(), kind.to_owned()],
        vec!["tx_id".to_owned(), text::name(tx_id.as_str()).into_owned()],
    ];
    if let Some(by) = by {
        rows.push(vec!["by".to_owned(), text::name(by).into_owned()]);
    }
    let (seq, at) = (seq.to_string(), moment::exact(*at_us));
    let by = by.as_deref().unwrap_or_default();
    let parts = parts(what);
    for Part { account, gained, before, after } in &parts {
        let shown = format!("{before} → {after}");
        rows.push(vec![text::name(account).into_owned(), shown]);
        let (gained, after) = (gained.to_string(), after.to_string());
        let columns = [&seq, &at, kind, tx_id.as_str(), account, &gained, &after, "", by];
        answer.rows.add(columns);
        tsv::row(&mut answer.bare, [&after]);
    }
    if parts.is_empty() {
        let code = match what {
            What::Refused(refused) => {
                rows.extend(refusal(refused, clock));
                refused.code.as_str()
            }
            What::Init { .. }
            | What::Deposit(_)
            | What::Withdraw(_)
            | What::Transfer { .. }
            | What::Void
            | What::Other => "",
        };
        answer.rows.add([&seq, &at, kind, tx_id.as_str(), "", "", "", code, by]);
    }
    answer.table = table::columns(rows.into_iter(), &[Align::Left, Align::Left]);
}

fn kind(what: &What) -> &'static str {
    match what {
        What::Init { .. } => "init",
        What::Deposit(_) => "deposit",
        What::Withdraw(_) => "withdraw",
        What::Transfer { .. } => "transfer",
        What::Refused(_) => "refused",
        What::Void => "void",
        What::Other => "other",
    }
}

fn parts(what: &What) -> Vec<Part<'_>> {
    match what {
        What::Init { accounts } => accounts.iter().map(part).collect(),
        What::Deposit(movement) | What::Withdraw(movement) => vec![part(&movement.leg)],
        What::Transfer { from, to, amount: _ } => vec![part(from), part(to)],
        What::Refused(_) | What::Void | What::Other => Vec::new(),
    }
}

fn part(leg: &Leg) -> Part<'_> {
    let (before, after) = (leg.before.get(), leg.after.get());
    // Both lie within plus and minus 2^53 - 1.
    Part { account: leg.account.as_str(), gained: after - before, before, after }
}

/// What was asked, and why it was not done.
fn refusal(refused: &Refused, clock: Clock) -> Vec<Vec<String>> {
    let Refused { code, cmd, user, from, to, amount, balance, not_after_us, accounts } = refused;
    let mut rows = vec![
        vec!["code".to_owned(), text::message(code).into_owned()],
        vec!["asked".to_owned(), text::message(cmd).into_owned()],
    ];
    for (name, value) in [("account", user), ("from", from), ("to", to)] {
        if let Some(value) = value {
            rows.push(vec![name.to_owned(), text::name(value).into_owned()]);
        }
    }
    for (name, value) in [("amount", amount), ("held", balance)] {
        if let Some(value) = value {
            rows.push(vec![name.to_owned(), value.to_string()]);
        }
    }
    if let Some(not_after_us) = not_after_us {
        rows.push(vec!["deadline".to_owned(), moment::shown(*not_after_us, clock)]);
    }
    for (account, balance) in accounts {
        rows.push(vec![text::name(account.as_str()).into_owned(), format!("→ {balance}")]);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_number_is_a_place_in_the_log() {
        assert_eq!(numbered("41"), Some(Seq::new(41)));
        for given in ["", "0", "-1", "4 1", "t-1", "9223372036854775808", "٣"] {
            assert_eq!(numbered(given), None, "{given}");
        }
    }
}
