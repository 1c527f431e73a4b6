//! All accounts by name, and the search for one.

use std::borrow::Cow;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as Asked, State as Shared};
use axum::response::Response;
use engine::{Query, Reading};
use ledger::AccountId;
use serde::Deserialize;

use super::fault;
use super::frame::{Frame, Section, page};
use super::list::another_answer;
use super::money::Money;
use super::names::Name;
use super::visitor::Visitor;
use crate::state::State;

/// How many accounts a page has.
const PAGE_ROWS: usize = 50;

#[derive(Deserialize)]
pub(super) struct Asks {
    /// What the names begin with.
    #[serde(default)]
    prefix: String,
    /// Only names behind this one.
    #[serde(default)]
    after: String,
}

struct Row {
    name: Name,
    balance: Money,
    seq: u64,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct Accounts {
    f: Frame,
    prefix: String,
    rows: Vec<Row>,
    /// How many there are in all; told on the first page.
    count: Option<String>,
    is_first: bool,
    next: Option<Name>,
}

/// `GET /accounts`
pub(super) async fn show(
    state: Shared<State>,
    visitor: Visitor,
    asked: Result<Asked<Asks>, QueryRejection>,
) -> Response {
    let Ok(Asked(asks)) = asked else { return fault::bad_address(&state, &visitor) };
    let is_first = asks.after.is_empty();
    let after = match asks.after.as_str() {
        "" => None,
        after => match AccountId::new(after) {
            Ok(after) => Some(after),
            Err(_) => return fault::bad_address(&state, &visitor),
        },
    };
    let query = Query::Accounts {
        prefix: Cow::Borrowed(&asks.prefix),
        after,
        limit: PAGE_ROWS,
        count: is_first,
    };
    let (found, next, count) = match state.read(&visitor.caller, query).await {
        Ok(Reading::Accounts { accounts, next, count, .. }) => (accounts, next, count),
        Ok(_) => return fault::of_problem(&state, &visitor, &another_answer()),
        Err(problem) => return fault::of_problem(&state, &visitor, &problem),
    };
    let f = Frame::new(&state, &visitor, Section::Accounts);
    let row = |line: engine::query::AccountLine| Row {
        name: Name::new(line.account.as_str()),
        balance: f.money(line.balance.get()),
        seq: line.seq.get(),
    };
    let rows = found.into_iter().map(row).collect();
    let next = next.map(|next| Name::new(next.as_str()));
    let count = count.map(|count| f.t.accounts_count(&f, count));
    page(&Accounts { f, prefix: asks.prefix, rows, count, is_first, next })
}
