//! Retry topics of Kafka: messages with a long delay wait beside their topic, on a real broker.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use events_runtime::transport::{Consumer, Delivery, ErrorKind, Message, Position, Topic, Transport};
use events_server_tests::KafkaServer;
use events_server_tests::orders::{billing, orders, transport};

/// Exceeds the duration of any wait here.
const LONG: Duration = Duration::from_secs(120);
/// What stores and clocks round off.
const ROUNDED: Duration = Duration::from_millis(2);

static SERVER: OnceLock<KafkaServer> = OnceLock::new();
static NAMESPACES: AtomicU32 = AtomicU32::new(0);

/// A namespace of the broker that the tests share, with these settings.
fn url(settings: &str) -> String {
    let server = SERVER.get_or_init(KafkaServer::start);
    let namespace = NAMESPACES.fetch_add(1, Ordering::Relaxed);
    format!("{}?namespace=test-{namespace}&{settings}", server.url())
}

/// A topic with one partition and these delays.
fn open(delays: &str) -> Box<dyn Transport> {
    transport(&url(&format!("create_topics=true&partitions=1&retry_topics={delays}")))
}

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a valid name")
}

fn message(key: &str, number: usize) -> Message {
    Message::new(format!("{key}{number}"))
        .with_key(key.to_owned())
        .with_header("ce_id", format!("{key}{number}"))
}

async fn send(transport: &dyn Transport, messages: &[Message]) -> Vec<Position> {
    let producer = transport.producer().await.expect("a producer");
    let sent = producer.send(&orders(), messages).await;
    sent.into_iter().map(|sent| sent.expect("it is stored")).collect()
}

async fn join(transport: &dyn Transport) -> Box<dyn Consumer> {
    transport.consumer(billing()).await.expect("a consumer")
}

async fn receive(consumer: &mut dyn Consumer, count: usize) -> Vec<Delivery> {
    let (mut received, started) = (Vec::new(), Instant::now());
    while received.len() < count {
        assert!(started.elapsed() < LONG, "only {} of {count} messages came: {received:?}", received.len());
        let wait = Duration::from_secs(1);
        received.extend(consumer.receive(count - received.len(), wait).await.expect("messages are received"));
    }
    received
}

async fn receive_one(consumer: &mut dyn Consumer) -> Delivery {
    receive(consumer, 1).await.remove(0)
}

async fn nothing(consumer: &mut dyn Consumer) {
    let more = consumer.receive(10, Duration::ZERO).await.expect("the call succeeds");
    assert!(more.is_empty(), "unexpected messages: {more:?}");
}

fn text(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message().data).into_owned()
}

async fn ack(delivery: Delivery) {
    delivery.ack().await.expect("the acknowledgement is stored");
}

/// The number of messages in a topic.
async fn stored(transport: &dyn Transport, name: &str) -> u64 {
    let topics = transport.topics().await.expect("the topics are listed");
    topics.iter().find(|status| status.topic.as_str() == name).map_or(0, |status| status.messages)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_retry_does_not_hold_back_its_key_or_its_partition() {
    const DELAY: Duration = Duration::from_secs(2);
    let transport = open("2s");
    assert!(!transport.capability().retries_hold_key);
    let mut consumer = join(&*transport).await;
    let positions = send(&*transport, &[message("a", 0), message("a", 1), message("b", 0)]).await;
    let first = receive_one(&mut *consumer).await;
    let time = first.time();
    let retried = Instant::now();
    first.retry(DELAY).await.expect("the retry is stored");
    for expected in ["a1", "b0"] {
        let other = receive_one(&mut *consumer).await;
        assert_eq!((text(&other).as_str(), other.attempt()), (expected, 1));
        ack(other).await;
    }
    let again = receive_one(&mut *consumer).await;
    assert!(retried.elapsed() + ROUNDED >= DELAY, "it came after {:?}", retried.elapsed());
    assert_eq!((text(&again).as_str(), again.attempt()), ("a0", 2));
    assert_eq!(again.message(), &message("a", 0), "no header of the retry topic is delivered");
    assert_eq!((again.topic(), again.position(), again.time()), (&orders(), positions[0], time));
    ack(again).await;
    nothing(&mut *consumer).await;
    assert_eq!(stored(&*transport, "orders.billing.retry.2s").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_below_the_shortest_retry_topic_holds_back_its_key() {
    let transport = open("10s");
    let mut consumer = join(&*transport).await;
    send(&*transport, &[message("a", 0), message("a", 1)]).await;
    receive_one(&mut *consumer).await.retry(Duration::from_millis(300)).await.expect("the retry is stored");
    let both = receive(&mut *consumer, 2).await;
    let both: Vec<_> = both.iter().map(|delivery| (text(delivery), delivery.attempt())).collect();
    assert_eq!(both, [("a0".to_owned(), 2), ("a1".to_owned(), 1)]);
    assert_eq!(stored(&*transport, "orders.billing.retry.10s").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_of_growing_delays_count_attempts_in_their_topics() {
    let transport = open("1s,3s");
    let mut consumer = join(&*transport).await;
    let positions = send(&*transport, &[message("a", 0)]).await;
    for (attempt, delay) in [(1, 1), (2, 3), (3, 1)] {
        let delivery = receive_one(&mut *consumer).await;
        assert_eq!((delivery.attempt(), delivery.position()), (attempt, positions[0]));
        let (delay, retried) = (Duration::from_secs(delay), Instant::now());
        delivery.retry(delay).await.expect("the retry is stored");
        nothing(&mut *consumer).await;
        let again = receive_one(&mut *consumer).await;
        assert!(retried.elapsed() + ROUNDED >= delay, "it came after {:?}", retried.elapsed());
        assert_eq!(again.attempt(), attempt + 1);
        again.release().await.expect("the release is stored");
    }
    let last = receive_one(&mut *consumer).await;
    assert_eq!((last.attempt(), last.message()), (4, &message("a", 0)));
    ack(last).await;
    assert_eq!(stored(&*transport, "orders.billing.retry.1s").await, 2);
    assert_eq!(stored(&*transport, "orders.billing.retry.3s").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_between_two_topics_is_kept_and_delays_no_other() {
    const LONGER: Duration = Duration::from_secs(4);
    let transport = open("1s");
    let mut consumer = join(&*transport).await;
    send(&*transport, &[message("a", 0), message("b", 0)]).await;
    let mut both = receive(&mut *consumer, 2).await;
    let (second, first) = (both.pop().expect("two"), both.pop().expect("two"));
    let retried = Instant::now();
    first.retry(LONGER).await.expect("the retry is stored");
    second.retry(Duration::from_secs(1)).await.expect("the retry is stored");
    let early = receive_one(&mut *consumer).await;
    assert_eq!((text(&early).as_str(), early.attempt()), ("b0", 2));
    ack(early).await;
    let late = receive_one(&mut *consumer).await;
    assert_eq!((text(&late).as_str(), late.attempt()), ("a0", 2));
    assert!(retried.elapsed() + ROUNDED >= LONGER, "it came after {:?}", retried.elapsed());
    ack(late).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_after_the_last_attempt_names_the_topic_that_the_message_comes_from() {
    let transport = open("500ms");
    let mut consumer = join(&*transport).await;
    let positions = send(&*transport, &[message("a", 0)]).await;
    receive_one(&mut *consumer).await.retry(Duration::from_secs(1)).await.expect("the retry is stored");
    receive_one(&mut *consumer).await.reject("no such customer").await.expect("the rejection is stored");
    nothing(&mut *consumer).await;
    let of_dead_letters = billing();
    let dead = of_dead_letters.dead_letter_topic().expect("a valid name");
    let mut reader = billing();
    reader.topic = dead;
    let mut reader = transport.consumer(reader).await.expect("a consumer");
    let letter = receive_one(&mut *reader).await;
    for (name, value) in [
        ("dlq_topic", "orders"),
        ("dlq_group", "billing"),
        ("dlq_attempts", "2"),
        ("dlq_position", &*positions[0].to_string()),
    ] {
        assert_eq!(letter.message().headers.get(name).expect(name), value, "{name}");
    }
    let names: Vec<_> = letter.message().headers.iter().map(|(name, _)| name.to_owned()).collect();
    assert!(!names.iter().any(|name| name.starts_with("events-retry-")), "{names:?}");
    ack(letter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_retry_topics_are_named_by_the_subscription() {
    let url = url("timeout=10s");
    let creates = format!("{url}&create_topics=true&partitions=2");
    let creating = transport(&creates);
    join(&*creating).await.close().await.expect("the consumer leaves");
    let refusing = transport(&format!("{url}&retry_topics=1m,10m"));
    let error = refusing.consumer(billing()).await.err().expect("the topics are missing");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = error.to_string();
    for part in
        ["`orders.billing.retry.1m`, `orders.billing.retry.10m`", "2 partitions", "create_topics=true"]
    {
        assert!(error.contains(part), "{error}");
    }
    // A group that ends with its work needs none.
    let temporary = billing().retries_in_place();
    refusing.consumer(temporary).await.expect("a consumer").close().await.expect("the consumer leaves");
    let creating = transport(&format!("{creates}&retry_topics=1m,10m"));
    join(&*creating).await.close().await.expect("the consumer leaves");
    let topics = creating.topics().await.expect("the topics are listed");
    let partitions =
        |name| topics.iter().find(|status| status.topic == topic(name)).map(|status| status.partitions.len());
    assert_eq!(partitions("orders.billing.retry.1m"), Some(2));
    assert_eq!(partitions("orders.billing.retry.10m"), Some(2));
}
