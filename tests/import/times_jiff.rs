use events_runtime::PublicSignal;

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.imports.times.told.v1")]
pub struct TimesTold {
    #[event(with = events_runtime::with::timestamp_millis)]
    pub millis: jiff::Timestamp,
    #[event(with = events_runtime::with::timestamp_millis::option)]
    pub maybe_millis: Option<jiff::Timestamp>,
    #[event(with = events_runtime::with::timestamp_micros)]
    pub micros: jiff::Timestamp,
    pub nanos: Vec<jiff::Timestamp>,
    #[event(with = events_runtime::with::local_timestamp_millis)]
    pub local_millis: jiff::civil::DateTime,
    #[event(with = events_runtime::with::local_timestamp_micros::option)]
    pub local_micros: Option<jiff::civil::DateTime>,
    pub local_nanos: jiff::civil::DateTime,
    #[event(default = 0)]
    pub day: jiff::civil::Date,
    pub time_of_day: jiff::civil::Time,
}
