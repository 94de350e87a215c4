use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "acme-orders-placed",
    schemas = "../schemas",
    foreign = "published by another team"
)]
struct OrderPlaced {
    id: String,
    total: i64,
}

fn main() {}
