//! The text forms of logical types.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

use crate::codec::{Reader, varint};
use events_schema::view::LogicalView;
use events_support::rfc3339::{EPOCH, civil, instant, nine_digits};

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Dates, and times with the nanoseconds of their unit.
enum Form {
    Date,
    Time(i64),
    Timestamp(i64),
    Local(i64),
}

/// The nanoseconds of a millisecond and of a microsecond.
const MILLI: i64 = 1_000_000;
const MICRO: i64 = 1_000;

fn form(name: &str) -> Option<Form> {
    Some(match name {
        "date" => Form::Date,
        "time-millis" => Form::Time(MILLI),
        "time-micros" => Form::Time(MICRO),
        "timestamp-millis" => Form::Timestamp(MILLI),
        "timestamp-micros" => Form::Timestamp(MICRO),
        "timestamp-nanos" => Form::Timestamp(1),
        "local-timestamp-millis" => Form::Local(MILLI),
        "local-timestamp-micros" => Form::Local(MICRO),
        "local-timestamp-nanos" => Form::Local(1),
        _ => return None,
    })
}

const SECONDS_PER_DAY: i64 = 86_400;

/// The text of a date or time; `None` if it has no text form.
pub(super) fn number_text(name: &str, number: i64) -> Option<String> {
    let nanos = |unit: i64| i128::from(number) * i128::from(unit);
    match form(name)? {
        Form::Date => {
            let days = SignedDuration::from_secs(number.checked_mul(SECONDS_PER_DAY)?);
            Some(EPOCH.date().checked_add(days).ok()?.to_string())
        }
        Form::Time(unit) => {
            let nanos = i64::try_from(nanos(unit)).ok().filter(|nanos| *nanos >= 0)?;
            let time = Time::midnight().checked_add(SignedDuration::from_nanos(nanos));
            Some(time.ok()?.to_string())
        }
        Form::Timestamp(unit) => Some(format!("{}Z", civil(nanos(unit))?)),
        Form::Local(unit) => Some(civil(nanos(unit))?.to_string()),
    }
}

/// Describes the expected text of a logical type, for messages.
pub(super) fn number_example(name: &str) -> Option<&'static str> {
    Some(match form(name)? {
        Form::Date => "a date such as \"2026-02-28\"",
        Form::Time(MILLI) => "a time with at most 3 digits after the point such as \"13:05:00.125\"",
        Form::Time(_) => "a time with at most 6 digits after the point such as \"13:05:00.000125\"",
        Form::Timestamp(MILLI) => {
            "a time in RFC 3339 with at most 3 digits after the point such as \"2026-02-28T13:05:00.125Z\""
        }
        Form::Timestamp(MICRO) => {
            "a time in RFC 3339 with at most 6 digits after the point such as \"2026-02-28T13:05:00.000125Z\""
        }
        Form::Timestamp(_) => "a time in RFC 3339 from 1677 to 2262 such as \"2026-02-28T13:05:00Z\"",
        Form::Local(MILLI) => {
            "a local time with at most 3 digits after the point such as \"2026-02-28T13:05:00.125\""
        }
        Form::Local(MICRO) => {
            "a local time with at most 6 digits after the point such as \"2026-02-28T13:05:00.000125\""
        }
        Form::Local(_) => "a local time from 1677 to 2262 such as \"2026-02-28T13:05:00\"",
    })
}

/// The number of a date or time; `None` if the text is invalid or has digits below the unit.
pub(super) fn text_number(name: &str, text: &str) -> Option<i64> {
    // Trailing zeros are allowed.
    let (text, exact) = match form(name)? {
        Form::Date => (Cow::Borrowed(text), true),
        _ => nine_digits(text),
    };
    if !exact {
        return None;
    }
    let in_units = |nanos: i128, unit: i64| {
        let unit = i128::from(unit);
        (nanos % unit == 0).then(|| i64::try_from(nanos / unit).ok()).flatten()
    };
    match form(name)? {
        Form::Date => {
            let date: Date = text.parse().ok()?;
            Some(date.duration_since(EPOCH.date()).as_secs() / SECONDS_PER_DAY)
        }
        Form::Time(unit) => {
            let time: Time = text.parse().ok()?;
            in_units(time.duration_since(Time::midnight()).as_nanos(), unit)
        }
        Form::Timestamp(unit) => in_units(instant(&text)?.0.as_nanos(), unit),
        Form::Local(unit) => {
            let local: DateTime = text.parse().ok()?;
            in_units(local.duration_since(EPOCH).as_nanos(), unit)
        }
    }
}

/// Where a decimal has its scale, the number of digits after the decimal point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decimal {
    /// In the schema: `decimal`.
    Fixed(usize),
    /// In each value, after the number: `big-decimal`.
    Own,
}

impl Decimal {
    /// The decimal of a logical type; `None` for other types.
    pub(super) fn of(logical: LogicalView<'_>) -> Option<Self> {
        match logical.name {
            b"big-decimal" => Some(Self::Own),
            b"decimal" => Some(Self::Fixed(usize::try_from(logical.scale).ok()?)),
            _ => None,
        }
    }

    /// The text of a datum's bytes; `None` if they are invalid, or the number has more than 128 bits.
    pub(super) fn text(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Fixed(scale) => text(bytes, scale),
            Self::Own => {
                let mut reader = Reader::new(bytes);
                let unscaled = reader.bytes().ok()?;
                let scale = usize::try_from(reader.long().ok()?).ok()?;
                reader.finish().ok()?;
                // Limits the length of the text.
                (scale <= 100).then(|| text(unscaled, scale)).flatten()
            }
        }
    }

    /// A datum's bytes; `None` if the text is not a number, or has more digits than the type.
    pub(super) fn bytes(self, text: &str) -> Option<Vec<u8>> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) if is_number(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (digits, ""),
        };
        if !is_number(whole) {
            return None;
        }
        match self {
            Self::Fixed(scale) => {
                let fraction = fraction.trim_end_matches('0');
                let missing = scale.checked_sub(fraction.len())?;
                let number: i128 = format!("{sign}{whole}{fraction}{}", "0".repeat(missing)).parse().ok()?;
                Some(shortest(number))
            }
            Self::Own => {
                let number: i128 = format!("{sign}{whole}{fraction}").parse().ok()?;
                let unscaled = shortest(number);
                let mut bytes = Vec::with_capacity(unscaled.len() + 2);
                varint::append(i64::try_from(unscaled.len()).ok()?, &mut bytes);
                bytes.extend(unscaled);
                varint::append(i64::try_from(fraction.len()).ok()?, &mut bytes);
                Some(bytes)
            }
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn text(bytes: &[u8], scale: usize) -> Option<String> {
    let first = *bytes.first()?;
    let fill = if first & 0x80 == 0 { 0 } else { 0xff };
    let mut wide = [fill; 16];
    wide.get_mut(16_usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
    let number = i128::from_be_bytes(wide);
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// Two's complement without leading bytes that only repeat the sign.
fn shortest(number: i128) -> Vec<u8> {
    let wide = number.to_be_bytes();
    let repeats = |pair: &&[u8]| match pair {
        [0, next] => next & 0x80 == 0,
        [0xff, next] => next & 0x80 != 0,
        _ => false,
    };
    let redundant = wide.windows(2).take_while(repeats).count();
    wide.iter().skip(redundant).copied().collect()
}
