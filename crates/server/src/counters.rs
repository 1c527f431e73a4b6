//! What the doors did, in figures that anybody may read at any time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Why a connection was not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// There were as many connections as there may be.
    TooMany,
    /// There were as many from its address.
    TooManyFromAddress,
    /// The TLS handshake failed or took too long.
    Handshake,
}

/// Why a log-in failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthFailure {
    /// Nobody has this token or certificate.
    Unknown,
    /// It was right once.
    Ended,
    /// Something else than a log-in came first.
    Absent,
    /// Nothing came in time.
    Late,
    /// It was valid when the connection began, and is not any more.
    Revoked,
}

impl Turned {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::TooMany, Self::TooManyFromAddress, Self::Handshake];

    /// The value of a label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::TooManyFromAddress => "too_many_from_address",
            Self::Handshake => "handshake",
        }
    }
}

impl AuthFailure {
    /// Every reason.
    pub const ALL: [Self; 5] =
        [Self::Unknown, Self::Ended, Self::Absent, Self::Late, Self::Revoked];

    /// The value of a label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ended => "ended",
            Self::Absent => "absent",
            Self::Late => "late",
            Self::Revoked => "revoked",
        }
    }
}

/// The upper bounds of the histogram's buckets, in microseconds; the last bucket has none.
pub const BUCKETS_US: [u64; 12] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000];

/// Plain counts, of which each only grows, but for the open connections.
#[derive(Debug, Default)]
pub struct Counters {
    connections_open: AtomicU64,
    connections: AtomicU64,
    turned: [AtomicU64; Turned::ALL.len()],
    auth_failures: [AtomicU64; AuthFailure::ALL.len()],
    rate_limited: AtomicU64,
    requests: AtomicU64,
    forbidden: AtomicU64,
    batches: [AtomicU64; BUCKETS_US.len() + 1],
    batches_us: AtomicU64,
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

fn of(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

impl Counters {
    /// Connections that are open now.
    pub fn connections_open(&self) -> u64 {
        of(&self.connections_open)
    }

    /// Connections that were served.
    pub fn connections(&self) -> u64 {
        of(&self.connections)
    }

    /// Connections that were turned away for this reason.
    pub fn turned(&self, why: Turned) -> u64 {
        self.turned.get(why as usize).map_or(0, of)
    }

    /// Log-ins that failed for this reason.
    pub fn auth_failures(&self, why: AuthFailure) -> u64 {
        self.auth_failures.get(why as usize).map_or(0, of)
    }

    /// Requests that came too fast.
    pub fn rate_limited(&self) -> u64 {
        of(&self.rate_limited)
    }

    /// Lines that were answered.
    pub fn requests(&self) -> u64 {
        of(&self.requests)
    }

    /// Requests that the table did not allow.
    pub fn forbidden(&self) -> u64 {
        of(&self.forbidden)
    }

    /// Batches by the time from their reading to their last reply, one count per bucket of
    /// [`BUCKETS_US`] and one beyond; each counts its own bucket alone.
    pub fn batches(&self) -> [u64; BUCKETS_US.len() + 1] {
        self.batches.each_ref().map(of)
    }

    /// The time that all batches took together, in microseconds.
    pub fn batches_us(&self) -> u64 {
        of(&self.batches_us)
    }

    /// A door serves one more connection, until the guard goes.
    pub fn open_connection(&self) -> OpenConnection<'_> {
        add(&self.connections, 1);
        add(&self.connections_open, 1);
        OpenConnection(self)
    }

    /// A door turned a connection away.
    pub fn note_turned(&self, why: Turned) {
        if let Some(count) = self.turned.get(why as usize) {
            add(count, 1);
        }
    }

    /// A log-in failed.
    pub fn note_auth_failure(&self, why: AuthFailure) {
        if let Some(count) = self.auth_failures.get(why as usize) {
            add(count, 1);
        }
    }

    /// So many requests came too fast.
    pub fn note_rate_limited(&self, requests: u64) {
        add(&self.rate_limited, requests);
    }

    /// So many requests were not allowed.
    pub fn note_forbidden(&self, requests: u64) {
        add(&self.forbidden, requests);
    }

    /// A batch of so many lines was answered.
    pub fn note_batch(&self, lines: u64, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_US.partition_point(|bound| *bound < took_us);
        if let Some(count) = self.batches.get(bucket) {
            add(count, 1);
        }
        add(&self.batches_us, took_us);
        add(&self.requests, lines);
    }
}

/// One open connection; dropped, it is closed.
#[derive(Debug)]
pub struct OpenConnection<'c>(&'c Counters);

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_counts_in_the_bucket_of_its_time_alone() {
        let counters = Counters::default();
        for micros in [0, 100, 101, 2_500_000, 2_500_001] {
            counters.note_batch(2, Duration::from_micros(micros));
        }
        let mut expected = [0; BUCKETS_US.len() + 1];
        (expected[0], expected[1], expected[11], expected[12]) = (2, 1, 1, 1);
        assert_eq!(counters.batches(), expected);
        assert_eq!((counters.requests(), counters.batches_us()), (10, 5_000_202));
    }

    #[test]
    fn a_connection_is_open_until_it_is_dropped() {
        let counters = Counters::default();
        let open = counters.open_connection();
        assert_eq!((counters.connections(), counters.connections_open()), (1, 1));
        drop(open);
        assert_eq!((counters.connections(), counters.connections_open()), (1, 0));
    }

    #[test]
    fn every_reason_has_a_count_of_its_own() {
        let counters = Counters::default();
        for why in Turned::ALL {
            counters.note_turned(why);
        }
        for why in AuthFailure::ALL {
            counters.note_auth_failure(why);
        }
        assert!(Turned::ALL.into_iter().all(|why| counters.turned(why) == 1));
        assert!(AuthFailure::ALL.into_iter().all(|why| counters.auth_failures(why) == 1));
    }
}
