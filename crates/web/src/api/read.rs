//! Questions: accounts, their past, the log, the totals.

use axum::extract::{FromRequestParts, OriginalUri, Path, RawQuery, State as Shared};
use axum::http::HeaderMap;
use axum::http::header::{self, HeaderValue};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use engine::Reading;
use ledger::AccountId;
use protocol::query::{Order, Query, StatementPage};
use protocol::{Code, Refusal, reply};

use super::etag;
use super::schema;
use super::wire::{self, Params};
use crate::caller::Caller;
use crate::problem::Problem;
use crate::state::State;

/// The last part of a path, as text.
pub(super) struct Last(String);

impl FromRequestParts<State> for Last {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(Self(text)),
            Err(_) => Err(Problem::invalid("the path is not UTF-8")),
        }
    }
}

/// The accounts, by name (byte for byte), page by page.
#[utoipa::path(get, path = "/accounts", tag = "accounts",
    params(
        ("prefix" = Option<String>, Query, max_length = 64, description = "Only accounts whose names begin so: at most 64 bytes."),
        ("count" = Option<bool>, Query, description = "Whether to count all accounts that begin with `prefix`."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "Most items in the page; 100 by default."),
        ("cursor" = Option<String>, Query, max_length = 144, description = "The `next_cursor` of the page before, with the parameters of the first page."),
    ),
    responses((status = 200, description = "A page; `Link` leads to the next one.", body = schema::Accounts,
        headers(("Link" = String, description = "The next page, where there is one.")),
        example = json!({"ok": true, "items": [{"user": "alice", "balance": 101723, "seq": 3}],
            "next_cursor": null, "as_of": 6}))))]
pub(super) async fn accounts(
    state: Shared<State>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let params = Params::read(query.as_deref(), &["prefix", "count", "limit", "cursor"])?;
    let reply = wire::ask_history(&state, &caller, &params.line("accounts", &[])).await?;
    Ok(reply.into_page(uri.path(), &params))
}

/// What an account holds, or held at a moment.
///
/// An account that does not exist holds 0, with `"exists":false`.
#[utoipa::path(get, path = "/accounts/{name}", tag = "accounts",
    params(
        ("name" = inline(schema::AccountName), Path, description = "The account."),
        ("at_seq" = Option<i64>, Query, minimum = 0, description = "Behind this event."),
        ("at_time" = Option<i64>, Query, minimum = 1, description = "Behind the last event that is not later, in microseconds since the Unix epoch."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that the client has."),
    ),
    responses(
        (status = 200, description = "The balance.", body = schema::Account,
            headers(("ETag" = String, description = "Changes with the account; only without a moment.")),
            example = json!({"ok": true, "user": "alice", "balance": 101723, "as_of": 3})),
        (status = 304, description = "The account has not changed.")))]
pub(super) async fn account(
    state: Shared<State>,
    caller: Caller,
    Last(name): Last,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(query.as_deref(), &["at_seq", "at_time"])?;
    if params.get("at_seq").or(params.get("at_time")).is_some() {
        let line = params.line("balance", &[("user", &name)]);
        return Ok(wire::ask_history(&state, &caller, &line).await?.into_response());
    }
    let account = AccountId::new(name).map_err(|fault| Problem::refused(&Refusal::from(fault)))?;
    // The newest line of its statement has the balance and the seq of the last change, at one position.
    let newest = Query::Statement(StatementPage {
        account: account.borrow(),
        from: None,
        to: None,
        order: Order::NewestFirst,
        limit: 1,
        resume: None,
    });
    let reading = state.read(&caller, server::for_engine(&newest)).await?;
    let Reading::Statement(statement) = reading else {
        return Err(Problem::coded(Code::Internal, "the answer is to another question"));
    };
    let changed = statement.lines.first().map_or(0, |line| line.seq.get());
    let tag = etag::of_seq(&state, changed);
    if etag::is_known(&headers, &tag) {
        return Ok(etag::not_modified(&tag, etag::ASK_AGAIN));
    }
    let mut line = Vec::new();
    let balance = statement.exists.then_some(statement.after);
    reply::balance(&mut line, &account, balance, statement.as_of);
    let json = HeaderValue::from_static("application/json");
    let mut response = ([(header::CONTENT_TYPE, json)], line).into_response();
    etag::tell(&mut response, &tag, etag::ASK_AGAIN);
    Ok(response)
}

/// One account's history, with the balance after each line.
#[utoipa::path(get, path = "/accounts/{name}/statement", tag = "accounts",
    params(
        ("name" = inline(schema::AccountName), Path, description = "The account."),
        ("from_seq" = Option<i64>, Query, minimum = 0, description = "From this event on. Instead of `from_time`."),
        ("from_time" = Option<i64>, Query, minimum = 1, description = "From this time on, in microseconds since the Unix epoch."),
        ("to_seq" = Option<i64>, Query, minimum = 0, description = "Up to this event. Instead of `to_time`."),
        ("to_time" = Option<i64>, Query, minimum = 1, description = "Up to this time, in microseconds since the Unix epoch."),
        ("order" = Option<String>, Query, pattern = "^(newest|oldest)$", description = "`newest` first, the default, or `oldest` first."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "Most items in the page; 100 by default."),
        ("cursor" = Option<String>, Query, max_length = 144, description = "The `next_cursor` of the page before, with the parameters of the first page."),
    ),
    responses((status = 200, description = "A page; `Link` leads to the next one.", body = schema::Statement,
        headers(("Link" = String, description = "The next page, where there is one.")),
        example = json!({"ok": true, "user": "alice", "items": [{"seq": 3, "at": 1764000000000000i64, "tx": "transfer",
            "other": "bob", "amount": -777, "balance": 101723, "tx_id": "rent-2026-11"}],
            "balance_before": 102500, "balance_after": 101723, "next_cursor": null, "as_of": 6}))))]
pub(super) async fn statement(
    state: Shared<State>,
    caller: Caller,
    Last(name): Last,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let known = ["from_seq", "from_time", "to_seq", "to_time", "order", "limit", "cursor"];
    let params = Params::read(query.as_deref(), &known)?;
    let line = params.line("statement", &[("user", &name)]);
    let reply = wire::ask_history(&state, &caller, &line).await?;
    Ok(reply.into_page(uri.path(), &params))
}

/// The log, oldest first, page by page.
#[utoipa::path(get, path = "/transactions", tag = "log",
    params(
        ("from_seq" = Option<i64>, Query, minimum = 0, description = "From this event on."),
        ("to_seq" = Option<i64>, Query, minimum = 0, description = "Up to this event."),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "Most items in the page; 100 by default."),
        ("cursor" = Option<String>, Query, max_length = 144, description = "The `next_cursor` of the page before, with the parameters of the first page."),
    ),
    responses((status = 200, description = "A page; `Link` leads to the next one.", body = schema::Transactions,
        headers(("Link" = String, description = "The next page, where there is one.")),
        example = json!({"ok": true, "items": [{"seq": 2, "tx": "deposit", "tx_id": "dep-1", "user": "alice",
            "amount": 2500, "before": 100000, "after": 102500, "at": 1764000000000000i64}],
            "next_cursor": null, "as_of": 6}))))]
pub(super) async fn transactions(
    state: Shared<State>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let params = Params::read(query.as_deref(), &["from_seq", "to_seq", "limit", "cursor"])?;
    let reply = wire::ask_history(&state, &caller, &params.line("transactions", &[])).await?;
    Ok(reply.into_page(uri.path(), &params))
}

/// What happened under a tx_id, or at a place of the log.
///
/// Digits alone are a seq, unless `by` says that they are a tx_id. A transaction never changes.
#[utoipa::path(get, path = "/transactions/{id}", tag = "log",
    params(
        ("id" = inline(schema::TxIdText), Path, description = "The tx_id, or the seq."),
        ("by" = Option<String>, Query, pattern = "^(tx_id|seq)$", description = "Which of the two it is."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that the client has."),
    ),
    responses(
        (status = 200, description = "The transaction.", body = schema::OneTransaction,
            headers(("ETag" = String, description = "Never changes.")),
            example = json!({"ok": true, "transaction": {"seq": 2, "tx": "deposit", "tx_id": "dep-1", "user": "alice",
                "amount": 2500, "before": 100000, "after": 102500, "at": 1764000000000000i64}, "as_of": 6})),
        (status = 304, description = "The client has it.")))]
pub(super) async fn transaction(
    state: Shared<State>,
    caller: Caller,
    Last(id): Last,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let by = Params::read(query.as_deref(), &["by"])?;
    let field = match by.get("by") {
        None if id.bytes().all(|byte| byte.is_ascii_digit()) => "seq",
        None | Some("tx_id") => "tx_id",
        Some("seq") => "seq",
        Some(_) => return Err(Problem::invalid("'by' must be \"tx_id\" or \"seq\"")),
    };
    let nothing = Params::read(None, &[])?;
    let line = nothing.line("transaction", &[(field, &id)]);
    let mut response = wire::ask_history(&state, &caller, &line).await?.into_response();
    // It is named whole, and never changes: the name is the tag.
    let tag = etag::of_name(&state, field, &id);
    if etag::is_known(&headers, &tag) {
        return Ok(etag::not_modified(&tag, etag::FOR_EVER));
    }
    etag::tell(&mut response, &tag, etag::FOR_EVER);
    Ok(response)
}

/// How much there is in all.
#[utoipa::path(get, path = "/totals", tag = "log",
    responses((status = 200, description = "The bank as a whole, at one position.", body = schema::Totals,
        example = json!({"ok": true, "accounts": 2, "sum": 152500, "money_in": 152500, "money_out": 0,
            "seq": 6, "at": 1764000000000005i64, "as_of": 6}))))]
pub(super) async fn totals(
    state: Shared<State>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Params::read(query.as_deref(), &[])?;
    Ok(wire::read(&state, &caller, &Query::Totals).await?.into_response())
}
