//! All transactions, newest first.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as Asked, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use engine::query::{Named, Span};
use engine::{Query, Reading};
use ledger::{Seq, Transaction, TxId};
use serde::Deserialize;

use super::fault;
use super::frame::{Frame, Section, page};
use super::names::Name;
use super::rows::Row;
use super::visitor::Visitor;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::state::State;

/// How many transactions a page has.
pub(super) const PAGE_ROWS: usize = 50;

/// How often a page is asked for again when large transactions cut it short.
const PARTS_MAX: usize = 8;

#[derive(Deserialize)]
pub(super) struct Asks {
    /// Only what lies before this seq.
    before: Option<u64>,
    /// A seq or a tx_id to go to.
    #[serde(default)]
    find: String,
}

#[derive(Template)]
#[template(path = "transactions.html")]
struct Transactions {
    f: Frame,
    rows: Vec<Row>,
    /// Whether this is the newest page, which moves.
    is_live: bool,
    /// Where the next page ends.
    before: Option<u64>,
    /// What was looked for and is not there.
    missing: Option<Name>,
}

/// `GET /transactions`
pub(super) async fn show(
    state: Shared<State>,
    visitor: Visitor,
    asked: Result<Asked<Asks>, QueryRejection>,
) -> Response {
    let Ok(Asked(asks)) = asked else { return fault::bad_address(&state, &visitor) };
    let find = asks.find.trim();
    let found = match find {
        "" => Ok(None),
        find => self::find(&state, &visitor.caller, find).await,
    };
    let missing = match found {
        Ok(Some(seq)) => {
            return Redirect::to(&format!("/transactions/{seq}")).into_response();
        }
        Ok(None) => (!find.is_empty()).then(|| Name::new(find)),
        Err(problem) => return fault::of_problem(&state, &visitor, &problem),
    };
    let before = asks.before.map(Seq::new);
    match self::before(&state, &visitor.caller, before, PAGE_ROWS).await {
        Ok(found) => {
            let f = Frame::new(&state, &visitor, Section::Transactions);
            let oldest = found.last().map(|oldest| oldest.seq.get());
            let rows = found.iter().map(|transaction| Row::new(&f, transaction)).collect();
            let before = oldest.filter(|oldest| *oldest > 1);
            page(&Transactions { f, rows, is_live: asks.before.is_none(), before, missing })
        }
        Err(problem) => fault::of_problem(&state, &visitor, &problem),
    }
}

/// Up to `rows` transactions before a seq, or the newest, newest first. They end early where a caller
/// may see fewer.
pub(super) async fn before(
    state: &State,
    caller: &Caller,
    before: Option<Seq>,
    rows: usize,
) -> Result<Vec<Transaction<'static>>, Problem> {
    let newest = state.engine().seq_durable().get();
    let to = before.map_or(newest, |before| before.get().saturating_sub(1).min(newest));
    if to == 0 {
        return Ok(Vec::new());
    }
    let rows_wide = u64::try_from(rows).unwrap_or(u64::MAX);
    let mut from = Seq::new(to.saturating_sub(rows_wide).saturating_add(1));
    let mut found = Vec::with_capacity(rows);
    for _ in 0..PARTS_MAX {
        let span = Span { from, to: Some(Seq::new(to)), limit: rows };
        let Reading::Transactions { transactions, next, .. } =
            state.read(caller, Query::Transactions(span)).await?
        else {
            return Err(another_answer());
        };
        found.extend(transactions);
        let Some(next) = next else { break };
        from = next;
    }
    found.reverse();
    Ok(found)
}

/// The seq of what was typed: a seq where it is a number that there is, else a tx_id.
async fn find(state: &State, caller: &Caller, typed: &str) -> Result<Option<Seq>, Problem> {
    if let Ok(seq) = typed.parse() {
        let named = Named::Seq(Seq::new(seq));
        if let Some(found) = one(state, caller, named).await? {
            return Ok(Some(found.seq));
        }
    }
    let Ok(tx_id) = TxId::new(typed) else { return Ok(None) };
    Ok(one(state, caller, Named::TxId(tx_id)).await?.map(|found| found.seq))
}

/// The transaction of this name; `None` when there is none.
pub(super) async fn one(
    state: &State,
    caller: &Caller,
    named: Named<'_>,
) -> Result<Option<Transaction<'static>>, Problem> {
    match state.read(caller, Query::Transaction(named)).await? {
        Reading::Transaction { transaction, .. } => Ok(transaction),
        Reading::NotYet { .. } => Ok(None),
        Reading::Transactions { .. }
        | Reading::Statement(_)
        | Reading::BalanceAt { .. }
        | Reading::Accounts { .. }
        | Reading::Totals(_) => Err(another_answer()),
    }
}

/// The engine answered another question than was asked.
pub(super) fn another_answer() -> Problem {
    let text = "the bank answered another question";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text)
}
