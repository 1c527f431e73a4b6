//! The bank at a glance, and its newest transactions while they happen.

use askama::Template;
use axum::extract::State as Shared;
use axum::response::Response;
use engine::query::Totals;
use engine::{Query, Reading};
use ledger::Transaction;

use super::fault;
use super::frame::{Frame, Section, page};
use super::list;
use super::moments::When;
use super::money::Money;
use super::rows::Row;
use super::visitor::Visitor;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::state::State;

/// How many of the newest transactions are shown.
pub(super) const ROWS: usize = 12;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    f: Frame,
    figures: Figures,
    rows: Vec<Row>,
}

/// The figures above the list; a fragment of its own, for they move.
#[derive(Template)]
#[template(path = "figures.html")]
pub(super) struct Figures {
    t: &'static super::texts::Texts,
    accounts: String,
    sum: Money,
    money_in: Money,
    money_out: Money,
    seq: String,
    last: Option<When>,
    currency: String,
}

/// Its text is a template's, and so escaped already.
impl askama::filters::HtmlSafe for Figures {}

impl Figures {
    pub(super) fn new(f: &Frame, totals: &Totals) -> Self {
        Self {
            t: f.t,
            accounts: f.count(totals.accounts_count),
            sum: f.money(totals.sum),
            money_in: f.money(totals.money_in),
            money_out: f.money(totals.money_out),
            seq: f.count(totals.seq.get()),
            last: (totals.at_us > 0).then(|| f.when(totals.at_us)),
            currency: f.currency.code().to_owned(),
        }
    }
}

/// `GET /`
pub(super) async fn show(state: Shared<State>, visitor: Visitor) -> Response {
    match look(&state, &visitor.caller, ROWS).await {
        Ok((totals, newest)) => {
            let f = Frame::new(&state, &visitor, Section::Overview);
            let figures = Figures::new(&f, &totals);
            let rows = newest.iter().map(|transaction| Row::new(&f, transaction)).collect();
            page(&Overview { f, figures, rows })
        }
        Err(problem) => fault::of_problem(&state, &visitor, &problem),
    }
}

/// The totals, and the newest transactions, newest first.
pub(super) async fn look(
    state: &State,
    caller: &Caller,
    rows: usize,
) -> Result<(Totals, Vec<Transaction<'static>>), Problem> {
    let totals = totals(state, caller).await?;
    let newest = list::before(state, caller, totals.seq.checked_next(), rows).await?;
    Ok((totals, newest))
}

/// How much there is in all.
pub(super) async fn totals(state: &State, caller: &Caller) -> Result<Totals, Problem> {
    match state.read(caller, Query::Totals).await? {
        Reading::Totals(totals) => Ok(totals),
        Reading::Transaction { .. }
        | Reading::Transactions { .. }
        | Reading::Statement(_)
        | Reading::BalanceAt { .. }
        | Reading::Accounts { .. }
        | Reading::NotYet { .. } => Err(list::another_answer()),
    }
}
