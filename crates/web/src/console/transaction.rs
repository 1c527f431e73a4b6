//! One transaction: its legs, its names, and how to ask for it again from elsewhere.

use askama::Template;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query as Asked, State as Shared};
use axum::http::HeaderMap;
use axum::http::header;
use axum::response::Response;
use engine::query::Named;
use ledger::{Event, Seq, Transaction, TxId};
use serde::Deserialize;

use super::commands::{self, Copies};
use super::fault;
use super::frame::{Frame, Section, page};
use super::list;
use super::money::Money;
use super::names::Name;
use super::rows::{self, Row};
use super::visitor::Visitor;
use crate::problem::Problem;
use crate::state::State;

struct Leg {
    account: Name,
    before: Money,
    after: Money,
    change: Money,
    is_in: bool,
}

#[derive(Template)]
#[template(path = "transaction.html")]
struct Page {
    f: Frame,
    row: Row,
    legs: Vec<Leg>,
    tx_id: Name,
    /// Who asked, where access control knew.
    by: Option<Name>,
    /// Of a refusal: why, in words and as the stable code.
    refused: Option<(String, &'static str)>,
    copies: Copies,
    /// What a form that led here did: moved the money, or found that it had moved before.
    sent: Sent,
    previous: Option<u64>,
    next: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sent {
    #[default]
    No,
    Once,
    Again,
}

#[derive(Deserialize)]
pub(super) struct Asks {
    #[serde(default)]
    sent: Sent,
}

#[derive(Deserialize)]
pub(super) struct ByTxId {
    tx_id: String,
}

/// `GET /transactions/{seq}`
pub(super) async fn show(
    state: Shared<State>,
    visitor: Visitor,
    seq: Result<Path<u64>, PathRejection>,
    asked: Result<Asked<Asks>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Ok(Path(seq)) = seq else {
        return fault::not_found(&state, &visitor, visitor.texts().no_such_transaction);
    };
    let sent = asked.map_or(Sent::No, |Asked(asks)| asks.sent);
    let found = list::one(&state, &visitor.caller, Named::Seq(Seq::new(seq))).await;
    answer(&state, &visitor, found, sent, &headers)
}

/// `GET /transaction?tx_id=…`
pub(super) async fn by_tx_id(
    state: Shared<State>,
    visitor: Visitor,
    asked: Result<Asked<ByTxId>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Ok(Asked(ByTxId { tx_id })) = asked else { return fault::bad_address(&state, &visitor) };
    let Ok(tx_id) = TxId::new(tx_id) else {
        return fault::not_found(&state, &visitor, visitor.texts().no_such_transaction);
    };
    let found = list::one(&state, &visitor.caller, Named::TxId(tx_id)).await;
    answer(&state, &visitor, found, Sent::No, &headers)
}

fn answer(
    state: &State,
    visitor: &Visitor,
    found: Result<Option<Transaction<'static>>, Problem>,
    sent: Sent,
    headers: &HeaderMap,
) -> Response {
    let transaction = match found {
        Ok(Some(transaction)) => transaction,
        Ok(None) => return fault::not_found(state, visitor, visitor.texts().no_such_transaction),
        Err(problem) => return fault::of_problem(state, visitor, &problem),
    };
    let f = Frame::new(state, visitor, Section::Transactions);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let refused = match &transaction.event {
        Event::Refused(refused) => {
            let rejection = &refused.rejection;
            Some((f.t.rejection(&f, rejection), rejection.code()))
        }
        Event::Init { .. }
        | Event::Deposit { .. }
        | Event::Withdraw { .. }
        | Event::Transfer { .. }
        | Event::Void => None,
    };
    let newest = state.engine().seq_durable();
    let seq = transaction.seq.get();
    page(&Page {
        row: rows::Row::new(&f, &transaction),
        legs: legs(&f, &transaction),
        tx_id: Name::new(transaction.tx_id.as_str()),
        by: transaction.by.as_ref().map(|by| Name::new(by.as_str())),
        refused,
        copies: commands::copies(&transaction, host),
        sent,
        previous: (seq > 1).then(|| seq - 1),
        next: (transaction.seq < newest).then(|| seq + 1),
        f,
    })
}

/// The legs, no more than a page can show.
fn legs(f: &Frame, transaction: &Transaction<'_>) -> Vec<Leg> {
    let leg = |leg: &ledger::Leg<'_>| Leg {
        account: Name::new(leg.account.as_str()),
        before: f.money(leg.before.get()),
        after: f.money(leg.after.get()),
        change: f.money(leg.change()),
        is_in: leg.change() >= 0,
    };
    transaction.event.legs().take(LEGS_MAX).map(leg).collect()
}

/// Most legs on a page; openings may name more.
const LEGS_MAX: usize = 200;
