//! The log as it grows: server-sent events. Each durable event once, in order, from any place on.

use std::convert::Infallible;

use axum::extract::{RawQuery, State as Shared};
use axum::http::HeaderMap;
use axum::http::header::{HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, Stream, StreamExt as _};
use ledger::{Event as Happened, Seq, Transaction};
use protocol::limits::NUMBER_MAX;
use protocol::reply::history;
use protocol::{Code, FieldFault, Refusal};
use tokio::sync::OwnedSemaphorePermit;

use super::wire::Params;
use crate::caller::Caller;
use crate::follow::{Followed, Follower};
use crate::problem::Problem;
use crate::state::State;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The events of the bank, as they become durable, without end.
///
/// `id` is the seq, the event's name is its `tx`, the data is the transaction. A client that comes back
/// with `Last-Event-ID` goes on behind it: each event once, in order. Whoever falls too far behind gets
/// an event `behind` with the address of what it missed, and is closed.
#[utoipa::path(get, path = "/events", tag = "log",
    params(
        ("from" = Option<i64>, Query, minimum = 0, description = "From this event on; by default from the next one."),
        ("Last-Event-ID" = Option<String>, Header, pattern = "^[0-9]{1,18}$", description = "The last event that the client got. Counts before `from`."),
    ),
    responses((status = 200, description = "A stream.", body = String, content_type = "text/event-stream",
        example = "id: 2\nevent: deposit\ndata: {\"seq\":2,\"tx\":\"deposit\",\"tx_id\":\"dep-1\",\"user\":\"alice\",\"amount\":2500,\"before\":100000,\"after\":102500,\"at\":1764000000000000}\n\n")))]
pub(super) async fn events(
    state: Shared<State>,
    caller: Caller,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(query.as_deref(), &["from"])?;
    let from = match (last_event(&headers)?, params.get("from")) {
        (Some(last), _) => Some(Seq::new(last.saturating_add(1))),
        (None, Some(from)) => Some(Seq::new(number("from", from)?)),
        (None, None) => None,
    };
    let Some(permit) = state.stream() else {
        let most = state.options().streams_max;
        let detail = format!("too many streams, the limit is {most}");
        return Err(Problem::coded(Code::Overloaded, detail));
    };
    let pause = state.options().stream_pause;
    let follower = Follower::new(state.0, caller, from);
    let lives = KeepAlive::new().interval(pause);
    let mut response = Sse::new(stream(follower, permit)).keep_alive(lives).into_response();
    // A proxy that collects what it passes on would hold events back.
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

fn last_event(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    match value.to_str() {
        Ok("") => Ok(None),
        Ok(text) => number("Last-Event-ID", text).map(Some),
        Err(_) => number("Last-Event-ID", "").map(Some),
    }
}

fn number(field: &'static str, text: &str) -> Result<u64, Problem> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_plain && *number <= NUMBER_MAX);
    let fault = FieldFault::NotInRange { field, min: 0, max: NUMBER_MAX };
    number.ok_or_else(|| Problem::refused(&Refusal::from(fault)))
}

/// What goes out, until the follower's end. The permit is given back with the stream.
fn stream(
    follower: Follower,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let pages = stream::unfold(Some((follower, permit)), async |following| {
        let (mut follower, permit) = following?;
        match follower.next().await {
            Followed::Events(transactions) => {
                let events = transactions.iter().map(event).collect();
                Some((events, Some((follower, permit))))
            }
            Followed::Behind(next) => Some((vec![behind(next)], None)),
            Followed::Over => None,
        }
    });
    pages.flat_map(|events: Vec<Event>| stream::iter(events.into_iter().map(Ok)))
}

fn event(transaction: &Transaction<'_>) -> Event {
    let mut data = Vec::new();
    history::item(&mut data, transaction);
    // The wire is UTF-8, and a JSON text on one line.
    let data = String::from_utf8(data).unwrap_or_default();
    let id = transaction.seq.to_string();
    Event::default().id(id).event(kind(&transaction.event)).data(data)
}

/// As the journal calls it.
fn kind(event: &Happened<'_>) -> &'static str {
    match event {
        Happened::Init { .. } => "init",
        Happened::Deposit { .. } => "deposit",
        Happened::Withdraw { .. } => "withdraw",
        Happened::Transfer { .. } => "transfer",
        Happened::Refused(_) => "refused",
        Happened::Void => "void",
    }
}

/// The last word to whoever fell back: where the rest is.
fn behind(next: Seq) -> Event {
    let data = serde_json::json!({
        "next": next.get(),
        "list": format!("/api/v1/transactions?from_seq={next}"),
        "resume": format!("/api/v1/events?from={next}"),
    });
    Event::default().event("behind").data(data.to_string())
}
