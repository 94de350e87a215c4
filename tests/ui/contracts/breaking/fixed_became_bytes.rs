use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.fixed_became_bytes.v1", schemas = "../schemas")]
struct OrderPlaced {
    digest: Vec<u8>,
    hash: [u8; 16],
}

fn main() {}
