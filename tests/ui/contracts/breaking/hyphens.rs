use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "acme-orders-placed",
    schemas = "../schemas",
    foreign = "published by another team",
    namespace = "acme.orders"
)]
struct OrderPlaced {
    id: String,
    total: i64,
}

fn main() {}
