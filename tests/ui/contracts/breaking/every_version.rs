use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.every_version.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    note: i32,
}

fn main() {}
