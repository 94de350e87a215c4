use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.broken.none_with_an_empty_reason.v1",
    schemas = "../schemas",
    compatibility = "none",
    reason = " "
)]
struct OrderPlaced {
    id: String,
}

fn main() {}
