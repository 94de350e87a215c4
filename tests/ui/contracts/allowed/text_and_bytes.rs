//! Avro reads a string as bytes, and bytes as a string.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.text_and_bytes.v1", schemas = "../schemas")]
struct OrderPlaced {
    raw: Vec<u8>,
    text: String,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
