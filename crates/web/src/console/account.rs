//! One account: what it holds, what it held, and what happened to it.

use askama::Template;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query as Asked, State as Shared};
use axum::response::{IntoResponse, Response};
use engine::query::{Moment, Order, Statement, StatementPage};
use engine::{Query, Reading};
use ledger::{AccountId, Balance, Seq};
use serde::{Deserialize, Serialize};

use super::fault;
use super::frame::{Frame, Section, page};
use super::list::another_answer;
use super::moments;
use super::money::Money;
use super::names::Name;
use super::rows::Line;
use super::visitor::Visitor;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::state::State;

/// How many lines of the statement a page has.
const PAGE_ROWS: usize = 25;

/// How many changes the chart has at most.
const CHART_POINTS: usize = 1_000;

#[derive(Deserialize)]
pub(super) struct Asks {
    name: String,
    /// Where the page of the statement before ended, and the position that the first one rested on.
    after: Option<u64>,
    end: Option<u64>,
    /// A time at which the balance is asked for.
    #[serde(default)]
    at: String,
}

/// What an account held at a time.
enum Past {
    NotAsked,
    Held { balance: Money, seq: String },
    WasNotThere,
    NotYet,
    NoTime,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    f: Frame,
    name: Name,
    balance: Money,
    as_of: String,
    lines: Vec<Line>,
    is_first: bool,
    /// Where the next page goes on, and its position.
    next: Option<(u64, u64)>,
    at: String,
    past: Past,
}

/// `GET /account?name=…`
pub(super) async fn show(
    state: Shared<State>,
    visitor: Visitor,
    asked: Result<Asked<Asks>, QueryRejection>,
) -> Response {
    let Ok(Asked(asks)) = asked else { return fault::bad_address(&state, &visitor) };
    let Ok(account) = AccountId::new(asks.name.as_str()) else {
        return fault::not_found(&state, &visitor, visitor.texts().no_such_account);
    };
    match look(&state, &visitor, &account, &asks).await {
        Ok(Some(account)) => page(&account),
        Ok(None) => fault::not_found(&state, &visitor, visitor.texts().no_such_account),
        Err(problem) => fault::of_problem(&state, &visitor, &problem),
    }
}

/// `None`: there is no such account.
async fn look(
    state: &State,
    visitor: &Visitor,
    account: &AccountId<'_>,
    asks: &Asks,
) -> Result<Option<Account>, Problem> {
    let (after, end) = (asks.after.map(Seq::new), asks.end.map(Seq::new));
    let statement = statement(state, &visitor.caller, account, PAGE_ROWS, after, end).await?;
    let Some(statement) = statement.filter(|statement| statement.exists) else {
        return Ok(None);
    };
    let f = Frame::new(state, visitor, Section::Accounts);
    let past = past(state, visitor, &f, account, &asks.at).await?;
    // A later page rests on the position of the first, and the balance is that of the same position.
    let balance = match after {
        None => statement.after,
        Some(_) => held(state, &visitor.caller, account, Moment::Seq(statement.as_of))
            .await?
            .unwrap_or_default(),
    };
    let next = statement.next.map(|next| (next.get(), statement.as_of.get()));
    Ok(Some(Account {
        name: Name::new(account.as_str()),
        balance: f.money(balance.get()),
        as_of: f.count(statement.as_of.get()),
        lines: statement.lines.iter().map(|line| Line::new(&f, line)).collect(),
        is_first: after.is_none(),
        next,
        at: asks.at.clone(),
        past,
        f,
    }))
}

/// A page of the statement, newest first; `None` when it asks for what lies ahead.
async fn statement(
    state: &State,
    caller: &Caller,
    account: &AccountId<'_>,
    limit: usize,
    after: Option<Seq>,
    end: Option<Seq>,
) -> Result<Option<Statement>, Problem> {
    let page = StatementPage { from: None, to: None, order: Order::NewestFirst, limit, after, end };
    let query = Query::Statement { account: account.borrow(), page };
    match state.read(caller, query).await? {
        Reading::Statement(statement) => Ok(Some(statement)),
        Reading::NotYet { .. } => Ok(None),
        Reading::Transaction { .. }
        | Reading::Transactions { .. }
        | Reading::BalanceAt { .. }
        | Reading::Accounts { .. }
        | Reading::Totals(_) => Err(another_answer()),
    }
}

async fn held(
    state: &State,
    caller: &Caller,
    account: &AccountId<'_>,
    at: Moment,
) -> Result<Option<Balance>, Problem> {
    let query = Query::BalanceAt { account: account.borrow(), at };
    match state.read(caller, query).await? {
        Reading::BalanceAt { balance, .. } => Ok(balance),
        Reading::NotYet { .. } => Ok(None),
        Reading::Transaction { .. }
        | Reading::Transactions { .. }
        | Reading::Statement(_)
        | Reading::Accounts { .. }
        | Reading::Totals(_) => Err(another_answer()),
    }
}

async fn past(
    state: &State,
    visitor: &Visitor,
    f: &Frame,
    account: &AccountId<'_>,
    typed: &str,
) -> Result<Past, Problem> {
    if typed.is_empty() {
        return Ok(Past::NotAsked);
    }
    let Some(at_us) = moments::typed(typed) else { return Ok(Past::NoTime) };
    let query = Query::BalanceAt { account: account.borrow(), at: Moment::Time(at_us) };
    match state.read(&visitor.caller, query).await? {
        Reading::BalanceAt { balance: Some(balance), as_of } => {
            Ok(Past::Held { balance: f.money(balance.get()), seq: f.count(as_of.get()) })
        }
        Reading::BalanceAt { balance: None, .. } => Ok(Past::WasNotThere),
        Reading::NotYet { .. } => Ok(Past::NotYet),
        Reading::Transaction { .. }
        | Reading::Transactions { .. }
        | Reading::Statement(_)
        | Reading::Accounts { .. }
        | Reading::Totals(_) => Err(another_answer()),
    }
}

#[derive(Deserialize)]
pub(super) struct Named {
    name: String,
}

/// The chart's points, oldest first: seconds since the Unix epoch, and minor units.
#[derive(Serialize)]
struct Points {
    times: Vec<f64>,
    balances: Vec<i64>,
    /// Whether the account has older changes than these.
    has_older: bool,
}

/// `GET /console/data/balance?name=…`
pub(super) async fn points(
    state: Shared<State>,
    visitor: Visitor,
    Asked(named): Asked<Named>,
) -> Result<Response, Problem> {
    let Ok(account) = AccountId::new(named.name.as_str()) else {
        return Ok(
            Json(Points { times: vec![], balances: vec![], has_older: false }).into_response()
        );
    };
    let found = statement(&state, &visitor.caller, &account, CHART_POINTS, None, None).await?;
    let Some(found) = found else { return Err(another_answer()) };
    // Microseconds of this century fit into the 53 bits of a double.
    #[expect(clippy::cast_precision_loss, reason = "a place on a chart's axis, not money")]
    let seconds = |at_us: u64| at_us as f64 / 1e6;
    let lines = || found.lines.iter().rev();
    Ok(Json(Points {
        times: lines().map(|line| seconds(line.at_us)).collect(),
        balances: lines().map(|line| line.after.get()).collect(),
        has_older: found.next.is_some(),
    })
    .into_response())
}
