use events_runtime::{EventData, PublicSignal};

mod a {
    #[derive(super::EventData)]
    pub struct Line {
        pub sku: String,
    }
}

mod b {
    #[derive(super::EventData)]
    pub struct Line {
        pub count: i32,
    }
}

#[derive(EventData)]
struct Page<T> {
    items: Vec<T>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    sold: Page<a::Line>,
    returned: Page<b::Line>,
}

fn main() {}
