//! Lines of tables, the same on every page that has them.

use engine::query::{Kind, StatementLine};
use ledger::{AccountId, Command, Event, Transaction};

use super::frame::Frame;
use super::moments::When;
use super::money::Money;
use super::names::Name;

/// One transaction in a list.
pub(super) struct Row {
    pub(super) seq: u64,
    /// The class of its mark: `deposit`, `withdraw`, `transfer`, `init`, `refused`, `void`.
    pub(super) class: &'static str,
    pub(super) kind: &'static str,
    /// Who paid, and who was paid; both empty for openings of many accounts.
    pub(super) from: Option<Name>,
    pub(super) to: Option<Name>,
    /// What stands in the place of the names when there are none.
    pub(super) note: String,
    pub(super) amount: Option<Money>,
    pub(super) when: When,
}

/// The mark and the word of an event.
pub(super) fn kind(f: &Frame, event: &Event<'_>) -> (&'static str, &'static str) {
    match event {
        Event::Init { .. } => ("init", f.t.kind_init),
        Event::Deposit { .. } => ("deposit", f.t.kind_deposit),
        Event::Withdraw { .. } => ("withdraw", f.t.kind_withdraw),
        Event::Transfer { .. } => ("transfer", f.t.kind_transfer),
        Event::Refused(_) => ("refused", f.t.kind_refused),
        Event::Void => ("void", f.t.kind_void),
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn name(account: &AccountId<'_>) -> Option<Name> {
    Some(Name::new(account.as_str()))
}

impl Row {
    pub(super) fn new(f: &Frame, transaction: &Transaction<'_>) -> Self {
        let Transaction { seq, event, at_us, .. } = transaction;
        let (class, kind) = kind(f, event);
        let mut row = Self {
            seq: seq.get(),
            class,
            kind,
            from: None,
            to: None,
            note: String::new(),
            amount: None,
            when: f.when(*at_us),
        };
        match event {
            Event::Init { legs } => row.note = f.t.accounts_count(f, wide(legs.len())),
            Event::Deposit { leg, amount } => {
                row.to = name(&leg.account);
                row.amount = Some(f.money(amount.get()));
            }
            Event::Withdraw { leg, amount } => {
                row.from = name(&leg.account);
                row.amount = Some(f.money(amount.get()));
            }
            Event::Transfer { from, to, amount } => {
                row.from = name(&from.account);
                row.to = name(&to.account);
                row.amount = Some(f.money(amount.get()));
            }
            Event::Refused(refused) => row.asked(f, &refused.command),
            Event::Void => row.note = f.t.void_note.to_owned(),
        }
        row
    }

    /// Of a refusal: what was asked for.
    fn asked(&mut self, f: &Frame, command: &Command<'_>) {
        match command {
            Command::Init(openings) => {
                self.note = f.t.accounts_count(f, wide(openings.as_slice().len()));
            }
            Command::Deposit { account, amount } => {
                self.to = name(account);
                self.amount = Some(f.money(amount.get()));
            }
            Command::Withdraw { account, amount } => {
                self.from = name(account);
                self.amount = Some(f.money(amount.get()));
            }
            Command::Transfer(transfer) => {
                self.from = name(transfer.from());
                self.to = name(transfer.to());
                self.amount = Some(f.money(transfer.amount().get()));
            }
        }
    }
}

/// One line of a statement.
pub(super) struct Line {
    pub(super) seq: u64,
    pub(super) class: &'static str,
    pub(super) kind: &'static str,
    pub(super) other: Option<Name>,
    /// Whether money came in.
    pub(super) is_in: bool,
    pub(super) change: Money,
    pub(super) balance: Money,
    pub(super) when: When,
}

impl Line {
    pub(super) fn new(f: &Frame, line: &StatementLine) -> Self {
        let (class, kind) = match line.kind {
            Kind::Init => ("init", f.t.kind_init),
            Kind::Deposit => ("deposit", f.t.kind_deposit),
            Kind::Withdraw => ("withdraw", f.t.kind_withdraw),
            Kind::Transfer => ("transfer", f.t.kind_transfer),
        };
        Self {
            seq: line.seq.get(),
            class,
            kind,
            other: line.other.as_ref().and_then(name),
            is_in: line.change >= 0,
            change: f.money(line.change),
            balance: f.money(line.after.get()),
            when: f.when(line.at_us),
        }
    }
}
