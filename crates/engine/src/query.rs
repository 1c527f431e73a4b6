//! What can be asked of history, and what it answers. A reading rests on one stated position, and
//! that position is durable.

use std::borrow::Cow;

use ledger::{AccountId, Balance, By, Event, Seq, Transaction, TxId};

/// Most lines, accounts or transactions in one answer.
pub const PAGE_MAX: usize = 1_000;

/// A page of transactions ends behind the one with which they name so many accounts, so that
/// memory is bounded by this and by one event.
pub const PAGE_ACCOUNTS_MAX: usize = 10_000;

/// A question that changes nothing and needs more than the balances of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query<'a> {
    /// What happened under a tx_id, or at a seq?
    Transaction(Named<'a>),
    /// What happened, in the order of the journal?
    Transactions(Span),
    /// What happened to one account?
    Statement {
        /// The account.
        account: AccountId<'a>,
        /// Which part of its history.
        page: StatementPage,
    },
    /// What did an account hold then?
    BalanceAt {
        /// The account.
        account: AccountId<'a>,
        /// When.
        at: Moment,
    },
    /// Which accounts are there, by name (byte for byte)?
    Accounts {
        /// Only those whose names begin so.
        prefix: Cow<'a, str>,
        /// Only those behind this name.
        after: Option<AccountId<'a>>,
        /// Most accounts in the answer, 1 to [`PAGE_MAX`].
        limit: usize,
        /// Whether to count all that begin with `prefix`, `after` or not.
        count: bool,
    },
    /// How much is there in all?
    Totals,
}

impl Query<'_> {
    /// The same question, owning its texts.
    pub fn into_owned(self) -> Query<'static> {
        match self {
            Self::Transaction(Named::TxId(tx_id)) => {
                Query::Transaction(Named::TxId(tx_id.into_owned()))
            }
            Self::Transaction(Named::Seq(seq)) => Query::Transaction(Named::Seq(seq)),
            Self::Transactions(span) => Query::Transactions(span),
            Self::Statement { account, page } => {
                Query::Statement { account: account.into_owned(), page }
            }
            Self::BalanceAt { account, at } => {
                Query::BalanceAt { account: account.into_owned(), at }
            }
            Self::Accounts { prefix, after, limit, count } => Query::Accounts {
                prefix: Cow::Owned(prefix.into_owned()),
                after: after.map(AccountId::into_owned),
                limit,
                count,
            },
            Self::Totals => Query::Totals,
        }
    }
}

/// One transaction, named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// By the idempotency key of its request.
    TxId(TxId<'a>),
    /// By its place.
    Seq(Seq),
}

/// A point in history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Behind the event with this seq.
    Seq(Seq),
    /// Behind the last event whose time is not after this one, in microseconds since the Unix
    /// epoch.
    Time(u64),
}

/// A part of the journal, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From this seq on, it included.
    pub from: Seq,
    /// Up to this seq, it included; `None`: to the end.
    pub to: Option<Seq>,
    /// Most transactions in the answer, 1 to [`PAGE_MAX`]; there may be fewer when they are large.
    pub limit: usize,
}

/// A part of an account's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementPage {
    /// The first event of interest and those behind it; `None`: from the beginning.
    /// `Seq` and `Time` both include what they name.
    pub from: Option<Moment>,
    /// The last event of interest; `None`: up to `end`.
    pub to: Option<Moment>,
    /// In which order.
    pub order: Order,
    /// Most lines, 1 to [`PAGE_MAX`].
    pub limit: usize,
    /// Where the page before ended: only lines behind this seq, in the direction of `order`.
    pub after: Option<Seq>,
    /// The position that the first page rested on, so that later pages do not shift; `None`: now.
    pub end: Option<Seq>,
}

/// The order of a statement's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The last event first.
    NewestFirst,
    /// The first event first.
    OldestFirst,
}

/// What history answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// To [`Query::Transaction`].
    Transaction {
        /// It; `None` when there is none.
        transaction: Option<Transaction<'static>>,
        /// The position that the answer reflects.
        as_of: Seq,
    },
    /// To [`Query::Transactions`].
    Transactions {
        /// They, oldest first.
        transactions: Vec<Transaction<'static>>,
        /// Where the next page begins; `None` at the end of the span.
        next: Option<Seq>,
        /// The position that the answer reflects.
        as_of: Seq,
    },
    /// To [`Query::Statement`].
    Statement(Statement),
    /// To [`Query::BalanceAt`].
    BalanceAt {
        /// What it held; `None` when there was no such account.
        balance: Option<Balance>,
        /// The event behind which it held that: the moment asked for, as a seq.
        as_of: Seq,
    },
    /// To [`Query::Accounts`].
    Accounts {
        /// They, by name.
        accounts: Vec<AccountLine>,
        /// The last name that the page looked at, when there are more behind it: `after` of the next
        /// page. The page may be without it, or empty, when accounts are being opened.
        next: Option<AccountId<'static>>,
        /// How many begin with the prefix, when that was asked.
        count: Option<u64>,
        /// The position that the answer reflects.
        as_of: Seq,
    },
    /// To [`Query::Totals`].
    Totals(Totals),
    /// The moment that was asked for lies ahead of what is durable.
    NotYet {
        /// The position reached.
        as_of: Seq,
    },
}

impl Reading {
    /// The position that the answer reflects.
    pub fn as_of(&self) -> Seq {
        match self {
            Self::Transaction { as_of, .. }
            | Self::Transactions { as_of, .. }
            | Self::BalanceAt { as_of, .. }
            | Self::Accounts { as_of, .. }
            | Self::NotYet { as_of } => *as_of,
            Self::Statement(statement) => statement.as_of,
            Self::Totals(totals) => totals.seq,
        }
    }
}

/// A page of an account's history. The lines' changes lead from `before` to `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whether there is such an account, at the position `as_of`.
    pub exists: bool,
    /// The lines, in the order asked.
    pub lines: Vec<StatementLine>,
    /// What the account held before the earliest of the lines.
    pub before: Balance,
    /// What it held after the latest of the lines.
    pub after: Balance,
    /// The last line's seq, when there are more behind it: [`StatementPage::after`] of the next
    /// page.
    pub next: Option<Seq>,
    /// The position that the answer reflects: [`StatementPage::end`] of the next page.
    pub as_of: Seq,
}

/// One change of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// Its place in the one order.
    pub seq: Seq,
    /// Microseconds since the Unix epoch.
    pub at_us: u64,
    /// What it was.
    pub kind: Kind,
    /// The account on the other side of a transfer.
    pub other: Option<AccountId<'static>>,
    /// By how many minor units the account changed: below zero when it paid.
    pub change: i64,
    /// What it held afterwards.
    pub after: Balance,
    /// The idempotency key.
    pub tx_id: TxId<'static>,
    /// Who did it, if anybody was named.
    pub by: Option<By<'static>>,
}

impl StatementLine {
    /// The change of `account` by a transaction, and what the account held before; `None` when the
    /// transaction does not change it.
    pub fn of(
        transaction: Transaction<'static>,
        account: &AccountId<'_>,
    ) -> Option<(Self, Balance)> {
        let Transaction { seq, tx_id, by, event, at_us } = transaction;
        let (kind, other) = match &event {
            Event::Init { .. } => (Kind::Init, None),
            Event::Deposit { .. } => (Kind::Deposit, None),
            Event::Withdraw { .. } => (Kind::Withdraw, None),
            Event::Transfer { from, to, .. } => {
                let other = if from.account == *account { to } else { from };
                (Kind::Transfer, Some(other.account.clone()))
            }
            Event::Refused(_) | Event::Void => return None,
        };
        let leg = event.legs().find(|leg| leg.account == *account)?;
        let (change, before, after) = (leg.change(), leg.before, leg.after);
        Some((Self { seq, at_us, kind, other, change, after, tx_id, by }, before))
    }
}

/// What changed an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its balance was set.
    Init,
    /// Money came in.
    Deposit,
    /// Money went out.
    Withdraw,
    /// Money moved to or from another account.
    Transfer,
}

/// An account in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLine {
    /// Its name.
    pub account: AccountId<'static>,
    /// What it holds, at the list's position.
    pub balance: Balance,
    /// The seq of its last change.
    pub seq: Seq,
}

/// The bank as a whole, at one position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many accounts there are.
    pub accounts_count: u64,
    /// The sum of their balances, in minor units: `money_in - money_out`.
    pub sum: i128,
    /// All that ever came in by deposits, and by balances that were set higher.
    pub money_in: i128,
    /// All that ever went out by withdrawals, and by balances that were set lower.
    pub money_out: i128,
    /// The last event: the position that the answer reflects.
    pub seq: Seq,
    /// Its time, in microseconds since the Unix epoch; 0 before the first.
    pub at_us: u64,
}
