//! Retry topics of Kafka: messages with a long delay wait beside their topic, on a real broker.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use events_runtime::transport::{
    Consumer, Delivery, ErrorKind, GroupStatus, Message, Position, StartPosition, Subscription, Topic,
    Transport,
};
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

/// The status of the group.
async fn status(transport: &dyn Transport) -> GroupStatus {
    let groups = transport.groups(&orders()).await.expect("the groups are listed");
    groups.into_iter().find(|status| status.group == billing().group).expect("the group")
}

/// The counts of the group: all that is not settled, and what waits.
async fn counts(transport: &dyn Transport) -> (u64, u64) {
    let status = status(transport).await;
    (status.lag, status.waiting)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_a_retry_topic_is_counted_and_listed_at_its_position() {
    let transport = open("1h,2h");
    let mut consumer = join(&*transport).await;
    let messages: Vec<_> = (0..4).map(|number| message("a", number)).collect();
    let positions = send(&*transport, &messages).await;
    let mut deliveries = receive(&mut *consumer, 4).await.into_iter();
    let (first, second, third, fourth) = (
        deliveries.next().unwrap(),
        deliveries.next().unwrap(),
        deliveries.next().unwrap(),
        deliveries.next().unwrap(),
    );
    third.retry(Duration::from_secs(3 * 3_600)).await.expect("the retry is stored");
    first.retry(Duration::from_secs(3_600)).await.expect("the retry is stored");
    ack(second).await;
    assert_eq!(counts(&*transport).await, (3, 2));
    let group = billing().group;
    for max in [1, 2, 10] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let some = transport.unsettled(&orders(), &group, after, max).await.expect("it is listed");
            let Some(last) = some.last() else { break };
            after = Some(last.position);
            listed.extend(some.into_iter().map(|stored| (stored.position, stored.message)));
        }
        let expected: Vec<_> = [0, 2, 3].map(|at| (positions[at], messages[at].clone())).into();
        assert_eq!(listed, expected, "in portions of {max}");
    }
    ack(fourth).await;
    assert_eq!(counts(&*transport).await, (2, 2));
    let status = status(&*transport).await;
    assert_eq!((status.lag_in(Some(0)), status.next), (0, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_starts_again_forgets_what_waits_and_one_that_moves_to_a_position_keeps_it() {
    let transport = open("3s");
    let mut consumer = join(&*transport).await;
    let positions = send(&*transport, &[message("a", 0), message("b", 0)]).await;
    let group = billing().group;
    for (start, waiting, expected) in [
        (StartPosition::Latest, 0, &[][..]),
        (StartPosition::Earliest, 0, &["a0", "b0"]),
        (StartPosition::At(positions[1]), 1, &["b0", "a0"]),
    ] {
        if waiting == 0 {
            transport
                .seek(&orders(), &group, StartPosition::At(positions[0]))
                .await
                .expect("the group moves");
        }
        let mut deliveries = receive(&mut *consumer, 2).await;
        ack(deliveries.pop().expect("two")).await;
        deliveries.pop().expect("two").retry(Duration::from_secs(3)).await.expect("the retry is stored");
        assert_eq!(counts(&*transport).await, (1, 1), "{start:?}");
        transport.seek(&orders(), &group, start.clone()).await.expect("the group moves");
        assert_eq!(status(&*transport).await.waiting, waiting, "{start:?}");
        let received = receive(&mut *consumer, expected.len()).await;
        assert_eq!(received.iter().map(text).collect::<Vec<_>>(), expected, "{start:?}");
        for delivery in received {
            ack(delivery).await;
        }
        nothing(&mut *consumer).await;
        if start == StartPosition::Earliest {
            transport.seek(&orders(), &group, StartPosition::Earliest).await.expect("the group moves");
        }
    }
    assert_eq!(counts(&*transport).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_group_leaves_nothing_that_waits_for_its_successor() {
    let transport = open("1s");
    let mut consumer = join(&*transport).await;
    send(&*transport, &[message("a", 0)]).await;
    receive_one(&mut *consumer).await.retry(Duration::from_secs(2)).await.expect("the retry is stored");
    transport.remove_group(&orders(), &billing().group).await.expect("the group is removed");
    assert_eq!(transport.groups(&orders()).await.expect("the groups are listed"), []);
    let retries = topic("orders.billing.retry.1s");
    assert_eq!(transport.groups(&retries).await.expect("the groups are listed"), []);
    let started = Instant::now();
    loop {
        match consumer.receive(1, Duration::from_millis(100)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => break,
            received => assert!(received.expect("messages are received").is_empty(), "nothing is left"),
        }
        assert!(started.elapsed() < LONG, "the members of the removed group go on");
    }
    drop(consumer);
    let mut next = transport.consumer(billing().start(StartPosition::Latest)).await.expect("a consumer");
    tokio::time::sleep(Duration::from_secs(3)).await;
    nothing(&mut *next).await;
    assert_eq!(counts(&*transport).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_delay_that_is_no_longer_configured_is_still_delivered() {
    let url = url("create_topics=true&partitions=1");
    let before = transport(&format!("{url}&retry_topics=1s,5s"));
    let mut consumer = join(&*before).await;
    send(&*before, &[message("a", 0)]).await;
    receive_one(&mut *consumer).await.retry(Duration::from_secs(1)).await.expect("the retry is stored");
    consumer.close().await.expect("the consumer leaves");
    let after = transport(&format!("{url}&retry_topics=5s"));
    let mut consumer = join(&*after).await;
    let again = receive_one(&mut *consumer).await;
    assert_eq!((text(&again).as_str(), again.attempt()), ("a0", 2));
    ack(again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_its_retry_topic_refuses_waits_in_its_own_topic() {
    let url = url("partitions=1");
    let creating = transport(&format!("{url}&create_topics=true&retry_topics=1s"));
    join(&*creating).await.close().await.expect("the consumer leaves");
    alter("orders.billing.retry.1s", &url, "max.message.bytes", "300").await;
    let transport = transport(&format!("{url}&create_topics=true&retry_topics=1s"));
    let mut consumer = join(&*transport).await;
    let large = Message::new(vec![b'x'; 2_000]).with_key("a");
    send(&*transport, &[large.clone(), message("b", 0)]).await;
    let mut both = receive(&mut *consumer, 2).await;
    ack(both.pop().expect("two")).await;
    let retried = Instant::now();
    both.pop().expect("two").retry(Duration::from_secs(1)).await.expect("the retry is stored");
    let again = receive_one(&mut *consumer).await;
    assert!(retried.elapsed() + ROUNDED >= Duration::from_secs(1), "it came after {:?}", retried.elapsed());
    assert_eq!((again.attempt(), again.message()), (2, &large));
    ack(again).await;
    assert_eq!(stored(&*transport, "orders.billing.retry.1s").await, 0);
}

/// Sets a setting of a topic in the namespace of a URL.
async fn alter(topic: &str, url: &str, name: &str, value: &str) {
    use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
    let namespace =
        url.split_once("namespace=").and_then(|(_, rest)| rest.split_once('&')).expect("a namespace").0;
    let server = SERVER.get().expect("the broker runs");
    let admin: AdminClient<_> =
        rdkafka::ClientConfig::new().set("bootstrap.servers", server.bootstrap()).create().expect("a client");
    let full = format!("{namespace}.{topic}");
    let altered = AlterConfig::new(ResourceSpecifier::Topic(&full)).set(name, value);
    for one in admin.alter_configs([&altered], &AdminOptions::new()).await.expect("the broker replies") {
        one.expect("the setting is stored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_with_transactions_is_moved_once_or_not_at_all() {
    const COUNT: usize = 20;
    let transport = open("1s");
    let mut consumer = transport.consumer(billing().transactions(true)).await.expect("a consumer");
    let messages: Vec<_> = (0..COUNT).map(|number| message("a", number)).collect();
    send(&*transport, &messages).await;
    let deliveries = receive(&mut *consumer, COUNT).await;
    let retried = deliveries.into_iter().map(|delivery| delivery.retry(Duration::from_secs(1)));
    for stored in retried.collect::<Vec<_>>() {
        stored.await.expect("the retry is stored");
    }
    let again = receive(&mut *consumer, COUNT).await;
    let texts: BTreeSet<_> = again.iter().map(text).collect();
    assert_eq!(texts.len(), COUNT, "{texts:?}");
    for delivery in again {
        assert_eq!(delivery.attempt(), 2);
        ack(delivery).await;
    }
    nothing(&mut *consumer).await;
    // A transaction has a marker of its own in the log.
    let stored = stored(&*transport, "orders.billing.retry.1s").await;
    assert!(stored > COUNT as u64, "{stored} records: no transaction stored them");
}

/// The fact about retry topics of a check, and whether it is a warning.
async fn fact(transport: &dyn Transport) -> Option<(String, bool)> {
    let health = transport.check().await.expect("the cluster is checked");
    let fact = health.facts.iter().find(|(name, _)| *name == "retry topics");
    fact.map(|(name, value)| (value.clone(), health.warnings.contains(name)))
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_missing_retry_topics_and_those_without_a_reader() {
    let url = url("timeout=10s");
    let creating = transport(&format!("{url}&create_topics=true&partitions=1&retry_topics=1h"));
    let mut consumer = join(&*creating).await;
    send(&*creating, &[message("a", 0)]).await;
    receive_one(&mut *consumer).await.retry(Duration::from_secs(3_600)).await.expect("the retry is stored");
    consumer.close().await.expect("the consumer leaves");
    assert_eq!(fact(&*transport(&format!("{url}&retry_topics=1h"))).await, None);
    let (missing, is_warning) =
        fact(&*transport(&format!("{url}&retry_topics=1m,1h"))).await.expect("a fact");
    assert!(is_warning && missing.contains("`orders.billing.retry.1m` don't exist"), "{missing}");
    assert!(!missing.contains("retry.1h"), "{missing}");
    let (unread, is_warning) = fact(&*transport(&url)).await.expect("a fact");
    assert!(is_warning && unread.contains("messages wait in `orders.billing.retry.1h`"), "{unread}");
    // A retry topic needs neither a dead-letter topic nor schemas of its own.
    let health = transport(&url).check().await.expect("the cluster is checked");
    for (name, value) in &health.facts {
        assert!(
            !value.contains(".retry.1h.billing.dlq") && !value.contains(".retry.1h.schemas"),
            "{name}: {value}"
        );
    }
}

/// The environment variable with the URL of a member in a process of its own.
const MEMBER: &str = "RETRY_TOPICS_MEMBER";

/// Not a promise: the member that the tests below kill. It retries each message, without waiting for the outcome.
#[tokio::test(flavor = "multi_thread")]
async fn member_of_another_process() {
    let Ok(url) = std::env::var(MEMBER) else { return };
    let transport = transport(&url);
    let mut consumer = join(&*transport).await;
    println!("joined");
    loop {
        for delivery in consumer.receive(10, Duration::from_millis(100)).await.expect("messages are received")
        {
            println!("took {} {}", text(&delivery), delivery.attempt());
            std::io::stdout().flush().expect("the other process reads");
            if delivery.attempt() < 3 {
                drop(delivery.retry(Duration::from_millis(200)));
            } else {
                // Held until the end.
                std::mem::forget(delivery);
            }
        }
    }
}

struct Member {
    process: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Member {
    fn start(url: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program"))
            .args(["member_of_another_process", "--exact", "--nocapture"])
            .env(MEMBER, url)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (sender, lines) = std::sync::mpsc::channel();
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { process, lines }
    }

    /// Waits for a line that begins like this.
    fn wait_for(&self, begin: &str) -> String {
        let started = Instant::now();
        loop {
            let left = LONG.saturating_sub(started.elapsed());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("no line `{begin}` in time"));
            // The test runner may print its own text before it.
            if let Some((_, rest)) = line.split_once(begin) {
                return rest.to_owned();
            }
        }
    }

    fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

/// Short sessions, so that a killed member is noticed soon.
fn of_processes() -> String {
    url(
        "create_topics=true&partitions=1&retry_topics=200ms&session.timeout.ms=6000&heartbeat.interval.ms=500",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_in_retry_topics_survive_the_death_of_members() {
    let url = of_processes();
    let transport = transport(&url);
    join(&*transport).await.close().await.expect("the consumer leaves");
    send(&*transport, &[message("a", 0)]).await;
    let member = Member::start(&url);
    // The third attempt is in flight when the member dies, so it is not counted.
    assert_eq!(member.wait_for("took a0 3"), "");
    member.kill();
    let mut consumer = join(&*transport).await;
    let again = receive_one(&mut *consumer).await;
    assert_eq!((text(&again).as_str(), again.attempt()), ("a0", 3));
    ack(again).await;
    nothing(&mut *consumer).await;
    assert_eq!(counts(&*transport).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_dies_while_messages_move_loses_none() {
    const COUNT: usize = 200;
    let url = of_processes();
    let transport = transport(&url);
    join(&*transport).await.close().await.expect("the consumer leaves");
    let messages: Vec<_> = (0..COUNT).map(|number| message(["a", "b", "c"][number % 3], number)).collect();
    send(&*transport, &messages).await;
    for _ in 0..3 {
        let member = Member::start(&url);
        member.wait_for("took ");
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..150))).await;
        member.kill();
    }
    let mut consumer = join(&*transport).await;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let started = Instant::now();
    while times.len() < COUNT || counts(&*transport).await.0 > 0 {
        assert!(started.elapsed() < LONG, "only {} of {COUNT} messages came", times.len());
        for delivery in
            consumer.receive(100, Duration::from_millis(500)).await.expect("messages are received")
        {
            *times.entry(text(&delivery)).or_default() += 1;
            ack(delivery).await;
        }
    }
    let expected: BTreeSet<_> =
        messages.iter().map(|one| String::from_utf8_lossy(&one.data).into_owned()).collect();
    assert_eq!(times.keys().cloned().collect::<BTreeSet<_>>(), expected);
}

/// The state after a crash between the two: the message is in both topics.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_move_and_its_commit_delivers_twice_and_lists_once() {
    let transport = open("1s");
    let mut consumer = join(&*transport).await;
    let positions = send(&*transport, &[message("a", 0)]).await;
    receive_one(&mut *consumer).await.retry(Duration::from_secs(1)).await.expect("the retry is stored");
    consumer.close().await.expect("the consumer leaves");
    // The group has not committed that the message is settled.
    transport
        .seek(&orders(), &billing().group, StartPosition::At(positions[0]))
        .await
        .expect("the group moves");
    let group = billing().group;
    let listed = transport.unsettled(&orders(), &group, None, 10).await.expect("it is listed");
    assert_eq!(listed.iter().map(|one| one.position).collect::<Vec<_>>(), positions);
    let mut consumer = join(&*transport).await;
    let both = receive(&mut *consumer, 2).await;
    let mut attempts: Vec<_> = both.iter().map(Delivery::attempt).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 2]);
    for delivery in both {
        assert_eq!((delivery.message(), delivery.position()), (&message("a", 0), positions[0]));
        ack(delivery).await;
    }
    nothing(&mut *consumer).await;
    assert_eq!(counts(&*transport).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_retry_topics_of_several_topics_are_apart() {
    let transport = open("500ms");
    let payments = Subscription::new(topic("payments"), billing().group);
    let mut consumer = transport.consumer_of(vec![billing(), payments]).await.expect("a consumer");
    let producer = transport.producer().await.expect("a producer");
    for name in ["orders", "payments"] {
        for sent in producer.send(&topic(name), &[message("a", 0)]).await {
            sent.expect("it is stored");
        }
    }
    for attempt in [1, 2] {
        let both = receive(&mut *consumer, 2).await;
        let topics: BTreeSet<_> = both.iter().map(|delivery| delivery.topic().to_string()).collect();
        assert_eq!(topics, BTreeSet::from(["orders".to_owned(), "payments".to_owned()]));
        for delivery in both {
            assert_eq!(delivery.attempt(), attempt);
            if attempt == 1 {
                delivery.retry(Duration::from_millis(500)).await.expect("the retry is stored");
            } else {
                ack(delivery).await;
            }
        }
    }
    nothing(&mut *consumer).await;
    for name in ["orders.billing.retry.500ms", "payments.billing.retry.500ms"] {
        assert_eq!(stored(&*transport, name).await, 1, "{name}");
    }
}
