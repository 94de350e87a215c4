use events_runtime::PublicSignal;
use events_ui_tests::Address;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.in_another_crate.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    address: Address,
}

fn main() {}
