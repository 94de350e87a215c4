//! The text form of times.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::fmt::StdFmtWrite;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::MetadataError;
use super::error::shortened;
use events_support::rfc3339::{self, EPOCH, civil};

/// The current time in whole microseconds, which the text form can hold.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, micros) = (i64::try_from(since.as_secs()), i32::try_from(since.subsec_micros()));
    match (seconds, micros) {
        (Ok(seconds), Ok(micros)) => Timestamp::new(seconds, micros * 1000).unwrap_or(Timestamp::MAX),
        _ => Timestamp::MAX,
    }
}

/// Cuts off the part below a microsecond, which the text form of own events can't hold.
pub(crate) fn whole_micros(time: Timestamp) -> Timestamp {
    if time.subsec_nanosecond() % 1000 == 0 {
        return time;
    }
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// Writes a time as `2023-01-02T03:04:05.678901+00:00`: in UTC, with six fraction digits, or none for a whole
/// second, as Python's `isoformat()` does. A received time that is finer than a microsecond has nine. A time
/// of the last day of the year 9999, which is beyond [`Timestamp::MAX`], is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TimeText {
    time: Timestamp,
    /// Nanoseconds beyond [`Timestamp::MAX`].
    beyond: u64,
}

impl TimeText {
    /// The text form of `time`.
    pub fn new(time: Timestamp) -> Self {
        Self { time, beyond: 0 }
    }

    /// The time, at most [`Timestamp::MAX`].
    pub fn timestamp(&self) -> Timestamp {
        self.time
    }

    /// The time at this distance from 1970, or the nearest one that can be written.
    fn after_epoch(since: SignedDuration) -> Self {
        let latest = DateTime::MAX.duration_since(EPOCH);
        match Timestamp::from_nanosecond(since.as_nanos()) {
            Ok(time) => Self::new(time),
            Err(_) if since.is_negative() => Self::new(Timestamp::MIN),
            Err(_) => {
                let beyond = since.min(latest).as_nanos() - Timestamp::MAX.as_nanosecond();
                // Two days at most.
                Self { time: Timestamp::MAX, beyond: u64::try_from(beyond).unwrap_or_default() }
            }
        }
    }

    fn civil(self) -> Option<DateTime> {
        civil(self.time.as_nanosecond() + i128::from(self.beyond))
    }
}

impl fmt::Display for TimeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.beyond == 0
            && let Some(text) = common_form(self.time)
        {
            return f.write_str(str::from_utf8(&text).unwrap_or_default());
        }
        let nanos = match self.beyond {
            0 => self.time.subsec_nanosecond(),
            _ => self.civil().map_or(0, DateTime::subsec_nanosecond),
        };
        let digits = match nanos {
            0 => 0,
            nanos if nanos % 1000 == 0 => 6,
            _ => 9,
        };
        let printer = DateTimePrinter::new().precision(Some(digits));
        let late = if self.beyond > 0 { self.civil() } else { None };
        match late {
            Some(late) => {
                printer.print_datetime(&late, StdFmtWrite(&mut *f)).map_err(|_| fmt::Error)?;
                f.write_str("+00:00")
            }
            None => printer
                .print_timestamp_with_offset(&self.time, Offset::UTC, StdFmtWrite(f))
                .map_err(|_| fmt::Error),
        }
    }
}

impl fmt::Debug for TimeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Parses a time in RFC 3339 with any offset; an offset is required. Digits below a nanosecond are cut off,
/// and a time that its offset moves beyond the year 9999 becomes the last time of that year: neither is a
/// reason to lose an event.
pub(super) fn parse(text: &str) -> Result<TimeText, MetadataError> {
    if let Some(time) = of_common_form(text) {
        return Ok(TimeText::new(time));
    }
    let refused = match text.parse::<Timestamp>() {
        Ok(time) => return Ok(TimeText::new(time)),
        Err(source) => source,
    };
    match rfc3339::instant(text) {
        Some((since, _)) => Ok(TimeText::after_epoch(since)),
        None => Err(MetadataError::Time { found: shortened(text), source: refused }),
    }
}

/// The form of almost every time. jiff's general printer and parser take three times as long.
const COMMON_FORM: &[u8; 32] = b"0000-00-00T00:00:00.000000+00:00";

/// The text of a time in whole microseconds that is not a whole second.
fn common_form(time: Timestamp) -> Option<[u8; 32]> {
    let time = Offset::UTC.to_datetime(time);
    let nanos = time.subsec_nanosecond();
    let year = time.year();
    if nanos == 0 || nanos % 1000 != 0 || year < 0 {
        return None;
    }
    let mut text = *COMMON_FORM;
    let mut put = |end: usize, digits: usize, number: i32| {
        let mut rest = number;
        for digit in text.iter_mut().take(end).rev().take(digits) {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
    };
    put(4, 4, year.into());
    put(7, 2, time.month().into());
    put(10, 2, time.day().into());
    put(13, 2, time.hour().into());
    put(16, 2, time.minute().into());
    put(19, 2, time.second().into());
    put(26, 6, nanos / 1000);
    Some(text)
}

/// The time of such a text; `None` if it has another form.
fn of_common_form(text: &str) -> Option<Timestamp> {
    let text: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to)?.iter();
        digits.copied().try_fold(0_i32, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + i32::from(digit - b'0'))
        })
    };
    let is_separator = |(at, sign): &(&u8, &u8)| sign.is_ascii_digit() || at == sign;
    if !text.iter().zip(COMMON_FORM).all(|pair| is_separator(&pair))
        || text.get(26..) != COMMON_FORM.get(26..)
    {
        return None;
    }
    let two = |from: usize| i8::try_from(number(from, from + 2)?).ok();
    let year = i16::try_from(number(0, 4)?).ok()?;
    let nanos = number(20, 26)? * 1000;
    let time = DateTime::new(year, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?, nanos).ok()?;
    Offset::UTC.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back_in_the_form_they_were_written() {
        for text in [
            "2023-01-02T03:04:05.678901+00:00",
            "2023-01-02T03:04:05+00:00",
            "2023-01-02T03:04:05.000001+00:00",
            "2023-01-02T03:04:05.600000+00:00",
            "1969-12-31T23:59:59.999999+00:00",
            "2023-01-02T03:04:05.678901234+00:00",
        ] {
            assert_eq!(parse(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn the_common_form_is_that_of_the_general_printer_and_parser() {
        let mut micros = -62_135_596_799_999_999_i64;
        while micros < 253_402_207_200_000_000 {
            let time = Timestamp::from_microsecond(micros).expect("in range");
            let printer = DateTimePrinter::new().precision(Some(6));
            let mut general = String::new();
            printer.print_timestamp_with_offset(&time, Offset::UTC, StdFmtWrite(&mut general)).expect("fits");
            let common = common_form(time).expect("not a whole second");
            assert_eq!(str::from_utf8(&common), Ok(&*general));
            assert_eq!(of_common_form(&general), Some(time), "{general}");
            micros += 7_919_000_000_013 * 3 + 1;
        }
        for other in [
            "2023-01-02T03:04:05.678901+01:00",
            "2023-01-02 03:04:05.678901+00:00",
            "2023-13-02T03:04:05.678901+00:00",
            "2023-01-02T03:04:60.678901+00:00",
            "2023-01-02T03:04:0x.678901+00:00",
            "2023-01-02T03:04:05.678901Z",
            "2023-01-02T03:04:05.678901-00:00",
        ] {
            assert_eq!(of_common_form(other), None, "{other}");
        }
    }

    #[test]
    fn times_to_the_end_of_the_year_9999_keep_their_text() {
        for text in [
            "9999-12-30T22:00:00.999999999+00:00",
            "9999-12-30T22:00:01+00:00",
            "9999-12-31T00:00:00.000001+00:00",
            "9999-12-31T23:59:59.999999+00:00",
            "9999-12-31T23:59:59.999999999+00:00",
        ] {
            assert_eq!(parse(text).expect(text).to_string(), text);
        }
        let last = parse("9999-12-31T23:59:59.999999Z").expect("Python's last time");
        assert_eq!(last.timestamp(), Timestamp::MAX);
        assert_ne!(last, parse("9999-12-31T23:59:59Z").expect("another"));
        let later = parse("9999-12-31T23:59:59-12:00").expect("in the year 10000 in UTC");
        assert_eq!(later.to_string(), "9999-12-31T23:59:59.999999999+00:00");
    }

    #[test]
    fn digits_below_a_nanosecond_are_cut_off() {
        let fine = parse("2023-01-02T03:04:05.123456789999Z").expect("a time");
        assert_eq!(fine.to_string(), "2023-01-02T03:04:05.123456789+00:00");
        let fine = parse("9999-12-31T23:59:59.123456000000999+00:00").expect("a time");
        assert_eq!(fine.to_string(), "9999-12-31T23:59:59.123456+00:00");
    }

    #[test]
    fn z_and_other_offsets_are_the_same_instant() {
        let utc = parse("2023-01-02T03:04:05+00:00").expect("UTC");
        assert_eq!(parse("2023-01-02T03:04:05Z").expect("Z"), utc);
        assert_eq!(parse("2023-01-02T05:04:05+02:00").expect("+2"), utc);
    }

    #[test]
    fn naive_time_is_refused_by_field() {
        for text in ["2023-01-02T03:04:05", "yesterday", "", "1672628645"] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains("`time`"), "{error}");
        }
    }

    #[test]
    fn own_times_are_whole_microseconds() {
        assert_eq!(now().subsec_nanosecond() % 1000, 0);
        let fine: Timestamp = "2023-01-02T03:04:05.678901999Z".parse().expect("a time");
        assert_eq!(whole_micros(fine), "2023-01-02T03:04:05.678901Z".parse().expect("a time"));
    }
}
