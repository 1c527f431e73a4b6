//! Times as people type them: `5s`, `500ms`, `1m`.

use std::time::Duration;

/// What is said about a text that is no time.
pub const NEEDED: &str = "give a whole number and a unit, as in 5s, 500ms or 1m, at most a day";

/// The longest time that is taken.
const MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads a time above zero and at most a day; `None` for anything else.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let time = Duration::from_millis(number.checked_mul(millis)?);
    (!time.is_zero() && time <= MAX).then_some(time)
}

/// The same for a flag. Errors: what is needed.
pub fn parse_flag(text: &str) -> Result<Duration, &'static str> {
    parse(text).ok_or(NEEDED)
}

/// Writes a time as it is typed, in the largest unit that has it whole.
pub fn show(time: Duration) -> String {
    let millis = time.as_millis();
    match millis {
        _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
        _ => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_units() {
        for (text, millis) in [("5s", 5_000), ("500ms", 500), ("1m", 60_000), ("24h", 86_400_000)] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "5",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "5 s",
            "5S",
            "25h",
            "99999999999999999999s",
            "18446744073709551615m",
            "é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_shown_as_it_is_typed() {
        for text in ["5s", "500ms", "1m", "61s"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
    }
}
