use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = a)]
struct OrderPlaced {
    a: usize,
    b: Vec<u128>,
    c: std::time::Duration,
    d: Option<isize>,
    e: Box<std::sync::Mutex<i64>>,
}

fn main() {}
