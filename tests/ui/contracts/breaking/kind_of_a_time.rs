use events_runtime::PublicSignal;
use events_runtime::with::timestamp_micros;
use events_ui_tests::Moment;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.kind_of_a_time.v1", schemas = "../schemas")]
struct OrderPlaced {
    #[event(with = timestamp_micros)]
    at: Moment,
}

fn main() {}
