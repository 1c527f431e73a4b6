//! Takes connections until the server is to stop, then drains them.

use std::io;
use std::net::TcpListener;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use axum_server::Handle;

use crate::connection::Reception;
use crate::options::{BODY_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX};
use crate::state::State;
use crate::{api, console, guard, metrics, problem, reference, request_id};

/// What became of the connections when the door was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many were cut because they were not done when the time to drain was over.
    pub connections_cut_count: usize,
}

/// Serves every client that comes to `listener`, until the state's stop is cancelled; then answers
/// what was received and returns when every connection is closed, after the time to drain at the
/// latest. To be called within a tokio runtime with I/O and time.
///
/// A panic is nobody's answer: a release build ends the process there, as it does everywhere.
pub async fn serve(listener: TcpListener, state: State) -> io::Result<Report> {
    let handle = Handle::new();
    let (stop, drain) = (state.stop().clone(), state.options().drain);
    let head_timeout = state.options().head_timeout;
    let closing = handle.clone();
    let closer = tokio::spawn(async move {
        stop.cancelled().await;
        closing.graceful_shutdown(Some(drain));
    });
    let mut server = axum_server::from_tcp(listener)?
        .http1_only()
        .acceptor(Reception::new(state.clone()))
        .first_request_timeout(head_timeout)
        .accept_error_handler(|_, error| {
            tracing::debug!(event = "connection_lost", %error, "a connection was not begun");
        })
        .handle(handle.clone());
    server
        .http_builder()
        .http1()
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .header_read_timeout(head_timeout);
    let served = server.serve(router(state).into_make_service()).await;
    closer.abort();
    served?;
    Ok(Report { connections_cut_count: handle.connection_count() })
}

/// Every route; the layer that is added last sees a request first.
fn router(state: State) -> Router {
    Router::new()
        .merge(api::router())
        .merge(console::router(state.clone()))
        .merge(reference::router())
        .route("/metrics", get(metrics::page))
        .fallback(problem::no_such_page)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(state.clone(), guard::look))
        .layer(middleware::from_fn_with_state(state.clone(), problem::complete))
        .layer(middleware::from_fn(request_id::name))
        .with_state(state)
}
