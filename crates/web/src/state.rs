//! What every handler stands on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use engine::Engine;
use server::CancellationToken;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use crate::facts::Facts;
use crate::follow::Pulse;
use crate::options::Options;
use crate::verification::Verification;

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct State {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<dyn Engine>,
    options: Options,
    bound: SocketAddr,
    stop: CancellationToken,
    facts: Facts,
    started_at: SystemTime,
    started: Instant,
    pulse: Pulse,
    verification: Verification,
    checkpointing: Mutex<()>,
    streams: Arc<Semaphore>,
    connections_count: AtomicUsize,
}

impl State {
    /// `bound`: where the door is; `stop` ends the whole server when it is cancelled.
    pub fn new(
        engine: Arc<dyn Engine>,
        options: Options,
        bound: SocketAddr,
        stop: CancellationToken,
    ) -> Self {
        Self::with_facts(engine, options, bound, stop, Facts::default())
    }

    /// The same, of a server that says what it is.
    pub fn with_facts(
        engine: Arc<dyn Engine>,
        options: Options,
        bound: SocketAddr,
        stop: CancellationToken,
        facts: Facts,
    ) -> Self {
        let streams = Arc::new(Semaphore::new(options.streams_max));
        let inner = Inner {
            engine,
            options,
            bound,
            stop,
            facts,
            started_at: SystemTime::now(),
            started: Instant::now(),
            pulse: Pulse::default(),
            verification: Verification::default(),
            checkpointing: Mutex::default(),
            streams,
            connections_count: AtomicUsize::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.inner.engine
    }

    /// For a task of its own.
    pub(crate) fn engine_shared(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.inner.engine)
    }

    pub(crate) fn options(&self) -> &Options {
        &self.inner.options
    }

    pub(crate) fn bound(&self) -> SocketAddr {
        self.inner.bound
    }

    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.inner.stop
    }

    /// What this server is.
    pub(crate) fn facts(&self) -> &Facts {
        &self.inner.facts
    }

    /// When it started, by the clock and by the time that runs evenly.
    pub(crate) fn started(&self) -> (SystemTime, Instant) {
        (self.inner.started_at, self.inner.started)
    }

    /// Wakes those who follow the log.
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.inner.pulse
    }

    pub(crate) fn verification(&self) -> &Verification {
        &self.inner.verification
    }

    /// Whoever holds it makes the one checkpoint.
    pub(crate) fn checkpointing(&self) -> &Mutex<()> {
        &self.inner.checkpointing
    }

    /// The right to one more stream; `None` when there are too many.
    pub(crate) fn stream(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.inner.streams).try_acquire_owned().ok()
    }

    /// How many streams there are.
    pub(crate) fn streams_count(&self) -> usize {
        self.inner.options.streams_max.saturating_sub(self.inner.streams.available_permits())
    }

    /// How many connections the door has.
    pub(crate) fn connections_count(&self) -> usize {
        self.inner.connections_count.load(Ordering::Relaxed)
    }

    /// One connection more, as long as the token lives; `None` when there are too many.
    pub(crate) fn connection(&self) -> Option<Connected> {
        let count = &self.inner.connections_count;
        let before = count.fetch_add(1, Ordering::Relaxed);
        let connected = Connected { state: self.clone() };
        (before < self.inner.options.connections_max).then_some(connected)
    }
}

/// A connection that counts.
pub(crate) struct Connected {
    state: State,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.state.inner.connections_count.fetch_sub(1, Ordering::Relaxed);
    }
}
