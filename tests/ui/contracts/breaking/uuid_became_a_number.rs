use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.uuid_became_a_number.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: i64,
    number: uuid::Uuid,
}

fn main() {}
