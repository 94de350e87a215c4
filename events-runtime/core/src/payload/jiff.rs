//! `jiff::Timestamp` and jiff's civil types.

use jiff::civil::{Date, DateTime, Time, date};
use jiff::{SignedDuration, Timestamp};

use super::calendar::{self, nanos, time_of_day};
use super::moment::{CivilDateTime, Instant, TimeError};

const EPOCH: Date = date(1970, 1, 1);
const SECONDS_PER_DAY: i64 = 86_400;

impl Instant for Timestamp {
    fn to_nanos(&self) -> Result<i128, TimeError> {
        Ok(self.as_nanosecond())
    }

    fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
        Self::new(seconds, i32::try_from(nanos).ok()?).ok()
    }
}

impl CivilDateTime for DateTime {
    fn to_nanos(&self) -> Result<i128, TimeError> {
        Ok(self.duration_since(EPOCH.at(0, 0, 0, 0)).as_nanos())
    }

    fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
        let since = SignedDuration::new(seconds, i32::try_from(nanos).ok()?);
        EPOCH.at(0, 0, 0, 0).checked_add(since).ok()
    }
}

nanos!(Timestamp: Instant, "timestamp-nanos");
nanos!(DateTime: CivilDateTime, "local-timestamp-nanos");
calendar::date!(
    Date,
    |date| {
        // jiff's years have four digits: a few million days.
        let days = date.duration_since(EPOCH).as_secs() / SECONDS_PER_DAY;
        i32::try_from(days).unwrap_or_default()
    },
    |days| EPOCH.checked_add(SignedDuration::from_secs(i64::from(days) * SECONDS_PER_DAY)).ok()
);
time_of_day!(
    Time,
    |time| {
        let since = time.duration_since(Time::midnight());
        Ok(since.as_secs() * calendar::NANOS_PER_SECOND + i64::from(since.subsec_nanos()))
    },
    |seconds, nanos| {
        let since = SignedDuration::new(i64::from(seconds), i32::try_from(nanos).ok()?);
        Time::midnight().checked_add(since).ok()
    }
);
