//! Whether the books are right: what came in, what went out, and what there must be.

use askama::Template;
use axum::extract::State as Shared;
use axum::response::Response;

use super::fault;
use super::frame::{Frame, Section, page};
use super::moments::When;
use super::money::Money;
use super::overview;
use super::visitor::Visitor;
use crate::state::State;

#[derive(Template)]
#[template(path = "integrity.html")]
struct Integrity {
    f: Frame,
    accounts: String,
    money_in: Money,
    money_out: Money,
    /// What the accounts must hold together: what came in less what went out.
    expected: Money,
    sum: Money,
    /// What is missing or too much; zero in a bank whose books are right.
    difference: Money,
    seq: String,
    last: Option<When>,
}

/// `GET /integrity`
pub(super) async fn show(state: Shared<State>, visitor: Visitor) -> Response {
    let totals = match overview::totals(&state, &visitor.caller).await {
        Ok(totals) => totals,
        Err(problem) => return fault::of_problem(&state, &visitor, &problem),
    };
    let f = Frame::new(&state, &visitor, Section::Integrity);
    let expected = totals.money_in.saturating_sub(totals.money_out);
    page(&Integrity {
        accounts: f.count(totals.accounts_count),
        money_in: f.money(totals.money_in),
        money_out: f.money(totals.money_out),
        expected: f.money(expected),
        sum: f.money(totals.sum),
        difference: f.money(totals.sum.saturating_sub(expected)),
        seq: f.count(totals.seq.get()),
        last: (totals.at_us > 0).then(|| f.when(totals.at_us)),
        f,
    })
}
