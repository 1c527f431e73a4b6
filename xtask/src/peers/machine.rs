//! The machine that the figures come from, in a sentence.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};

use super::disk::Disk;
use super::figures::micros;

/// What a reader must know of the machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Processors that this process may use.
    pub cores: usize,
    /// The processor's name, where the system tells it.
    pub processor: Option<String>,
    /// The kernel's name and release.
    pub kernel: String,
    /// The disk under the banks' folders.
    pub disk: Disk,
    /// Processes that wanted to run in the last minute, before anything was started.
    pub load_before: Option<String>,
    /// The day, UTC.
    pub day: String,
}

impl Machine {
    /// Looks around.
    pub fn look(disk: Disk) -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let loadavg = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Ok(Self {
            cores: thread::available_parallelism()?.get(),
            processor: processor(&cpuinfo),
            kernel: said_by("uname", &["-s", "-r"])?,
            disk,
            load_before: loadavg.split_whitespace().next().map(str::to_owned),
            day: said_by("date", &["-u", "+%Y-%m-%d"])?,
        })
    }

    /// How busy it was before anything was started, and what that means when it was.
    fn busyness(&self, load: &str) -> String {
        let whole: usize =
            load.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or_default();
        let meaning = if whole > 0 && whole * 2 >= self.cores {
            ": it was busy with other work, so the figures are lower and less steady than it can give"
        } else {
            ""
        };
        format!("; load average before the run {load}{meaning}")
    }

    /// In a sentence.
    pub fn sentence(&self) -> String {
        let processor =
            self.processor.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let load = self.load_before.as_ref().map(|load| self.busyness(load)).unwrap_or_default();
        format!(
            "{} cores{processor}, {}, {}, a write of 4 KiB with its sync {} (median; p99 {}){load}; \
             {}",
            self.cores,
            self.kernel,
            self.disk.filesystem,
            micros(self.disk.sync_median),
            micros(self.disk.sync_p99),
            self.day
        )
    }
}

/// The first name of a processor in what Linux tells.
fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn said_by(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output().context(program.to_owned())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::processor;

    #[test]
    fn the_processor_is_named_as_the_system_names_it() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A Fast One\nmodel name\t: other\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("A Fast One"));
        assert_eq!(processor("processor\t: 0\n"), None);
    }
}
