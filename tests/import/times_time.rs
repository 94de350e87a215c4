use events_runtime::PublicSignal;

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.imports.times.told.v1")]
pub struct TimesTold {
    #[event(with = events_runtime::with::timestamp_millis)]
    pub millis: time::UtcDateTime,
    #[event(with = events_runtime::with::timestamp_millis::option)]
    pub maybe_millis: Option<time::UtcDateTime>,
    #[event(with = events_runtime::with::timestamp_micros)]
    pub micros: time::UtcDateTime,
    pub nanos: Vec<time::UtcDateTime>,
    #[event(with = events_runtime::with::local_timestamp_millis)]
    pub local_millis: time::PrimitiveDateTime,
    #[event(with = events_runtime::with::local_timestamp_micros::option)]
    pub local_micros: Option<time::PrimitiveDateTime>,
    pub local_nanos: time::PrimitiveDateTime,
    #[event(default = 0)]
    pub day: time::Date,
    pub time_of_day: time::Time,
}
