//! How the process fares, as proc(5) tells it; what it does not tell is absent.

use std::fmt;
use std::fs;

use super::Page;

impl Page<'_> {
    pub(super) fn process(&mut self) -> fmt::Result {
        if let Some((cpu_seconds, started)) = times() {
            self.counter_f64("process_cpu_seconds", "processor time used", cpu_seconds)?;
            self.gauge("process_start_time_seconds", "when the process was started", started)?;
        }
        if let Some(bytes) = resident_bytes() {
            self.gauge("process_resident_memory_bytes", "memory held", bytes)?;
        }
        if let Ok(entries) = fs::read_dir("/proc/self/fd") {
            let count = u64::try_from(entries.count()).unwrap_or(u64::MAX);
            self.gauge("process_open_fds", "open files and sockets", count)?;
        }
        Ok(())
    }
}

/// Processor seconds used, and the Unix time of the start.
fn times() -> Option<(f64, f64)> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold spaces; fields 3 and on stand behind it.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<f64>().ok());
    let per_second = f64::from(u32::try_from(rustix::param::clock_ticks_per_second()).ok()?);
    let cpu = (ticks(14)? + ticks(15)?) / per_second;
    let booted = fs::read_to_string("/proc/stat").ok()?;
    let booted = booted.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some((cpu, booted.trim().parse::<f64>().ok()? + ticks(22)? / per_second))
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}
