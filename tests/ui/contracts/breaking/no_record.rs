use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.no_record.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
}

fn main() {}
