//! Numbers of a monitor: for people three digits and a unit, for programs all there is.

use serde::{Serialize, Serializer};

/// A number in JSON: a whole one without a fraction, so that it is read as one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match whole(self.0).parse::<i64>() {
            Ok(number) if self.0.fract() == 0.0 => serializer.serialize_i64(number),
            Ok(_) | Err(_) => serializer.serialize_f64(self.0),
        }
    }
}

/// A time in seconds: `61 ms`, `1.25 s`, `3 h 12 m`.
pub fn time(seconds: f64) -> String {
    match seconds {
        ..0.0 => format!("-{}", time(-seconds)),
        0.0 => "0 s".to_owned(),
        ..0.001 => format!("{} µs", digits(seconds * 1e6)),
        ..1.0 => format!("{} ms", digits(seconds * 1e3)),
        ..120.0 => format!("{} s", digits(seconds)),
        ..7_200.0 => two(seconds, (60.0, "m"), (1.0, "s")),
        ..172_800.0 => two(seconds, (3_600.0, "h"), (60.0, "m")),
        _ => two(seconds, (86_400.0, "d"), (3_600.0, "h")),
    }
}

/// Bytes, in powers of a thousand: `98.2 GB`.
pub fn bytes(bytes: f64) -> String {
    scaled(bytes, &["B", "kB", "MB", "GB", "TB", "PB"])
}

/// A number that is read at a glance: `4211`, `1.25 M`; whole below ten thousand.
pub fn count(count: f64) -> String {
    if count.abs() < 10_000.0 {
        return format!("{}", count.round());
    }
    scaled(count, &["", "k", "M", "G", "T", "P"]).trim_end().to_owned()
}

/// A number below ten thousand with the digits that matter: small ones keep a fraction.
pub fn rate(rate: f64) -> String {
    if rate.abs() < 100.0 { digits(rate) } else { count(rate) }
}

/// A whole number as it is, with every digit: money is never rounded.
pub fn whole(number: f64) -> String {
    format!("{number:.0}")
}

fn scaled(value: f64, units: &[&str]) -> String {
    let (mut value, mut unit) = (value, 0);
    // What would be shown as 1000 is 1 of the next.
    while value.abs() >= 999.5 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    format!("{} {}", digits(value), units.get(unit).copied().unwrap_or_default())
}

/// Three digits, without zeros behind a point.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    let text = format!("{value:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn two(seconds: f64, (large, large_unit): (f64, &str), (small, small_unit): (f64, &str)) -> String {
    let count = (seconds / large).floor();
    let rest = ((seconds - count * large) / small).floor();
    if rest == 0.0 {
        format!("{count} {large_unit}")
    } else {
        format!("{count} {large_unit} {rest} {small_unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_unit_in_which_it_is_short() {
        for (seconds, shown) in [
            (0.0, "0 s"),
            (0.000_05, "50 µs"),
            (0.001_25, "1.25 ms"),
            (0.061, "61 ms"),
            (1.25, "1.25 s"),
            (119.4, "119 s"),
            (120.0, "2 m"),
            (754.0, "12 m 34 s"),
            (11_520.0, "3 h 12 m"),
            (1_814_400.0, "21 d"),
            (-90.0, "-90 s"),
        ] {
            assert_eq!(time(seconds), shown, "{seconds}");
        }
    }

    #[test]
    fn bytes_and_counts_have_three_digits_and_money_has_all() {
        assert_eq!(bytes(98_230_000_000.0), "98.2 GB");
        assert_eq!(bytes(999_900.0), "1 MB");
        assert_eq!(count(4_211.4), "4211");
        assert_eq!(count(1_254_000.0), "1.25 M");
        assert_eq!(rate(0.5), "0.5");
        assert_eq!(rate(101.7), "102");
        let json = |number| serde_json::to_string(&Number(number)).unwrap();
        assert_eq!((json(47_321.0), json(-0.25)), ("47321".to_owned(), "-0.25".to_owned()));
        assert_eq!((json(-3.0), json(f64::NAN)), ("-3".to_owned(), "null".to_owned()));
        assert_eq!(whole(-9_007_199_254_740_991.0), "-9007199254740991");
    }
}
