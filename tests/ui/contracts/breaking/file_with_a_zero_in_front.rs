use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.file_with_a_zero_in_front.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
}

fn main() {}
