//! A panic outside of a receiver does not stop the consumer: the event fails or counts as handled, and the
//! consumer continues.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use events_runtime::inbox::SeenEvents;
use events_runtime::transport::{BoxFuture, ConsumerGroup, Message};
use events_runtime::{BoxError, Config, EventBus, Hub, PublicSignal};
use uuid::Uuid;

use crate::shop::{Running, answer, bus_with, dead_letters, header, headers, next, place_orders, settled};

/// An error whose text panics.
#[derive(Debug)]
struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the card ")?;
        panic!("no text")
    }
}

impl Error for Unreadable {}

/// An error that is its own source.
#[derive(Debug)]
struct Cyclic;

impl fmt::Display for Cyclic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("round and round")
    }
}

impl Error for Cyclic {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// A bus with one attempt for each event, and two orders.
async fn start(name: &str, concurrency: usize) -> EventBus {
    let consumer = format!("consumer = {{ concurrency = {concurrency} }}");
    let bus = bus_with(&format!("{name} {concurrency}"), &consumer).await;
    place_orders(&bus, &["ada", "bob"]).await;
    bus
}

/// Fails the first of two orders with this error, and returns its dead letter; the second is acknowledged.
async fn dead_letter_of(name: &str, concurrency: usize, error: fn() -> BoxError) -> Message {
    let bus = start(name, concurrency).await;
    let mut asked = answer(&bus, "charge", move |order, _| match order {
        1 => Err(error()),
        _ => Ok(()),
    });
    let running = Running::start(bus.consume("orders").group("billing").max_attempts(1));
    assert_eq!((next(&mut asked).await, next(&mut asked).await), (1, 2));
    settled(&bus, "billing").await;
    let consumed = running.stop().await;
    assert_eq!((consumed.acked, consumed.dead_lettered), (1, 1), "concurrency {concurrency}");
    dead_letters(&bus).await.pop().expect("a dead letter")
}

#[tokio::test]
async fn an_error_whose_text_panics_fails_its_event_only() {
    for concurrency in [1, 4] {
        let dead_letter = dead_letter_of("unreadable", concurrency, || Unreadable.into()).await;
        assert!(header(&dead_letter, "dlq_reason").contains("the card (formatting it panicked: no text)"));
    }
}

#[tokio::test]
async fn an_error_that_is_its_own_source_is_listed_once() {
    for concurrency in [1, 4] {
        let dead_letter = dead_letter_of("cyclic", concurrency, || Cyclic.into()).await;
        let said =
            headers(&dead_letter, "dlq_cause").iter().filter(|cause| *cause == "round and round").count();
        assert_eq!(said, 1, "{:?}", headers(&dead_letter, "dlq_cause"));
    }
}

/// An idempotency store that panics: when called, or when awaited.
struct Panicking {
    contains: bool,
    insert: bool,
    awaited: bool,
}

impl Panicking {
    fn answer<'a, T: Send + 'a>(&self, panics: bool, value: T) -> BoxFuture<'a, Result<T, BoxError>> {
        assert!(!panics || self.awaited, "no store");
        Box::pin(async move {
            if panics {
                std::panic::panic_any(Bomb);
            }
            Ok(value)
        })
    }
}

impl SeenEvents for Panicking {
    fn contains<'a>(&'a self, _: &'a ConsumerGroup, _: Uuid) -> BoxFuture<'a, Result<bool, BoxError>> {
        self.answer(self.contains, false)
    }

    fn insert<'a>(&'a self, _: &'a ConsumerGroup, _: Uuid) -> BoxFuture<'a, Result<(), BoxError>> {
        self.answer(self.insert, ())
    }
}

#[tokio::test]
async fn a_panicking_idempotency_store_fails_like_one_that_returns_an_error() {
    for (concurrency, awaited) in [(1, false), (1, true), (4, false), (4, true)] {
        for contains in [true, false] {
            let bus = start(&format!("seen {awaited} {contains}"), concurrency).await;
            let seen = Panicking { contains, insert: !contains, awaited };
            let mut asked = answer(&bus, "charge", |_, _| Ok(()));
            let consume = bus.consume("orders").group("billing").max_attempts(1);
            let running = Running::start(consume.dedup(seen));
            if !contains {
                assert_eq!((next(&mut asked).await, next(&mut asked).await), (1, 2));
            }
            settled(&bus, "billing").await;
            let consumed = running.stop().await;
            let expected = if contains { (0, 2) } else { (2, 0) };
            assert_eq!((consumed.acked, consumed.dead_lettered), expected, "concurrency {concurrency}");
        }
    }
}

#[tokio::test]
async fn middleware_that_panics_on_drop_fails_at_most_its_message() {
    for concurrency in [1, 4] {
        let bus = start("hook", concurrency).await;
        let mut asked = answer(&bus, "charge", |_, _| Ok(()));
        let consume = bus.consume("orders").group("billing").max_attempts(1);
        let running = Running::start(consume.middleware(|message, next| {
            // Captured by the future, which is dropped when it has completed.
            let bomb = (message.position.to_string() == "2").then(|| Bomb);
            async move {
                let processed = next.run().await;
                if bomb.is_none() {
                    std::panic::panic_any(Bomb);
                }
                std::mem::forget(bomb);
                Ok(processed)
            }
        }));
        assert_eq!((next(&mut asked).await, next(&mut asked).await), (1, 2));
        settled(&bus, "billing").await;
        let consumed = running.stop().await;
        assert_eq!((consumed.acked, consumed.dead_lettered), (1, 1), "concurrency {concurrency}");
    }
}

/// Whether its payloads panic when they are dropped.
static ARMED: AtomicBool = AtomicBool::new(false);

/// A parcel whose payload panics when it is dropped.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.inbound.parcel.sent.v1")]
struct ParcelSent {
    number: u32,
}

impl Drop for ParcelSent {
    fn drop(&mut self) {
        assert!(!ARMED.load(Ordering::SeqCst) || std::thread::panicking(), "dropped");
    }
}

#[tokio::test]
async fn a_payload_that_panics_on_drop_counts_as_handled() {
    let config = "[service]\nname = \"shop\"\n[bus]\nurl = \"memory:\"\nretry = { max_attempts = 1 }\n\
                  [routes.\"org.acme.inbound.parcel.sent.v1\"]\norders = {}\n";
    let config = Config::from_toml(config).expect("a valid configuration");
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await.expect("the bus starts");
    for number in 1..=2 {
        bus.hub().emit(ParcelSent { number }).delivered().await.expect("sent");
    }
    let (sender, mut taken) = tokio::sync::mpsc::unbounded_channel();
    bus.hub().scope(|| {
        PARCEL_SENT.connect("sync", move |event: &events_runtime::Event<ParcelSent>| {
            let _ = sender.send(event.number);
        });
    });
    ARMED.store(true, Ordering::SeqCst);
    for concurrency in [1, 4] {
        let group = format!("depot-{concurrency}");
        let running = Running::start(bus.consume("orders").group(&*group).concurrency(concurrency));
        settled(&bus, &group).await;
        assert_eq!(next(&mut taken).await + next(&mut taken).await, 3);
        let consumed = running.stop().await;
        assert_eq!((consumed.acked, consumed.dead_lettered), (2, 0), "concurrency {concurrency}");
    }
    ARMED.store(false, Ordering::SeqCst);
}
