//! One event to several topics.

use events_tests::chain;

use crate::{bus, placed};
use events_tests::gate::State;

#[tokio::test]
async fn each_topic_of_an_event_is_delivered_or_fails_independently() {
    let (bus, gates) = bus(100).await;
    gates.set("dev-audit", State::Refuses);
    let error = bus.hub().emit(placed(1)).delivered().await.unwrap_err();
    let outcome = |topic: &str| {
        error.topics().iter().find(|outcome| outcome.topic() == topic).expect("an outcome for each topic")
    };
    assert_eq!(error.topics().len(), 2);
    assert_eq!(outcome("orders").result().expect("stored"), "1");
    let text = chain(outcome("audit").result().unwrap_err());
    assert!(text.contains("its gate is closed"), "{text}");

    gates.set("dev-audit", State::Open);
    let delivered = bus.hub().emit(placed(2)).delivered().await.expect("both are open");
    let positions: Vec<_> =
        delivered.topics().iter().map(|outcome| (outcome.topic(), outcome.result().ok())).collect();
    assert!(positions.contains(&("orders", Some("2"))) && positions.contains(&("audit", Some("1"))));
}

#[tokio::test]
async fn a_disabled_route_gets_no_events() {
    let (bus, gates) = bus(100).await;
    let delivered = bus.hub().emit(placed(1)).delivered().await.expect("sent");
    let mut topics: Vec<_> =
        delivered.topics().iter().map(events_runtime::signal::TopicOutcome::topic).collect();
    topics.sort_unstable();
    assert_eq!(topics, ["audit", "orders"]);
    assert_eq!(gates.calls("dev-mail"), 0);
}

#[tokio::test]
async fn each_topic_has_the_key_of_its_route() {
    let (bus, _gates) = bus(100).await;
    bus.hub().emit(placed(7)).delivered().await.expect("sent");
    for (topic, key) in [("dev-orders", "c1"), ("dev-audit", "7")] {
        let topic = events_runtime::transport::Topic::new(topic).expect("a name");
        let group = events_runtime::transport::ConsumerGroup::new("reader").expect("a name");
        let subscription = events_runtime::transport::Subscription::new(topic, group);
        let mut consumer = bus.transport().consumer(subscription).await.expect("a consumer");
        let deliveries = consumer.receive(10, std::time::Duration::from_secs(20)).await.expect("messages");
        assert_eq!(deliveries[0].message().key.as_deref(), Some(key.as_bytes()));
    }
}
