//! The figures of one run.

use std::time::Duration;

use serde::Serialize;

use super::process::Taken;
use super::progress::per_second;
use super::spread::Spread;
use super::tally::{STRETCH_NS, Tally};
use super::workload::Kind;

/// A run is as fast as asked when it reached so many thousandths of the rate.
const REACHED_PER_MILLE: u64 = 990;

/// One run. Latencies count from when a request was meant to go.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Whole milliseconds from the beginning of the measurement to the last reply.
    pub elapsed_ms: u64,
    /// Operations, each one request or a few that belong together.
    pub operations: u64,
    /// Requests that were answered with a yes.
    pub requests: u64,
    /// Transfers among them.
    pub transfers: u64,
    /// Readings of balances.
    pub readings: u64,
    /// Deposits.
    pub deposits: u64,
    /// Withdrawals.
    pub withdrawals: u64,
    /// Requests that were answered with a no.
    pub refused: u64,
    /// Requests that were answered with a yes or a no, warm-up included.
    pub answered_in_all: u64,
    /// In a second of the measurement.
    pub operations_per_second: u64,
    /// The same of the requests.
    pub requests_per_second: u64,
    /// The same of the transfers.
    pub transfers_per_second: u64,
    /// Latencies of requests in whole microseconds.
    pub latency_us: Latency,
    /// Processor time of the generator, in nanoseconds per answered request.
    pub generator_cpu_ns_per_request: u64,
    /// Of an open loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_loop: Option<OpenLoop>,
    /// Of a server on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_process: Option<ServerProcess>,
    /// Answered requests over time.
    pub over_time: OverTime,
    /// Whether it was ended early.
    pub interrupted: bool,
}

/// Latencies of requests in whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Latency<T = u64> {
    /// What half of them did not pass.
    pub p50: T,
    /// What 90 % did not pass.
    pub p90: T,
    /// What 99 % did not pass.
    pub p99: T,
    /// What 99.9 % did not pass.
    pub p99_9: T,
    /// What 99.99 % did not pass.
    pub p99_99: T,
    /// The longest.
    pub max: T,
}

/// How an open loop kept its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OpenLoop {
    /// Requests that were to be sent in a second.
    pub rate: u32,
    /// Whether at least 99 % of that were answered.
    pub reached: bool,
    /// Requests that were due and not sent before the end: all connections had as many in flight as
    /// they may. The latencies have them with as long as they had waited.
    pub withheld: u64,
    /// How late requests went, in whole microseconds: 99 % at most this, and the latest.
    pub delay_p99_us: u64,
    /// The latest.
    pub delay_max_us: u64,
}

/// What the server's process took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ServerProcess {
    /// Resident memory before the run.
    pub resident_bytes_before: u64,
    /// Resident memory after it.
    pub resident_bytes_after: u64,
    /// Processor time per request, warm-up included.
    pub cpu_ns_per_request: u64,
}

/// Answered requests, stretch by stretch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverTime {
    /// How long a stretch is.
    pub interval_ms: u64,
    /// How many were answered in each; the last one may be shorter.
    pub answered: Vec<u64>,
}

impl Figures {
    /// Of what a run counted.
    pub fn of(tally: &Tally, elapsed: Duration, rate: Option<u32>) -> Self {
        let requests = tally.requests();
        let transfers = tally.done(Kind::Transfer);
        Self {
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            operations: tally.operations,
            requests,
            transfers,
            readings: tally.done(Kind::Balance) + tally.done(Kind::Balances),
            deposits: tally.done(Kind::Deposit),
            withdrawals: tally.done(Kind::Withdraw),
            refused: tally.refused,
            answered_in_all: tally.answered_in_all(),
            operations_per_second: per_second(tally.operations, elapsed),
            requests_per_second: per_second(requests, elapsed),
            transfers_per_second: per_second(transfers, elapsed),
            latency_us: Latency {
                p50: tally.latency_us_at(0.5),
                p90: tally.latency_us_at(0.9),
                p99: tally.latency_us_at(0.99),
                p99_9: tally.latency_us_at(0.999),
                p99_99: tally.latency_us_at(0.9999),
                max: tally.latency_us_max(),
            },
            generator_cpu_ns_per_request: tally
                .cpu_ns
                .checked_div(tally.answered())
                .unwrap_or_default(),
            open_loop: rate.map(|rate| OpenLoop {
                rate,
                reached: is_reached(tally.answered(), rate, elapsed),
                withheld: tally.withheld,
                delay_p99_us: tally.delay_us_at(0.99),
                delay_max_us: tally.delay_us_max(),
            }),
            server_process: None,
            over_time: OverTime {
                interval_ms: STRETCH_NS / 1_000_000,
                answered: tally.stretches().to_vec(),
            },
            interrupted: false,
        }
    }

    /// With what the server's process took meanwhile.
    pub fn beside(mut self, before: Taken, after: Taken) -> Self {
        let cpu_ns = after.cpu_ns.saturating_sub(before.cpu_ns);
        self.server_process = Some(ServerProcess {
            resident_bytes_before: before.resident_bytes,
            resident_bytes_after: after.resident_bytes,
            cpu_ns_per_request: cpu_ns.checked_div(self.answered_in_all).unwrap_or_default(),
        });
        self
    }
}

/// Whether so many answers in this time make at least 99 % of the rate.
fn is_reached(answered: u64, rate: u32, elapsed: Duration) -> bool {
    let due = u128::from(rate) * elapsed.as_nanos() * u128::from(REACHED_PER_MILLE);
    u128::from(answered) * 1_000_000_000 * 1_000 >= due
}

impl<T: Copy> Latency<T> {
    /// Each with its name, in order.
    pub fn named(&self) -> [(&'static str, T); 6] {
        [
            ("p50", self.p50),
            ("p90", self.p90),
            ("p99", self.p99),
            ("p99.9", self.p99_9),
            ("p99.99", self.p99_99),
            ("max", self.max),
        ]
    }
}

impl Latency<Spread> {
    /// Of several runs, percentile by percentile.
    pub fn of(runs: &[Figures]) -> Self {
        let spread = |figure: fn(&Latency) -> u64| {
            Spread::of(runs.iter().map(|run| figure(&run.latency_us)))
        };
        Self {
            p50: spread(|latency| latency.p50),
            p90: spread(|latency| latency.p90),
            p99: spread(|latency| latency.p99),
            p99_9: spread(|latency| latency.p99_9),
            p99_99: spread(|latency| latency.p99_99),
            max: spread(|latency| latency.max),
        }
    }

    /// The medians.
    pub fn medians(&self) -> Latency {
        Latency {
            p50: self.p50.median,
            p90: self.p90.median,
            p99: self.p99.median,
            p99_9: self.p99_9.median,
            p99_99: self.p99_99.median,
            max: self.max.median,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::flight::Effect;
    use crate::bench::workload::Step;

    /// A run in which `count` transfers were answered.
    fn tally(count: u64) -> Tally {
        let mut tally = Tally::new(1).unwrap();
        let step = Step { kind: Kind::Transfer, first: 0, second: 1, amount: 10, is_last: true };
        for _ in 0..count {
            tally.count(Effect::of(&step), true);
        }
        tally.cpu_ns = count * 300;
        tally
    }

    #[test]
    fn a_rate_that_was_not_reached_is_told_from_one_that_was() {
        let second = Duration::from_secs(1);
        let reached =
            |count| Figures::of(&tally(count), second, Some(1_000)).open_loop.unwrap().reached;
        assert!(reached(1_000) && reached(990) && !reached(989));
        assert_eq!(Figures::of(&tally(1), second, None).open_loop, None);
        // The last reply comes a little after the last second.
        let slow = Figures::of(&tally(500), Duration::from_micros(10_000_100), Some(50));
        assert!(slow.open_loop.unwrap().reached);
    }

    #[test]
    fn costs_are_those_of_one_request() {
        let before = Taken { resident_bytes: 10, cpu_ns: 1_000 };
        let after = Taken { resident_bytes: 20, cpu_ns: 201_000 };
        let figures = Figures::of(&tally(100), Duration::from_secs(2), None).beside(before, after);
        assert_eq!(figures.generator_cpu_ns_per_request, 300);
        assert_eq!(figures.server_process.unwrap().cpu_ns_per_request, 2_000);
        assert_eq!((figures.requests_per_second, figures.operations_per_second), (50, 50));
    }
}
