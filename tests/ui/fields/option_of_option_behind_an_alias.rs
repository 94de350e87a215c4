use events_runtime::PublicSignal;

type Note = Option<String>;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.changed.v1")]
struct OrderChanged {
    order_id: String,
    note: Option<Note>,
}

fn main() {}
