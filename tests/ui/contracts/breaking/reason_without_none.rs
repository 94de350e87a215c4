use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.broken.reason_without_none.v1",
    schemas = "../schemas",
    compatibility = "forward",
    reason = "old readers are ours"
)]
struct OrderPlaced {
    id: String,
}

fn main() {}
