//! Counts tests by reading the summary lines of the two runners, `cargo test` and `cargo nextest`.

use std::ops::AddAssign;

/// How many tests passed and failed. One that timed out or could not start has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that did not.
    pub failed: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl Tally {
    /// What a line of a runner's output says, if it is a summary; colours do not matter.
    pub fn of_line(line: &str) -> Option<Self> {
        let plain = without_colour(line);
        if let Some(rest) = plain.strip_prefix("test result: ") {
            // "ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"
            let (_, counts) = rest.split_once(". ")?;
            return Some(Self::of_counts(counts.split("; "), &["passed"], &["failed"]));
        }
        let rest = plain.trim_start().strip_prefix("Summary [")?;
        // "   1.2s] 9 tests run: 6 passed (1 slow, 1 leaky), 1 failed, 2 timed out, 4 skipped"
        let (_, counts) = rest.split_once(" run: ")?;
        let counts = without_remarks(counts);
        Some(Self::of_counts(
            counts.split(", "),
            &["passed"],
            &["failed", "exec failed", "timed out"],
        ))
    }

    fn of_counts<'a>(
        counts: impl Iterator<Item = &'a str>,
        passed: &[&str],
        failed: &[&str],
    ) -> Self {
        let mut tally = Self::default();
        for count in counts {
            let Some((number, word)) = count.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<usize>() else {
                continue;
            };
            if passed.contains(&word.trim()) {
                tally.passed += number;
            } else if failed.contains(&word.trim()) {
                tally.failed += number;
            }
        }
        tally
    }
}

/// The line without terminal colour sequences (`ESC [ … m`).
fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

/// The text without what stands in parentheses.
fn without_remarks(text: &str) -> String {
    let mut depth = 0_usize;
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn the_summary_of_cargo_test_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; \
                    7 filtered out; finished in 0.42s";
        assert_eq!(Tally::of_line(line), Some(Tally { passed: 12, failed: 3 }));
    }

    #[test]
    fn the_summary_of_nextest_is_counted_with_timeouts_as_failures() {
        let line = "     Summary [  61.003s] 12/14 tests run: 8 passed (1 slow, 1 leaky), \
                    1 failed, 1 exec failed, 2 timed out, 5 skipped";
        assert_eq!(Tally::of_line(line), Some(Tally { passed: 8, failed: 4 }));
    }

    #[test]
    fn a_single_test_is_counted() {
        let line = "     Summary [   0.003s] 1 test run: 1 passed, 0 skipped";
        assert_eq!(Tally::of_line(line), Some(Tally { passed: 1, failed: 0 }));
    }

    #[test]
    fn colours_do_not_hide_a_summary() {
        let line = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.1s] \u{1b}[1m2\u{1b}[0m tests run: \
                    \u{1b}[1m1\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m1\u{1b}[0m \
                    \u{1b}[31;1mfailed\u{1b}[0m, 0 skipped";
        assert_eq!(Tally::of_line(line), Some(Tally { passed: 1, failed: 1 }));
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in
            ["running 3 tests", "test a ... ok", "    Starting 3 tests across 2 binaries", ""]
        {
            assert_eq!(Tally::of_line(line), None, "{line}");
        }
    }
}
