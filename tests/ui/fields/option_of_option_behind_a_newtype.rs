use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Note(Option<String>);

#[derive(EventData)]
struct Change {
    note: Option<Note>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.changed.v1")]
struct OrderChanged {
    order_id: String,
    change: Change,
}

fn main() {}
