//! Takes connections until the server is to stop, then drains them.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use engine::Engine;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::buffers::Pool;
use crate::connection::{self, Ended, House};
use crate::input::LongLines;
use crate::last_word::{self, LastWord};
use crate::options::{ACCEPT_PAUSE, Options};
use crate::throttle::Throttle;

/// What a server did with the connections that it was offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many were served.
    pub connections_served_count: u64,
    /// How many were turned away because there were too many.
    pub connections_refused_count: u64,
    /// How many were cut because they were not done when the time to drain was over. The outcome
    /// of what was being executed for them is unknown to their clients.
    pub connections_cut_count: usize,
}

/// Serves every client that comes to `listener` until `stop` is cancelled, which a `shutdown`
/// request does as well; then accepts no more, answers what was received, and returns when every
/// connection is closed, after [`Options::drain`] at the latest.
///
/// To be called within a tokio runtime with I/O and time. Nothing that a client does is an error.
/// The engine must bear that a call of `execute` is dropped before it resolves.
pub async fn serve(
    listener: TcpListener,
    engine: Arc<dyn Engine>,
    options: Options,
    stop: CancellationToken,
) -> Report {
    let house = Arc::new(House {
        engine,
        options,
        stop,
        pool: Pool::default(),
        long_lines: LongLines::default(),
    });
    let mut reception = Reception {
        house: house.clone(),
        connections: JoinSet::new(),
        report: Report::default(),
        refused: Throttle::default(),
        failed: Throttle::default(),
    };
    let mut stopping = pin!(house.stop.cancelled());
    loop {
        tokio::select! {
            biased;
            () = &mut stopping => break,
            Some(ended) = reception.connections.join_next() => note(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => reception.receive(stream),
                Err(error) => reception.pause(&error).await,
            },
        }
    }
    drop(listener);
    reception.drain().await
}

struct Reception {
    house: Arc<House>,
    connections: JoinSet<io::Result<Ended>>,
    report: Report,
    refused: Throttle,
    failed: Throttle,
}

impl Reception {
    fn receive(&mut self, stream: TcpStream) {
        let connections_max = self.house.options.connections_max;
        if self.connections.len() < connections_max {
            self.report.connections_served_count += 1;
            self.connections.spawn(connection::serve(stream, self.house.clone()));
            return;
        }
        self.report.connections_refused_count += 1;
        let word = LastWord::TooManyConnections { connections_max };
        if let Err(error) = last_word::say_at_once(stream, word, self.house.engine.seq_durable()) {
            tracing::debug!(event = "refusal_unheard", %error, "a refused client was gone already");
        }
        if let Some(count) = self.refused.count() {
            tracing::warn!(event = "connections_refused", count, connections_max, "{word}");
        }
    }

    /// Waits a little after accepting failed. Most often there is no free descriptor; the client
    /// stays in the queue, and asking again at once would only burn the processor.
    async fn pause(&mut self, error: &io::Error) {
        let is_the_clients = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::Interrupted
        );
        if is_the_clients {
            return;
        }
        if let Some(count) = self.failed.count() {
            tracing::error!(event = "accept_failed", count, %error, "cannot accept a connection");
        }
        tokio::select! {
            () = self.house.stop.cancelled() => {}
            () = tokio::time::sleep(ACCEPT_PAUSE) => {}
        }
    }

    async fn drain(mut self) -> Report {
        let all_ended = async {
            while let Some(ended) = self.connections.join_next().await {
                note(ended);
            }
        };
        if timeout(self.house.options.drain, all_ended).await.is_err() {
            self.report.connections_cut_count = self.connections.len();
            self.connections.shutdown().await;
            let count = self.report.connections_cut_count;
            tracing::warn!(event = "connections_cut", count, "the time to drain was over");
        }
        self.report
    }
}

/// Notes how a connection ended. A panic goes on: half a change must never be served.
fn note(ended: Result<io::Result<Ended>, JoinError>) {
    match ended {
        Ok(Ok(how)) => tracing::debug!(event = "connection_ended", ?how, "a connection ended"),
        Ok(Err(error)) => {
            tracing::debug!(event = "connection_lost", %error, "a connection was lost");
        }
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => tracing::debug!(event = "connection_cut", %error, "a connection was cut"),
        },
    }
}
