use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.broken.unknown_mode.v1",
    schemas = "../schemas",
    compatibility = "both"
)]
struct OrderPlaced {
    id: String,
}

fn main() {}
