//! Dates, times and decimals of other crates.

use events_runtime::{PublicSignal, with};
use rust_decimal::Decimal;

use super::Specimen;

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.logical.jiff.v1")]
struct Jiff {
    at: jiff::Timestamp,
    local: jiff::civil::DateTime,
    date: jiff::civil::Date,
    time: jiff::civil::Time,
    optional: Option<jiff::Timestamp>,
    list: Vec<jiff::civil::Date>,
    #[event(with = with::timestamp_millis)]
    millis: jiff::Timestamp,
    #[event(with = with::timestamp_micros)]
    micros: jiff::Timestamp,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.logical.chrono.v1")]
struct Chrono {
    at: chrono::DateTime<chrono::Utc>,
    local: chrono::NaiveDateTime,
    date: chrono::NaiveDate,
    time: chrono::NaiveTime,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.logical.time.v1")]
struct Time {
    at: time::UtcDateTime,
    local: time::PrimitiveDateTime,
    date: time::Date,
    time: time::Time,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.zoo.logical.decimals.v1")]
struct Decimals {
    price: Decimal,
    optional: Option<Decimal>,
}

/// Instants in whole microseconds: before the epoch, at it, and far behind.
const MICROS: [i64; 5] = [-9_000_000_000_000_001, -1, 0, 1, 9_000_000_000_123_456];

fn with_jiff() -> Specimen {
    let of = |micros| {
        let at = jiff::Timestamp::from_microsecond(micros).expect("an instant");
        let local = jiff::tz::TimeZone::UTC.to_datetime(at);
        let millis = jiff::Timestamp::from_millisecond(micros.div_euclid(1000)).expect("an instant");
        Jiff {
            at,
            local,
            date: local.date(),
            time: local.time(),
            optional: (micros > 0).then_some(at),
            list: vec![local.date()],
            millis,
            micros: at,
        }
    };
    Specimen::of(&MICROS.map(of))
}

fn with_chrono() -> Specimen {
    let of = |micros| {
        let at = chrono::DateTime::from_timestamp_micros(micros).expect("an instant");
        let local = at.naive_utc();
        Chrono { at, local, date: local.date(), time: local.time() }
    };
    Specimen::of(&MICROS.map(of))
}

fn with_time() -> Specimen {
    let of = |micros| {
        let nanos = i128::from(micros) * 1000;
        let at = time::UtcDateTime::from_unix_timestamp_nanos(nanos).expect("an instant");
        Time {
            at,
            local: time::PrimitiveDateTime::new(at.date(), at.time()),
            date: at.date(),
            time: at.time(),
        }
    };
    Specimen::of(&MICROS.map(of))
}

fn decimals() -> Specimen {
    let prices = [Decimal::ZERO, Decimal::new(150, 2), Decimal::new(-5, 28), Decimal::MAX, Decimal::MIN];
    Specimen::of(&prices.map(|price| Decimals { price, optional: (price > Decimal::ZERO).then_some(price) }))
}

pub(super) fn specimens() -> Vec<Specimen> {
    vec![with_jiff(), with_chrono(), with_time(), decimals()]
}
