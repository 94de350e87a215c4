//! Topics that a consumer creates.

use events_runtime::transport::Topic;

use crate::shop::{Running, answer, bus, place_orders};

/// The log of a consumer of this topic, where `orders` exists.
fn log_of(name: &str, topic: &str) -> String {
    events_tests::log::Log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let bus = bus(name).await;
            let _handled = answer(&bus, "charge", |_, _| Ok(()));
            place_orders(&bus, &["ada"]).await;
            let running = Running::start(bus.consume(topic).group("billing"));
            let topic = Topic::new(topic).expect("a name");
            events_tests::until(|| async {
                let groups = bus.transport().groups(&topic).await.unwrap_or_default();
                groups.iter().any(|status| status.lag == 0)
            })
            .await;
            running.stop().await;
        });
    })
}

#[test]
fn a_created_topic_is_named_with_its_nearest_names_at_the_start() {
    let log = log_of("created", "ordres");
    assert_eq!(log.matches("a consumer created a topic that did not exist").count(), 1, "{log}");
    assert!(log.contains("did you mean `orders`?"), "{log}");
}

#[test]
fn an_existing_topic_and_one_without_similar_names_are_created_without_a_warning() {
    for (name, topic) in [("created exists", "orders"), ("created first", "parcels")] {
        let log = log_of(name, topic);
        assert!(!log.contains("did not exist"), "{topic}: {log}");
    }
}
