//! The text form of a duration.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Parses a duration with its unit. Configuration, command line and URLs share this grammar.
///
/// | text | meaning |
/// |---|---|
/// | `250ms`, `30s`, `15m`, `12h`, `7d` | milliseconds, seconds, minutes, hours, days of 24 hours |
/// | `1h30m`, `1h 30m`, `2 weeks`, `1.5s` | the friendly format of [jiff] |
/// | `PT1H30M` | ISO 8601 |
///
/// Months and years have no fixed length and are not accepted, and neither are negative durations or a
/// number without a unit.
///
/// ```
/// use std::time::Duration;
///
/// use events_transport::parse_duration;
///
/// assert_eq!(parse_duration("1h30m"), Some(Duration::from_secs(5400)));
/// assert_eq!(parse_duration("30"), None);
/// ```
///
/// [jiff]: https://docs.rs/jiff/latest/jiff/fmt/friendly/index.html
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    // Longer durations than jiff's span can hold are accepted in this form.
    parse_number_and_unit(text).or_else(|| {
        let span = text.parse::<Span>().ok()?;
        let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(duration).ok()
    })
}

fn parse_number_and_unit(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_with_its_unit() {
        for (text, seconds) in [("0s", 0), ("30s", 30), ("15m", 900), ("12h", 43_200), ("7d", 604_800)] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("999999999999h"), Some(Duration::from_secs(999_999_999_999 * 3600)));
    }

    #[test]
    fn a_duration_can_have_several_units() {
        for (text, millis) in [
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("2 weeks", 1_209_600_000),
            ("1.5s", 1_500),
            ("PT1H30M", 5_400_000),
            ("P7D", 604_800_000),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_duration_without_a_unit_or_of_no_fixed_length_is_not_accepted() {
        for text in ["", "30", "s", "-5s", "1mo", "1y", "soon", "99999999999999999999d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
