//! Types of other crates, and types converted by a `with` module.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use events_runtime::{EventData, PublicSignal};
use jiff::civil;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use time::{PrimitiveDateTime, UtcDateTime};
use uuid::Uuid;

use super::generate::{Generate, bytes, record};
use super::source::Source;
use super::{SampleEvent, Specimen};

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_DAY: i64 = 86_400 * NANOS_PER_SECOND;

impl Generate for Uuid {
    fn generate(source: &mut Source) -> Self {
        Self::from_u64_pair(source.bits(), source.bits())
    }

    fn terms(&self, _: &str) -> Value {
        json!(self.hyphenated().to_string())
    }

    fn argument() -> String {
        "uuid".to_owned()
    }
}

/// An instant, or a civil date and time, of this number of nanoseconds.
macro_rules! instants {
    ($($rust:ty: $of:expr, $nanos:expr;)*) => {$(
        impl Generate for $rust {
            fn generate(source: &mut Source) -> Self {
                let nanos = source.whole(i64::MIN.into(), i64::MAX.into());
                let of: fn(i64) -> $rust = $of;
                of(i64::try_from(nanos).expect("within the range"))
            }

            fn terms(&self, _: &str) -> Value {
                let nanos: fn(&$rust) -> i128 = $nanos;
                json!(i64::try_from(nanos(self)).expect("within the range"))
            }
        }
    )*};
}

instants! {
    jiff::Timestamp: |nanos| Self::from_nanosecond(nanos.into()).unwrap(), |at| at.as_nanosecond();
    civil::DateTime: |nanos| jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::generate_at(nanos)),
        |at| jiff::tz::Offset::UTC.to_timestamp(*at).unwrap().as_nanosecond();
    DateTime<Utc>: |nanos| Self::from_timestamp_nanos(nanos), |at| at.timestamp_nanos_opt().unwrap().into();
    NaiveDateTime: |nanos| DateTime::from_timestamp_nanos(nanos).naive_utc(),
        |at| at.and_utc().timestamp_nanos_opt().unwrap().into();
    UtcDateTime: |nanos| Self::from_unix_timestamp_nanos(nanos.into()).unwrap(), |at| at.unix_timestamp_nanos();
    PrimitiveDateTime: |nanos| {
        let at = UtcDateTime::from_unix_timestamp_nanos(nanos.into()).unwrap();
        Self::new(at.date(), at.time())
    }, |at| at.assume_utc().unix_timestamp_nanos();
}

trait GenerateAt {
    fn generate_at(nanos: i64) -> Self;
}

impl GenerateAt for jiff::Timestamp {
    fn generate_at(nanos: i64) -> Self {
        Self::from_nanosecond(nanos.into()).expect("within the range")
    }
}

/// Days since 1970-01-01, within the years 1 to 9999 that Python supports.
fn days(source: &mut Source) -> i32 {
    i32::try_from(source.whole(-719_162, 2_932_896)).expect("within the range")
}

impl Generate for civil::Date {
    fn generate(source: &mut Source) -> Self {
        let days = i64::from(days(source));
        civil::date(1970, 1, 1).checked_add(jiff::SignedDuration::from_hours(24 * days)).expect("in range")
    }

    fn terms(&self, _: &str) -> Value {
        json!(self.duration_since(civil::date(1970, 1, 1)).as_hours() / 24)
    }
}

impl Generate for NaiveDate {
    fn generate(source: &mut Source) -> Self {
        Self::from_epoch_days(days(source)).expect("in range")
    }

    fn terms(&self, _: &str) -> Value {
        json!(self.signed_duration_since(Self::from_ymd_opt(1970, 1, 1).expect("a date")).num_days())
    }
}

impl Generate for time::Date {
    fn generate(source: &mut Source) -> Self {
        Self::from_julian_day(days(source) + 2_440_588).expect("in range")
    }

    fn terms(&self, _: &str) -> Value {
        json!((*self - UtcDateTime::UNIX_EPOCH.date()).whole_days())
    }
}

/// Microseconds since midnight.
fn micros(source: &mut Source) -> i64 {
    i64::try_from(source.whole(0, i128::from(NANOS_PER_DAY / 1_000 - 1))).expect("within the range")
}

impl Generate for civil::Time {
    fn generate(source: &mut Source) -> Self {
        Self::midnight() + jiff::SignedDuration::from_micros(micros(source))
    }

    fn terms(&self, _: &str) -> Value {
        json!(i64::try_from(self.duration_since(Self::midnight()).as_micros()).expect("within a day"))
    }
}

impl Generate for NaiveTime {
    fn generate(source: &mut Source) -> Self {
        Self::MIN + chrono::TimeDelta::microseconds(micros(source))
    }

    fn terms(&self, _: &str) -> Value {
        json!((*self - Self::MIN).num_microseconds())
    }
}

impl Generate for time::Time {
    fn generate(source: &mut Source) -> Self {
        Self::MIDNIGHT + time::Duration::microseconds(micros(source))
    }

    fn terms(&self, _: &str) -> Value {
        json!(i64::try_from((*self - Self::MIDNIGHT).whole_microseconds()).expect("within a day"))
    }
}

impl Generate for Decimal {
    fn generate(source: &mut Source) -> Self {
        let unscaled = source.whole(-(1 << 96) + 1, (1 << 96) - 1);
        let scale = u32::try_from(source.below(29)).expect("a scale");
        Self::from_i128_with_scale(unscaled, scale)
    }

    fn terms(&self, _: &str) -> Value {
        // As Java's BigInteger.toByteArray, by another algorithm than the codec's.
        let unscaled = self.mantissa();
        let len =
            (0..16).find(|len| unscaled >> (8 * len + 7) == if unscaled < 0 { -1 } else { 0 }).unwrap_or(15)
                + 1;
        let big_endian = unscaled.to_be_bytes();
        let tail = &big_endian[16 - len..];
        let mut inner = vec![u8::try_from(2 * len).expect("short")];
        inner.extend(tail);
        inner.push(u8::try_from(2 * self.scale()).expect("small"));
        bytes(&inner)
    }
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.foreign.uuids.v1", key = id)]
struct Uuids {
    id: Uuid,
    optional: Option<Uuid>,
    list: Vec<Uuid>,
    map: BTreeMap<String, Uuid>,
}
record!(Uuids { id, optional, list, map });

impl SampleEvent for Uuids {
    fn by_hand() -> Vec<Self> {
        [Uuid::nil(), Uuid::max()]
            .map(|id| Self { id, optional: None, list: vec![id], map: BTreeMap::new() })
            .into()
    }
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.foreign.jiff.v1")]
struct Jiff {
    instant: jiff::Timestamp,
    civil: civil::DateTime,
    date: civil::Date,
    time: civil::Time,
    optional: Option<jiff::Timestamp>,
    dates: Vec<civil::Date>,
}
record!(Jiff { instant, civil, date, time, optional, dates });
impl SampleEvent for Jiff {}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.foreign.chrono.v1")]
struct Chrono {
    instant: DateTime<Utc>,
    civil: NaiveDateTime,
    date: NaiveDate,
    time: NaiveTime,
    optional: Option<NaiveDate>,
}
record!(Chrono { instant, civil, date, time, optional });
impl SampleEvent for Chrono {}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.foreign.time.v1")]
struct Moments {
    instant: UtcDateTime,
    civil: PrimitiveDateTime,
    date: time::Date,
    time: time::Time,
    optional: Option<time::Time>,
}
record!(Moments { instant, civil, date, time, optional });
impl SampleEvent for Moments {}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.foreign.dates.v1")]
struct EdgesOfTime {
    jiff: civil::Date,
    chrono: NaiveDate,
    time: time::Date,
}
record!(EdgesOfTime { jiff, chrono, time });

impl SampleEvent for EdgesOfTime {
    const BEYOND_PYTHON: bool = true;

    fn by_hand() -> Vec<Self> {
        vec![
            Self { jiff: civil::Date::MIN, chrono: NaiveDate::MIN, time: time::Date::MIN },
            Self { jiff: civil::Date::MAX, chrono: NaiveDate::MAX, time: time::Date::MAX },
        ]
    }
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.foreign.decimals.v1")]
struct Decimals {
    amount: Decimal,
    optional: Option<Decimal>,
    list: Vec<Decimal>,
}
record!(Decimals { amount, optional, list });

impl SampleEvent for Decimals {
    fn by_hand() -> Vec<Self> {
        let numbers = [0, 1, -1, 127, 128, -128, -129, 255, 256, 32_767, 32_768, -32_768, -32_769];
        let of = |amount: Decimal| Self { amount, optional: Some(amount), list: Vec::new() };
        let small = numbers.map(|number| of(Decimal::new(number, 2)));
        small.into_iter().chain([of(Decimal::MAX), of(Decimal::MIN), of(Decimal::ZERO)]).collect()
    }
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.samples.foreign.converted.v1")]
struct Converted {
    #[event(with = events_runtime::with::text)]
    from: IpAddr,
    #[event(with = events_runtime::with::text::option)]
    proxy: Option<IpAddr>,
    #[event(with = events_runtime::with::text)]
    wide: u128,
    #[event(with = percent)]
    share: Percent,
    #[event(with = events_runtime::with::timestamp_millis)]
    millis: jiff::Timestamp,
    #[event(with = events_runtime::with::timestamp_micros)]
    micros: DateTime<Utc>,
    #[event(with = events_runtime::with::timestamp_micros::option)]
    maybe_micros: Option<UtcDateTime>,
    #[event(with = events_runtime::with::local_timestamp_millis)]
    local_millis: civil::DateTime,
    #[event(with = events_runtime::with::local_timestamp_micros::option)]
    local_micros: Option<NaiveDateTime>,
    parts: Vec<ConvertedPart>,
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct ConvertedPart(#[event(with = percent)] Percent);

#[derive(Debug, Clone, Copy, PartialEq)]
struct Percent(u8);

mod percent {
    use events_runtime::EventData;

    use super::Percent;

    #[derive(Debug, EventData)]
    pub(super) struct Repr {
        share: i32,
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the form of every `with` module")]
    pub(super) fn to_repr(value: &Percent) -> Result<Repr, String> {
        if value.0 <= 100 {
            Ok(Repr { share: value.0.into() })
        } else {
            Err("more than the whole".to_owned())
        }
    }

    #[allow(clippy::needless_pass_by_value, reason = "the form of every `with` module")]
    pub(super) fn from_repr(repr: Repr) -> Result<Percent, String> {
        let share = u8::try_from(repr.share).ok().filter(|share| *share <= 100);
        share.map(Percent).ok_or_else(|| format!("{} is not a percentage", repr.share))
    }
}

impl Generate for Percent {
    fn generate(source: &mut Source) -> Self {
        Self(u8::try_from(source.whole(0, 100)).expect("within the range"))
    }

    fn terms(&self, _: &str) -> Value {
        json!({ "share": self.0 })
    }
}

impl Generate for ConvertedPart {
    fn generate(source: &mut Source) -> Self {
        Self(Percent::generate(source))
    }

    fn terms(&self, namespace: &str) -> Value {
        self.0.terms(namespace)
    }
}

/// Seconds within the years that Python supports.
fn seconds(source: &mut Source) -> i64 {
    i64::try_from(source.whole(-62_000_000_000, 253_000_000_000)).expect("within the range")
}

impl Generate for Converted {
    fn generate(source: &mut Source) -> Self {
        let address = |source: &mut Source| match source.below(2) {
            0 => IpAddr::from(source.bits().to_le_bytes().first_chunk::<4>().copied().unwrap_or_default()),
            _ => IpAddr::from(u128::from(source.bits()).rotate_left(64).to_be_bytes()),
        };
        let maybe = |source: &mut Source| source.below(2) == 0;
        Self {
            from: address(source),
            proxy: maybe(source).then(|| address(source)),
            wide: u128::from(source.bits()) * u128::from(source.bits()),
            share: Percent::generate(source),
            millis: jiff::Timestamp::from_millisecond(seconds(source) * 1_000 + 123).expect("in range"),
            micros: DateTime::from_timestamp_micros(seconds(source) * 1_000_000 + 123_456).expect("in range"),
            maybe_micros: maybe(source).then(|| {
                UtcDateTime::from_unix_timestamp_nanos(i128::from(seconds(source)) * 1_000_000_000 + 1_000)
                    .expect("in range")
            }),
            local_millis: jiff::tz::Offset::UTC
                .to_datetime(jiff::Timestamp::from_second(seconds(source)).expect("in range")),
            local_micros: maybe(source).then(|| {
                DateTime::from_timestamp_micros(seconds(source) * 1_000_000 - 1)
                    .expect("in range")
                    .naive_utc()
            }),
            parts: Generate::generate(source),
        }
    }

    fn terms(&self, namespace: &str) -> Value {
        json!({
            "from": self.from.to_string(),
            "proxy": self.proxy.map(|proxy| proxy.to_string()),
            "wide": self.wide.to_string(),
            "share": self.share.terms(namespace),
            "millis": self.millis.as_millisecond(),
            "micros": self.micros.timestamp_micros(),
            "maybe_micros": self.maybe_micros
                .map(|at| i64::try_from(at.unix_timestamp_nanos() / 1_000).expect("within the range")),
            "local_millis": jiff::tz::Offset::UTC.to_timestamp(self.local_millis).expect("in range").as_millisecond(),
            "local_micros": self.local_micros.map(|at| at.and_utc().timestamp_micros()),
            "parts": self.parts.terms(namespace),
        })
    }
}

impl SampleEvent for Converted {
    const BY_CHANCE: bool = false;
}

pub(super) fn specimens() -> Vec<Specimen> {
    vec![
        Specimen::of::<Uuids>(),
        Specimen::of::<Jiff>(),
        Specimen::of::<Chrono>(),
        Specimen::of::<Moments>(),
        Specimen::of::<EdgesOfTime>(),
        Specimen::of::<Decimals>(),
        Specimen::of::<Converted>(),
    ]
}
