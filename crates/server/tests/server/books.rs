//! What the bank of these tests remembers, and how it answers questions about it: by going through
//! all of it each time.

use std::collections::{BTreeMap, HashMap};

use engine::query::{
    AccountLine, Kind, Moment, Named, Order, Query, Reading, Statement, StatementLine,
    StatementPage, Totals,
};
use ledger::{AccountId, Balance, Event, Seq, Transaction, TxId};

/// The time of the event with the seq 0, in microseconds since the Unix epoch; each event has the
/// next one.
pub const AT_US: u64 = 1_764_000_000_000_000;

/// Every event, in order, and where each tx_id stands in it.
#[derive(Default)]
pub struct Books(Vec<Transaction<'static>>, HashMap<String, usize>);

impl Books {
    /// Notes what happened, unless it stands there already.
    pub fn note(&mut self, seq: Seq, tx_id: &TxId<'_>, event: &Event<'_>) {
        if seq > self.seq() {
            self.1.insert(tx_id.to_string(), self.0.len());
            let (tx_id, event) = (tx_id.clone().into_owned(), event.clone().into_owned());
            self.0.push(Transaction { seq, tx_id, by: None, event, at_us: AT_US + seq.get() });
        }
    }

    /// What stands under `tx_id`.
    pub fn under(&self, tx_id: &str) -> Option<&Transaction<'static>> {
        self.1.get(tx_id).map(|place| &self.0[*place])
    }

    pub fn answer(&self, query: &Query<'_>) -> Reading {
        let as_of = self.seq();
        match query {
            Query::Transaction(named) => {
                let found = match named {
                    Named::TxId(tx_id) => self.under(tx_id.as_str()),
                    Named::Seq(seq) => self.0.iter().find(|found| found.seq == *seq),
                };
                Reading::Transaction { transaction: found.cloned(), as_of }
            }
            Query::Transactions(span) => {
                let to = span.to.unwrap_or(as_of);
                let mut within: Vec<_> = self
                    .0
                    .iter()
                    .filter(|found| found.seq >= span.from && found.seq <= to)
                    .cloned()
                    .collect();
                let next = within.get(span.limit).map(|found| found.seq);
                within.truncate(span.limit);
                Reading::Transactions { transactions: within, next, as_of }
            }
            Query::Statement { account, page } => self.statement(account, page),
            Query::BalanceAt { account, at } => match self.place(*at) {
                Some(seq) => Reading::BalanceAt { balance: self.held(seq, account), as_of: seq },
                None => Reading::NotYet { as_of },
            },
            Query::Accounts { prefix, after, limit, count } => {
                let with_prefix: Vec<_> =
                    self.accounts().into_iter().filter(|line| starts(line, prefix)).collect();
                let counted = count.then_some(with_prefix.len() as u64);
                let mut behind: Vec<_> = with_prefix
                    .into_iter()
                    .filter(|line| after.as_ref().is_none_or(|after| line.account > *after))
                    .collect();
                let more = behind.len() > *limit;
                behind.truncate(*limit);
                let next = behind.last().filter(|_| more).map(|line| line.account.clone());
                Reading::Accounts { accounts: behind, next, count: counted, as_of }
            }
            Query::Totals => {
                let accounts = self.accounts();
                let money_in = self.0.iter().map(|found| found.event.money_in()).sum();
                let sum = accounts.iter().map(|line| i128::from(line.balance.get())).sum();
                Reading::Totals(Totals {
                    accounts_count: accounts.len() as u64,
                    sum,
                    money_in,
                    money_out: money_in - sum,
                    seq: as_of,
                    at_us: self.0.last().map_or(0, |last| last.at_us),
                })
            }
        }
    }

    fn seq(&self) -> Seq {
        self.0.last().map_or(Seq::ZERO, |last| last.seq)
    }

    /// The last event that is not behind `moment`; `None` when that lies ahead.
    fn place(&self, moment: Moment) -> Option<Seq> {
        match moment {
            Moment::Seq(seq) => (seq <= self.seq()).then_some(seq),
            Moment::Time(time_us) => {
                let last = self.0.last().is_some_and(|last| time_us <= last.at_us);
                last.then(|| Seq::new(time_us.saturating_sub(AT_US)))
            }
        }
    }

    fn held(&self, at: Seq, account: &AccountId<'_>) -> Option<Balance> {
        self.lines(account).into_iter().rfind(|line| line.seq <= at).map(|line| line.after)
    }

    fn statement(&self, account: &AccountId<'_>, page: &StatementPage) -> Reading {
        let seq_of = |moment: Option<Moment>| match moment? {
            Moment::Seq(seq) => Some(seq),
            Moment::Time(time_us) => Some(Seq::new(time_us.saturating_sub(AT_US))),
        };
        let end = page.end.map_or(self.seq(), |fixed| fixed.min(self.seq()));
        let (from, to) = (seq_of(page.from).unwrap_or(Seq::ZERO), seq_of(page.to).unwrap_or(end));
        let all = self.lines(account);
        let mut lines: Vec<_> = all
            .iter()
            .filter(|line| line.seq >= from && line.seq <= to.min(end))
            .cloned()
            .collect();
        match page.order {
            Order::NewestFirst => {
                lines.reverse();
                lines.retain(|line| page.after.is_none_or(|after| line.seq < after));
            }
            Order::OldestFirst => {
                lines.retain(|line| page.after.is_none_or(|after| line.seq > after));
            }
        }
        let is_end = lines.len() <= page.limit;
        lines.truncate(page.limit);
        let earliest = lines.iter().min_by_key(|line| line.seq);
        let latest = lines.iter().max_by_key(|line| line.seq);
        let zero = Balance::ZERO;
        Reading::Statement(Statement {
            exists: !all.is_empty(),
            before: earliest
                .map_or(zero, |line| Balance::new(line.after.get() - line.change).unwrap()),
            after: latest.map_or(zero, |line| line.after),
            next: lines.last().filter(|_| !is_end).map(|line| line.seq),
            lines,
            as_of: end,
        })
    }

    fn lines(&self, account: &AccountId<'_>) -> Vec<StatementLine> {
        let mut lines = Vec::new();
        for found in &self.0 {
            let legs: Vec<_> = found.event.legs().collect();
            for leg in legs.iter().filter(|leg| leg.account == *account) {
                let (kind, other) = match &found.event {
                    Event::Init { .. } => (Kind::Init, None),
                    Event::Deposit { .. } => (Kind::Deposit, None),
                    Event::Withdraw { .. } => (Kind::Withdraw, None),
                    Event::Transfer { .. } => {
                        let other = legs.iter().find(|leg| leg.account != *account);
                        (Kind::Transfer, other.map(|leg| leg.account.clone()))
                    }
                    Event::Refused(_) | Event::Void => unreachable!("these have no legs"),
                };
                lines.push(StatementLine {
                    seq: found.seq,
                    at_us: found.at_us,
                    kind,
                    other,
                    change: leg.change(),
                    after: leg.after,
                    tx_id: found.tx_id.clone(),
                    by: found.by.clone(),
                });
            }
        }
        lines
    }

    fn accounts(&self) -> Vec<AccountLine> {
        let mut accounts = BTreeMap::new();
        for found in &self.0 {
            for leg in found.event.legs() {
                accounts.insert(leg.account.clone(), (leg.after, found.seq));
            }
        }
        let lines = accounts.into_iter();
        lines.map(|(account, (balance, seq))| AccountLine { account, balance, seq }).collect()
    }
}

fn starts(line: &AccountLine, prefix: &str) -> bool {
    line.account.as_str().starts_with(prefix)
}
