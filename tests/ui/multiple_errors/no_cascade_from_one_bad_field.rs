use events_runtime::{EventData, PublicSignal, avro};

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = order_id)]
pub struct OrderPlaced {
    pub order_id: String,
    pub customer: Customer,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Customer {
    pub id: String,
    pub visits: usize,
}

pub fn everything(order: OrderPlaced) {
    let _ = avro::to_vec(&order);
    let _ = avro::from_slice::<OrderPlaced>(&[]);
    let _ = OrderPlaced::SCHEMA_JSON.len();
    let _ = OrderPlaced::FINGERPRINT;
    ORDER_PLACED.emit(order);
}

fn main() {}
