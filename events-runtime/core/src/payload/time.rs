//! `time::UtcDateTime` and the types of `time` that have no offset.

use time::{Date, PrimitiveDateTime, Time, UtcDateTime};

use super::calendar::{self, date, nanos, time_of_day};
use super::moment::{CivilDateTime, Instant, TimeError};

/// The Julian day of 1970-01-01.
const EPOCH: i32 = 2_440_588;

impl Instant for UtcDateTime {
    fn to_nanos(&self) -> Result<i128, TimeError> {
        Ok(self.unix_timestamp_nanos())
    }

    fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
        Self::from_unix_timestamp(seconds).ok()?.replace_nanosecond(nanos).ok()
    }
}

impl CivilDateTime for PrimitiveDateTime {
    fn to_nanos(&self) -> Result<i128, TimeError> {
        Ok(self.assume_utc().unix_timestamp_nanos())
    }

    fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
        let instant = <UtcDateTime as Instant>::from_parts(seconds, nanos)?;
        Some(Self::new(instant.date(), instant.time()))
    }
}

nanos!(UtcDateTime: Instant, "timestamp-nanos");
nanos!(PrimitiveDateTime: CivilDateTime, "local-timestamp-nanos");
date!(Date, |date| date.to_julian_day() - EPOCH, |days| Date::from_julian_day(days.checked_add(EPOCH)?).ok());
time_of_day!(
    Time,
    |time| {
        let (hour, minute, second, nanos) = time.as_hms_nano();
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Ok(seconds * calendar::NANOS_PER_SECOND + i64::from(nanos))
    },
    |seconds, nanos| {
        let part = |value: u32| u8::try_from(value).ok();
        let (hour, minute, second) = (part(seconds / 3600)?, part(seconds / 60 % 60)?, part(seconds % 60)?);
        Time::from_hms_nano(hour, minute, second, nanos).ok()
    }
);
