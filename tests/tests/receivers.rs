//! `#[receiver]`: functions that are connected in every program that links them.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use events_runtime::{Event, Hub, Origin, PublicSignal, ReceiverError, Registry, receiver, testing};

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.receivers.order.placed.v1")]
struct OrderPlaced {
    number: u32,
}

thread_local! {
    static RAN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn ran(name: &'static str) {
    RAN.with_borrow_mut(|ran| ran.push(name));
}

#[derive(Debug)]
struct OutOfPaper;

impl fmt::Display for OutOfPaper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of paper")
    }
}

impl std::error::Error for OutOfPaper {}

#[receiver(ORDER_PLACED)]
fn receipt(event: &Event<OrderPlaced>) -> Result<(), OutOfPaper> {
    ran("receipt");
    if event.number == 13 { Err(OutOfPaper) } else { Ok(()) }
}

#[receiver(ORDER_PLACED, order = -5)]
fn first(_: &Event<OrderPlaced>) {
    ran("first");
}

const LATE: i32 = 5;

#[receiver(ORDER_PLACED, order = LATE * 2, name = "the last one", crate = events_runtime)]
fn last(event: &Event<OrderPlaced>) {
    assert_ne!(event.number, 14, "unlucky too");
    ran("last");
}

#[receiver(ORDER_PLACED)]
async fn by_reference(event: &Event<OrderPlaced>) -> Result<(), OutOfPaper> {
    tokio::task::yield_now().await;
    if event.number == 13 { Err(OutOfPaper) } else { Ok(()) }
}

#[receiver(ORDER_PLACED)]
async fn by_arc(event: Arc<Event<OrderPlaced>>) {
    tokio::task::yield_now().await;
    assert_eq!(event.origin(), Origin::Local);
}

#[receiver(ORDER_PLACED)]
#[cfg(any())]
fn never_compiled(event: &NoSuchType) {}

mod nested {
    use super::{Event, OrderPlaced, receiver};

    type Placed = Event<OrderPlaced>;

    #[receiver(super::ORDER_PLACED)]
    pub(super) fn r#type(_: &Placed) {
        super::ran("type");
    }
}

#[test]
fn linked_receivers_run_in_the_default_hub_by_order_and_location() {
    RAN.take();
    let emission = ORDER_PLACED.emit(OrderPlaced { number: 1 });
    assert_eq!(RAN.take(), ["first", "receipt", "type", "last"]);
    let names: Vec<_> = emission.responses().iter().map(events_runtime::Response::receiver).collect();
    assert_eq!(names, ["receivers::first", "receivers::receipt", "receivers::nested::type", "the last one"]);
}

#[test]
fn failures_of_linked_receivers_are_responses() {
    let failed = |number| {
        let emission = Hub::linked().emit(OrderPlaced { number });
        let failed = emission.responses().iter().filter(|response| !response.is_ok());
        failed.map(|response| response.receiver().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(failed(13), ["receivers::receipt"]);
    assert_eq!(failed(14), ["the last one"]);
}

#[test]
fn linked_async_receivers_run_and_fail_by_name() {
    let hub = Hub::linked();
    let delivered = hub.emit(OrderPlaced { number: 1 }).wait().expect("all well");
    let names: Vec<_> = delivered.receivers().iter().map(events_runtime::Response::receiver).collect();
    assert_eq!(names, ["receivers::by_reference", "receivers::by_arc"]);
    let error = hub.emit(OrderPlaced { number: 13 }).wait().expect_err("no paper");
    let result = error.receivers()[0].result();
    assert!(matches!(result, Err(ReceiverError::Failed(cause)) if cause.is::<OutOfPaper>()));
    assert!(error.receivers()[1].is_ok());
}

#[test]
fn empty_hub_has_no_linked_receivers() {
    testing::scope(|_| {
        let emission = ORDER_PLACED.emit(OrderPlaced { number: 1 });
        assert!(emission.responses().is_empty());
    });
}

#[test]
fn linked_receiver_stays_callable() {
    RAN.take();
    let event = Hub::new().emit(OrderPlaced { number: 13 });
    assert!(receipt(event.event()).is_err());
    last(event.event());
    nested::r#type(event.event());
    assert_eq!(RAN.take(), ["receipt", "last", "type"]);
}

#[test]
fn linked_receiver_can_be_replaced_by_its_name() {
    let hub = Hub::linked();
    hub.scope(|| {
        ORDER_PLACED.receiver("receivers::receipt").connect(|_| ran("stand-in"));
        RAN.take();
        ORDER_PLACED.emit(OrderPlaced { number: 1 });
        assert_eq!(RAN.take(), ["first", "stand-in", "type", "last"]);
    });
}

#[test]
fn definitions_are_linked_with_their_location() {
    let registry = Registry::linked().expect("no duplicates");
    let placed = registry.get("org.acme.receivers.order.placed.v1").expect("linked");
    assert_eq!(placed.file(), file!());
    assert_eq!(placed.rust_type(), "receivers::OrderPlaced");
    assert_eq!(placed.schema_json(), OrderPlaced::SCHEMA_JSON);
}
