//! What moves money. The body is judged as a line of the wire.

use axum::extract::State as Shared;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use engine::{Outcome, Request};
use protocol::{Code, Incoming, parse_line};

use super::body::JsonBody;
use super::idempotency::{KEY, Key};
use super::schema::{self, OneAccount, Openings, ToResolve, TwoAccounts};
use super::wire;
use crate::caller::Caller;
use crate::problem::{Problem, REPLAYED};
use crate::state::State;

/// Money enters the bank.
///
/// Opens the account if there is none yet.
#[utoipa::path(post, path = "/deposits", tag = "money",
    params(("Idempotency-Key" = inline(Option<schema::TxIdText>), Header,
        description = "The tx_id, bare or quoted. The same key with the same content happens once, for ever. Without it, and without `tx_id`, the server makes one.")),
    request_body = OneAccount,
    responses((status = 200, description = "Done, now or before.", body = schema::Moved,
        headers(("Idempotency-Key" = String, description = "The tx_id.")),
        example = json!({"ok": true, "before": 100000, "after": 102500, "seq": 2, "tx_id": "dep-1"}))))]
pub(super) async fn deposit(
    state: Shared<State>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    write(&state, &caller, &headers, "deposit", &body).await
}

/// Money leaves the bank, if the account holds it.
#[utoipa::path(post, path = "/withdrawals", tag = "money",
    params(("Idempotency-Key" = inline(Option<schema::TxIdText>), Header,
        description = "The tx_id, bare or quoted. The same key with the same content happens once, for ever. Without it, and without `tx_id`, the server makes one.")),
    request_body = OneAccount,
    responses((status = 200, description = "Done, now or before.", body = schema::Moved,
        headers(("Idempotency-Key" = String, description = "The tx_id.")),
        example = json!({"ok": true, "before": 102500, "after": 100000, "seq": 3, "tx_id": "wd-1"}))))]
pub(super) async fn withdraw(
    state: Shared<State>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    write(&state, &caller, &headers, "withdraw", &body).await
}

/// Money moves from one account to another, if the first holds it.
///
/// Opens the receiving account if there is none yet.
#[utoipa::path(post, path = "/transfers", tag = "money",
    params(("Idempotency-Key" = inline(Option<schema::TxIdText>), Header,
        description = "The tx_id, bare or quoted. The same key with the same content happens once, for ever. Without it, and without `tx_id`, the server makes one.")),
    request_body = TwoAccounts,
    responses((status = 200, description = "Done, now or before.", body = schema::Transferred,
        headers(("Idempotency-Key" = String, description = "The tx_id.")),
        example = json!({"ok": true, "from": {"user": "alice", "before": 102500, "after": 101723},
            "to": {"user": "bob", "before": 50000, "after": 50777}, "seq": 3, "tx_id": "rent-2026-11"}))))]
pub(super) async fn transfer(
    state: Shared<State>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    write(&state, &caller, &headers, "transfer", &body).await
}

/// Sets the balances of the accounts named, all or none.
#[utoipa::path(post, path = "/init", tag = "money",
    params(("Idempotency-Key" = inline(Option<schema::TxIdText>), Header,
        description = "The tx_id, bare or quoted. The same key with the same content happens once, for ever. Without it, and without `tx_id`, the server makes one.")),
    request_body = Openings,
    responses((status = 200, description = "Done, now or before.", body = schema::Opened,
        headers(("Idempotency-Key" = String, description = "The tx_id.")),
        example = json!({"ok": true, "accounts": {"alice": 100000, "bob": 50000}, "seq": 1, "tx_id": "init-1"}))))]
pub(super) async fn init(
    state: Shared<State>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Problem> {
    write(&state, &caller, &headers, "init_accounts", &body).await
}

/// Settles what became of a tx_id, for ever.
///
/// What stands under it, or, when nothing does, a void: a request that comes later under this tx_id is
/// refused.
#[utoipa::path(post, path = "/resolve", tag = "money", request_body = ToResolve,
    responses((status = 200, description = "What stands under it.", body = schema::Resolved,
        example = json!({"ok": true, "outcome": "voided",
            "transaction": {"seq": 4, "tx": "void", "tx_id": "rent-2026-12", "at": 1764000000000000i64},
            "seq": 4, "tx_id": "rent-2026-12"}))))]
pub(super) async fn resolve(
    state: Shared<State>,
    caller: Caller,
    body: JsonBody,
) -> Result<Response, Problem> {
    let line = wire::line_of_body("resolve", &body.0);
    let Incoming::Resolve(tx_id) =
        parse_line(&line).map_err(|refusal| Problem::refused(&refusal))?
    else {
        return Err(other_request());
    };
    let outcome =
        state.ask(&caller, Request::Resolve { tx_id: tx_id.into_owned(), by: None }).await?;
    let duplicate = is_duplicate(&outcome);
    Ok(replayed(wire::answer(&state, &outcome)?.into_response(), duplicate))
}

async fn write(
    state: &State,
    caller: &Caller,
    headers: &HeaderMap,
    cmd: &str,
    body: &JsonBody,
) -> Result<Response, Problem> {
    let line = wire::line_of_body(cmd, &body.0);
    let incoming = parse_line(&line).map_err(|refusal| Problem::refused(&refusal))?;
    let Incoming::Write { command, tx_id, not_after_us } = incoming else {
        return Err(other_request());
    };
    let key = Key::of(headers, tx_id)?;
    let request = Request::Write {
        command: command.into_owned(),
        tx_id: key.tx_id.clone(),
        tx_id_given: key.given,
        not_after_us,
        by: None,
    };
    let outcome = state.ask(caller, request).await?;
    let duplicate = is_duplicate(&outcome);
    let mut response = wire::answer(state, &outcome)?.into_response();
    if let Some(key) = key.header() {
        response.headers_mut().insert(KEY, key);
    }
    Ok(replayed(response, duplicate))
}

fn is_duplicate(outcome: &Outcome<'_>) -> bool {
    match outcome {
        Outcome::Done { duplicate, .. }
        | Outcome::Resolved { duplicate, .. }
        | Outcome::Refused { duplicate, .. } => *duplicate,
        Outcome::Balance { .. }
        | Outcome::Balances { .. }
        | Outcome::Conflict { .. }
        | Outcome::Unavailable(_)
        | Outcome::Unknown { .. } => false,
    }
}

fn replayed(mut response: Response, duplicate: bool) -> Response {
    if duplicate {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// The path says the command, so a body can be no other request.
fn other_request() -> Problem {
    Problem::coded(Code::Internal, "the body became another request than its path says")
}
