//! Reads whole numbers from the bytes of a JSON value: amounts, balances, places, times. Written by
//! hand, because a tree of JSON values turns 2^64 into a float.
//!
//! **Invariant:** the value read is a number or a string of plain digits, with at most a minus
//! sign before them; nothing is rounded, cut or wrapped.

use ledger::limits::{AMOUNT_MAX, BALANCE_MAX};
use ledger::{Amount, AmountFault, Balance};

/// A whole number as it was written.
struct Whole {
    /// Whether a minus sign stands before it; so it does before `-0`.
    negative: bool,
    /// Its digits' value, at most [`MAGNITUDE_MAX`], which stands for everything above.
    magnitude: i64,
}

/// One more than the largest amount and the largest balance: large enough to be refused.
const MAGNITUDE_MAX: i64 = AMOUNT_MAX + 1;
const _: () = assert!(BALANCE_MAX < MAGNITUDE_MAX);
// One more digit cannot overflow, so that the loop needs no checked arithmetic of its own.
const _: () = assert!(MAGNITUDE_MAX < i64::MAX / 10 - 9);

/// Reads an amount in minor units from one valid JSON value.
///
/// Errors: `NotWhole` for everything but an integer or a string of plain digits, `NotPositive`,
/// `TooLarge`; the last two whatever the number of digits.
pub(crate) fn amount(json: &str) -> Result<Amount, AmountFault> {
    let whole = whole(json).ok_or(AmountFault::NotWhole)?;
    if whole.negative {
        return Err(AmountFault::NotPositive);
    }
    Amount::new(whole.magnitude)
}

/// Reads an opening balance in minor units from one valid JSON value.
///
/// Errors: `NotWhole` as above, `Negative` for whatever has a minus sign, `TooLarge`.
pub(crate) fn opening(json: &str) -> Result<Balance, AmountFault> {
    let whole = whole(json).ok_or(AmountFault::NotWhole)?;
    if whole.negative {
        return Err(AmountFault::Negative);
    }
    Balance::new(whole.magnitude).ok_or(AmountFault::TooLarge)
}

/// Reads a place, a time or a count from one valid JSON value: an integer or a string of plain
/// digits, no larger than `max`. `None` for anything else.
pub(crate) fn natural(json: &str, max: u64) -> Option<u64> {
    let text = match json.strip_prefix('"') {
        Some(open) => open.strip_suffix('"')?,
        None => json,
    };
    if text.is_empty() {
        return None;
    }
    let mut number: u64 = 0;
    for byte in text.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
    }
    if number > max {
        return None;
    }
    Some(number)
}

/// `None` when `json` is neither an integer nor a string of plain digits. A string that spells its
/// digits with escapes is none: its backslash is no digit.
fn whole(json: &str) -> Option<Whole> {
    let text = match json.strip_prefix('"') {
        Some(open) => open.strip_suffix('"')?,
        None => json,
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let mut magnitude = 0;
    for byte in digits.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        magnitude = (magnitude * 10 + i64::from(byte - b'0')).min(MAGNITUDE_MAX);
    }
    Some(Whole { negative, magnitude })
}

#[cfg(test)]
mod tests {
    use AmountFault::{Negative, NotPositive, NotWhole, TooLarge};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_string_of_plain_digits_is_a_number() {
        assert_eq!(amount("\"007\"").map(Amount::get), Ok(7));
        assert_eq!(opening("\"000\"").map(Balance::get), Ok(0));
        assert_eq!(amount("\"-5\""), Err(NotPositive));
    }

    #[test]
    fn zero_and_below_are_not_positive_however_long_they_are() {
        for json in ["0", "-0", "\"-0\"", "\"000\"", "-1", "-99999999999999999999999"] {
            assert_eq!(amount(json), Err(NotPositive), "{json}");
        }
        assert_eq!(amount(&format!("-{}", "9".repeat(100_000))), Err(NotPositive));
        assert_eq!(amount(&format!("\"{}\"", "0".repeat(100_000))), Err(NotPositive));
    }

    #[test]
    fn more_than_2_to_the_53_minus_1_is_too_large_however_long_it_is() {
        assert_eq!(amount("9007199254740991").map(Amount::get), Ok(AMOUNT_MAX));
        for json in ["9007199254740992", "9223372036854775808", "18446744073709551616"] {
            assert_eq!(amount(json), Err(TooLarge), "{json}");
            assert_eq!(opening(json), Err(TooLarge), "{json}");
        }
        assert_eq!(amount(&"9".repeat(100_000)), Err(TooLarge));
        assert_eq!(amount(&format!("1{}", "0".repeat(39))), Err(TooLarge));
    }

    #[test]
    fn what_is_no_integer_is_not_whole() {
        for json in [
            "1.0",
            "1e3",
            "12.5",
            "1E0",
            "-1.5",
            "true",
            "false",
            "null",
            "[]",
            "[5]",
            "{}",
            "\"\"",
            "\"-\"",
            "\"--5\"",
            "\"1.0\"",
            "\" 5\"",
            "\"5 \"",
            "\"+5\"",
            "\"\\u0035\"",
            "\"٥\"",
            "\"0x5\"",
            "\"1_000\"",
        ] {
            assert_eq!(amount(json), Err(NotWhole), "{json}");
            assert_eq!(opening(json), Err(NotWhole), "{json}");
        }
    }

    #[test]
    fn an_opening_balance_has_no_minus_sign() {
        assert_eq!(opening("0").map(Balance::get), Ok(0));
        assert_eq!(opening("-1"), Err(Negative));
        assert_eq!(opening("-0"), Err(Negative));
    }

    /// What an amount is, said with a wider integer and the standard parser.
    fn expected(text: &str) -> Result<i64, AmountFault> {
        match text.parse::<i128>() {
            Ok(..=0) => Err(NotPositive),
            Ok(number) if number > i128::from(AMOUNT_MAX) => Err(TooLarge),
            Ok(number) => Ok(i64::try_from(number).unwrap()),
            Err(_) => Err(NotWhole),
        }
    }

    #[test]
    fn a_place_is_a_whole_number_of_its_range() {
        let max = (1 << 63) - 1;
        assert_eq!(natural("0", max), Some(0));
        assert_eq!(natural("\"0041\"", max), Some(41));
        assert_eq!(natural("9223372036854775807", max), Some(max));
        assert_eq!(natural("1000", 1_000), Some(1_000));
        assert_eq!(natural("1001", 1_000), None);
        for json in ["9223372036854775808", "18446744073709551616", "-1", "-0", "1.0", "1e3"] {
            assert_eq!(natural(json, max), None, "{json}");
        }
        for json in ["\"\"", "\"-1\"", "\" 1\"", "null", "true", "[1]", "{}"] {
            assert_eq!(natural(json, max), None, "{json}");
        }
        assert_eq!(natural(&"9".repeat(100_000), max), None);
    }

    proptest! {
        #[test]
        fn any_number_is_read_as_the_standard_parser_reads_it(number in any::<i128>()) {
            let json = number.to_string();
            prop_assert_eq!(amount(&json).map(Amount::get), expected(&json));
            prop_assert_eq!(amount(&format!("\"{json}\"")).map(Amount::get), expected(&json));
        }

        #[test]
        fn numbers_near_the_bounds_are_read_as_the_standard_parser_reads_them(
            bound in prop::sample::select(vec![0i128, 1 << 53, i64::MAX.into(), u64::MAX.into()]),
            distance in -3i128..=3,
        ) {
            let json = (bound + distance).to_string();
            prop_assert_eq!(amount(&json).map(Amount::get), expected(&json));
        }

        #[test]
        fn any_text_of_digits_and_signs_is_read_as_the_standard_parser_reads_it(
            text in "-?[0-9]{0,30}[.e -]?",
        ) {
            prop_assert_eq!(amount(&format!("\"{text}\"")).map(Amount::get), expected(&text));
        }
    }
}
