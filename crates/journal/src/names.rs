//! The names of the files in a data folder.

use ledger::Seq;

/// The active journal file.
pub const ACTIVE: &str = "transactions.log";
/// The next active file while it is being written; never read.
pub const ACTIVE_NEW: &str = "transactions.log.new";
/// The newest snapshot.
pub const SNAPSHOT: &str = "state.json";
/// The snapshot before it.
pub const SNAPSHOT_PREVIOUS: &str = "state.previous.json";
/// A snapshot while it is being written; never read.
pub const SNAPSHOT_NEW: &str = "state.json.new";
/// The second name of the newest snapshot on its way to [`SNAPSHOT_PREVIOUS`]; never read.
pub const SNAPSHOT_PREVIOUS_NEW: &str = "state.previous.json.new";
/// The one-process lock.
pub const LOCK: &str = "LOCK";

/// The name of a closed journal file that holds the events `first` to `last`.
pub fn closed_segment(first: Seq, last: Seq) -> String {
    format!("transactions.{first}-{last}.log")
}

/// Reads the name of a closed journal file; `None` for any other name.
pub fn parse_closed_segment(name: &str) -> Option<(Seq, Seq)> {
    let (first, last) =
        name.strip_prefix("transactions.")?.strip_suffix(".log")?.split_once('-')?;
    let (first, last) = (parse_number(first)?, parse_number(last)?);
    (first <= last).then_some((Seq::new(first), Seq::new(last)))
}

fn parse_number(digits: &str) -> Option<u64> {
    let canonical = !digits.is_empty()
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if canonical { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_segment_is_named_after_its_first_and_last_seq() {
        assert_eq!(closed_segment(Seq::new(1), Seq::new(42)), "transactions.1-42.log");
        let parsed = parse_closed_segment("transactions.1-42.log");
        assert_eq!(parsed, Some((Seq::new(1), Seq::new(42))));
    }

    #[test]
    fn other_names_are_no_closed_segments() {
        for name in [
            "transactions.log",
            "transactions.log.new",
            "transactions.2-1.log",
            "transactions.01-2.log",
            "transactions.1-2-3.log",
            "transactions.1-2.log.zst",
            "transactions.+1-2.log",
            "state.json",
        ] {
            assert_eq!(parse_closed_segment(name), None, "{name}");
        }
    }
}
