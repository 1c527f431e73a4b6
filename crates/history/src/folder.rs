//! The names in the index folder.

use ledger::Seq;

use crate::page::Span;

/// A run from memory that has not got its name yet.
pub(crate) const RUN_NEW: &str = "run.new";

/// A merged run that has not got its name yet.
pub(crate) const MERGED_NEW: &str = "merged.new";

/// The key of the hash of tx_ids.
pub(crate) const KEY: &str = "KEY";

/// A key that has not got its name yet.
pub(crate) const KEY_NEW: &str = "KEY.new";

/// The name of the run that covers `span`.
pub(crate) fn run_name(span: Span) -> String {
    format!("run.{}-{}.idx", span.first, span.last)
}

/// What a run with this name covers; `None` when it is no run's name.
pub(crate) fn span_of(name: &str) -> Option<Span> {
    let (first, last) = name.strip_prefix("run.")?.strip_suffix(".idx")?.split_once('-')?;
    let span = Span { first: Seq::new(first.parse().ok()?), last: Seq::new(last.parse().ok()?) };
    // Another spelling of the same numbers is not a name that was given here.
    (Seq::ZERO < span.first && span.first <= span.last && run_name(span) == name).then_some(span)
}

/// Whether a file of this name is of the index at all.
pub(crate) fn is_ours(name: &str) -> bool {
    [RUN_NEW, MERGED_NEW, KEY_NEW].contains(&name)
        || (name.starts_with("run.") && name.ends_with(".idx"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_its_span_and_another_spelling_gives_none() {
        let span = Span { first: Seq::new(1), last: Seq::new(20) };
        assert_eq!(span_of(&run_name(span)), Some(span));
        for name in
            ["run.01-20.idx", "run.1-20", "run.0-20.idx", "run.21-20.idx", "run.1-+20.idx", "KEY"]
        {
            assert_eq!(span_of(name), None, "{name}");
        }
    }
}
