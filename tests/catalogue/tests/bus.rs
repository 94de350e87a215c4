//! The whole catalogue over a bus.

use std::sync::Arc;
use std::time::Duration;

use events_catalogue_tests::{Maker, Payload, events, routes};
use events_runtime::{Config, EventBus, Hub};
use tokio::sync::{mpsc, oneshot};

const EACH: usize = 3;
/// Long enough for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

async fn bus() -> EventBus {
    let settings = "[service]\nname = \"lms\"\n[bus]\nurl = \"memory:catalogue\"\n".to_owned();
    let config = Config::from_toml(&(settings + &routes("openedx"))).expect("a right configuration");
    EventBus::builder().config(config).hub(Hub::new()).start().await.expect("the bus starts")
}

#[tokio::test]
async fn every_event_goes_over_a_bus_and_keeps_its_value_and_id() {
    let (sender, receiver) = (bus().await, bus().await);
    let (seen, mut arrivals) = mpsc::unbounded_channel::<(&'static str, String, Payload)>();
    for event in events() {
        let (seen, event_type) = (seen.clone(), event.descriptor.event_type());
        let observer = move |metadata: &events_runtime::EventMetadata, payload| {
            // The test may have failed already.
            let _ = seen.send((event_type, metadata.id().to_string(), payload));
        };
        (event.observe)(receiver.hub(), Arc::new(observer));
    }

    let (mut maker, mut sent) = (Maker::new(10), Vec::new());
    for _ in 0..EACH {
        for event in events() {
            let emitted = (event.emit)(sender.hub(), &mut maker);
            tokio::time::timeout(PATIENCE, emitted.delivered).await.expect("in time").expect("delivered");
            sent.push((event.descriptor.event_type(), emitted.metadata.id().to_string(), emitted.payload));
        }
    }

    let (stop, stopped) = oneshot::channel::<()>();
    let consume = receiver.consume("openedx").group("analytics");
    let consumer = tokio::spawn(async move { consume.run_until(stopped).await });
    let mut came = Vec::new();
    while came.len() < sent.len() {
        came.push(tokio::time::timeout(PATIENCE, arrivals.recv()).await.expect("in time").expect("an event"));
    }
    stop.send(()).expect("the consumer waits for it");
    consumer.await.expect("no panic").expect("the consumer runs until it is stopped");

    // Events of several keys may change places.
    let by_id = |(_, id, _): &(&'static str, String, Payload)| id.clone();
    sent.sort_by_key(by_id);
    came.sort_by_key(by_id);
    assert_eq!(came, sent);
    for bus in [sender, receiver] {
        bus.shutdown(PATIENCE).await.expect("it ends");
    }
}
