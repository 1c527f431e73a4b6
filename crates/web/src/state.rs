//! What every handler stands on.

use std::net::SocketAddr;
use std::sync::Arc;

use engine::Engine;
use server::{CancellationToken, Desk};

use crate::options::Options;

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct State {
    inner: Arc<Inner>,
}

struct Inner {
    desk: Desk,
    options: Options,
    bound: SocketAddr,
    stop: CancellationToken,
}

impl State {
    /// `bound`: where the door is; `stop` ends the whole server when it is cancelled.
    pub fn new(desk: Desk, options: Options, bound: SocketAddr, stop: CancellationToken) -> Self {
        Self { inner: Arc::new(Inner { desk, options, bound, stop }) }
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        self.inner.desk.engine()
    }

    /// Where whatever a caller asks is judged.
    pub(crate) fn desk(&self) -> &Desk {
        &self.inner.desk
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
}
