use events_runtime::PublicSignal;
use events_ui_tests::Page;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.generic_argument.v1", schemas = "../schemas")]
struct OrderPlaced {
    notes: Page<String>,
}

fn main() {}
