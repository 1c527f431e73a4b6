//! The bank's door, whatever keeps the bank: opened before anybody is told that it is there, and
//! closed in order.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use engine::Engine;
use server::{CancellationToken, Report};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::{Serve, address, fatal, signals};
use crate::failure::Failure;

/// A bound address, and the signals that stop what is served there.
pub struct Door {
    listener: TcpListener,
    stop: CancellationToken,
    /// Where it is.
    pub bound: SocketAddr,
}

/// What a server runs on.
pub fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
        .map_err(fatal::failed_to_start)
}

impl Door {
    /// Binds one of `addresses`. From here on a signal stops the server in order.
    pub async fn open(serve: &Serve, addresses: &[SocketAddr]) -> Result<Self, Failure> {
        let listener = TcpListener::bind(addresses)
            .await
            .map_err(|error| address::not_bound(&serve.listen, &error))?;
        let bound = listener
            .local_addr()
            .context("asking for the bound address")
            .map_err(fatal::failed_to_start)?;
        let stop = CancellationToken::new();
        signals::watch(stop.clone())
            .context("watching for signals")
            .map_err(fatal::failed_to_start)?;
        Ok(Self { listener, stop, bound })
    }

    /// Says on stdout that clients may connect.
    pub fn announce(&self) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        // In one piece: a failure at this moment ends the process, and half an address would be worse
        // than none.
        let line = format!("saldo ready tcp={}\n", self.bound);
        match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::usage(format!("stdout cannot be written: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Serves until told to stop, and until every client is answered.
    pub async fn serve(self, engine: Arc<dyn Engine>, options: server::Options) -> Report {
        server::serve(self.listener, engine, options, self.stop).await
    }
}

/// Says that everything ended in order; `kept_in`: where the answers are.
pub fn tell_stopped(served: &Report, seq: u64, kept_in: &str) {
    tracing::info!(
        target: "server",
        event = "stopped",
        seq,
        connections_served = served.connections_served_count,
        connections_refused = served.connections_refused_count,
        connections_cut = served.connections_cut_count,
        "stopped in order; every answer is in the {kept_in}"
    );
}
