//! Does what a form stands for, and says what became of it.

use axum::http::HeaderValue;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use engine::{Outcome, Request};
use ledger::{Event, Rejection, Seq};

use super::fields::{Faults, Fields, Wanted};
use super::preview::{preview, short};
use super::{Kind, Notice, form, new_tx_id};
use crate::console::fault;
use crate::console::frame::{Frame, Section};
use crate::console::list::another_answer;
use crate::console::visitor::Visitor;
use crate::state::State;

/// Sends it, and leads to the transaction when it happened, whether now or before.
pub(super) async fn send(
    state: &State,
    visitor: &Visitor,
    kind: Kind,
    fields: Fields,
    wanted: Wanted,
) -> Response {
    let request = Request::Write {
        command: wanted.command.clone(),
        tx_id: wanted.tx_id.clone(),
        tx_id_given: true,
        not_after_us: None,
        by: None,
    };
    let outcome = match state.ask(&visitor.caller, request).await {
        Ok(outcome) => outcome,
        Err(problem) => {
            let text = fault::member(&problem, "detail");
            let notice = Notice { class: "wrong", text, tx_id: String::new() };
            return form(state, visitor, kind, fields, Faults::default(), Some(notice));
        }
    };
    let f = Frame::new(state, visitor, Section::Move);
    let unsure =
        |class, text: &str| Some(Notice { class, text: text.to_owned(), tx_id: String::new() });
    match outcome {
        Outcome::Done { event: Event::Refused(refused), .. } => {
            refuse(state, visitor, kind, fields, &wanted, &refused.rejection)
        }
        Outcome::Done { event: Event::Void, .. } => {
            refuse(state, visitor, kind, fields, &wanted, &Rejection::Voided)
        }
        Outcome::Done { seq, duplicate, .. } => happened(seq, duplicate),
        Outcome::Refused { rejection, .. } => {
            refuse(state, visitor, kind, fields, &wanted, &rejection)
        }
        Outcome::Conflict { tx_id, .. } => {
            let tx_id = tx_id.as_str().to_owned();
            let text = f.t.form_used.to_owned();
            let notice = Notice { class: "wrong", text, tx_id };
            let fields = Fields { tx_id: new_tx_id(), ..fields };
            form(state, visitor, kind, fields, Faults::default(), Some(notice))
        }
        Outcome::Unavailable(why) => {
            let text = format!("{} ({why})", f.t.nothing_done);
            preview(state, visitor, kind, fields, &wanted, unsure("wrong", &text)).await
        }
        Outcome::Unknown { .. } => {
            preview(state, visitor, kind, fields, &wanted, unsure("unsure", f.t.may_have_happened))
                .await
        }
        Outcome::Resolved { .. } | Outcome::Balance { .. } | Outcome::Balances { .. } => {
            fault::of_problem(state, visitor, &another_answer())
        }
    }
}

/// Leads to the transaction, so that a page that is loaded again sends nothing.
fn happened(seq: Seq, duplicate: bool) -> Response {
    let sent = if duplicate { "again" } else { "once" };
    let mut response = Redirect::to(&format!("/transactions/{seq}?sent={sent}")).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The form again, with the bank's no beside the field that it is about. A refusal is recorded under
/// its tx_id for ever, so the next attempt gets another.
fn refuse(
    state: &State,
    visitor: &Visitor,
    kind: Kind,
    fields: Fields,
    wanted: &Wanted,
    rejection: &Rejection,
) -> Response {
    let f = Frame::new(state, visitor, Section::Move);
    let mut faults = Faults::default();
    let mut notice = None;
    match rejection {
        Rejection::InsufficientFunds { balance } => faults.amount = short(&f, *balance, wanted),
        Rejection::BalanceOutOfRange { .. } => faults.to = f.t.fault_too_full.to_owned(),
        Rejection::SameAccount => faults.to = f.t.fault_same_account.to_owned(),
        Rejection::InvalidName(_)
        | Rejection::InvalidAmount(_)
        | Rejection::InvalidTxId(_)
        | Rejection::TxIdReused
        | Rejection::DeadlinePassed { .. }
        | Rejection::Voided => {
            let text = f.t.rejection(&f, rejection);
            notice = Some(Notice { class: "wrong", text, tx_id: String::new() });
        }
    }
    let fields = Fields { tx_id: new_tx_id(), ..fields };
    form(state, visitor, kind, fields, faults, notice)
}
