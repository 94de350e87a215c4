use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.field_renamed.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    amount: i64,
}

fn main() {}
