//! Takes connections until the server is to stop, then drains them.

use std::io;
use std::net::TcpListener;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum_server::Handle;

use crate::options::{BODY_BYTES_MAX, HEAD_TIMEOUT};
use crate::state::State;
use crate::{api, console, guard, problem};

/// What became of the connections when the door was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many were cut because they were not done when the time to drain was over.
    pub connections_cut_count: usize,
}

/// Serves every client that comes to `listener`, until the state's stop is cancelled; then answers
/// what was received and returns when every connection is closed, after the time to drain at the
/// latest. To be called within a tokio runtime with I/O and time.
pub async fn serve(listener: TcpListener, state: State) -> io::Result<Report> {
    listener.set_nonblocking(true)?;
    let handle = Handle::new();
    let (stop, drain) = (state.stop().clone(), state.options().drain);
    let closing = handle.clone();
    let closer = tokio::spawn(async move {
        stop.cancelled().await;
        closing.graceful_shutdown(Some(drain));
    });
    let served = axum_server::from_tcp(listener)?
        .first_request_timeout(HEAD_TIMEOUT)
        .handle(handle.clone())
        .serve(router(state).into_make_service())
        .await;
    closer.abort();
    served?;
    Ok(Report { connections_cut_count: handle.connection_count() })
}

fn router(state: State) -> Router {
    Router::new()
        .merge(api::router())
        .merge(console::router(state.clone()))
        .fallback(problem::no_such_page)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(state.clone(), guard::look))
        .with_state(state)
}
