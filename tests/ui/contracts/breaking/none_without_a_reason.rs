use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.broken.none_without_a_reason.v1",
    schemas = "../schemas",
    compatibility = "none"
)]
struct OrderPlaced {
    id: String,
}

fn main() {}
