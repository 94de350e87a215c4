use chrono::{DateTime, Utc};
use jiff::Timestamp;
use time::UtcDateTime;

use crate::with::{Instant, TimeError, isoformat};

fn text<T: Instant>(nanos: i128) -> Result<String, TimeError> {
    let (seconds, below) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    let instant = T::from_parts(i64::try_from(seconds).unwrap(), u32::try_from(below).unwrap());
    isoformat::to_repr(&instant.expect("within the crate's years")).map(String::from)
}

fn nanos<T: Instant>(text: &str) -> Result<i128, TimeError> {
    isoformat::from_repr::<T>(text.to_owned().into())?.to_nanos()
}

/// What all three crates say.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "results of calls")]
fn all<T: PartialEq + std::fmt::Debug>(jiff: T, chrono: T, time: T) -> T {
    assert_eq!(jiff, chrono);
    assert_eq!(jiff, time);
    jiff
}

#[track_caller]
fn texts(nanos: i128) -> Result<String, TimeError> {
    all(text::<Timestamp>(nanos), text::<DateTime<Utc>>(nanos), text::<UtcDateTime>(nanos))
}

#[track_caller]
fn instants(text: &str) -> Result<i128, TimeError> {
    all(nanos::<Timestamp>(text), nanos::<DateTime<Utc>>(text), nanos::<UtcDateTime>(text))
}

#[test]
fn instants_are_the_texts_of_python_and_come_back() {
    for (number, text) in [
        (1_672_628_645_678_901_000, "2023-01-02T03:04:05.678901+00:00"),
        (1_672_628_645_600_000_000, "2023-01-02T03:04:05.600000+00:00"),
        (1_672_628_645_000_001_000, "2023-01-02T03:04:05.000001+00:00"),
        (1_672_628_645_000_000_000, "2023-01-02T03:04:05+00:00"),
        (0, "1970-01-01T00:00:00+00:00"),
        (-1_000, "1969-12-31T23:59:59.999999+00:00"),
        (-1_000_000_000, "1969-12-31T23:59:59+00:00"),
        (-62_135_596_800_000_000_000, "0001-01-01T00:00:00+00:00"),
    ] {
        assert_eq!(texts(number).as_deref(), Ok(text));
        assert_eq!(instants(text), Ok(number), "{text}");
    }
}

#[test]
fn the_last_microsecond_of_python_travels_where_the_crate_reaches_it() {
    let (last, end) = (253_402_300_799_999_999_000, "9999-12-31T23:59:59.999999+00:00");
    assert_eq!(text::<DateTime<Utc>>(last).as_deref(), Ok(end));
    assert_eq!(nanos::<DateTime<Utc>>(end), Ok(last));
    assert_eq!(nanos::<UtcDateTime>(end), Ok(last));
    // jiff's last instant is a day earlier.
    assert_eq!(nanos::<Timestamp>(end), Err(TimeError::Unrepresentable));
}

#[test]
fn other_forms_and_offsets_are_the_same_instant() {
    for text in [
        "2023-01-02T03:04:05Z",
        "2023-01-02 05:04:05+02:00",
        "2023-01-01T21:34:05-05:30",
        "2023-01-02T03:04:05.000000+00:00",
        "20230102T030405Z",
        "2023-01-02T08:34:20+05:30:15",
    ] {
        assert_eq!(instants(text), Ok(1_672_628_645_000_000_000), "{text}");
    }
    assert_eq!(instants("2023-01-02T03:04:05.678901234Z"), Ok(1_672_628_645_678_901_234));
    assert_eq!(instants("2023-01-02T03:04Z"), Ok(1_672_628_640_000_000_000));
}

#[test]
fn digits_below_a_microsecond_are_refused_and_not_rounded() {
    assert_eq!(texts(1), Err(TimeError::Digits { unit: "microsecond" }));
    assert_eq!(texts(-1_001), Err(TimeError::Digits { unit: "microsecond" }));
}

#[test]
fn years_that_python_does_not_have_are_refused() {
    assert_eq!(texts(-62_135_596_800_000_001_000), Err(TimeError::BeyondPython));
    assert_eq!(text::<DateTime<Utc>>(253_402_300_800_000_000_000), Err(TimeError::BeyondPython));
}

#[test]
fn a_leap_second_is_refused() {
    let leap = DateTime::<Utc>::from_timestamp(1_483_228_799, 1_000_000_000).expect("chrono holds it");
    assert_eq!(isoformat::to_repr(&leap), Err(TimeError::LeapSecond));
}

#[test]
fn a_text_without_an_offset_is_no_instant_and_is_not_shown() {
    for text in
        ["2024-01-02T03:04:05", "2024-01-02", "", "ada@acme.example", "1672628645", "2023-02-30T00:00:00Z"]
    {
        let fault = instants(text).expect_err(text);
        assert_eq!(fault, TimeError::NotIso { len: text.len() });
        assert!(text.is_empty() || !fault.to_string().contains(text), "{fault}");
    }
}

#[test]
fn an_absent_time_stays_absent() {
    assert_eq!(isoformat::option::to_repr::<Timestamp>(&None), Ok(None));
    assert_eq!(isoformat::option::from_repr::<Timestamp>(None), Ok(None));
    let text = Some("1970-01-01T00:00:00+00:00".to_owned().into());
    assert_eq!(isoformat::option::to_repr(&Some(Timestamp::UNIX_EPOCH)), Ok(text.clone()));
    assert_eq!(isoformat::option::from_repr(text), Ok(Some(Timestamp::UNIX_EPOCH)));
}
