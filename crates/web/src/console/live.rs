//! What moves, sent as it happens: the newest rows, the figures, and the position from which the
//! browser draws how much happens a second.
//!
//! The stream carries a picture a few times a second, not each event: a bank may do more in a second
//! than a person reads in a day, and an open page must not cost it anything. Programs that want every
//! event ask `/api/v1/events`.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::extract::{Query as Asked, State as Shared};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use ledger::{Seq, Transaction};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::frame::{Frame, Section};
use super::list::{self, PAGE_ROWS};
use super::moments;
use super::overview::{self, Figures};
use super::rows::Row;
use super::visitor::Visitor;
use crate::problem::Problem;
use crate::state::State;

/// How often the bank is looked at.
const TICK: Duration = Duration::from_millis(500);

/// A stream ends after so long, and the browser asks again: so no forgotten page keeps a place for ever.
const LONGEST: Duration = Duration::from_secs(900);

#[derive(Deserialize)]
pub(super) struct Asks {
    /// How many rows.
    #[serde(default)]
    rows: usize,
    /// Whether the figures too.
    #[serde(default)]
    figures: bool,
}

#[derive(Template)]
#[template(path = "rows.html")]
struct Rows {
    rows: Vec<Row>,
    f: Frame,
}

/// `GET /console/live`
pub(super) async fn stream(
    state: Shared<State>,
    visitor: Visitor,
    Asked(asks): Asked<Asks>,
) -> Response {
    let Some(permit) = state.stream() else {
        let text = "too many pages are open that show what happens";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", text).into_response();
    };
    let watch = Watch {
        state: state.0,
        visitor,
        rows: asks.rows.clamp(1, PAGE_ROWS),
        has_figures: asks.figures,
        shown: None,
        ticks: ticks(),
        until: Instant::now() + LONGEST,
        _permit: permit,
    };
    Sse::new(watch.events()).into_response()
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    // A reader who was slow gets the newest picture, not all that were missed.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// One open page.
struct Watch {
    state: State,
    visitor: Visitor,
    rows: usize,
    has_figures: bool,
    /// The position of the last picture.
    shown: Option<Seq>,
    ticks: Interval,
    until: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Watch {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let pictures = stream::unfold(self, |mut watch| async move {
            let picture = watch.next().await?;
            Some((picture, watch))
        });
        futures_util::StreamExt::flat_map(pictures, |picture| {
            stream::iter(picture.into_iter().map(Ok))
        })
    }

    /// The next picture; `None` once the server stops, the time is over or the bank cannot be read.
    async fn next(&mut self) -> Option<Vec<Event>> {
        tokio::select! {
            biased;
            () = self.state.stop().cancelled() => return None,
            _ = self.ticks.tick() => {}
        }
        if Instant::now() >= self.until {
            return None;
        }
        let durable = self.state.engine().seq_durable();
        let position = format!("{{\"seq\":{durable},\"at\":{}}}", moments::now_us());
        let mut events = vec![Event::default().event("position").data(position)];
        if self.shown != Some(durable) {
            events.extend(self.picture().await.ok()?);
            self.shown = Some(durable);
        }
        Some(events)
    }

    async fn picture(&self) -> Result<Vec<Event>, Problem> {
        let mut events = Vec::with_capacity(2);
        let newest = if self.has_figures {
            let (totals, newest) =
                overview::look(&self.state, &self.visitor.caller, self.rows).await?;
            let f = Frame::new(&self.state, &self.visitor, Section::Overview);
            events.extend(fragment("figures", &Figures::new(&f, &totals)));
            newest
        } else {
            list::before(&self.state, &self.visitor.caller, None, self.rows).await?
        };
        events.extend(fragment("rows", &self.as_rows(&newest)));
        Ok(events)
    }

    fn as_rows(&self, newest: &[Transaction<'_>]) -> Rows {
        let f = Frame::new(&self.state, &self.visitor, Section::Overview);
        let rows = newest.iter().map(|transaction| Row::new(&f, transaction)).collect();
        Rows { rows, f }
    }
}

fn fragment(name: &str, template: &impl Template) -> Option<Event> {
    Some(Event::default().event(name).data(template.render().ok()?))
}
