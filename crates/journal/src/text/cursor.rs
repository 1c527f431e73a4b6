//! Reads canonical JSON pieces from a line.

use std::borrow::Cow;

/// So many digits fit in 64 bits, whatever they are.
const CERTAIN_DIGITS: usize = 19;

/// What is left of a line. Every step returns `None` when the line does not go on that way.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// At the beginning of `line`, which has no newline.
    pub(crate) fn new(line: &'a [u8]) -> Self {
        Self { rest: line }
    }

    /// Steps over exactly this text.
    pub(crate) fn literal(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text.as_bytes())?;
        Some(())
    }

    /// Whether the line goes on with this text; steps over it when it does.
    pub(crate) fn takes(&mut self, text: &str) -> bool {
        self.literal(text).is_some()
    }

    /// Succeeds at the end of the line alone.
    pub(crate) fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }

    /// A number from zero up.
    pub(crate) fn u64(&mut self) -> Option<u64> {
        let digits = self.digits()?;
        let (certain, rest) = digits.split_at_checked(CERTAIN_DIGITS).unwrap_or((digits, &[]));
        // Checked arithmetic on every digit is what a start with many accounts spends its time on.
        let number = certain.iter().fold(0_u64, |number, digit| {
            number.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')))
        });
        rest.iter().try_fold(number, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
        })
    }

    /// A number with or without a minus.
    pub(crate) fn i64(&mut self) -> Option<i64> {
        let negative = self.takes("-");
        let magnitude = self.u64()?;
        if negative {
            // There is one zero, and it has no sign.
            if magnitude == 0 { None } else { 0_i64.checked_sub_unsigned(magnitude) }
        } else {
            i64::try_from(magnitude).ok()
        }
    }

    /// A number with or without a minus, of up to 128 bits.
    pub(crate) fn i128(&mut self) -> Option<i128> {
        let negative = self.takes("-");
        let digits = self.digits()?;
        let magnitude = digits.iter().try_fold(0_i128, |number, digit| {
            number.checked_mul(10)?.checked_add(i128::from(digit - b'0'))
        })?;
        match (negative, magnitude) {
            (true, 0) => None,
            (true, magnitude) => magnitude.checked_neg(),
            (false, magnitude) => Some(magnitude),
        }
    }

    /// A string in quotes; borrowed unless it holds escapes.
    pub(crate) fn string(&mut self) -> Option<Cow<'a, str>> {
        self.literal("\"")?;
        let plain_len = memchr::memchr2(b'"', b'\\', self.rest)?;
        let (plain, rest) = self.rest.split_at_checked(plain_len)?;
        if rest.first() == Some(&b'"') {
            self.rest = rest.get(1..)?;
            return std::str::from_utf8(plain).ok().map(Cow::Borrowed);
        }
        let mut text = plain.to_vec();
        let mut bytes = rest.iter();
        loop {
            match bytes.next()? {
                b'"' => break,
                b'\\' => match bytes.next()? {
                    escaped @ (b'"' | b'\\') => text.push(*escaped),
                    _ => return None,
                },
                byte => text.push(*byte),
            }
        }
        self.rest = bytes.as_slice();
        String::from_utf8(text).ok().map(Cow::Owned)
    }

    /// The next `count` bytes as they stand.
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// One or more digits, without a zero in front.
    fn digits(&mut self) -> Option<&'a [u8]> {
        let is_no_digit = |byte: &u8| byte.wrapping_sub(b'0') > 9;
        let count = self.rest.iter().position(is_no_digit).unwrap_or(self.rest.len());
        let digits = self.bytes(count)?;
        match digits {
            [] | [b'0', _, ..] => None,
            digits => Some(digits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Pen;

    #[test]
    fn numbers_have_one_form() {
        let number = |text: &'static str| Cursor::new(text.as_bytes()).i64();
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("-9007199254740991"), Some(-9_007_199_254_740_991));
        assert_eq!(number("-9223372036854775808"), Some(i64::MIN));
        for text in ["", "-", "-0", "007", "+1", "9223372036854775808"] {
            assert_eq!(number(text), None, "{text}");
        }
        let number = |text: &'static str| Cursor::new(text.as_bytes()).u64();
        assert_eq!(number("9999999999999999999"), Some(9_999_999_999_999_999_999));
        assert_eq!(number("18446744073709551615"), Some(u64::MAX));
        for text in ["18446744073709551616", "99999999999999999999", "184467440737095516150"] {
            assert_eq!(number(text), None, "{text}");
        }
        let mut cursor = Cursor::new(b"42:/");
        assert_eq!((cursor.u64(), cursor.takes(":/")), (Some(42), true));
        assert_eq!(Cursor::new(b"-170141183460469231731687303715884105728").i128(), None);
    }

    #[test]
    fn strings_read_back_as_they_were_written() {
        for text in ["", "alice", "josé", r#"a"b\c"#, r"\", r#"""#] {
            let mut line = Vec::new();
            Pen(&mut line).string(text);
            let mut cursor = Cursor::new(&line);
            assert_eq!(cursor.string().as_deref(), Some(text));
            assert_eq!(cursor.end(), Some(()));
        }
    }

    #[test]
    fn escapes_that_the_journal_never_writes_are_not_read() {
        assert_eq!(Cursor::new(br#""a\u0062""#).string(), None);
        assert_eq!(Cursor::new(br#""a\n""#).string(), None);
        assert_eq!(Cursor::new(br#""a"#).string(), None);
    }
}
