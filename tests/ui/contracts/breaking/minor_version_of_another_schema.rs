use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.broken.minor_version_of_another_schema.v1",
    schemas = "../schemas",
    minor_version = 1
)]
struct OrderPlaced {
    id: String,
    note: Option<String>,
}

fn main() {}
