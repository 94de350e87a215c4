//! The second release of both services, with a compatible change of each event.
//!
//! | event | compatibility | change |
//! |---|---|---|
//! | `OrderPlaced` | `full` | a field with a default is new, an optional one is gone |
//! | `OrderPacked` | `backward` | a field without a default is gone: the first release can't read these events |
//! | `OrderShipped` | `forward` | a field without a default is new: it can't be read from events of the first release |

mod service;

use events_runtime::{Event, PublicSignal, receiver};
use service::{Stop, billed};

/// A customer placed an order.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.upgrade.order.placed.v1",
    key = customer,
    schemas = "./second_schemas"
)]
pub(crate) struct OrderPlaced {
    number: u64,
    #[event(default = "web")]
    channel: String,
    customer: String,
}

/// An order was packed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.upgrade.order.packed.v1",
    key = customer,
    compatibility = "backward",
    schemas = "./second_schemas"
)]
pub(crate) struct OrderPacked {
    number: u64,
    customer: String,
    #[event(default = 1)]
    boxes: i32,
}

/// An order was shipped.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.upgrade.order.shipped.v1",
    key = customer,
    compatibility = "forward",
    schemas = "./second_schemas"
)]
pub(crate) struct OrderShipped {
    number: u64,
    customer: String,
    tracking: String,
}

#[receiver(ORDER_PLACED, from = "bus")]
fn bill_placed(event: &Event<OrderPlaced>) -> std::io::Result<()> {
    billed(event, event.number, &event.channel)
}

#[receiver(ORDER_PACKED, from = "bus")]
fn bill_packed(event: &Event<OrderPacked>) -> std::io::Result<()> {
    billed(event, event.number, &event.boxes.to_string())
}

#[receiver(ORDER_SHIPPED, from = "bus")]
fn bill_shipped(event: &Event<OrderShipped>) -> std::io::Result<()> {
    billed(event, event.number, &event.tracking)
}

#[tokio::main]
async fn main() -> Result<(), service::BoxError> {
    let stop = Stop::new()?;
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["billing"] => service::billing(stop).await,
        ["shop", OrderPlaced::EVENT_TYPE] => {
            let channel = "phone".to_owned();
            service::shop(stop, |number, customer| OrderPlaced { number, channel: channel.clone(), customer })
                .await
        }
        ["shop", OrderPacked::EVENT_TYPE] => {
            service::shop(stop, |number, customer| OrderPacked { number, customer, boxes: 3 }).await
        }
        ["shop", OrderShipped::EVENT_TYPE] => {
            service::shop(stop, |number, customer| OrderShipped {
                number,
                customer,
                tracking: "t-1".to_owned(),
            })
            .await
        }
        _ => Err("usage: orders_second billing | shop TYPE".into()),
    }
}
