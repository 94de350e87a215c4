use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct User {
    id: String,
    nick: Option<String>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.openedx.v1", schemas = "../schemas", compatibility = "openedx")]
struct OrderPlaced {
    user: User,
    course: String,
}

fn main() {}
