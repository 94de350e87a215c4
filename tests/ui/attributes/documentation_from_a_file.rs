use events_runtime::{EventData, PublicSignal};

#[doc = include_str!("documentation_from_a_file.rs")]
#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    #[doc = include_str!("documentation_from_a_file.rs")]
    order_id: String,
    status: Status,
    paid: Paid,
}

#[doc = concat!("Where", " it is.")]
#[derive(EventData)]
enum Status {
    #[doc = concat!("A symbol", " has none in the schema.")]
    Open,
}

#[doc = concat!("A union", " has none in the schema.")]
#[derive(EventData)]
enum Paid {
    #[doc = concat!("By", " card.")]
    Card {
        #[doc = concat!("Its", " number.")]
        number: String,
    },
}

fn main() {}
