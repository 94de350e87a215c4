//! The API of a bus that an operator's program uses.
#![forbid(unsafe_code)]
#![deny(warnings, clippy::pedantic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use events_runtime::bus::{
    Backoff, BusStatus, ConsumeError, ConsumerStatus, DeadLetters, FailedConsumer, Listing, MissingReceiver,
    Replayed, Reset, SeekTarget,
};
use events_runtime::config::UnhandledEvents;
use events_runtime::receiver::{reject, retry_after, skip};
use events_runtime::transport::{ConsumerGroup, GroupStatus, StartPosition, Topic};
use events_runtime::{BoxError, Config, Event, EventBus, Hub};
use outside::{Brand, Customer, CustomerId, Line, ORDER_PLACED, OrderPlaced, Payment};

const CONFIG: &str = r#"
[service]
name = "outside"
[bus]
url = "memory:"
[bus.consumer]
start = "earliest"
[routes."org.acme.orders.order.placed.v1"]
orders = {}
"#;

fn order(id: &str) -> OrderPlaced {
    OrderPlaced {
        order_id: uuid::Uuid::from_u128(1),
        customer: Customer { id: CustomerId(id.into()), email: "ada@acme.example".into() },
        lines: vec![Line { sku: "a".into(), count: 2, labels: std::collections::BTreeMap::new() }],
        payment: Payment::Card { digits: "42".into(), brand: Brand::Visa },
        note: None,
    }
}

#[tokio::test]
async fn a_bus_is_consumed_looked_at_and_replayed() -> Result<(), BoxError> {
    let hub = Hub::new();
    let bus = EventBus::builder().config(Config::from_toml(CONFIG)?).hub(hub.clone()).start().await?;
    for id in ["bad", "slow", "odd", "good"] {
        let _delivered = hub.emit(order(id)).delivered().await?;
    }
    bus.flush(Duration::from_secs(10)).await?;
    assert_eq!(bus.status().queue_depth, 0);

    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    hub.scope(|| {
        ORDER_PLACED.connect("answers", move |event: &Event<OrderPlaced>| {
            let error = || std::io::Error::other("no");
            let call = counted.fetch_add(1, Ordering::Relaxed);
            match event.customer.id.0.as_str() {
                "bad" => Err(BoxError::from(reject(error()))),
                "slow" if call < 4 => Err(retry_after(error(), Duration::from_millis(1)).into()),
                "odd" => Err(skip(error()).into()),
                _ => Ok(()),
            }
        });
    });
    let (topic, group) = (Topic::new("orders")?, ConsumerGroup::new("billing")?);
    let settled = async {
        loop {
            let groups: Vec<GroupStatus> = bus.transport().groups(&topic).await.unwrap_or_default();
            if groups.iter().any(|status| status.group == group && status.lag == 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let consumed = bus
        .consume("orders")
        .group("billing")
        .start(StartPosition::Earliest)
        .concurrency(2)
        .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(2)))
        .middleware(|_message, next| async move { Ok(next.run().await) })
        .run_until(settled)
        .await?;
    assert_eq!((consumed.acked, consumed.dead_lettered, consumed.skipped), (2, 1, 1));

    let expecting = bus.consume("orders").group("billing").unhandled(UnhandledEvents::Skip);
    let error = expecting.expect_receivers(["org.acme.orders.order.plaecd.v1"]).run().await;
    let Err(ConsumeError::NoReceivers { missing, .. }) = error else {
        return Err("it has no receiver".into());
    };
    let missing: &MissingReceiver = missing.first().ok_or("one is missing")?;
    assert_eq!(
        (missing.defined_in, missing.nearest.first()),
        (None, Some(&"org.acme.orders.order.placed.v1"))
    );
    let status: BusStatus = bus.status();
    let failed: &[FailedConsumer] = &status.failed;
    let running: &[ConsumerStatus] = &status.consumers;
    assert_eq!((failed.len(), running.len()), (1, 0), "{status:?}");
    assert_eq!(status.stalled(Duration::from_mins(1)).count(), 0);

    let letters = DeadLetters::of(bus.transport(), topic.clone(), group.clone())?;
    let listing: Listing = letters.list().await?;
    assert_eq!(listing.dead_letters.len(), 1);

    let offsets = bus.offsets("orders")?;
    let plan: Reset = offsets.plan(&group, "latest".parse::<SeekTarget>()?).await?;
    offsets.reset(&plan).await?;

    let before = calls.load(Ordering::Relaxed);
    let replayed: Replayed =
        bus.replay("orders").from(StartPosition::Earliest).group("rebuild").run().await?;
    assert_eq!(calls.load(Ordering::Relaxed), before + 4, "{replayed:?}");
    bus.shutdown(Duration::from_secs(10)).await?;
    Ok(())
}
