use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.broken.minor_version_too_low.v1",
    schemas = "../schemas",
    minor_version = 0
)]
struct OrderPlaced {
    id: String,
    total: Option<i64>,
}

fn main() {}
