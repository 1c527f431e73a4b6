//! Time as the generator counts it: whole nanoseconds since a run began, and the processor time that
//! a thread has taken.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds in a second.
pub const SECOND_NS: u64 = 1_000_000_000;

/// When a run began.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// A run that begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since then.
    pub fn now_ns(self) -> u64 {
        in_ns(self.0.elapsed())
    }
}

/// Processor time that this thread has taken, kernel included, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * SECOND_NS + u64::try_from(time.tv_nsec).unwrap_or_default()
}

/// A time in whole nanoseconds; 584 years count as for ever.
pub fn in_ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_takes_processor_time() {
        let before = thread_cpu_ns();
        let mut sum = 0_u64;
        while thread_cpu_ns() - before < 1_000_000 {
            sum = sum.wrapping_add(1);
        }
        assert!(sum > 0 && in_ns(Duration::from_micros(5)) == 5_000);
    }
}
