//! Takes connections until the server is to stop, then drains them.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::addresses::{Addresses, Seat};
use crate::connection::{self, Ended, House};
use crate::counters::Turned;
use crate::desk::Desk;
use crate::last_word::{self, LastWord};
use crate::options::{ACCEPT_PAUSE, Options};
use crate::throttle::Throttle;
use crate::tls::Tls;

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
/// `desk`: where the clients' requests go; `tls`: what guards the connections, if anything does.
/// To be called within a tokio runtime with I/O and time. Nothing that a client does is an error.
/// The engine must bear that a call of `execute` is dropped before it resolves.
pub async fn serve(
    listener: TcpListener,
    desk: Desk,
    tls: Option<Tls>,
    options: Options,
    stop: CancellationToken,
) -> Report {
    let addresses = Addresses::new(options.per_address_max);
    let house = Arc::new(House::new(desk, options, stop));
    let mut reception = Reception {
        house: house.clone(),
        tls,
        addresses,
        connections: JoinSet::new(),
        report: Report::default(),
        refused: Throttle::default(),
        failed: Throttle::default(),
    };
    let is_guarded = house.desk.access().is_on();
    let watching = house.clone();
    let watch = is_guarded
        .then(|| tokio::spawn(async move { watching.visitors.keep_current(&watching.desk).await }));
    let mut stopping = pin!(house.stop.cancelled());
    loop {
        tokio::select! {
            biased;
            () = &mut stopping => break,
            Some(ended) = reception.connections.join_next() => note(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => reception.receive(stream, from),
                Err(error) => reception.pause(&error).await,
            },
        }
    }
    drop(listener);
    let report = reception.drain().await;
    if let Some(watch) = watch {
        watch.abort();
        // Aborted: it holds the desk no longer.
        watch.await.ok();
    }
    house.desk.feed().close().await;
    report
}

struct Reception {
    house: Arc<House>,
    tls: Option<Tls>,
    addresses: Addresses,
    connections: JoinSet<io::Result<Ended>>,
    report: Report,
    refused: Throttle,
    failed: Throttle,
}

impl Reception {
    fn receive(&mut self, stream: TcpStream, from: SocketAddr) {
        let connections_max = self.house.options.connections_max;
        if self.connections.len() >= connections_max {
            let word = LastWord::TooManyConnections { connections_max };
            return self.turn_away(stream, Turned::TooMany, word);
        }
        let seat = match self.addresses.take(from.ip()) {
            Ok(seat) => seat,
            Err(per_address_max) => {
                let word = LastWord::TooManyFromAddress { per_address_max };
                return self.turn_away(stream, Turned::TooManyFromAddress, word);
            }
        };
        self.report.connections_served_count += 1;
        let house = self.house.clone();
        match self.tls.clone() {
            None => self.connections.spawn(plain(stream, from, house, seat)),
            Some(tls) => self.connections.spawn(guarded(stream, from, tls, house, seat)),
        };
    }

    fn turn_away(&mut self, stream: TcpStream, why: Turned, word: LastWord) {
        self.report.connections_refused_count += 1;
        self.house.desk.counters().note_turned(why);
        if self.tls.is_none() {
            let as_of = self.house.desk.engine().seq_durable();
            if let Err(error) = last_word::say_at_once(stream, word, as_of) {
                tracing::debug!(event = "refusal_unheard", %error, "a refused client was gone already");
            }
        }
        if let Some(count) = self.refused.count() {
            let connections_max = self.house.options.connections_max;
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

/// Serves a client without TLS.
async fn plain(
    stream: TcpStream,
    from: SocketAddr,
    house: Arc<House>,
    _seat: Option<Seat>,
) -> io::Result<Ended> {
    // Replies are written whole; holding one back to fill a packet would only delay it.
    stream.set_nodelay(true)?;
    connection::serve(stream, from, None, house).await
}

/// Serves a client behind TLS.
async fn guarded(
    stream: TcpStream,
    from: SocketAddr,
    tls: Tls,
    house: Arc<House>,
    _seat: Option<Seat>,
) -> io::Result<Ended> {
    stream.set_nodelay(true)?;
    let accepted = tokio::select! {
        biased;
        () = house.stop.cancelled() => return Ok(Ended::Drained),
        accepted = tls.accept(stream) => accepted,
    };
    let (stream, names) = match accepted {
        Ok(accepted) => accepted,
        Err(error) => {
            house.desk.counters().note_turned(Turned::Handshake);
            return Err(error);
        }
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let access = house.desk.access();
    let known = if access.is_on() { access.certificate(&names).ok() } else { None };
    connection::serve(stream, from, known, house).await
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
