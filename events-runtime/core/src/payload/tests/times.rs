use std::fmt::Debug;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use jiff::Timestamp;
use jiff::civil;
use time::{Date, Month, PrimitiveDateTime, Time, UtcDateTime};

use super::{long, round_trip, unreadable, unwritable};
use crate::avro::{DecodeErrorKind, EncodeErrorKind, Schema, from_slice, to_vec};
use crate::payload::EventData;
use crate::with::{self, CivilDateTime, Instant, TimeError};

/// A number of nanoseconds, in all three crates.
fn instants(nanos: i64) -> (Timestamp, DateTime<Utc>, UtcDateTime) {
    let wide = i128::from(nanos);
    (
        Timestamp::from_nanosecond(wide).unwrap(),
        DateTime::from_timestamp_nanos(nanos),
        UtcDateTime::from_unix_timestamp_nanos(wide).unwrap(),
    )
}

const EDGES: [i64; 8] =
    [0, 1, -1, 999_999_999, -1_000_000_000, 1_672_628_645_678_901_234, i64::MIN, i64::MAX];

#[test]
fn an_instant_is_its_nanoseconds_in_every_crate() {
    for nanos in EDGES {
        let (jiff, chrono, time) = instants(nanos);
        round_trip(jiff, long(nanos));
        round_trip(chrono, long(nanos));
        round_trip(time, long(nanos));
    }
}

#[test]
fn a_civil_date_and_time_is_its_nanoseconds_in_every_crate() {
    for nanos in EDGES {
        let (jiff, chrono, time) = instants(nanos);
        round_trip(jiff::tz::Offset::UTC.to_datetime(jiff), long(nanos));
        round_trip(chrono.naive_utc(), long(nanos));
        round_trip(PrimitiveDateTime::new(time.date(), time.time()), long(nanos));
    }
}

#[test]
fn schemas_name_their_logical_types() {
    fn logical<T: EventData>() -> &'static str {
        match T::SCHEMA {
            Schema::Logical(logical) => logical.name,
            _ => "none",
        }
    }
    for name in [logical::<Timestamp>(), logical::<DateTime<Utc>>(), logical::<UtcDateTime>()] {
        assert_eq!(name, "timestamp-nanos");
    }
    for name in [logical::<civil::DateTime>(), logical::<NaiveDateTime>(), logical::<PrimitiveDateTime>()] {
        assert_eq!(name, "local-timestamp-nanos");
    }
    for name in [logical::<civil::Date>(), logical::<NaiveDate>(), logical::<Date>()] {
        assert_eq!(name, "date");
    }
    for name in [logical::<civil::Time>(), logical::<NaiveTime>(), logical::<Time>()] {
        assert_eq!(name, "time-micros");
    }
}

#[test]
fn an_instant_beyond_a_long_of_nanoseconds_is_refused() {
    fn refused<T: EventData + Debug>(value: &T, avro: &str) {
        let kind = unwritable(value);
        assert!(
            matches!(&kind, EncodeErrorKind::OutOfRange { avro: found, .. } if *found == avro),
            "{value:?}: {kind:?}"
        );
    }
    refused(&Timestamp::MIN, "timestamp-nanos");
    refused(&Timestamp::MAX, "timestamp-nanos");
    refused(&Timestamp::from_nanosecond(i128::from(i64::MAX) + 1).unwrap(), "timestamp-nanos");
    refused(&DateTime::<Utc>::MIN_UTC, "timestamp-nanos");
    refused(&DateTime::<Utc>::MAX_UTC, "timestamp-nanos");
    refused(&UtcDateTime::MIN, "timestamp-nanos");
    refused(&UtcDateTime::MAX, "timestamp-nanos");
    refused(&civil::DateTime::MIN, "local-timestamp-nanos");
    refused(&civil::DateTime::MAX, "local-timestamp-nanos");
    refused(&NaiveDateTime::MAX, "local-timestamp-nanos");
    refused(&PrimitiveDateTime::MAX, "local-timestamp-nanos");
}

#[test]
fn a_date_is_its_days_from_the_first_to_the_last() {
    fn all<T: EventData + PartialEq + Debug>(dates: [(T, i64); 4]) {
        for (date, days) in dates {
            round_trip(date, long(days));
        }
    }
    all([
        (civil::date(1970, 1, 1), 0),
        (civil::date(1969, 12, 31), -1),
        (civil::Date::MIN, -4_371_587),
        (civil::Date::MAX, 2_932_896),
    ]);
    all([
        (NaiveDate::from_ymd_opt(1970, 1, 1).unwrap(), 0),
        (NaiveDate::from_ymd_opt(9999, 12, 31).unwrap(), 2_932_896),
        (NaiveDate::MIN, i64::from(NaiveDate::MIN.to_epoch_days())),
        (NaiveDate::MAX, i64::from(NaiveDate::MAX.to_epoch_days())),
    ]);
    all([
        (Date::from_calendar_date(1970, Month::January, 1).unwrap(), 0),
        (Date::from_calendar_date(1969, Month::December, 31).unwrap(), -1),
        (Date::MIN, i64::from(Date::MIN.to_julian_day()) - 2_440_588),
        (Date::MAX, i64::from(Date::MAX.to_julian_day()) - 2_440_588),
    ]);
}

#[test]
fn days_that_a_date_does_not_reach_are_refused() {
    fn refused<T: EventData + Debug>() {
        for days in [i32::MIN, i32::MAX] {
            let kind = unreadable::<T>(long(i64::from(days)));
            assert_eq!(kind, DecodeErrorKind::Invalid(TimeError::Unrepresentable.to_string()));
        }
        let kind = unreadable::<T>(long(1 << 40));
        assert_eq!(kind, DecodeErrorKind::OutOfRange { value: 1 << 40, rust: "i32" });
    }
    refused::<civil::Date>();
    refused::<NaiveDate>();
    refused::<Date>();
}

#[test]
fn a_time_of_day_is_its_microseconds() {
    for micros in [0, 1, 86_399_999_999] {
        let nanos = micros * 1_000;
        let (seconds, below) =
            (u32::try_from(micros / 1_000_000).unwrap(), u32::try_from(nanos % 1_000_000_000).unwrap());
        round_trip(
            civil::Time::midnight().checked_add(jiff::SignedDuration::from_nanos(nanos)).unwrap(),
            long(micros),
        );
        round_trip(NaiveTime::from_num_seconds_from_midnight_opt(seconds, below).unwrap(), long(micros));
        round_trip(Time::MIDNIGHT + time::Duration::nanoseconds(nanos), long(micros));
    }
}

#[test]
fn a_time_of_day_keeps_all_its_digits_or_is_refused() {
    let digits = EncodeErrorKind::Invalid(TimeError::Digits { unit: "microsecond" }.to_string());
    assert_eq!(unwritable(&civil::Time::MAX), digits);
    assert_eq!(unwritable(&NaiveTime::from_hms_nano_opt(1, 2, 3, 1).unwrap()), digits);
    assert_eq!(unwritable(&Time::from_hms_nano(1, 2, 3, 1).unwrap()), digits);
}

#[test]
fn what_is_beyond_a_day_is_no_time_of_day() {
    fn refused<T: EventData + Debug>() {
        for micros in [-1, 86_400_000_000, i64::MIN, i64::MAX] {
            let kind = unreadable::<T>(long(micros));
            assert_eq!(kind, DecodeErrorKind::Invalid(TimeError::NoTimeOfDay.to_string()), "{micros}");
        }
    }
    refused::<civil::Time>();
    refused::<NaiveTime>();
    refused::<Time>();
}

#[test]
fn a_leap_second_is_refused() {
    let leap = EncodeErrorKind::Invalid(TimeError::LeapSecond.to_string());
    let time = NaiveTime::from_hms_nano_opt(23, 59, 59, 1_500_000_000).unwrap();
    let civil = NaiveDate::from_ymd_opt(2016, 12, 31).unwrap().and_time(time);
    assert_eq!(unwritable(&time), leap);
    assert_eq!(unwritable(&civil), leap);
    assert_eq!(unwritable(&civil.and_utc()), leap);
    assert_eq!(with::timestamp_micros::to_repr(&civil.and_utc()), Err(TimeError::LeapSecond));
}

#[test]
fn coarser_units_reach_to_the_ends_of_every_crate() {
    fn instant<T: Instant + PartialEq + Debug>(value: &T) {
        let millis = with::timestamp_millis::to_repr(value).unwrap();
        assert_eq!(&with::timestamp_millis::from_repr::<T>(millis).unwrap(), value);
        let micros = with::timestamp_micros::to_repr(value).unwrap();
        assert_eq!(&with::timestamp_micros::from_repr::<T>(micros).unwrap(), value);
        let optional = Some(millis);
        assert_eq!(&with::timestamp_millis::option::from_repr::<T>(optional).unwrap().unwrap(), value);
    }
    fn civil_time<T: CivilDateTime + PartialEq + Debug>(value: &T) {
        let millis = with::local_timestamp_millis::to_repr(value).unwrap();
        assert_eq!(&with::local_timestamp_millis::from_repr::<T>(millis).unwrap(), value);
        let micros = with::local_timestamp_micros::to_repr(value).unwrap();
        assert_eq!(&with::local_timestamp_micros::from_repr::<T>(micros).unwrap(), value);
    }
    instant(&Timestamp::MIN);
    instant(&DateTime::<Utc>::MIN_UTC);
    instant(&UtcDateTime::MIN);
    civil_time(&civil::DateTime::MIN);
    civil_time(&civil::date(9999, 12, 31).at(23, 59, 59, 0));
    civil_time(&NaiveDateTime::MIN);
    civil_time(&PrimitiveDateTime::MIN);
    for millis in [0, 1, -1, 1_672_628_645_678] {
        let datum = long(millis);
        let repr: with::timestamp_millis::Repr = from_slice(&datum).unwrap();
        let instant: Timestamp = with::timestamp_millis::from_repr(repr).unwrap();
        assert_eq!(instant, Timestamp::from_millisecond(millis).unwrap());
        assert_eq!(to_vec(&with::timestamp_millis::to_repr(&instant).unwrap()).unwrap(), datum);
    }
}

#[test]
fn coarser_units_do_not_round() {
    let (instant, ..) = instants(1_000);
    assert!(with::timestamp_micros::to_repr(&instant).is_ok());
    assert_eq!(with::timestamp_millis::to_repr(&instant), Err(TimeError::Digits { unit: "millisecond" }));
    let (instant, ..) = instants(-1);
    assert_eq!(
        with::timestamp_micros::option::to_repr(&Some(instant)),
        Err(TimeError::Digits { unit: "microsecond" })
    );
}

#[test]
fn coarse_numbers_beyond_the_rust_type_are_refused() {
    let repr: with::timestamp_millis::Repr = from_slice(&long(i64::MAX)).unwrap();
    assert_eq!(with::timestamp_millis::from_repr::<Timestamp>(repr), Err(TimeError::Unrepresentable));
    assert_eq!(with::timestamp_millis::from_repr::<DateTime<Utc>>(repr), Err(TimeError::Unrepresentable));
    assert_eq!(with::timestamp_millis::from_repr::<UtcDateTime>(repr), Err(TimeError::Unrepresentable));
}
