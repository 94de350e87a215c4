//! The first release of both services: `orders_first shop TYPE` emits, `orders_first billing` consumes.

mod service;

use events_runtime::{Event, PublicSignal, receiver};
use service::{Stop, billed};

/// A customer placed an order.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.upgrade.order.placed.v1",
    key = customer,
    schemas = "./first_schemas"
)]
pub(crate) struct OrderPlaced {
    number: u64,
    customer: String,
    note: Option<String>,
}

/// An order was packed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.upgrade.order.packed.v1",
    key = customer,
    compatibility = "backward",
    schemas = "./first_schemas"
)]
pub(crate) struct OrderPacked {
    number: u64,
    customer: String,
    packer: String,
}

/// An order was shipped.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.upgrade.order.shipped.v1",
    key = customer,
    compatibility = "forward",
    schemas = "./first_schemas"
)]
pub(crate) struct OrderShipped {
    number: u64,
    customer: String,
    #[event(default = "post")]
    carrier: String,
}

#[receiver(ORDER_PLACED, from = "bus")]
fn bill_placed(event: &Event<OrderPlaced>) -> std::io::Result<()> {
    billed(event, event.number, event.note.as_deref().unwrap_or("no-note"))
}

#[receiver(ORDER_PACKED, from = "bus")]
fn bill_packed(event: &Event<OrderPacked>) -> std::io::Result<()> {
    billed(event, event.number, &event.packer)
}

#[receiver(ORDER_SHIPPED, from = "bus")]
fn bill_shipped(event: &Event<OrderShipped>) -> std::io::Result<()> {
    billed(event, event.number, &event.carrier)
}

#[tokio::main]
async fn main() -> Result<(), service::BoxError> {
    let stop = Stop::new()?;
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["billing"] => service::billing(stop).await,
        ["shop", OrderPlaced::EVENT_TYPE] => {
            let note = Some("hurry".to_owned());
            service::shop(stop, |number, customer| OrderPlaced { number, customer, note: note.clone() }).await
        }
        ["shop", OrderPacked::EVENT_TYPE] => {
            service::shop(stop, |number, customer| OrderPacked { number, customer, packer: "ann".to_owned() })
                .await
        }
        ["shop", OrderShipped::EVENT_TYPE] => {
            service::shop(stop, |number, customer| OrderShipped {
                number,
                customer,
                carrier: "rail".to_owned(),
            })
            .await
        }
        _ => Err("usage: orders_first billing | shop TYPE".into()),
    }
}
