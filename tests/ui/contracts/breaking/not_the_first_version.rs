use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.broken.not_the_first_version.v1",
    schemas = "../schemas",
    compatibility = "backward"
)]
struct OrderPlaced {
    id: String,
    note: String,
}

fn main() {}
