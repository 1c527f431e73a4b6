//! Finds the lines in what was read. A line ends with a line feed; a carriage return before it is
//! white space to the JSON reader and needs no care here.
//! Not here: reading (`server`), what stands in a line ([`crate::parse_line`]).

use memchr::memchr_iter;

/// What stands at the front of the bytes that were read and not yet taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// Complete lines: the first `bytes` bytes are `lines` lines with their line feeds.
    Lines {
        /// Where the last of them ends, its line feed included.
        bytes: usize,
        /// How many there are; at least one.
        lines: usize,
    },
    /// The beginning of a line, within the limit, or nothing.
    Partial,
    /// A line that is longer than the limit, complete or not.
    TooLong,
}

/// How many lines are taken together.
#[derive(Clone, Copy, Debug)]
pub struct Portion {
    /// Most bytes in one line, its line feed not counted.
    pub line_bytes_max: usize,
    /// Most lines.
    pub lines_max: usize,
    /// Most bytes of lines, line feeds included; a single longer line is taken alone.
    pub bytes_max: usize,
}

/// Finds the complete lines at the front of `unread`. `searched` bytes of it are known to hold no
/// line feed, so that a long line that comes in pieces is not searched from its start each time.
pub fn front(unread: &[u8], searched: usize, portion: Portion) -> Front {
    let mut found = Front::Partial;
    let (mut taken_bytes, mut taken_lines) = (0, 0);
    for place in memchr_iter(b'\n', unread.get(searched..).unwrap_or_default()) {
        let end = searched + place;
        if end - taken_bytes > portion.line_bytes_max {
            return if taken_lines == 0 { Front::TooLong } else { found };
        }
        if taken_lines > 0 && end >= portion.bytes_max {
            return found;
        }
        taken_bytes = end + 1;
        taken_lines += 1;
        found = Front::Lines { bytes: taken_bytes, lines: taken_lines };
        if taken_lines >= portion.lines_max {
            return found;
        }
    }
    if taken_lines == 0 && unread.len() > portion.line_bytes_max {
        return Front::TooLong;
    }
    found
}

/// The lines in `taken`, which ends with a line feed, without their line feeds.
pub fn split(taken: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr_iter(b'\n', taken).map(move |end| {
        let line = taken.get(start..end).unwrap_or_default();
        start = end + 1;
        line
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PORTION: Portion = Portion { line_bytes_max: 8, lines_max: 3, bytes_max: 12 };

    #[test]
    fn only_complete_lines_are_taken() {
        assert_eq!(front(b"", 0, PORTION), Front::Partial);
        assert_eq!(front(b"abc", 0, PORTION), Front::Partial);
        assert_eq!(front(b"abc\nde", 0, PORTION), Front::Lines { bytes: 4, lines: 1 });
        assert_eq!(front(b"\n\n", 0, PORTION), Front::Lines { bytes: 2, lines: 2 });
    }

    #[test]
    fn a_portion_has_a_limit_of_lines_and_of_bytes() {
        assert_eq!(front(b"a\nb\nc\nd\n", 0, PORTION), Front::Lines { bytes: 6, lines: 3 });
        assert_eq!(front(b"aaaaaa\nbbbb\nc\n", 0, PORTION), Front::Lines { bytes: 12, lines: 2 });
        assert_eq!(front(b"aaaaaa\nbbbbb\n", 0, PORTION), Front::Lines { bytes: 7, lines: 1 });
    }

    #[test]
    fn a_line_longer_than_a_portion_is_taken_alone() {
        let portion = Portion { bytes_max: 4, ..PORTION };
        assert_eq!(front(b"aaaaaaaa\nb\n", 0, portion), Front::Lines { bytes: 9, lines: 1 });
    }

    #[test]
    fn a_line_may_have_the_limit_and_not_one_byte_more() {
        assert_eq!(front(b"aaaaaaaa", 0, PORTION), Front::Partial);
        assert_eq!(front(b"aaaaaaaa\n", 0, PORTION), Front::Lines { bytes: 9, lines: 1 });
        assert_eq!(front(b"aaaaaaaaa", 0, PORTION), Front::TooLong);
        assert_eq!(front(b"aaaaaaaaa\n", 0, PORTION), Front::TooLong);
    }

    #[test]
    fn lines_before_one_that_is_too_long_are_taken_first() {
        let portion = Portion { bytes_max: 100, ..PORTION };
        let unread = b"a\naaaaaaaaaaaa\n";
        assert_eq!(front(unread, 0, portion), Front::Lines { bytes: 2, lines: 1 });
        assert_eq!(front(&unread[2..], 0, portion), Front::TooLong);
        assert_eq!(front(b"a\naaaaaaaaaaaa", 0, portion), Front::Lines { bytes: 2, lines: 1 });
    }

    #[test]
    fn what_was_searched_is_not_searched_again() {
        assert_eq!(front(b"abcd\n", 4, PORTION), Front::Lines { bytes: 5, lines: 1 });
        assert_eq!(front(b"abcdabcda\n", 4, PORTION), Front::TooLong);
    }

    proptest! {
        #[test]
        fn taking_portions_one_after_the_other_gives_the_lines_of_the_whole(
            text in "[ab\n]{0,60}\n",
            lines_max in 1usize..5,
            bytes_max in 1usize..20,
        ) {
            let portion = Portion { line_bytes_max: 100, lines_max, bytes_max };
            let mut unread = text.as_bytes();
            let mut lines = Vec::new();
            while let Front::Lines { bytes, lines: count } = front(unread, 0, portion) {
                prop_assert!(count <= lines_max && (count == 1 || bytes <= bytes_max));
                let (taken, rest) = unread.split_at(bytes);
                let before = lines.len();
                lines.extend(split(taken));
                prop_assert_eq!(lines.len() - before, count);
                unread = rest;
            }
            prop_assert!(unread.is_empty());
            let expected: Vec<&[u8]> =
                text.strip_suffix('\n').unwrap().split('\n').map(str::as_bytes).collect();
            prop_assert_eq!(lines, expected);
        }
    }
}
