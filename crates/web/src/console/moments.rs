//! Points in time as a page shows and takes them: in UTC, exact, and how long ago.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::texts::Texts;

/// A point in time, ready for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct When {
    /// For programs: RFC 3339.
    pub(super) iso: String,
    /// For people: to the microsecond, in UTC.
    pub(super) exact: String,
    /// How long before the page was made.
    pub(super) ago: String,
}

impl When {
    /// `at_us`, `now_us`: microseconds since the Unix epoch.
    pub(super) fn new(at_us: u64, now_us: u64, texts: &Texts) -> Self {
        let known = i64::try_from(at_us).ok().and_then(|at| Timestamp::from_microsecond(at).ok());
        let (iso, exact) = match known {
            Some(at) => (
                format!("{at:.6}"),
                at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S.%6f UTC").to_string(),
            ),
            // Only a damaged journal says so.
            None => (at_us.to_string(), at_us.to_string()),
        };
        Self { iso, exact, ago: ago(now_us.saturating_sub(at_us) / 1_000_000, texts) }
    }
}

/// How long ago, in the largest unit that fits. The page's script says the same as time goes on.
fn ago(seconds: u64, texts: &Texts) -> String {
    let (text, count) = match seconds {
        0..5 => (texts.ago_now, 0),
        5..60 => (texts.ago_seconds, seconds),
        60..3_600 => (texts.ago_minutes, seconds / 60),
        3_600..86_400 => (texts.ago_hours, seconds / 3_600),
        _ => (texts.ago_days, seconds / 86_400),
    };
    text.replace("{}", &count.to_string())
}

/// Now, in microseconds since the Unix epoch; 0 on a machine whose clock stands before that.
pub(super) fn now_us() -> u64 {
    micros(SystemTime::now())
}

/// A time in microseconds since the Unix epoch; 0 before that.
pub(super) fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Reads what a browser's field for date and time gives (`2026-11-25T10:00` or with seconds), in UTC,
/// as the last microsecond of that second. `None`: it is no such time.
pub(super) fn typed(text: &str) -> Option<u64> {
    let civil: DateTime = text.trim().parse().ok()?;
    let at = civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    u64::try_from(at).ok()?.checked_mul(1_000_000)?.checked_add(999_999)
}

#[cfg(test)]
mod tests {
    use super::super::texts::{ENGLISH, PORTUGUESE};
    use super::*;

    const AT_US: u64 = 1_764_064_800_123_456;

    #[test]
    fn a_time_is_exact_to_the_microsecond_in_utc() {
        let when = When::new(AT_US, AT_US, &ENGLISH);
        assert_eq!(when.iso, "2025-11-25T10:00:00.123456Z");
        assert_eq!(when.exact, "2025-11-25 10:00:00.123456 UTC");
    }

    #[test]
    fn how_long_ago_is_said_in_the_largest_unit() {
        let said = |seconds: u64, texts| When::new(AT_US, AT_US + seconds * 1_000_000, texts).ago;
        assert_eq!(said(0, &ENGLISH), "just now");
        assert_eq!(said(59, &ENGLISH), "59 s ago");
        assert_eq!(said(60, &PORTUGUESE), "há 1 min");
        assert_eq!(said(7_200, &ENGLISH), "2 h ago");
        assert_eq!(said(172_800, &PORTUGUESE), "há 2 d");
    }

    #[test]
    fn a_clock_that_went_back_and_a_time_beyond_all_calendars_are_shown_all_the_same() {
        assert_eq!(When::new(AT_US, 0, &ENGLISH).ago, "just now");
        assert_eq!(When::new(u64::MAX, 0, &ENGLISH).exact, u64::MAX.to_string());
    }

    #[test]
    fn a_typed_time_covers_its_whole_second_in_utc() {
        assert_eq!(typed("2025-11-25T10:00"), Some(1_764_064_800_999_999));
        assert_eq!(typed("2025-11-25T10:00:00"), Some(1_764_064_800_999_999));
        assert_eq!(typed("1969-01-01T00:00"), None);
        assert_eq!(typed("yesterday"), None);
    }
}
