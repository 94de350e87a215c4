//! The producer on librdkafka's mock cluster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use events_transport::{
    ConnectOptions, ErrorKind, Message, Position, Producer, Target, Topic, TransportError, connect,
};
use futures_util::FutureExt as _;

use super::KafkaProducer;
use crate::client::Topics;
use crate::client::mock::{Api, Cluster, Code};
use crate::config::Config;

const FAST: &str = "timeout=1s&retry_for=2s&retry.backoff.ms=20&retry.backoff.max.ms=50";

async fn producer(cluster: &Cluster, settings: &str) -> Arc<dyn Producer> {
    let transport = connect(&cluster.url(settings), &ConnectOptions::new()).unwrap();
    transport.producer().await.unwrap()
}

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

/// Messages of ten keys: the data are the key and a number.
fn numbered(numbers: std::ops::Range<usize>) -> Vec<Message> {
    numbers.map(|number| Message::new(number.to_string()).with_key(format!("k{}", number % 10))).collect()
}

/// The numbers of each key, in the order of its partition.
fn by_key(cluster: &Cluster, topic: &str, partitions: i32) -> BTreeMap<String, Vec<usize>> {
    let mut keys: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (key, data) in cluster.stored(topic, partitions).into_values().flatten() {
        keys.entry(key).or_default().push(data.parse().unwrap());
    }
    keys
}

fn expected(numbers: std::ops::Range<usize>) -> BTreeMap<String, Vec<usize>> {
    let mut keys: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for number in numbers {
        keys.entry(format!("k{}", number % 10)).or_default().push(number);
    }
    keys
}

/// Sends what failed again, as the bus does: from the first failed message on, one by one.
async fn send_until_stored(producer: &dyn Producer, topic: &Topic, messages: &[Message]) {
    let deadline = Instant::now() + Duration::from_secs(60);
    for message in messages {
        loop {
            let result = producer.send(topic, std::slice::from_ref(message)).await.pop().unwrap();
            match result {
                Ok(_) => break,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
        }
    }
}

#[tokio::test]
async fn consecutive_calls_keep_their_order_even_if_their_futures_are_dropped() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 3);
    let producer = producer(&cluster, FAST).await;
    let all = numbered(0..2_000);
    let calls: Vec<_> = all.chunks(7).map(|batch| producer.send(&topic("orders"), batch)).collect();
    let mut last = None;
    for (at, call) in calls.into_iter().enumerate() {
        // Every other future is dropped unpolled.
        if at % 2 == 0 {
            last = Some(call);
        }
    }
    assert!(last.unwrap().await.iter().all(Result::is_ok));
    let results = producer.send(&topic("orders"), &numbered(2_000..2_010)).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(by_key(&cluster, "orders", 3), expected(0..2_010));
}

#[tokio::test]
async fn the_positions_of_a_call_are_those_of_its_records() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 1);
    let producer = producer(&cluster, FAST).await;
    for first in [0, 5] {
        let results = producer.send(&topic("orders"), &numbered(0..5)).await;
        let positions: Vec<_> = results.into_iter().map(Result::unwrap).collect();
        let offsets = (first..first + 5).map(|offset| Position::Record { partition: 0, offset });
        assert_eq!(positions, offsets.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn states_that_pass_are_ridden_out_and_nothing_is_stored_twice() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 3);
    let producer =
        producer(&cluster, "timeout=1s&retry_for=20s&retry.backoff.ms=20&retry.backoff.max.ms=50").await;
    let all = numbered(0..300);
    for (batch, code) in all.chunks(60).zip([
        Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ]) {
        cluster.fail(Api::Produce, &[code, code]);
        let results = producer.send(&topic("orders"), batch).await;
        assert!(results.iter().all(Result::is_ok), "{code:?}: {results:?}");
    }
    assert_eq!(by_key(&cluster, "orders", 3), expected(0..300));
}

#[tokio::test]
async fn after_a_failed_message_no_later_message_of_its_key_is_stored() {
    for code in [
        Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        Code::RD_KAFKA_RESP_ERR_INVALID_RECORD,
        Code::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
        Code::RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
        Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
        Code::RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
    ] {
        let cluster = Cluster::new(1);
        cluster.create("orders", 1);
        // Small batches: several are under way when one fails.
        let producer = producer(&cluster, &format!("{FAST}&batch.num.messages=5")).await;
        send_until_stored(&*producer, &topic("orders"), &numbered(0..1)).await;
        cluster.fail(Api::Produce, &[code]);
        let all = numbered(1..401);
        let calls: Vec<_> = all.chunks(20).map(|batch| producer.send(&topic("orders"), batch)).collect();
        let mut results = Vec::new();
        for call in calls {
            results.extend(call.await);
        }
        // librdkafka recovers from a lost producer id by itself, if no other batch is under way.
        let first = results.iter().position(Result::is_err);
        assert!(
            first.is_some() || code == Code::RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID,
            "{code:?}: no message failed"
        );
        if let Some(first) = first {
            assert!(
                results[first..].iter().all(Result::is_err),
                "{code:?}: a message was stored after a failed one"
            );
            send_until_stored(&*producer, &topic("orders"), &all[first..]).await;
        }
        for (key, numbers) in by_key(&cluster, "orders", 1) {
            // Messages may be stored twice: what counts is the first time of each.
            let mut seen = Vec::new();
            for number in numbers {
                if !seen.contains(&number) {
                    seen.push(number);
                }
            }
            assert_eq!(seen, expected(0..401)[&key], "{code:?}");
        }
    }
}

#[tokio::test]
async fn an_unavailable_cluster_fails_all_messages_within_retry_for_and_the_next_send_works() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 3);
    let producer = producer(&cluster, FAST).await;
    send_until_stored(&*producer, &topic("orders"), &numbered(0..10)).await;
    cluster.down(1);
    let started = Instant::now();
    let calls: Vec<_> =
        numbered(10..50).chunks(10).map(|batch| producer.send(&topic("orders"), batch)).collect();
    for call in calls {
        for result in call.await {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert!(error.to_string().contains("`retry_for`"), "{error}");
        }
    }
    let took = started.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(6)).contains(&took), "{took:?}");
    cluster.up(1);
    send_until_stored(&*producer, &topic("orders"), &numbered(10..50)).await;
    assert_eq!(by_key(&cluster, "orders", 3), expected(0..50));
}

#[tokio::test]
async fn a_user_who_may_not_send_in_order_gets_an_error_that_names_the_permission() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 1);
    cluster.fail(Api::InitProducerId, &[Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED; 20]);
    let producer = producer(&cluster, FAST).await;
    let error = producer.send(&topic("orders"), &numbered(0..1)).await.pop().unwrap().unwrap_err();
    let chain = events_support::error_chain::chain(&error);
    assert_eq!(error.kind(), ErrorKind::Permission, "{chain}");
    assert!(chain.contains("`IdempotentWrite`"), "{chain}");
    // The permission is granted.
    cluster.clear(Api::InitProducerId);
    send_until_stored(&*producer, &topic("orders"), &numbered(0..1)).await;
}

#[tokio::test]
async fn a_short_outage_is_no_failure() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 3);
    let producer = producer(&cluster, "timeout=2s&retry_for=20s").await;
    send_until_stored(&*producer, &topic("orders"), &numbered(0..10)).await;
    let all = numbered(10..500);
    let calls: Vec<_> = all.chunks(10).map(|batch| producer.send(&topic("orders"), batch)).collect();
    cluster.down(1);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    cluster.up(1);
    for call in calls {
        let results = call.await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    }
    assert_eq!(by_key(&cluster, "orders", 3), expected(0..500));
}

#[tokio::test]
async fn a_deleted_topic_is_reported_and_found_again() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 1);
    let producer = producer(&cluster, "timeout=1s&retry_for=20s&topic.metadata.propagation.max.ms=300").await;
    send_until_stored(&*producer, &topic("orders"), &numbered(0..1)).await;
    cluster.fail_topic("orders", Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    let unknown = Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    cluster.fail(Api::Produce, &[unknown; 40]);
    let error = producer.send(&topic("orders"), &numbered(1..2)).await.pop().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    cluster.fail_topic("orders", Code::RD_KAFKA_RESP_ERR_NO_ERROR);
    cluster.clear(Api::Produce);
    send_until_stored(&*producer, &topic("orders"), &numbered(1..3)).await;
    assert_eq!(by_key(&cluster, "orders", 1).into_values().flatten().collect::<Vec<_>>(), [0, 1, 2]);
}

#[tokio::test]
async fn a_slow_cluster_that_goes_on_storing_is_no_failure() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 1);
    let producer = producer(&cluster, "timeout=2s&retry_for=2s&batch.num.messages=10").await;
    send_until_stored(&*producer, &topic("orders"), &numbered(0..10)).await;
    cluster.slow(1, Duration::from_millis(300));
    let results = producer.send(&topic("orders"), &numbered(10..400)).await;
    assert!(results.iter().all(Result::is_ok), "{:?}", results.iter().find(|result| result.is_err()));
    cluster.slow(1, Duration::ZERO);
    assert_eq!(by_key(&cluster, "orders", 1), expected(0..400));
}

#[tokio::test]
async fn a_full_queue_delays_messages_and_loses_none() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 3);
    let producer = producer(&cluster, "queue.buffering.max.messages=10&queue.buffering.max.ms=1").await;
    let all = numbered(0..1_000);
    let calls: Vec<_> = all.chunks(100).map(|batch| producer.send(&topic("orders"), batch)).collect();
    for call in calls {
        assert!(call.await.iter().all(Result::is_ok));
    }
    assert_eq!(by_key(&cluster, "orders", 3), expected(0..1_000));
}

#[tokio::test]
async fn a_rejected_batch_is_not_the_fault_of_its_messages_until_they_are_sent_alone() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 1);
    let producer = producer(&cluster, FAST).await;
    let orders = topic("orders");
    send_until_stored(&*producer, &orders, &numbered(0..1)).await;
    let too_large = Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    cluster.fail(Api::Produce, &[too_large]);
    let kinds = |results: Vec<Result<Position, TransportError>>| -> Vec<_> {
        results.into_iter().map(|result| result.map_err(|error| error.kind()).err()).collect()
    };
    let first = kinds(producer.send(&orders, &numbered(1..4)).await);
    assert_eq!(first, vec![Some(ErrorKind::Unavailable); 3]);
    cluster.fail(Api::Produce, &[too_large]);
    let alone = kinds(producer.send(&orders, &numbered(1..2)).await);
    assert_eq!(alone, [Some(ErrorKind::TooLarge)]);
    send_until_stored(&*producer, &orders, &numbered(2..4)).await;
    assert_eq!(by_key(&cluster, "orders", 1).into_values().flatten().collect::<Vec<_>>(), [0, 2, 3]);
}

#[tokio::test]
async fn a_topic_that_fails_does_not_disturb_the_others() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 1);
    cluster.create("secret", 1);
    let producer = producer(&cluster, FAST).await;
    send_until_stored(&*producer, &topic("orders"), &numbered(0..1)).await;
    send_until_stored(&*producer, &topic("secret"), &numbered(0..1)).await;
    cluster.fail(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
    let error = producer.send(&topic("secret"), &numbered(1..2)).await.pop().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    for round in 0..20 {
        // The topic is sent apart now.
        cluster.fail(Api::Produce, &[Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
        let secret = producer.send(&topic("secret"), &numbered(1..2));
        assert!(secret.await.pop().unwrap().is_err());
        let orders = producer.send(&topic("orders"), &numbered(round..round + 1));
        assert!(orders.await.pop().unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_header_that_librdkafka_can_not_write_is_refused_and_the_rest_of_its_call_waits() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 1);
    let producer = producer(&cluster, FAST).await;
    let batch = [
        Message::new("0").with_key("k"),
        Message::new("1").with_key("k").with_header("a\0b", "x"),
        Message::new("2").with_key("k"),
    ];
    let results = producer.send(&topic("orders"), &batch).await;
    let kinds: Vec<_> =
        results.iter().map(|result| result.as_ref().err().map(TransportError::kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Refused), Some(ErrorKind::Unavailable)]);
}

#[tokio::test]
async fn a_call_is_not_stored_as_long_as_the_failure_of_an_earlier_one_was_not_returned() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 1);
    cluster.create("other", 1);
    let producer = producer(&cluster, FAST).await;
    let (orders, other) = (topic("orders"), topic("other"));
    let fits = |data: &str| [Message::new(data.to_owned()).with_key("k")];
    assert!(producer.send(&orders, &fits("0")).await.pop().unwrap().is_ok());
    let [message] = fits("1");
    let first = producer.send(&orders, &[message.with_header("a\0b", "x")]);
    let second = producer.send(&orders, &fits("2"));
    assert!(producer.send(&other, &fits("x")).await.pop().unwrap().is_ok(), "topics are independent");
    let kind = |results: Vec<Result<Position, TransportError>>| results[0].as_ref().unwrap_err().kind();
    assert_eq!(kind(first.await), ErrorKind::Refused);
    assert_eq!(
        kind(producer.send(&orders, &fits("3")).await),
        ErrorKind::Unavailable,
        "the second one waits"
    );
    assert_eq!(kind(second.await), ErrorKind::Unavailable);
    for data in ["2", "3"] {
        assert!(producer.send(&orders, &fits(data)).await.pop().unwrap().is_ok());
    }
    let stored: Vec<_> = cluster.stored("orders", 1).into_values().flatten().map(|(_, data)| data).collect();
    assert_eq!(stored, ["0", "2", "3"]);
}

#[tokio::test]
async fn a_namespace_is_part_of_the_name_in_kafka() {
    let cluster = Cluster::new(1);
    cluster.create("staging.orders", 1);
    let producer = producer(&cluster, &format!("{FAST}&namespace=staging")).await;
    send_until_stored(&*producer, &topic("orders"), &numbered(0..3)).await;
    assert_eq!(by_key(&cluster, "staging.orders", 1), expected(0..3));
    let error = producer.send(&topic(&"x".repeat(249)), &numbered(0..1)).await.pop().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[tokio::test]
async fn an_empty_key_is_a_key_and_its_messages_share_a_partition() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 8);
    let producer = producer(&cluster, FAST).await;
    let batch: Vec<_> = (0..50).map(|number| Message::new(number.to_string()).with_key("")).collect();
    for result in producer.send(&topic("orders"), &batch).await {
        assert_eq!(result.unwrap().partition(), Some(0));
    }
}

#[tokio::test]
async fn an_address_that_does_not_reply_is_unavailable_within_the_timeout() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let transport = connect(&format!("kafka://127.0.0.1:{port}?timeout=1s"), &ConnectOptions::new()).unwrap();
    let started = Instant::now();
    let error = transport.producer().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let chain = events_support::error_chain::chain(&error);
    assert!(chain.contains("hosts, ports and scheme in the URL") && chain.contains("refused"), "{chain}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_dropped_producer_still_sends_what_it_has_accepted() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 3);
    let transport = connect(&cluster.url(FAST), &ConnectOptions::new()).unwrap();
    let producer = transport.producer().await.unwrap();
    let sent = producer.send(&topic("orders"), &numbered(0..500));
    drop(producer);
    drop(transport);
    assert!(sent.await.iter().all(Result::is_ok));
    assert_eq!(by_key(&cluster, "orders", 3), expected(0..500));
}

#[test]
fn a_producer_needs_no_runtime_and_outlives_those_that_used_it() {
    let cluster = Cluster::new(1);
    cluster.create("orders", 1);
    let transport = connect(&cluster.url(FAST), &ConnectOptions::new()).unwrap();
    let run = |numbers: std::ops::Range<usize>| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let producer = transport.producer().await.unwrap();
            producer.send(&topic("orders"), &numbered(numbers)).await
        })
    };
    assert!(run(0..10).iter().chain(&run(10..20)).all(Result::is_ok));
    assert_eq!(by_key(&cluster, "orders", 1), expected(0..20));
}

#[tokio::test]
async fn a_producer_ends_although_the_future_that_connects_it_is_dropped() {
    let cluster = Cluster::new(1);
    let (url, options) = (cluster.url(FAST), ConnectOptions::new());
    let config = Arc::new(Config::read(&Target::parse(&url).unwrap(), &options).unwrap());
    let topics = Arc::new(Topics::new(Arc::clone(&config)));
    // Polls the future once, and drops it.
    let connected = KafkaProducer::connect(Arc::clone(&config), Arc::clone(&topics)).now_or_never();
    assert!(connected.is_none());
    let deadline = Instant::now() + Duration::from_secs(60);
    // Its threads have the others.
    while Arc::strong_count(&topics) > 1 {
        assert!(Instant::now() < deadline, "a thread of the producer goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
