use events_runtime::PublicSignal;

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.imports.times.told.v1")]
pub struct TimesTold {
    #[event(with = events_runtime::with::timestamp_millis)]
    pub millis: chrono::DateTime<chrono::Utc>,
    #[event(with = events_runtime::with::timestamp_millis::option)]
    pub maybe_millis: Option<chrono::DateTime<chrono::Utc>>,
    #[event(with = events_runtime::with::timestamp_micros)]
    pub micros: chrono::DateTime<chrono::Utc>,
    pub nanos: Vec<chrono::DateTime<chrono::Utc>>,
    #[event(with = events_runtime::with::local_timestamp_millis)]
    pub local_millis: chrono::NaiveDateTime,
    #[event(with = events_runtime::with::local_timestamp_micros::option)]
    pub local_micros: Option<chrono::NaiveDateTime>,
    pub local_nanos: chrono::NaiveDateTime,
    #[event(default = 0)]
    pub day: chrono::NaiveDate,
    pub time_of_day: chrono::NaiveTime,
}
