//! Questions about history: all that can be asked of a small bank, and some that a seed chooses.

use std::borrow::Cow;

use engine::query::{Moment, Named, Order, PAGE_MAX, Query, Span, StatementPage};
use ledger::{Seq, TxId};

use crate::order::History;
use crate::random::Random;
use crate::workload::{NAMES, account};

/// Questions that together show everything that an index holds: every transaction by its tx_id,
/// all of them in order, every account's statement and balances, all names, the totals.
pub(crate) fn all(history: &History) -> Vec<Query<'static>> {
    let mut queries = vec![
        Query::Totals,
        Query::Transactions(Span { from: Seq::new(1), to: None, limit: PAGE_MAX }),
        Query::Accounts { prefix: Cow::Borrowed(""), after: None, limit: PAGE_MAX, count: true },
    ];
    for staged in history.events() {
        queries.push(Query::Transaction(Named::TxId(staged.tx_id.clone())));
    }
    let order = Order::OldestFirst;
    let page =
        StatementPage { from: None, to: None, order, limit: PAGE_MAX, after: None, end: None };
    for name in NAMES {
        queries.push(Query::Statement { account: account(name), page });
    }
    queries
}

/// One question of some client, who may ask for what does not exist or lies ahead.
pub(crate) fn one(random: &mut Random, history: &History, now_us: u64) -> Query<'static> {
    let last = history.last().get();
    let seq = |random: &mut Random| Seq::new(random.between(0, last + 1));
    let moment = |random: &mut Random| {
        if random.happens(1, 2) {
            return Moment::Seq(Seq::new(random.between(0, last + 1)));
        }
        let staged = random.pick(history.events());
        Moment::Time(staged.map_or(now_us, |staged| staged.at_us))
    };
    let name = random.pick(&NAMES).copied().unwrap_or("alice");
    let limit = usize::try_from(random.between(1, 5)).unwrap_or(1);
    match random.between(0, 9) {
        0..2 => {
            let known = random.pick(history.events()).map(|staged| staged.tx_id.clone());
            let unknown = || TxId::new("nobody's").unwrap_or_else(|_| unreachable!("printable"));
            Query::Transaction(Named::TxId(known.unwrap_or_else(unknown)))
        }
        2 => Query::Transaction(Named::Seq(seq(random))),
        3 => {
            let to = random.happens(1, 2).then(|| seq(random));
            Query::Transactions(Span { from: seq(random), to, limit })
        }
        4..7 => {
            let maybe = |random: &mut Random| random.happens(1, 3).then(|| moment(random));
            let (from, to) = (maybe(random), maybe(random));
            let after = random.happens(1, 3).then(|| seq(random));
            let end = random.happens(1, 3).then(|| seq(random));
            let newest_first = random.happens(1, 2);
            let order = if newest_first { Order::NewestFirst } else { Order::OldestFirst };
            let page = StatementPage { from, to, order, limit, after, end };
            Query::Statement { account: account(name), page }
        }
        7 => Query::BalanceAt { account: account(name), at: moment(random) },
        8 => {
            let prefix = random.pick(&["", "a", "j", "\\", "nobody"]).copied().unwrap_or("");
            let after = random.happens(1, 2).then(|| account(name));
            let count = random.happens(1, 2);
            Query::Accounts { prefix: Cow::Borrowed(prefix), after, limit, count }
        }
        _ => Query::Totals,
    }
}
