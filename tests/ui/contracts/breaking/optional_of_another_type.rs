use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.optional_of_another_type.v1", schemas = "../schemas")]
struct OrderPlaced {
    customer: Option<i32>,
    total: Option<Vec<i64>>,
}

fn main() {}
