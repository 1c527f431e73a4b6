//! Whether the books are right: what came in, what went out, and what there must be.

use askama::Template;
use axum::extract::State as Shared;
use axum::response::Response;
use serde::Deserialize;

use super::fault;
use super::frame::{Frame, Section, page};
use super::moments::{self, When};
use super::money::Money;
use super::overview;
use super::visitor::{Posted, Visitor};
use crate::options::VERIFY_EVENTS_MAX;
use crate::problem::Problem;
use crate::state::State;
use server::access::Act;

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
    proof: Proof,
    /// Whether this bank can be told to verify and to make a checkpoint.
    has_care: bool,
    /// What a button did, or why not.
    notice: String,
}

/// How the last verification stands.
enum Proof {
    Never,
    Running { seq: String },
    Proven { seq: String, seal: String, when: When },
    Failed { why: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Deed {
    Verify,
    Checkpoint,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    deed: Deed,
}

/// `POST /integrity`
pub(super) async fn act(state: Shared<State>, posted: Posted<Sent>) -> Response {
    let Posted { visitor, sent } = posted;
    let done = match sent.deed {
        Deed::Verify => verify(&state, &visitor),
        Deed::Checkpoint => checkpoint(&state, &visitor).await,
    };
    match done {
        Ok(notice) => look(&state, &visitor, notice).await,
        Err(problem) => fault::of_problem(&state, &visitor, &problem),
    }
}

/// Begins a verification, unless one is running. Returns what there is to say beside its standing.
fn verify(state: &State, visitor: &Visitor) -> Result<String, Problem> {
    state.may(&visitor.caller, Act::Verify)?;
    let Some(care) = state.facts().care.clone() else { return Ok(String::new()) };
    if state.engine().seq_durable().get() > VERIFY_EVENTS_MAX {
        return Ok(visitor.texts().verify_large.to_owned());
    }
    let begun = state.verification().begin(move |tell| (care.verify)(tell));
    begun.map(|_| String::new()).map_err(|error| Problem::of("overloaded", error.to_string()))
}

async fn checkpoint(state: &State, visitor: &Visitor) -> Result<String, Problem> {
    state.may(&visitor.caller, Act::Checkpoint)?;
    let Some(care) = state.facts().care.clone() else { return Ok(String::new()) };
    let _one_at_a_time = state.checkpointing().lock().await;
    match tokio::task::spawn_blocking(move || (care.checkpoint)()).await {
        Ok(Ok(())) => Ok(visitor.texts().checkpoint_made.to_owned()),
        Ok(Err(why)) => Err(Problem::of("checkpoint_failed", why)),
        // A panic is a bug, here as on every thread of the bank.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn proof(state: &State, f: &Frame) -> Proof {
    let standing = state.verification().standing();
    match (standing.started_at, standing.ended) {
        (None, _) => Proof::Never,
        (Some(_), None) => Proof::Running { seq: f.count(standing.seq) },
        (Some(_), Some((_, Err(why)))) => Proof::Failed { why },
        (Some(_), Some((at, Ok(proven)))) => Proof::Proven {
            seq: f.count(proven.seq),
            seal: proven.seal,
            when: f.when(moments::micros(at)),
        },
    }
}

/// `GET /integrity`
pub(super) async fn show(state: Shared<State>, visitor: Visitor) -> Response {
    look(&state, &visitor, String::new()).await
}

async fn look(state: &State, visitor: &Visitor, notice: String) -> Response {
    let totals = match overview::totals(state, &visitor.caller).await {
        Ok(totals) => totals,
        Err(problem) => return fault::of_problem(state, visitor, &problem),
    };
    let f = Frame::new(state, visitor, Section::Integrity);
    let expected = totals.money_in.saturating_sub(totals.money_out);
    page(&Integrity {
        accounts: f.count(totals.accounts_count),
        money_in: f.money(totals.money_in),
        money_out: f.money(totals.money_out),
        expected: f.money(expected),
        sum: f.money(totals.sum),
        difference: f.money(totals.sum.saturating_sub(expected)),
        seq: f.count(totals.seq.get()),
        proof: proof(state, &f),
        has_care: state.facts().care.is_some(),
        notice,
        last: (totals.at_us > 0).then(|| f.when(totals.at_us)),
        f,
    })
}
