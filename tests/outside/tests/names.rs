//! Uses every name that outside code relies on.
#![forbid(unsafe_code)]
#![deny(warnings, clippy::pedantic)]

use std::error::Error;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events_runtime::{
    Acknowledged, AcknowledgementError, Config, Connection, Delivered, DeliveryError, Emission, EmitOptions,
    Event, EventBus, EventData, EventMetadata, Hub, Origin, PublicSignal, Received, ReceiverError,
    ReceptionError, Registry, RegistryError, Response, Signal, avro, testing,
};
use outside::{
    Brand, COMMENTS, CommentWritten, Customer, CustomerId, Line, ORDER_PLACED, OrderPlaced, Payment,
};

fn order(id: &str) -> OrderPlaced {
    OrderPlaced {
        order_id: uuid::Uuid::from_u128(1),
        customer: Customer { id: CustomerId(id.into()), email: "ada@acme.example".into() },
        lines: vec![Line { sku: "a".into(), count: 2, labels: [("k".to_owned(), "v".to_owned())].into() }],
        payment: Payment::Card { digits: "42".into(), brand: Brand::Visa },
        note: None,
    }
}

fn is_part<T: EventData>(_: &T) -> bool {
    true
}

#[test]
fn the_signal_emits_to_what_is_connected() {
    Hub::new().scope(|| {
        let signal: &'static Signal<OrderPlaced> = &ORDER_PLACED;
        assert_eq!(signal.event_type(), "org.acme.orders.order.placed.v1");
        let count = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&count);
        let connection: Connection = signal.connect("counts", move |event: &Event<OrderPlaced>| {
            assert_eq!(event.customer.id.0, "c-1");
            assert_eq!(event.origin(), Origin::Local);
            let metadata: &EventMetadata = event.metadata();
            assert_eq!(metadata.event_type().as_str(), OrderPlaced::EVENT_TYPE);
            counter.fetch_add(1, Ordering::Relaxed);
        });
        signal.connect("fails", |_| Err::<(), _>(outside::NothingOrdered));

        let emission: Emission<OrderPlaced> = signal.emit(order("c-1"));
        let responses: &[Response] = emission.responses();
        assert_eq!(responses[0].receiver(), "counts");
        assert!(responses[0].result().is_ok());
        let refused: &ReceiverError = responses[1].result().unwrap_err();
        assert_eq!(refused.source().unwrap().to_string(), "nothing was ordered");

        let id = uuid::Uuid::from_u128(7);
        let emission = signal.emit_with(order("c-1"), EmitOptions::new().id(id));
        assert_eq!(emission.event().metadata().id(), id);
        assert!(signal.emit_strict(order("c-1")).is_err());
        assert_eq!(count.load(Ordering::Relaxed), 3);

        signal.disable();
        assert!(signal.emit(order("c-1")).responses().is_empty());
        signal.enable();
        assert!(connection.disconnect());
        assert_eq!(signal.emit(order("c-1")).responses().len(), 1);
    });
}

#[tokio::test]
async fn an_emission_is_delivered_when_every_async_receiver_is_done() {
    Hub::new()
        .scope_async(async {
            ORDER_PLACED.connect_async("later", |event: Arc<Event<OrderPlaced>>| async move {
                tokio::task::yield_now().await;
                if event.lines.is_empty() { Err(outside::NothingOrdered) } else { Ok(()) }
            });
            let delivered: Delivered = ORDER_PLACED.emit(order("c-1")).delivered().await.unwrap();
            assert_eq!(delivered.receivers()[0].receiver(), "later");
            let empty = OrderPlaced { lines: vec![], ..order("c-1") };
            let failed: DeliveryError = ORDER_PLACED.emit(empty).delivered().await.unwrap_err();
            assert!(failed.to_string().contains("later"), "{failed}");
        })
        .await;
}

#[tokio::test]
async fn an_emission_answers_for_brokers_and_receivers_apart() {
    testing::scope_async(async |recorder| {
        let bus = testing::FakeBus::attach(recorder.hub());
        let local = ORDER_PLACED.receiver("local").from(Origin::Local);
        local.connect_async(|_| async { Err::<(), _>(outside::NothingOrdered) });
        let mut emission = ORDER_PLACED.emit(order("c-1"));
        let stored: Acknowledged = emission.acknowledged().await.unwrap();
        assert_eq!(stored.topics()[0].topic(), "fake");
        let failed: ReceptionError = emission.received().await.unwrap_err();
        assert_eq!(failed.receivers()[0].receiver(), "local");

        bus.fail("no space");
        let mut emission = ORDER_PLACED.emit(order("c-2"));
        let failed: AcknowledgementError = emission.acknowledged().await.unwrap_err();
        assert!(failed.to_string().contains("no space"), "{failed}");
        assert!(emission.wait_acknowledged_timeout(Duration::ZERO).is_err());

        ORDER_PLACED.disconnect("local");
        let received: Received = ORDER_PLACED.emit(order("c-3")).received().await.unwrap();
        assert!(received.receivers().is_empty());
        let mut emission = bus.sent()[0].deliver_to(recorder.hub()).unwrap();
        assert!(emission.received().await.is_ok());
        assert!(ORDER_PLACED.receivers_from(Origin::Bus).is_empty());
    })
    .await;
}

#[tokio::test]
async fn tests_make_events_and_fix_their_metadata() {
    testing::scope_async(async |recorder| {
        let time = "2023-01-02T03:04:05Z".parse().unwrap();
        let frozen: testing::Freeze = testing::freeze(time, [uuid::Uuid::from_u128(3)]);
        let event: Event<OrderPlaced> = testing::event(order("c-1"));
        assert_eq!((event.metadata().id().as_u128(), event.metadata().time()), (3, time));
        let event = testing::event_from_bus(order("c-1"), EmitOptions::new());
        assert_eq!((event.metadata().id().as_u128(), event.origin()), (4, Origin::Bus));
        let event = testing::event_with(order("c-1"), EmitOptions::new().id(uuid::Uuid::from_u128(9)));
        assert_eq!(event.metadata().id().as_u128(), 9);
        drop(frozen);
        let spawned = recorder.hub().scope_spawn(async { ORDER_PLACED.emit(order("c-2")) });
        let _emission = spawned.await.unwrap();
        assert_eq!(recorder.only::<OrderPlaced>().customer.id.0, "c-2");
    })
    .await;
    let config = Config::from_toml("bus.url = \"memory:\"").unwrap();
    let [first, second] = testing::memory_buses(&config).await.unwrap();
    assert_ne!(first.hub(), second.hub());
}

#[test]
fn the_codec_writes_and_reads_what_the_schema_says() {
    let order = order("c-1");
    let datum: Vec<u8> = avro::to_vec(&order).unwrap();
    assert_eq!(avro::from_slice::<OrderPlaced>(&datum).unwrap(), order);
    assert!(avro::from_slice::<OrderPlaced>(&[datum.as_slice(), &[0]].concat()).is_err());
    assert!(OrderPlaced::SCHEMA_JSON.contains("A customer placed an order."));
    assert_ne!(OrderPlaced::FINGERPRINT, CommentWritten::FINGERPRINT);
    assert_eq!((OrderPlaced::MINOR_VERSION, CommentWritten::MINOR_VERSION), (0, 2));
    assert_eq!(COMMENTS.event_type(), CommentWritten::EVENT_TYPE);

    assert!(is_part(&order.customer));
}

#[test]
fn the_registry_knows_what_is_linked() {
    let registry: Result<&'static Registry, RegistryError> = Registry::linked();
    let registry = registry.unwrap();
    let descriptor = registry.get("org.acme.orders.order.placed.v1").unwrap();
    assert_eq!(descriptor.fingerprint(), OrderPlaced::FINGERPRINT);
    let own =
        registry.iter().filter(|descriptor| descriptor.event_type().starts_with("org.acme.orders.")).count();
    assert_eq!(own, 5);
    assert!(registry.get("org.acme.orders.order.lost.v1").is_none());
}

#[tokio::test]
async fn the_bus_carries_an_event_from_emit_to_a_receiver_of_another_hub() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events.toml");
    let text = format!(
        "[service]\nname = \"shop\"\nexpect = [\"{0}\"]\n[bus]\nurl = \"sqlite://{1}\"\n[routes.\"{0}\"]\norders = {{ key = \"customer.id\" }}\n",
        OrderPlaced::EVENT_TYPE,
        folder.path().join("events.db").display(),
    );
    std::fs::write(&file, text)?;

    let shop = Hub::new();
    let bus = EventBus::builder().config(Config::load(&file)?).hub(shop.clone()).start().await?;
    let emission = shop.scope(|| ORDER_PLACED.emit(order("c-9")));
    let id = emission.event().metadata().id();
    let delivered = emission.delivered().await?;
    assert_eq!(delivered.topics()[0].topic(), "orders");

    let billing = Hub::new();
    let (seen, arrived) = (Arc::new(Mutex::new(Vec::new())), Arc::new(tokio::sync::Notify::new()));
    let (bills, arrival) = (Arc::clone(&seen), Arc::clone(&arrived));
    billing.scope(|| {
        ORDER_PLACED.connect("bills", move |event: &Event<OrderPlaced>| {
            let found = (event.metadata().id(), event.origin(), event.payload().clone());
            bills.lock().unwrap().push(found);
            arrival.notify_one();
        });
    });
    let other = EventBus::builder().config(Config::load(&file)?).hub(billing).start().await?;
    let shutdown = tokio::time::timeout(Duration::from_secs(20), arrived.notified());
    let consumed = other.consume("orders").group("billing").run_until(shutdown).await?;
    assert_eq!(consumed.acked, 1);
    assert_eq!(*seen.lock().unwrap(), [(id, Origin::Bus, order("c-9"))]);

    bus.shutdown(Duration::from_secs(5)).await?;
    other.shutdown(Duration::from_secs(5)).await?;
    Ok(())
}

#[test]
fn the_command_line_lists_the_linked_events() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_shop-events")).current_dir(&folder).arg("list").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("org.acme.orders.order.placed.v1"), "{text}");
}
