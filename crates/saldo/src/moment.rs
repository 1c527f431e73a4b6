//! Points in history as people type and read them. Plain numbers are places in the log or
//! microseconds; anything else is RFC 3339.
//! Not here: what the bank does with them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ledger::Seq;
use protocol::limits::NUMBER_MAX;
use protocol::query::Moment;

use crate::duration;
use crate::failure::Failure;
use crate::output::text;

/// From here on a plain number is microseconds since the Unix epoch (this one lies in March 1973):
/// no log has so many events, and no bank of this kind is so old.
const MICROSECONDS_FROM: u64 = 100_000_000_000_000;

/// How the times of a table are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// As the clock on this machine's wall shows it, with its distance from UTC.
    Local,
    /// In UTC.
    Utc,
}

/// Reads a place in the log or a time, which `flag` was given. Errors: it is neither.
pub fn parse(flag: &str, given: &str) -> Result<Moment, Failure> {
    if let Some(number) = number(given) {
        return Ok(match number {
            ..MICROSECONDS_FROM => Moment::Seq(Seq::new(number)),
            _ => Moment::Time(number),
        });
    }
    time(given).map(Moment::Time).ok_or_else(|| {
        let text = format!("{flag} {}: it is no seq and no time", text::quoted(given));
        Failure::usage(text).hint(
            "give a seq such as 41, a time such as 2026-11-25T10:00:00Z, or microseconds since 1970",
        )
    })
}

/// Reads a deadline: a time, or how long from now, by this machine's clock. In microseconds since
/// the Unix epoch. Errors: it is neither.
pub fn deadline(given: &str) -> Result<u64, Failure> {
    let from_now = duration::parse(given).and_then(|wait| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(now.checked_add(wait)?.as_micros()).ok()
    });
    let at = number(given).filter(|number| *number >= MICROSECONDS_FROM);
    from_now.or(at).or_else(|| time(given)).ok_or_else(|| {
        let text = format!("--not-after {}: it is no time", text::quoted(given));
        Failure::usage(text).hint(
            "give 5s or 1m from now, a time such as 2026-11-25T10:00:00Z, or microseconds since 1970",
        )
    })
}

/// The most days that are counted.
const EXPIRY_DAYS_MAX: u64 = 3_660;

/// Reads when something expires: so many days or hours from now, by this machine's clock, or a time.
/// In microseconds since the Unix epoch. Errors: it is neither, or more than
/// ten years of days.
pub fn expiry(given: &str) -> Result<u64, Failure> {
    let days = given.strip_suffix('d').and_then(number);
    let days = days.filter(|days| (1..=EXPIRY_DAYS_MAX).contains(days));
    let wait = days.map(|days| Duration::from_secs(days * 24 * 60 * 60));
    let from_now = wait.or_else(|| duration::parse(given)).and_then(|wait| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(now.checked_add(wait)?.as_micros()).ok()
    });
    from_now.or_else(|| time(given)).ok_or_else(|| {
        Failure::usage(format!("--expires {}: it is no time", text::quoted(given)))
            .hint("give 90d or 12h from now, or a time such as 2027-01-31T00:00:00Z")
    })
}

/// A time for programs: RFC 3339 in UTC, with microseconds.
pub fn exact(at_us: u64) -> String {
    match timestamp(at_us) {
        Some(timestamp) => format!("{timestamp:.6}"),
        // Only a server that lies says so.
        None => at_us.to_string(),
    }
}

/// A time for people, to the second.
pub fn shown(at_us: u64, clock: Clock) -> String {
    let Some(timestamp) = timestamp(at_us) else { return at_us.to_string() };
    match clock {
        Clock::Utc => timestamp.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Clock::Local => {
            let local = timestamp.to_zoned(TimeZone::system());
            local.strftime("%Y-%m-%d %H:%M:%S%:z").to_string()
        }
    }
}

/// A moment as it is typed.
pub fn typed(moment: Moment) -> String {
    match moment {
        Moment::Seq(seq) => seq.to_string(),
        Moment::Time(time_us) => time_us.to_string(),
    }
}

fn number(given: &str) -> Option<u64> {
    let is_number = !given.is_empty() && given.bytes().all(|byte| byte.is_ascii_digit());
    let number = given.parse().ok().filter(|number| *number <= NUMBER_MAX);
    number.filter(|_| is_number)
}

fn time(given: &str) -> Option<u64> {
    let timestamp: Timestamp = given.parse().ok()?;
    u64::try_from(timestamp.as_microsecond()).ok().filter(|time_us| *time_us > 0)
}

fn timestamp(at_us: u64) -> Option<Timestamp> {
    Timestamp::from_microsecond(i64::try_from(at_us).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_US: u64 = 1_764_064_800_000_000;

    #[test]
    fn a_number_is_a_seq_until_it_can_only_be_microseconds() {
        let seq = |number| Moment::Seq(Seq::new(number));
        assert_eq!(parse("--at", "0").unwrap(), seq(0));
        assert_eq!(parse("--at", "0041").unwrap(), seq(41));
        assert_eq!(parse("--at", "99999999999999").unwrap(), seq(99_999_999_999_999));
        let first = Moment::Time(MICROSECONDS_FROM);
        assert_eq!(parse("--at", "100000000000000").unwrap(), first);
        assert_eq!(parse("--at", "1764064800000000").unwrap(), Moment::Time(AT_US));
    }

    #[test]
    fn a_time_is_rfc_3339() {
        for text in [
            "2025-11-25T10:00:00Z",
            "2025-11-25T10:00:00.000000Z",
            "2025-11-25T07:00:00-03:00",
            "2025-11-25 07:00:00-03:00",
        ] {
            assert_eq!(parse("--at", text).unwrap(), Moment::Time(AT_US), "{text}");
        }
        for text in [
            "",
            "now",
            "-1",
            "1.5",
            "2025-11-25",
            "2025-11-25T10:00:00",
            "1969-12-31T23:59:59Z",
            "9223372036854775808",
            "99999999999999999999",
            "é",
        ] {
            let failure = parse("--at", text).unwrap_err();
            let told = format!("--at {}: it is no seq and no time", text::quoted(text));
            assert_eq!((failure.parts().0, failure.parts().2), (2, told.as_str()));
        }
    }

    #[test]
    fn a_deadline_is_a_time_or_a_while_from_now() {
        assert_eq!(deadline("2025-11-25T10:00:00Z").unwrap(), AT_US);
        assert_eq!(deadline("1764064800000000").unwrap(), AT_US);
        let (hour, day) = (deadline("1h").unwrap(), deadline("24h").unwrap());
        assert!(hour > AT_US && day > hour);
        // A number too small to be a time was meant as something else.
        for text in ["5", "41", "", "soon", "25h", "-5s"] {
            assert_eq!(deadline(text).unwrap_err().parts().0, 2, "{text}");
        }
    }

    #[test]
    fn access_ends_at_a_time_or_after_days_or_hours() {
        assert_eq!(expiry("2025-11-25T10:00:00Z").unwrap(), AT_US);
        let (hours, days) = (expiry("12h").unwrap(), expiry("90d").unwrap());
        assert!(days - hours > 89 * 86_400_000_000 && days - hours < 90 * 86_400_000_000);
        for text in ["0d", "3661d", "-1d", "d", "1.5d", "90", "", "soon", "99999999999999999999d"] {
            assert_eq!(expiry(text).unwrap_err().parts().0, 2, "{text}");
        }
    }

    #[test]
    fn times_are_exact_for_programs_and_short_for_people() {
        assert_eq!(exact(AT_US + 7), "2025-11-25T10:00:00.000007Z");
        assert_eq!(shown(AT_US + 7, Clock::Utc), "2025-11-25 10:00:00Z");
        assert_eq!(parse("--at", &exact(AT_US + 7)).unwrap(), Moment::Time(AT_US + 7));
        let local = shown(AT_US, Clock::Local);
        assert_eq!(local.len(), "2025-11-25 10:00:00+00:00".len(), "{local}");
        assert_eq!(exact(u64::MAX), u64::MAX.to_string());
    }
}
