//! What a server on this machine takes, as the system counts it: memory and processor time, from
//! `/proc`.

use std::fs;
use std::io::{self, ErrorKind};

use super::clock::SECOND_NS;

/// A process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Memory that is resident, in bytes.
    pub resident_bytes: u64,
    /// Processor time so far, kernel included, in nanoseconds; the system counts it in steps of
    /// some ten milliseconds.
    pub cpu_ns: u64,
}

/// Looks at the process with this number. Errors: there is none, or it cannot be looked at.
pub fn look(pid: u32) -> io::Result<Taken> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let odd =
        || io::Error::new(ErrorKind::InvalidData, "the system's account of it is not legible");
    Ok(Taken {
        resident_bytes: resident_bytes(&status).ok_or_else(odd)?,
        cpu_ns: cpu_ns(&stat, rustix::param::clock_ticks_per_second()).ok_or_else(odd)?,
    })
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1_024)
}

fn cpu_ns(stat: &str, ticks_per_second: u64) -> Option<u64> {
    // The second field is the program's name in parentheses, which may hold blanks and parentheses.
    // The third follows the last of them; user and system time are the 14th and 15th.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut times = rest.split(' ').skip(11).map(|field| field.parse::<u64>().ok());
    let ticks = times.next()?? + times.next()??;
    ticks.checked_mul(SECOND_NS)?.checked_div(ticks_per_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_account_is_read_whatever_the_program_is_called() {
        let status = "Name:\tsaldo\nVmPeak:\t  900 kB\nVmRSS:\t    2048 kB\nThreads:\t4\n";
        assert_eq!(resident_bytes(status), Some(2 << 20));
        let stat = "17 (a ) b) S 1 17 17 0 -1 4194560 500 0 3 0 250 150 0 0 20 0 4 0 99 1 2";
        assert_eq!(cpu_ns(stat, 100), Some(4 * SECOND_NS));
        assert_eq!((resident_bytes("Name:\tkthreadd\n"), cpu_ns("17 (a) S", 100)), (None, None));
    }

    #[test]
    fn a_process_can_be_looked_at_while_it_runs() {
        assert!(look(std::process::id()).unwrap().resident_bytes > 1 << 20);
        assert_eq!(look(u32::MAX).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
