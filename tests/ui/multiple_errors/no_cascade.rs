use events_runtime::{EventData, Hub, PublicSignal, avro};

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "order.placed", key = customer.id)]
pub struct OrderPlaced {
    pub order_id: OrderId,
    pub customer: Customer,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub struct Customer {
    #[event(rename = "the id")]
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, EventData)]
pub struct OrderId(#[event(pii)] String);

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.bundled.v1", key = first.customer.id)]
pub struct OrdersBundled {
    pub first: OrderPlaced,
    pub others: Vec<OrderPlaced>,
    pub by_id: std::collections::BTreeMap<OrderId, OrderPlaced>,
    pub lead: Option<Box<Customer>>,
}

pub fn everything(order: OrderPlaced, orders: OrdersBundled) {
    let _ = avro::to_vec(&order);
    let _ = avro::from_slice::<OrderPlaced>(&[]);
    let _ = OrderPlaced::SCHEMA_JSON.len() + OrderPlaced::EVENT_TYPE.len();
    ORDER_PLACED.connect("receipt", |event: &events_runtime::Event<OrderPlaced>| {
        let _ = &event.order_id;
    });
    Hub::new().scope(|| ORDER_PLACED.emit(order));
    ORDERS_BUNDLED.emit(orders);
}

fn main() {}
