//! Events that no receiver takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use events_runtime::bus::{Consume, ConsumeError};
use events_runtime::config::UnhandledEvents;
use events_runtime::testing::Recorder;
use events_runtime::{BoxError, Config, Event, EventBus, Hub, Origin, PublicSignal};

use crate::shop::{
    ORDER_PLACED, OrderPlaced, Running, answer, answer_async, bus, bus_with, dead_letters, header, next,
    order, place_orders, settled,
};

/// Something that no program here handles.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.inbound.till.closed.v1", key = till)]
struct TillClosed {
    till: u32,
}

/// A bus with two topics, whose group billing has further settings in the topic of orders.
async fn two_topics(name: &str, billing: &str) -> EventBus {
    let config = Config::from_toml(&format!(
        r#"
        [bus]
        url = "memory:unhandled {name}"
        [routes."org.acme.inbound.order.placed.v1"]
        orders = {{}}
        [routes."org.acme.inbound.till.closed.v1"]
        orders = {{}}
        tills = {{}}
        [consumers.orders]
        billing = {{ {billing} }}
        "#
    ));
    let builder = EventBus::builder().config(config.expect("a valid configuration")).hub(Hub::new());
    builder.start().await.expect("the bus starts")
}

#[tokio::test]
async fn an_event_that_no_receiver_takes_stops_the_consumer_and_is_not_acknowledged() {
    for concurrency in [1, 4] {
        let bus = bus(&format!("unhandled {concurrency}")).await;
        place_orders(&bus, &["ada"]).await;
        let consume = || bus.consume("orders").group("billing").concurrency(concurrency);
        let error = Running::start(consume()).fails().await;
        let ConsumeError::Unhandled { event_type, topic, group, rust_type, defined_in, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(*event_type, OrderPlaced::EVENT_TYPE);
        assert_eq!((topic.as_str(), group.as_str()), ("orders", "billing"));
        assert_eq!((*rust_type, *defined_in), ("inbound::shop::OrderPlaced", "inbound"));
        let text = error.to_string();
        for part in [event_type, "topic `orders`", "events_runtime::link!(inbound)", "unhandled = \"skip\""] {
            assert!(text.contains(part), "no {part} in {text}");
        }

        let mut asked = answer(&bus, "charge", |_, _| Ok(()));
        let attempts = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&attempts);
        let running = Running::start(consume().middleware(move |message, next| {
            seen.store(message.attempt, Ordering::SeqCst);
            async move { Ok(next.run().await) }
        }));
        assert_eq!(next(&mut asked).await, 1);
        assert_eq!(running.stop().await.acked, 1);
        assert_eq!(attempts.load(Ordering::SeqCst), 1, "no attempt was counted");
        assert!(dead_letters(&bus).await.is_empty());
    }
}

#[tokio::test]
async fn consumers_of_other_topics_go_on_when_an_unhandled_event_stops_one() {
    let bus = two_topics("others", "").await;
    let mut asked = answer(&bus, "charge", |_, _| Ok(()));
    let orders = Running::start(bus.consume("orders").group("stock"));
    let tills = Running::start(bus.consume("tills").group("billing"));
    bus.hub().emit(TillClosed { till: 1 }).delivered().await.expect("sent");
    for stopped in [orders, tills] {
        let error = stopped.fails().await;
        assert!(matches!(error, ConsumeError::Unhandled { .. }), "{error:?}");
    }
    let billing = Running::start(bus.consume("orders").group("other").unhandled(UnhandledEvents::Skip));
    bus.hub().emit(order(1, "ada")).delivered().await.expect("sent");
    let stopped = Running::start(bus.consume("tills").group("billing")).fails().await;
    assert!(matches!(stopped, ConsumeError::Unhandled { .. }), "{stopped:?}");
    bus.hub().emit(order(2, "ada")).delivered().await.expect("sent");
    assert_eq!((next(&mut asked).await, next(&mut asked).await), (1, 2));
    assert_eq!(billing.stop().await.acked, 2);
}

#[tokio::test]
async fn an_unhandled_event_is_a_dead_letter_if_the_policy_says_so() {
    let bus = bus_with("unhandled dead letter", "consumer.unhandled = 'dead-letter'").await;
    place_orders(&bus, &["ada", "bob"]).await;
    let running = Running::billing(&bus);
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.dead_lettered, 2);
    let dead_letters = dead_letters(&bus).await;
    assert_eq!(header(&dead_letters[0], "dlq_kind"), "unhandled");
    let reason = header(&dead_letters[0], "dlq_reason");
    assert!(reason.contains(OrderPlaced::EVENT_TYPE) && reason.contains("no receiver"), "{reason}");
}

#[tokio::test]
async fn an_unhandled_event_is_skipped_if_the_program_or_the_group_says_so() {
    let by_program = bus("unhandled skipped").await;
    let by_group = two_topics("skipped", "unhandled = 'skip'").await;
    for (bus, policy) in [(by_program, Some(UnhandledEvents::Skip)), (by_group, None)] {
        place_orders(&bus, &["ada", "bob"]).await;
        let consume = bus.consume("orders").group("billing");
        let running = Running::start(policy.into_iter().fold(consume, Consume::unhandled));
        settled(&bus, "billing").await;
        let consumed = running.stop().await;
        assert_eq!((consumed.acked, consumed.skipped), (0, 2));
        assert!(dead_letters(&bus).await.is_empty());
    }
}

#[tokio::test]
async fn the_setting_of_a_group_is_for_its_topic_only() {
    let bus = two_topics("one topic", "unhandled = 'skip'").await;
    bus.hub().emit(TillClosed { till: 1 }).delivered().await.expect("sent");
    let both = Running::start(bus.consume("orders").also("tills").group("billing"));
    let error = both.fails().await;
    assert!(
        matches!(&error, ConsumeError::Unhandled { topic, .. } if topic.as_str() == "tills"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_recorder_and_an_async_receiver_handle_an_event() {
    let bus = bus("unhandled recorded").await;
    let recorder = Recorder::attach(bus.hub());
    place_orders(&bus, &["ada"]).await;
    let running = Running::billing(&bus);
    settled(&bus, "billing").await;
    assert_eq!(running.stop().await.acked, 1);
    assert_eq!(recorder.of::<OrderPlaced>().len(), 2, "the local event and the one from the bus");
    drop(recorder);

    let mut asked = answer_async(&bus, "charge", |_| Ok(()));
    place_orders(&bus, &["ada"]).await;
    let running = Running::billing(&bus);
    assert_eq!(next(&mut asked).await, 1);
    assert_eq!(running.stop().await.acked, 1);
}

#[tokio::test]
async fn a_receiver_counts_while_it_is_connected() {
    let bus = bus("unhandled disconnected").await;
    let connection =
        bus.hub().scope(|| ORDER_PLACED.connect("charge", |_: &Event<OrderPlaced>| Ok::<(), BoxError>(())));
    place_orders(&bus, &["ada"]).await;
    let running = Running::billing(&bus);
    settled(&bus, "billing").await;
    connection.disconnect();
    place_orders(&bus, &["bob"]).await;
    assert!(matches!(running.fails().await, ConsumeError::Unhandled { .. }));
}

#[tokio::test]
async fn a_replay_stops_at_an_unhandled_event_and_continues_there() {
    let bus = bus("unhandled replay").await;
    place_orders(&bus, &["ada", "bob"]).await;
    let replay = || bus.replay("orders").group("look");
    let error = replay().run().await.expect_err("no receiver");
    let cause = std::error::Error::source(&error).expect("the consumer's error").to_string();
    assert!(cause.contains("no receiver of this program takes"), "{cause}");
    let mut asked = answer(&bus, "look", |_, _| Ok(()));
    let replayed = replay().run().await.expect("it has a receiver now");
    assert!(replayed.finished && replayed.resumed && replayed.is_taken(), "{replayed:?}");
    assert_eq!((next(&mut asked).await, next(&mut asked).await), (1, 2));

    bus.hub().scope(|| ORDER_PLACED.disconnect("look"));
    let skipping = replay().settings(|consume| consume.unhandled(UnhandledEvents::Skip));
    let replayed = skipping.run().await.expect("they are skipped");
    assert_eq!((replayed.consumed.skipped, replayed.unreceived[OrderPlaced::EVENT_TYPE]), (2, 2));
    assert!(!replayed.is_taken());
}

#[tokio::test]
async fn expected_receivers_that_are_missing_are_all_named_before_the_group_exists() {
    let misspelt = "org.acme.inbound.order.plcaed.v1";
    let expected = format!(
        "expect_receivers = ['{}', '{}', '{misspelt}']",
        OrderPlaced::EVENT_TYPE,
        TillClosed::EVENT_TYPE
    );
    let by_group = two_topics("expected", &expected).await;
    let by_bus = bus_with("expected", &format!("consumer.{expected}")).await;
    let by_program = bus("expected by program").await;
    for (bus, event_types) in [
        (by_group, None),
        (by_bus, None),
        (by_program, Some([OrderPlaced::EVENT_TYPE, TillClosed::EVENT_TYPE, misspelt])),
    ] {
        let _handled = answer(&bus, "charge", |_, _| Ok(()));
        let consume = bus.consume("orders").group("billing");
        let error = match event_types {
            Some(event_types) => Running::start(consume.expect_receivers(event_types)).fails().await,
            None => Running::start(consume).fails().await,
        };
        let ConsumeError::NoReceivers { group, missing, .. } = &error else { panic!("{error:?}") };
        assert_eq!(group.as_str(), "billing");
        let [till, unknown] = missing.as_slice() else { panic!("{missing:?}") };
        assert_eq!((till.event_type.as_str(), till.defined_in), (TillClosed::EVENT_TYPE, Some("inbound")));
        assert_eq!((unknown.event_type.as_str(), unknown.defined_in), (misspelt, None));
        assert_eq!(unknown.nearest[0], OrderPlaced::EVENT_TYPE);
        let text = error.to_string();
        for part in [misspelt, "did you mean `org.acme.inbound.order.placed.v1`", "crate `inbound`", "link!"]
        {
            assert!(text.contains(part), "no {part} in {text}");
        }
        assert!(bus.transport().topics().await.expect("listed").is_empty(), "no topic was created");
        assert_eq!(bus.status().failed.len(), 1, "it is not forgotten");
        let recorder = Recorder::attach(bus.hub());
        let consume = bus.consume("orders").group("billing").expect_receivers([TillClosed::EVENT_TYPE]);
        let running = Running::start(consume);
        settled(&bus, "billing").await;
        running.stop().await;
        drop(recorder);
    }
}

#[tokio::test]
async fn a_receiver_of_local_events_only_does_not_handle_an_event_from_the_bus() {
    let bus = bus("unhandled local").await;
    bus.hub().scope(|| {
        let receiver = ORDER_PLACED.receiver("cache").from(Origin::Local);
        receiver.connect(|event: &Event<OrderPlaced>| assert_eq!(event.origin(), Origin::Local));
    });
    place_orders(&bus, &["ada"]).await;
    assert!(matches!(Running::billing(&bus).fails().await, ConsumeError::Unhandled { .. }));
    let consume = bus.consume("orders").group("billing").expect_receivers([OrderPlaced::EVENT_TYPE]);
    assert!(matches!(Running::start(consume).fails().await, ConsumeError::NoReceivers { .. }));
}
