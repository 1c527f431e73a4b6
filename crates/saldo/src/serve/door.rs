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

use super::address::{self, Addresses};
use super::{Serve, fatal, signals};
use crate::failure::Failure;

/// A bound address, and the signals that stop what is served there.
pub struct Door {
    listener: TcpListener,
    http: Option<(std::net::TcpListener, SocketAddr)>,
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
    /// Binds an address for each kind of client. From here on a signal stops the server in order.
    pub async fn open(serve: &Serve, addresses: &Addresses) -> Result<Self, Failure> {
        let listener = TcpListener::bind(&*addresses.lines)
            .await
            .map_err(|error| address::not_bound("--listen", &serve.listen, &error))?;
        let bound = place_of(listener.local_addr())?;
        let http = match &addresses.http {
            None => None,
            Some(places) => {
                let http = std::net::TcpListener::bind(&**places)
                    .map_err(|error| address::not_bound("--http", &serve.http, &error))?;
                let bound = place_of(http.local_addr())?;
                Some((http, bound))
            }
        };
        let stop = CancellationToken::new();
        signals::watch(stop.clone())
            .context("watching for signals")
            .map_err(fatal::failed_to_start)?;
        Ok(Self { listener, http, stop, bound })
    }

    /// Where HTTP is spoken, if it is.
    pub fn http_bound(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|(_, bound)| *bound)
    }

    /// Says on stdout that clients may connect.
    pub fn announce(&self) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        // In one piece: a failure at this moment ends the process, and half an address would be worse
        // than none.
        let line = match self.http_bound() {
            Some(http) => format!("saldo ready tcp={} http=http://{http}\n", self.bound),
            None => format!("saldo ready tcp={}\n", self.bound),
        };
        match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::usage(format!("stdout cannot be written: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Serves until told to stop, and until every client is answered. `facts`: what the server says of
    /// itself.
    pub async fn serve(
        self,
        engine: Arc<dyn Engine>,
        serve: &Serve,
        connections_max: u32,
        facts: web::Facts,
    ) -> Report {
        let Self { listener, http, stop, bound: lines } = self;
        let facts = web::Facts { version: env!("CARGO_PKG_VERSION"), lines: Some(lines), ..facts };
        let web = async {
            let Some((listener, bound)) = http else { return };
            let (engine, stop) = (engine.clone(), stop.clone());
            let state = web::State::with_facts(engine, serve.web(), bound, stop, facts);
            if let Err(error) = web::serve(listener, state).await {
                tracing::error!(target: "web", event = "http_failed", %error, "HTTP is not served");
            }
        };
        let lines =
            server::serve(listener, engine.clone(), serve.door(connections_max), stop.clone());
        tokio::join!(lines, web).0
    }
}

/// The address that was bound.
fn place_of(bound: io::Result<SocketAddr>) -> Result<SocketAddr, Failure> {
    bound.context("asking for the bound address").map_err(fatal::failed_to_start)
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
