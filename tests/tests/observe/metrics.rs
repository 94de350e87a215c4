//! Gauges, histograms and the counters of consumers, by their documented names.

use std::sync::{Arc, Mutex, OnceLock};

use events_runtime::BoxError;
use events_runtime::bus::{DeadLetter, DeadLetters};
use events_runtime::envelope::Envelope;
use events_runtime::inbox::SeenEvents;
use events_runtime::transport::{
    BoxFuture, ConnectOptions, ConsumerGroup, PartitionStatus, Position, StartPosition, Subscription, Topic,
    connect,
};
use events_runtime::{Event, EventBus, EventMetadata, Hub};
use events_tests::over::Over;
use events_tests::values::Values;
use metrics::Unit;

use crate::{ORDER_PLACED, OrderPlaced, block_on, bus, config, consume_orders, placed, receive_orders, till};

/// A recorder of the whole process, for counts of other threads.
pub(crate) fn global(name: &str) -> f64 {
    static GLOBAL: OnceLock<Values> = OnceLock::new();
    let values = GLOBAL.get_or_init(|| {
        let values = Values::default();
        metrics::set_global_recorder(values.clone()).expect("the only one");
        values
    });
    values.numbers.lock().expect("no panic").get(name).copied().unwrap_or_default()
}

fn measured(work: impl AsyncFnOnce()) -> Values {
    let values = Values::default();
    metrics::with_local_recorder(&values, || block_on(work()));
    values
}

#[test]
fn consuming_is_counted_by_topic_and_group() {
    let values = measured(async || {
        let bus = bus("memory:", "").await;
        for number in 1..=2 {
            bus.hub().emit(placed(number)).delivered().await.expect("sent");
        }
        consume_orders(&bus, "orders", 3, |order| match order.number {
            1 => Err("no".into()),
            _ => Ok(()),
        })
        .await;
    });
    for (name, expected) in [("consumed", 1.0), ("retried", 1.0), ("dead_lettered", 1.0)] {
        values.assert(&format!("events_{name}_total{{topic=dev-orders,group=billing}}"), expected);
    }
}

#[test]
fn a_repeated_trace_context_is_counted_and_its_event_is_handled() {
    let values = measured(async || {
        let bus = bus("memory:", "").await;
        let metadata: EventMetadata = serde_json::from_value(serde_json::json!({
            "event_type": crate::PLACED,
            "id": "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11",
            "minorversion": 2,
            "source": "shop",
            "time": "9999-12-31T23:59:59.999999+00:00",
        }))
        .expect("metadata");
        let datum = events_runtime::avro::to_vec(&placed(1)).expect("a datum");
        let message = Envelope::new(metadata, None, datum).into_message();
        let message = message.with_header("ce_traceparent", "00-ab").with_header("ce_traceparent", "00-cd");
        let message = message.with_header("ce_tracestate", &b"\xff"[..]);
        let producer = bus.transport().producer().await.expect("a producer");
        let topic = Topic::new("dev-orders").expect("a name");
        let mut sent = producer.send(&topic, &[message]).await;
        sent.pop().expect("a result").expect("stored");
        let found = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&found);
        bus.hub().scope(|| {
            ORDER_PLACED.connect("trace", move |order: &Event<OrderPlaced>| {
                let trace = order.metadata().extensions().get("traceparent").map(str::to_owned);
                *seen.lock().expect("no panic") = trace;
            })
        });
        consume_orders(&bus, "orders", 1, |_| Ok(())).await;
        assert_eq!(found.lock().expect("no panic").as_deref(), Some("00-ab"));
    });
    values.assert("events_trace_ignored_total{topic=dev-orders,group=billing}", 2.0);
    values.assert("events_consumed_total{topic=dev-orders,group=billing}", 1.0);
}

#[test]
fn the_duration_of_receivers_is_measured_by_type_and_group() {
    let values = measured(async || {
        let bus = bus("memory:", "").await;
        for number in 1..=3 {
            bus.hub().emit(placed(number)).delivered().await.expect("sent");
        }
        consume_orders(&bus, "orders", 3, |_| {
            std::thread::sleep(std::time::Duration::from_millis(3));
            Ok(())
        })
        .await;
    });
    let samples = values.samples.lock().expect("no panic");
    let name = format!("events_handler_seconds{{event_type={},group=billing}}", crate::PLACED);
    let found = samples.get(&name).unwrap_or_else(|| panic!("{samples:?}"));
    assert_eq!(found.len(), 3);
    // At least the receiver's sleep, in seconds.
    assert!(found.iter().all(|seconds| (0.003..3000.0).contains(seconds)), "{found:?}");
}

/// Contains some events, and fails to store new ones.
struct Forgetful(std::collections::HashSet<uuid::Uuid>);

impl SeenEvents for Forgetful {
    fn contains<'a>(&'a self, _: &'a ConsumerGroup, id: uuid::Uuid) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(std::future::ready(Ok(self.0.contains(&id))))
    }

    fn insert<'a>(&'a self, _: &'a ConsumerGroup, _: uuid::Uuid) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(std::future::ready(Err("the disk is full".into())))
    }
}

#[test]
fn duplicates_and_failed_inserts_of_dedup_are_counted() {
    let values = measured(async || {
        let bus = bus("memory:", "").await;
        receive_orders(&bus);
        let mut known = std::collections::HashSet::new();
        for number in 1..=3 {
            let emission = bus.hub().emit(placed(number));
            if number < 3 {
                known.insert(emission.event().metadata().id().to_string().parse().expect("a UUID"));
            }
            emission.delivered().await.expect("sent");
        }
        let settled = events_tests::until(|| async {
            let topic = Topic::new("dev-orders").expect("a name");
            let groups = bus.transport().groups(&topic).await.unwrap_or_default();
            groups.iter().any(|status| status.lag == 0)
        });
        let consume = bus.consume("orders").group("billing").dedup(Forgetful(known));
        consume.run_until(settled).await.expect("a normal stop");
    });
    for (name, expected) in [("deduplicated", 2.0), ("dedup_failed", 1.0), ("consumed", 3.0)] {
        values.assert(&format!("events_{name}_total{{topic=dev-orders,group=billing}}"), expected);
    }
}

#[test]
fn the_lag_of_a_group_is_polled_while_its_consumer_runs() {
    const LAG: &str = "events_consumer_lag{topic=dev-orders,group=billing,partition=0}";
    let values = Values::default();
    metrics::with_local_recorder(&values.clone(), || {
        block_on(async {
            let bus = bus("memory:", "consumer = { lag_interval = \"1ms\", enabled = false }").await;
            receive_orders(&bus);
            for number in 1..=3 {
                bus.hub().emit(placed(number)).delivered().await.expect("sent");
            }
            let (end, ended) = tokio::sync::oneshot::channel::<()>();
            let consumer = tokio::spawn(bus.consume("orders").group("billing").run_until(ended));
            events_tests::until(|| async { values.get(LAG) > 2.5 }).await;
            values.assert(LAG, 3.0);
            bus.resume_consumers();
            events_tests::until(|| async { values.get(LAG) < 0.5 }).await;
            drop(end);
            consumer.await.expect("no panic").expect("a normal stop");
        });
    });
    for off in ["off", "0s"] {
        let values = measured(async || {
            let bus = bus("memory:", &format!("consumer = {{ lag_interval = \"{off}\" }}")).await;
            bus.hub().emit(placed(1)).delivered().await.expect("sent");
            consume_orders(&bus, "orders", 1, |_| Ok(())).await;
        });
        assert!(values.get(LAG).is_nan(), "{off}: not polled");
    }
}

#[test]
fn the_lag_and_the_dead_letters_of_all_groups_of_a_topic_are_polled() {
    let of = |name: &str, group: &str| match name {
        "consumer_lag" => format!("events_consumer_lag{{topic=dev-orders,group={group},partition=0}}"),
        name => format!("events_{name}{{topic=dev-orders,group={group}}}"),
    };
    let values = Values::default();
    metrics::with_local_recorder(&values.clone(), || {
        block_on(async {
            let bus = bus("memory:", "consumer = { lag_interval = \"1ms\" }").await;
            let topic = Topic::new("dev-orders").expect("a name");
            let other = ConsumerGroup::new("stock").expect("a name");
            let subscription = Subscription::new(topic.clone(), other.clone());
            let consumer = bus.transport().consumer(subscription).await.expect("a consumer");
            for number in 1..=3 {
                bus.hub().emit(placed(number)).delivered().await.expect("sent");
            }
            // All events of billing become dead letters, two of which are dropped.
            bus.hub().scope(|| {
                ORDER_PLACED.connect("rejects", |_: &Event<OrderPlaced>| Err::<(), BoxError>("no".into()))
            });
            let (end, ended) = tokio::sync::oneshot::channel::<()>();
            let running = tokio::spawn(bus.consume("orders").group("billing").run_until(ended));
            events_tests::until(|| async { values.get(&of("dead_letters_waiting", "billing")) > 2.5 }).await;
            values.assert(&of("consumer_lag", "stock"), 3.0);
            values.assert(&of("dead_letters_waiting", "stock"), 0.0);
            let billing = ConsumerGroup::new("billing").expect("a name");
            let dead_letters = DeadLetters::of(bus.transport(), topic.clone(), billing).expect("a name");
            let is_first = |dead_letter: &DeadLetter| dead_letter.position() == Position::Sequence(1);
            let dropped = dead_letters.discard(|dead_letter| !is_first(dead_letter)).await.expect("dropped");
            assert_eq!(dropped.done.len(), 2);
            events_tests::until(|| async { values.get(&of("dead_letters_waiting", "billing")) < 1.5 }).await;
            values.assert(&of("dead_letters_waiting", "billing"), 1.0);

            // The gauges of a removed group don't keep their values.
            consumer.close().await.expect("closed");
            bus.transport().remove_group(&topic, &other).await.expect("removed");
            events_tests::until(|| async { values.get(&of("consumer_lag", "stock")) < 0.5 }).await;
            drop(end);
            running.await.expect("no panic").expect("a normal stop");
        });
    });
}

#[test]
fn the_lag_is_reported_for_each_partition() {
    let values = Values::default();
    metrics::with_local_recorder(&values.clone(), || {
        block_on(async {
            let memory = connect("memory:", &ConnectOptions::new()).expect("it opens");
            let transport = Over::new(memory).groups(|groups| async {
                let parted = |status: events_runtime::transport::GroupStatus| {
                    let partitions = vec![PartitionStatus::new(0, 4), PartitionStatus::new(7, 0)];
                    status.with_partitions(partitions)
                };
                groups.into_iter().map(parted).collect()
            });
            let config = config("memory:", "consumer = { lag_interval = \"1ms\" }");
            let builder = EventBus::builder().config(config).hub(Hub::new()).transport(Box::new(transport));
            let bus = builder.start().await.expect("the bus starts");
            let of = |number: u32| {
                format!("events_consumer_lag{{topic=dev-orders,group=billing,partition={number}}}")
            };
            let reported = events_tests::until(|| async { values.get(&of(7)) < 0.5 });
            bus.consume("orders").group("billing").run_until(reported).await.expect("a normal stop");
            values.assert(&of(0), 4.0);
            let gauges = values.numbers.lock().expect("no panic");
            assert_eq!(gauges.keys().filter(|name| name.starts_with("events_consumer_lag")).count(), 2);
        });
    });
}

#[test]
fn an_unstored_outcome_is_counted_and_its_event_is_redelivered() {
    let values = measured(async || {
        let bus = bus("memory:not stored", "").await;
        let other = connect("memory:not stored", &ConnectOptions::new()).expect("it opens");
        bus.hub().emit(placed(1)).delivered().await.expect("sent");
        let is_first = std::sync::atomic::AtomicBool::new(true);
        consume_orders(&bus, "orders", 2, move |_| {
            if is_first.swap(false, std::sync::atomic::Ordering::Relaxed) {
                // The delivery in flight loses its lease. A memory store reports this by the call.
                let (topic, group) = (Topic::new("dev-orders")?, ConsumerGroup::new("billing")?);
                drop(other.seek(&topic, &group, StartPosition::Earliest));
            }
            Ok(())
        })
        .await;
    });
    values.assert("events_settle_failed_total{topic=dev-orders,group=billing}", 1.0);
}

#[test]
fn every_metric_is_described_with_its_unit() {
    let values = measured(async || {
        let bus = bus("memory:", "").await;
        bus.hub().emit(placed(1)).delivered().await.expect("sent");
        bus.hub().emit(till("x")).delivered().await.expect("sent");
        consume_orders(&bus, "orders", 2, |_| Err("no".into())).await;
    });
    let units = values.units.lock().expect("no panic");
    let names = values.numbers.lock().expect("no panic");
    let samples = values.samples.lock().expect("no panic");
    for name in names.keys().chain(samples.keys()) {
        let base = name.split('{').next().expect("a name").to_owned();
        assert!(units.get(&base).is_some_and(Option::is_some), "{base} is not described: {units:?}");
    }
    assert_eq!(units.get("events_handler_seconds"), Some(&Some(Unit::Seconds)));
    assert_eq!(units.get("events_consumer_lag"), Some(&Some(Unit::Count)));
}
