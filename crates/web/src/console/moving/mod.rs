//! Moving money by hand: a form, a look at what it would do, and the move itself. The tx_id stands in
//! the form from the beginning, so whatever is sent twice happens once.
//!
//! * `fields` is what a form holds and whether that makes a command;
//! * `preview` is what both balances would be;
//! * `send` does it and says what became of it.

mod fields;
mod preview;
mod send;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query as Asked, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use self::fields::{Faults, Fields};
use self::preview::Side;
use super::fault;
use super::frame::{Frame, Section, page_with};
use super::money::Money;
use super::visitor::{Posted, Visitor};
use crate::state::State;

pub(super) use self::preview::hint;

/// What a form does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Transfer,
    Deposit,
    Withdraw,
}

impl Kind {
    /// As its address has it.
    fn word(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Deposit => "deposit",
            Self::Withdraw => "withdraw",
        }
    }

    fn has_from(self) -> bool {
        self != Self::Deposit
    }

    fn has_to(self) -> bool {
        self != Self::Withdraw
    }
}

/// What is said above a form, and where more of it is.
struct Notice {
    /// `wrong`, `unsure`.
    class: &'static str,
    text: String,
    /// A tx_id whose transaction explains it.
    tx_id: String,
}

/// The form, empty or with what was typed.
#[derive(Template)]
#[template(path = "move.html")]
struct Form {
    f: Frame,
    kind: Kind,
    fields: Fields,
    faults: Faults,
    notice: Option<Notice>,
}

/// The look at what it would do.
#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    f: Frame,
    kind: Kind,
    fields: Fields,
    amount: Money,
    sides: Vec<Side>,
    as_of: String,
    notice: Option<Notice>,
}

/// Values with which a form begins.
#[derive(Deserialize)]
pub(super) struct Asks {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    amount: String,
}

/// What a button of the form wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    #[default]
    Preview,
    Change,
    Send,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    step: Step,
    #[serde(flatten)]
    fields: Fields,
}

/// `GET /new/{kind}`
pub(super) async fn show(
    state: Shared<State>,
    visitor: Visitor,
    kind: Result<Path<Kind>, axum::extract::rejection::PathRejection>,
    asked: Result<Asked<Asks>, QueryRejection>,
) -> Response {
    let Ok(Path(kind)) = kind else {
        return fault::not_found(&state, &visitor, visitor.texts().no_such_page);
    };
    let Ok(Asked(Asks { from, to, amount })) = asked else {
        return fault::bad_address(&state, &visitor);
    };
    let fields = Fields { from, to, amount, minor_units: String::new(), tx_id: new_tx_id() };
    form(&state, &visitor, kind, fields, Faults::default(), None)
}

/// `POST /new/{kind}`
pub(super) async fn post(
    state: Shared<State>,
    kind: Result<Path<Kind>, axum::extract::rejection::PathRejection>,
    posted: Posted<Sent>,
) -> Response {
    let Posted { visitor, sent: Sent { step, fields } } = posted;
    let Ok(Path(kind)) = kind else {
        return fault::not_found(&state, &visitor, visitor.texts().no_such_page);
    };
    let f = Frame::new(&state, &visitor, Section::Move);
    let fields = fields.in_words(&f);
    if step == Step::Change {
        return form(&state, &visitor, kind, fields, Faults::default(), None);
    }
    match (fields.command(kind, &f), step) {
        (Err(faults), _) => form(&state, &visitor, kind, fields, faults, None),
        (Ok(wanted), Step::Send) => send::send(&state, &visitor, kind, fields, wanted).await,
        (Ok(wanted), Step::Preview | Step::Change) => {
            preview::preview(&state, &visitor, kind, fields, &wanted, None).await
        }
    }
}

fn form(
    state: &State,
    visitor: &Visitor,
    kind: Kind,
    fields: Fields,
    faults: Faults,
    notice: Option<Notice>,
) -> Response {
    let is_wrong = faults.are_some() || notice.is_some();
    let status = if is_wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let f = Frame::new(state, visitor, Section::Move);
    page_with(status, &Form { f, kind, fields, faults, notice })
}

/// The name of a move that nobody has made.
fn new_tx_id() -> String {
    Uuid::now_v7().to_string()
}
