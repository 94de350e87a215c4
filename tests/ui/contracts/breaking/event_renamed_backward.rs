use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.broken.event_renamed_backward.v1",
    schemas = "../schemas",
    compatibility = "backward"
)]
struct OrderSubmitted {
    id: String,
}

fn main() {}
