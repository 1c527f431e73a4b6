//! What the journal says at a glance: the seals, and the time of its last event beside the clock.

use std::path::Path;
use std::sync::Arc;

use engine::chain;
use journal::disk::{Disk, RealDisk, read_full_at};
use journal::{Survey, decode_record};

use super::Finding;
use crate::backup::Frozen;
use crate::moment;

/// More journal than this is not read here: it would take longer than a glance.
const JOURNAL_BYTES_MAX: u64 = 4 << 30;
/// Where the last event is looked for: the longest line and a seal.
const TAIL_BYTES: u64 = 8 << 20;

/// Looks at the journal in the folder, if there is one.
pub fn examine(data: &Path, now_us: u64) -> Vec<Finding> {
    let Ok(disk) = RealDisk::open(data) else { return Vec::new() };
    let disk = Arc::new(disk);
    let is_live = disk.lock_is_held().unwrap_or(false);
    let bank = match Frozen::take(Arc::clone(&disk), is_live) {
        Ok(bank) => bank,
        Err(error) => {
            let advice = "the files must be readable for the user that serves";
            return vec![Finding::fail("journal", error.to_string(), advice)];
        }
    };
    let bytes = bytes_of(&bank);
    if bytes > JOURNAL_BYTES_MAX {
        let found = format!("{} GB, not read here", bytes >> 30);
        return vec![Finding::ok("journal", found + "; saldo verify proves it")];
    }
    match journal::survey(&bank) {
        Ok(survey) if survey.genesis.is_none() => {
            vec![Finding::ok("journal", "none yet; the first start begins one")]
        }
        Ok(survey) => {
            let found = format!(
                "{} files under one chain of seals up to seq {}, last seal {}",
                survey.segments.len(),
                survey.last(),
                survey.seal()
            );
            vec![Finding::ok("journal", found), clock(last_at(&bank, &survey), now_us)]
        }
        Err(error) => {
            let found = chain(&error);
            let advice = "change nothing; look with saldo verify, then restore from a backup";
            vec![Finding::fail("journal", found, advice)]
        }
    }
}

fn bytes_of<D: Disk>(bank: &D) -> u64 {
    let names = bank.list().unwrap_or_default();
    names
        .iter()
        .filter_map(|name| bank.open_read(name).and_then(|file| bank.len(&file)).ok())
        .fold(0, u64::saturating_add)
}

/// The time of the last event; `None` when there is none, or it stands too far from the end.
fn last_at<D: Disk>(bank: &D, survey: &Survey) -> Option<u64> {
    let segment = survey.segments.iter().rev().find(|one| one.last >= one.header.first)?;
    let start = segment.proven_end.saturating_sub(TAIL_BYTES);
    let file = bank.open_read(&segment.name).ok()?;
    let mut bytes = vec![0; usize::try_from(segment.proven_end.checked_sub(start)?).ok()?];
    let count = read_full_at(bank, &file, &mut bytes, start).ok()?;
    let mut lines = bytes.get(..count)?.rsplit(|byte| *byte == b'\n');
    lines.find_map(|line| decode_record(line).map(|event| event.at_us))
}

fn clock(last_at_us: Option<u64>, now_us: u64) -> Finding {
    let told = Path::new("/run/systemd/timesync/synchronized").exists();
    let sync =
        if told { "synchronized" } else { "the system does not say whether it is synchronized" };
    let now = moment::exact(now_us);
    match last_at_us {
        Some(last_us) if last_us > now_us => Finding::fail(
            "clock",
            format!("{now} is before the last event, {}", moment::exact(last_us)),
            "set the clock: until it has passed that time, every event gets the same one",
        ),
        Some(_) | None => Finding::ok("clock", format!("{now}, {sync}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_clock_before_the_last_event_fails() {
        assert_eq!(clock(Some(6), 5).state, State::Fail);
        assert_eq!(clock(Some(5), 5).state, State::Ok);
        assert_eq!(clock(None, 5).state, State::Ok);
    }
}
