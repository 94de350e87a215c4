use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_typ = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    #[event(rname = "id")]
    order_id: String,
}

fn main() {}
