//! `chrono::DateTime<Utc>` and chrono's naive types. A leap second, which only chrono has, is rejected.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

use super::calendar::{self, date, nanos, time_of_day};
use super::moment::{CivilDateTime, Instant, TimeError};

impl Instant for DateTime<Utc> {
    fn to_nanos(&self) -> Result<i128, TimeError> {
        let nanos = i64::from(self.timestamp_subsec_nanos());
        if nanos >= calendar::NANOS_PER_SECOND {
            return Err(TimeError::LeapSecond);
        }
        Ok(i128::from(self.timestamp()) * i128::from(calendar::NANOS_PER_SECOND) + i128::from(nanos))
    }

    fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
        Self::from_timestamp(seconds, nanos)
    }
}

impl CivilDateTime for NaiveDateTime {
    fn to_nanos(&self) -> Result<i128, TimeError> {
        Instant::to_nanos(&self.and_utc())
    }

    fn from_parts(seconds: i64, nanos: u32) -> Option<Self> {
        DateTime::<Utc>::from_timestamp(seconds, nanos).map(|instant| instant.naive_utc())
    }
}

nanos!(DateTime<Utc>: Instant, "timestamp-nanos");
nanos!(NaiveDateTime: CivilDateTime, "local-timestamp-nanos");
date!(NaiveDate, |date| date.to_epoch_days(), NaiveDate::from_epoch_days);
time_of_day!(
    NaiveTime,
    |time| {
        let nanos = i64::from(time.nanosecond());
        if nanos >= calendar::NANOS_PER_SECOND {
            return Err(TimeError::LeapSecond);
        }
        Ok(i64::from(time.num_seconds_from_midnight()) * calendar::NANOS_PER_SECOND + nanos)
    },
    NaiveTime::from_num_seconds_from_midnight_opt
);
