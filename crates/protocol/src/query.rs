//! Questions about history: what a line asks of it, and how that is read from the line's fields.
//!
//! Absent and null mean the same in every field that may be absent. A page's later requests repeat
//! the fields of the first and add its `cursor`.
//! Not here: what is answered ([`crate::reply::history`]), the bytes of a cursor (`cursor`).

use std::borrow::Cow;

use ledger::limits::ACCOUNT_ID_BYTES_MAX;
use ledger::{AccountId, NameFault, Seq, TxId, TxIdFault};
use serde_json::value::RawValue;

use crate::cursor;
use crate::fields::Fields;
use crate::json;
use crate::limits::{NUMBER_MAX, PAGE_DEFAULT, PAGE_MAX};
use crate::refusal::{FieldFault, Refusal};
use crate::whole;

/// A question that changes nothing and needs more than the balances of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query<'a> {
    /// What happened under a tx_id, or at a seq?
    Transaction(Named<'a>),
    /// What happened, in the order of the log?
    Transactions(TransactionsPage),
    /// What happened to one account?
    Statement(StatementPage<'a>),
    /// What did an account hold then?
    BalanceAt {
        /// The account.
        account: AccountId<'a>,
        /// When.
        at: Moment,
    },
    /// Which accounts are there?
    Accounts(AccountsPage<'a>),
    /// How much is there in all?
    Totals,
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
    /// The event with this seq.
    Seq(Seq),
    /// A time, in microseconds since the Unix epoch.
    Time(u64),
}

/// The order of a statement's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The last event first.
    NewestFirst,
    /// The first event first.
    OldestFirst,
}

/// A page of the log, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionsPage {
    /// From this seq on, it included; `None`: from the first.
    pub from: Option<Seq>,
    /// Up to this seq, it included; `None`: to the end.
    pub to: Option<Seq>,
    /// Most transactions in the page, 1 to [`PAGE_MAX`].
    pub limit: usize,
    /// Where the page before ended; `None` for the first.
    pub resume: Option<Resume>,
}

/// A page of one account's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementPage<'a> {
    /// The account.
    pub account: AccountId<'a>,
    /// The first moment of interest, it included; `None`: the beginning.
    pub from: Option<Moment>,
    /// The last moment of interest, it included; `None`: now.
    pub to: Option<Moment>,
    /// In which order.
    pub order: Order,
    /// Most lines in the page, 1 to [`PAGE_MAX`].
    pub limit: usize,
    /// Where the page before ended; `None` for the first.
    pub resume: Option<Resume>,
}

/// A page of the accounts, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsPage<'a> {
    /// Only those whose names begin so.
    pub prefix: Cow<'a, str>,
    /// Only those behind this name: the last one of the page before.
    pub after: Option<AccountId<'static>>,
    /// Most accounts in the page, 1 to [`PAGE_MAX`].
    pub limit: usize,
    /// Whether to count all that begin with `prefix`.
    pub count: bool,
}

/// What a cursor into the log or into a statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The position that the first page rested on: later pages show nothing newer.
    pub end: Seq,
    /// The seq of the page's last line.
    pub last: Seq,
}

impl TransactionsPage {
    /// The cursor of the next page, whose first transaction stands behind `resume.last`.
    pub fn cursor(&self, resume: Resume) -> String {
        cursor::write(cursor::Kind::Transactions, &resume_body(resume), &self.context())
    }

    fn context(&self) -> String {
        format!("{:?} {:?}", self.from.map(Seq::get), self.to.map(Seq::get))
    }
}

impl StatementPage<'_> {
    /// The cursor of the next page, which goes on behind `resume.last` in the page's order.
    pub fn cursor(&self, resume: Resume) -> String {
        cursor::write(cursor::Kind::Statement, &resume_body(resume), &self.context())
    }

    fn context(&self) -> String {
        let Self { account, from, to, order, limit: _, resume: _ } = self;
        let moment = |moment: &Option<Moment>| match moment {
            None => String::new(),
            Some(Moment::Seq(seq)) => format!("s{seq}"),
            Some(Moment::Time(time_us)) => format!("t{time_us}"),
        };
        let order = match order {
            Order::NewestFirst => "newest",
            Order::OldestFirst => "oldest",
        };
        format!("{order} {} {} {account}", moment(from), moment(to))
    }
}

impl AccountsPage<'_> {
    /// The cursor of the next page, which goes on behind the account `last`.
    pub fn cursor(&self, last: &AccountId<'_>) -> String {
        cursor::write(cursor::Kind::Accounts, &cursor::hex(last.as_str()), &self.prefix)
    }
}

/// The question of a `transaction`.
pub(crate) fn transaction<'a>(fields: &Fields<'a>) -> Result<Query<'a>, Refusal> {
    let seq = given(fields.history().seq);
    match (given(fields.tx_id), seq) {
        (Some(_), Some(_)) => Err(FieldFault::Both { one: "tx_id", other: "seq" }.into()),
        (None, None) => Err(Refusal::MissingField("tx_id")),
        (Some(value), None) => Ok(Query::Transaction(Named::TxId(tx_id(value)?))),
        (None, Some(_)) => {
            let seq = number("seq", seq, 1, NUMBER_MAX)?.ok_or(Refusal::MissingField("seq"))?;
            Ok(Query::Transaction(Named::Seq(Seq::new(seq))))
        }
    }
}

/// The question of a `transactions`.
pub(crate) fn transactions<'a>(fields: &Fields<'a>) -> Result<Query<'a>, Refusal> {
    let history = fields.history();
    let mut page = TransactionsPage {
        from: number("from_seq", given(history.from_seq), 0, NUMBER_MAX)?.map(Seq::new),
        to: number("to_seq", given(history.to_seq), 0, NUMBER_MAX)?.map(Seq::new),
        limit: limit(history.limit)?,
        resume: None,
    };
    page.resume = resume(cursor::Kind::Transactions, history.cursor, &page.context())?;
    Ok(Query::Transactions(page))
}

/// Where a `follow` begins; `None`: with what happens next.
pub(crate) fn follow(fields: &Fields<'_>) -> Result<Option<Seq>, Refusal> {
    let from = given(fields.history().from_seq);
    Ok(number("from_seq", from, 0, NUMBER_MAX)?.map(Seq::new))
}

/// The question of a `statement` of `account`.
pub(crate) fn statement<'a>(
    account: AccountId<'a>,
    fields: &Fields<'a>,
) -> Result<Query<'a>, Refusal> {
    let history = fields.history();
    let mut page = StatementPage {
        account,
        from: moment(("from_seq", history.from_seq), ("from_time", history.from_time))?,
        to: moment(("to_seq", history.to_seq), ("to_time", history.to_time))?,
        order: order(history.order)?,
        limit: limit(history.limit)?,
        resume: None,
    };
    page.resume = resume(cursor::Kind::Statement, history.cursor, &page.context())?;
    Ok(Query::Statement(page))
}

/// The moment of a `balance`; `None` when it asks for now.
pub(crate) fn moment_of_balance(fields: &Fields<'_>) -> Result<Option<Moment>, Refusal> {
    let history = fields.history();
    moment(("at_seq", history.at_seq), ("at_time", history.at_time))
}

/// Whether a `balance` asks for a moment, well or badly put.
pub(crate) fn has_moment(fields: &Fields<'_>) -> bool {
    let history = fields.history();
    given(history.at_seq).or(given(history.at_time)).is_some()
}

/// The question of an `accounts`.
pub(crate) fn accounts<'a>(fields: &Fields<'a>) -> Result<Query<'a>, Refusal> {
    let history = fields.history();
    let prefix = match given(history.prefix) {
        None => Cow::Borrowed(""),
        Some(value) => json::text(value)?
            .filter(|prefix| prefix.len() <= ACCOUNT_ID_BYTES_MAX)
            .ok_or(FieldFault::NoPrefix)?,
    };
    let limit = limit(history.limit)?;
    let count = match given(history.count).map(RawValue::get) {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(FieldFault::NoTruth.into()),
    };
    let after = match cursor_text(history.cursor)? {
        None => None,
        Some(text) => {
            let name = cursor::read(cursor::Kind::Accounts, &text, &prefix)
                .and_then(cursor::unhex)
                .ok_or(FieldFault::NoCursor)?;
            Some(AccountId::new(name).map_err(|_: NameFault| FieldFault::NoCursor)?)
        }
    };
    Ok(Query::Accounts(AccountsPage { prefix, after, limit, count }))
}

/// Reads a tx_id that must be there: an empty one is none.
pub(crate) fn tx_id(value: &RawValue) -> Result<TxId<'_>, Refusal> {
    Ok(TxId::new(json::text(value)?.ok_or(TxIdFault::NotText)?)?)
}

/// Reads a deadline in microseconds since the Unix epoch; null is none.
pub(crate) fn not_after(value: &RawValue) -> Result<Option<u64>, Refusal> {
    time("not_after", given(Some(value)))
}

/// A field that may be absent: null is as good as absent.
fn given(field: Option<&RawValue>) -> Option<&RawValue> {
    field.filter(|value| value.get() != "null")
}

fn number(
    field: &'static str,
    value: Option<&RawValue>,
    min: u64,
    max: u64,
) -> Result<Option<u64>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let number = whole::natural(value.get(), max).filter(|number| *number >= min);
    Ok(Some(number.ok_or(FieldFault::NotInRange { field, min, max })?))
}

fn time(field: &'static str, value: Option<&RawValue>) -> Result<Option<u64>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let time_us = whole::natural(value.get(), NUMBER_MAX).filter(|time_us| *time_us > 0);
    Ok(Some(time_us.ok_or(FieldFault::NotATime { field })?))
}

fn moment(
    (seq_field, seq): (&'static str, Option<&RawValue>),
    (time_field, time_us): (&'static str, Option<&RawValue>),
) -> Result<Option<Moment>, Refusal> {
    let seq = number(seq_field, given(seq), 0, NUMBER_MAX)?;
    match (seq, time(time_field, given(time_us))?) {
        (Some(_), Some(_)) => Err(FieldFault::Both { one: seq_field, other: time_field }.into()),
        (Some(seq), None) => Ok(Some(Moment::Seq(Seq::new(seq)))),
        (None, time_us) => Ok(time_us.map(Moment::Time)),
    }
}

fn order(value: Option<&RawValue>) -> Result<Order, Refusal> {
    let Some(value) = given(value) else { return Ok(Order::NewestFirst) };
    match json::text(value)?.as_deref() {
        Some("newest") => Ok(Order::NewestFirst),
        Some("oldest") => Ok(Order::OldestFirst),
        _ => Err(FieldFault::NoOrder.into()),
    }
}

fn limit(value: Option<&RawValue>) -> Result<usize, Refusal> {
    let max = u64::try_from(PAGE_MAX).unwrap_or(u64::MAX);
    let limit = number("limit", given(value), 1, max)?;
    Ok(limit.map_or(PAGE_DEFAULT, |limit| usize::try_from(limit).unwrap_or(PAGE_MAX)))
}

fn cursor_text(value: Option<&RawValue>) -> Result<Option<Cow<'_, str>>, Refusal> {
    let Some(value) = given(value) else { return Ok(None) };
    Ok(Some(json::text(value)?.ok_or(FieldFault::NoCursor)?))
}

fn resume(
    kind: cursor::Kind,
    value: Option<&RawValue>,
    context: &str,
) -> Result<Option<Resume>, Refusal> {
    let Some(text) = cursor_text(value)? else { return Ok(None) };
    let resume = cursor::read(kind, &text, context).and_then(|body| {
        let (end, last) = body.split_once('-')?;
        Some(Resume { end: place(end)?, last: place(last)? })
    });
    Ok(Some(resume.ok_or(FieldFault::NoCursor)?))
}

fn resume_body(Resume { end, last }: Resume) -> String {
    format!("{end}-{last}")
}

fn place(digits: &str) -> Option<Seq> {
    whole::natural(digits, NUMBER_MAX).map(Seq::new)
}
