use events_runtime::PublicSignal;
use events_ui_tests::Channel;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.enum_of_another_crate.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    channel: Option<Channel>,
}

fn main() {}
