//! Listing, moving and removing groups, reading without a group, and `doctor`, on a Kafka broker.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, ErrorKind, GroupStatus, Health, Position, StartPosition, Topic,
    TopicStatus, Transport, connect,
};
use events_server_tests::KafkaServer;
use events_server_tests::kafka::USER;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

const LONG: Duration = Duration::from_secs(60);

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a valid name")
}

fn group(name: &str) -> ConsumerGroup {
    ConsumerGroup::new(name).expect("a valid name")
}

fn at(partition: u32, offset: u64) -> Position {
    format!("{partition}:{offset}").parse().expect("a position")
}

fn open(url: &str) -> Box<dyn Transport> {
    connect(url, &ConnectOptions::new()).expect("a valid URL")
}

fn client(server: &KafkaServer) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", server.bootstrap());
    config
}

/// Creates a topic as another program does.
async fn create(server: &KafkaServer, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let admin: AdminClient<_> = client(server).create().expect("a client");
    let mut new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (name, value) in settings {
        new = new.set(name, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(LONG));
    let created = admin.create_topics([&new], &options).await.expect("the broker replies");
    for topic in created {
        topic.expect("it is created");
    }
    until_known(server, name).await;
}

/// The broker learns from the controller that a topic was created.
async fn until_known(server: &KafkaServer, name: &str) {
    let client: BaseProducer = client(server).create().expect("a client");
    loop {
        let metadata = client.client().fetch_metadata(Some(name), LONG).expect("the broker replies");
        let partitions = metadata.topics()[0].partitions();
        if !partitions.is_empty() && partitions.iter().all(|partition| partition.leader() >= 0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends numbered messages to a partition as another program does.
fn send(server: &KafkaServer, topic: &str, partition: i32, count: usize) {
    let producer: BaseProducer = client(server).create().expect("a client");
    for number in 0..count {
        let (key, value) = (format!("k{number}"), format!("{partition}#{number}"));
        let headers = OwnedHeaders::new().insert(Header { key: "ce_type", value: Some("a.b.c.d.v1") });
        let record = BaseRecord::to(topic).partition(partition).key(&key).payload(&value).headers(headers);
        producer.send(record).map_err(|(error, _)| error).expect("it is queued");
    }
    producer.flush(LONG).expect("the messages are stored");
}

/// A member of a group as other programs have, which has committed after `count` messages.
fn other_member(
    server: &KafkaServer,
    topic: &str,
    group: &str,
    protocol: &str,
    count: usize,
) -> BaseConsumer {
    let mut config = client(server);
    config.set("group.id", group).set("group.protocol", protocol);
    config.set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("a client");
    consumer.subscribe(&[topic]).expect("it subscribes");
    let mut received = 0;
    while received < count {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            consumer.commit_message(&message, CommitMode::Sync).expect("it commits");
            received += 1;
        }
    }
    consumer
}

async fn status(transport: &dyn Transport, topic_name: &str, group_name: &str) -> Option<GroupStatus> {
    let groups = transport.groups(&topic(topic_name)).await.expect("the groups are listed");
    groups.into_iter().find(|status| status.group == group(group_name))
}

async fn next(transport: &dyn Transport, topic_name: &str, group_name: &str) -> String {
    let status = status(transport, topic_name, group_name).await.expect("the group is listed");
    status.positions().expect("its positions are reported").to_string()
}

async fn topic_status(transport: &dyn Transport, name: &str) -> Option<TopicStatus> {
    let topics = transport.topics().await.expect("the topics are listed");
    topics.into_iter().find(|status| status.topic == topic(name))
}

fn fact(health: &Health, name: &str) -> String {
    let fact = health.facts.iter().find(|(found, _)| *found == name);
    fact.map(|(_, value)| value.clone()).unwrap_or_default()
}

#[tokio::test]
async fn groups_of_other_programs_are_listed_with_their_lag() {
    let server = KafkaServer::start();
    create(&server, "orders", 3, &[]).await;
    for partition in 0..3 {
        send(&server, "orders", partition, 10);
    }
    let transport = open(&server.url());
    let found = topic_status(&*transport, "orders").await.expect("it is listed");
    assert_eq!(found.messages, 30);
    let ranges: Vec<_> = found.partitions.iter().map(|range| (range.first, range.end)).collect();
    assert_eq!(ranges, [0, 1, 2].map(|partition| (at(partition, 0), at(partition, 10))));
    for protocol in ["classic", "consumer"] {
        let member = other_member(&server, "orders", protocol, protocol, 12);
        for _ in 0..2 {
            let status = status(&*transport, "orders", protocol).await.expect("it is listed");
            assert_eq!(status.lag, 18, "{protocol}: {status:?}");
            assert_eq!((0..3).map(|partition| status.lag_in(Some(partition))).sum::<u64>(), 18);
        }
        drop(member);
    }
    let missing = transport.groups(&topic("ordres")).await.expect_err("there is no such topic");
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
}

#[tokio::test]
async fn a_group_is_moved_to_any_position() {
    let server = KafkaServer::start();
    create(&server, "orders", 2, &[]).await;
    send(&server, "orders", 0, 5);
    send(&server, "orders", 1, 7);
    // The clock of the broker is that of the test.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let between = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    send(&server, "orders", 0, 5);
    let transport = open(&server.url());
    let moved = async |start: StartPosition| {
        transport.seek(&topic("orders"), &group("billing"), start).await.expect("the group is moved");
        next(&*transport, "orders", "billing").await
    };
    // It does not exist yet: partitions without a name start at the first message.
    assert_eq!(moved(at(1, 3).into()).await, "0:0,1:3");
    assert_eq!(moved(StartPosition::Latest).await, "0:10,1:7");
    // It exists: partitions without a name keep their position.
    assert_eq!(moved(at(0, 4).into()).await, "0:4,1:7");
    assert_eq!(moved(StartPosition::Earliest).await, "0:0,1:0");
    assert_eq!(moved(between.into()).await, "0:5,1:7");
    assert_eq!(moved(SystemTime::UNIX_EPOCH.into()).await, "0:0,1:0");
    assert_eq!(moved((SystemTime::now() + LONG).into()).await, "0:10,1:7");
    assert_eq!(moved("0:2,1:99".parse().expect("positions")).await, "0:2,1:7");
    for wrong in ["7:0", "42", "1526919030474-55"] {
        let wrong: StartPosition = wrong.parse().expect("a position");
        let error =
            transport.seek(&topic("orders"), &group("billing"), wrong).await.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    assert_eq!(next(&*transport, "orders", "billing").await, "0:2,1:7");
}

#[tokio::test]
async fn a_group_is_removed_from_one_topic_and_keeps_its_progress_in_another() {
    let server = KafkaServer::start();
    let transport = open(&server.url());
    for name in ["orders", "payments"] {
        create(&server, name, 2, &[]).await;
        send(&server, name, 0, 5);
        transport.seek(&topic(name), &group("billing"), StartPosition::Latest).await.expect("it is moved");
    }
    let remove = async |name: &str| transport.remove_group(&topic(name), &group("billing")).await;
    remove("orders").await.expect("it is removed");
    assert_eq!(status(&*transport, "orders", "billing").await, None);
    assert_eq!(remove("orders").await.expect_err("it is gone").kind(), ErrorKind::NotFound);
    assert_eq!(next(&*transport, "payments", "billing").await, "0:5,1:0");
    // Another program of the group starts in the topic as in a new one.
    let member = other_member(&server, "orders", "billing", "classic", 5);
    assert_eq!(next(&*transport, "orders", "billing").await, "0:5,1:0");
    drop(member);
    remove("orders").await.expect("it is removed");
    remove("payments").await.expect("it is removed");
    let names: Vec<_> = client(&server)
        .create::<BaseConsumer>()
        .and_then(|client| {
            client.fetch_metadata(None, LONG)?;
            client.fetch_group_list(None, LONG)
        })
        .expect("the groups are listed")
        .groups()
        .iter()
        .map(|group| group.name().to_owned())
        .collect();
    assert_eq!(names, Vec::<String>::new(), "the last topic removes the group from the cluster");
}

#[tokio::test]
async fn members_of_other_programs_keep_their_group_and_the_error_says_what_to_do() {
    let server = KafkaServer::start();
    create(&server, "orders", 1, &[]).await;
    send(&server, "orders", 0, 5);
    let members = ["classic", "consumer"].map(|name| other_member(&server, "orders", name, name, 3));
    // They are waited for a little longer than a session.
    let transport = open(&format!("{}?session.timeout.ms=6000", server.url()));
    let (topic, classic, consumer) = (topic("orders"), group("classic"), group("consumer"));
    let (moved, removed) = tokio::join!(
        transport.seek(&topic, &classic, StartPosition::Earliest),
        transport.remove_group(&topic, &consumer)
    );
    for error in [moved.expect_err("it has a member"), removed.expect_err("it has a member")] {
        assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
        assert!(error.to_string().contains("stop them"), "{error}");
    }
    for name in ["classic", "consumer"] {
        assert_eq!(next(&*transport, "orders", name).await, "0:3");
    }
    // The groups for the requests are not listed.
    assert_eq!(transport.groups(&topic).await.expect("the groups are listed").len(), 2);
    drop(members);
    transport.seek(&topic, &classic, StartPosition::Earliest).await.expect("it has no members any more");
    transport.remove_group(&topic, &consumer).await.expect("it has no members any more");
}

#[tokio::test]
async fn unsettled_messages_are_read_without_a_trace() {
    let server = KafkaServer::start();
    create(&server, "orders", 3, &[]).await;
    for partition in 0..3 {
        send(&server, "orders", partition, 4);
    }
    let transport = open(&server.url());
    let read = async |group_name: &str, after: Option<Position>, max: usize| {
        let (topic, group) = (topic("orders"), group(group_name));
        let found = transport.unsettled(&topic, &group, after, max).await.expect("they are read");
        found.into_iter().map(|found| found.position.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(read("nobody", Some(at(0, 2)), 3).await, ["0:3", "1:0", "1:1"]);
    assert_eq!(read("nobody", Some(at(2, 3)), 3).await, [""; 0]);
    transport
        .seek(&topic("orders"), &group("billing"), "0:4,1:1,2:3".parse().expect("positions"))
        .await
        .expect("it is moved");
    assert_eq!(read("billing", None, 100).await, ["1:1", "1:2", "1:3", "2:3"]);
    assert_eq!(read("billing", Some(at(1, 2)), 100).await, ["1:3", "2:3"]);
    let found = transport.unsettled(&topic("orders"), &group("billing"), None, 1).await.expect("it is read");
    let message = &found[0].message;
    assert_eq!(message.key.as_deref(), Some(&b"k1"[..]));
    assert_eq!(message.headers.get("ce_type").map(|value| &**value), Some(&b"a.b.c.d.v1"[..]));
    assert_eq!(*message.data, *b"1#1");
    assert!(found[0].time.elapsed().expect("it is in the past") < LONG);
    assert_eq!(status(&*transport, "orders", "nobody").await, None);
    assert_eq!(next(&*transport, "orders", "billing").await, "0:4,1:1,2:3");
}

#[tokio::test]
async fn retention_is_that_of_the_brokers() {
    let server = KafkaServer::with(&[("log.retention.check.interval.ms", "500")]);
    create(&server, "orders", 1, &[("retention.ms", "1000"), ("segment.ms", "500")]).await;
    let transport = open(&server.url());
    transport.seek(&topic("orders"), &group("billing"), StartPosition::Earliest).await.expect("it is moved");
    send(&server, "orders", 0, 4);
    let trimmed = transport.trim().await.expect_err("the brokers do it");
    assert_eq!(trimmed.kind(), ErrorKind::Unsupported);
    assert!(trimmed.to_string().contains("`retention.ms`"), "{trimmed}");
    let removed = tokio::time::timeout(LONG, async {
        // The first message is removed when a later one has begun another segment.
        while topic_status(&*transport, "orders").await.expect("it is listed").partitions[0].first == at(0, 0)
        {
            send(&server, "orders", 0, 1);
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    });
    removed.await.expect("the broker removes them");
    let health = transport.check().await.expect("the broker replies");
    let lag = fact(&health, "lag");
    assert!(lag.contains("retention has removed"), "{health:?}");
    assert!(lag.contains("`orders`") && lag.contains("`billing`"), "{lag}");
    assert!(health.warnings.contains(&"lag"), "{health:?}");
    let first = topic_status(&*transport, "orders").await.expect("it is listed").partitions[0].first;
    let next = next(&*transport, "orders", "billing").await;
    assert!(first > at(0, 0) && next.parse::<Position>().expect("a position") >= first, "{first}, {next}");
}

#[tokio::test]
async fn doctor_names_what_can_lose_events() {
    let server = KafkaServer::start();
    let transport = open(&format!("{}?retention_age=3d", server.url()));
    let health = transport.check().await.expect("the broker replies");
    assert!(fact(&health, "brokers").contains(&server.bootstrap()), "{health:?}");
    assert!(fact(&health, "client").starts_with("librdkafka "), "{health:?}");
    assert_eq!(health.warnings, [""; 0], "nothing is wrong without topics: {health:?}");

    let three_days = ("retention.ms", "259200000");
    create(&server, "orders", 1, &[three_days, ("unclean.leader.election.enable", "true")]).await;
    create(&server, "orders.billing.dlq", 1, &[("max.message.bytes", "1000")]).await;
    create(&server, "orders.schemas", 1, &[]).await;
    create(&server, "returns", 1, &[three_days]).await;
    transport.seek(&topic("returns"), &group("audit"), StartPosition::Latest).await.expect("it is moved");
    create(
        &server,
        "customers",
        1,
        &[three_days, ("cleanup.policy", "compact"), ("max.message.bytes", "9000")],
    )
    .await;
    send(&server, "orders", 0, 3);
    for name in ["billing", "audit"] {
        transport.seek(&topic("orders"), &group(name), StartPosition::Latest).await.expect("it is moved");
    }
    let health = transport.check().await.expect("the broker replies");
    let expected: BTreeMap<_, &[&str]> = BTreeMap::from([
        ("replication", &["one copy in", "`orders`", "`customers`"][..]),
        ("unclean election", &["`orders`"]),
        (
            "message size",
            &["`customers`, `orders.billing.dlq` accept less", "the dead-letter topics of `orders`"],
        ),
        ("cleanup", &["`customers`"]),
        ("retention", &["`orders.billing.dlq` is 604800000, not -1"]),
        ("dead letters", &["`orders.audit.dlq`, `returns.audit.dlq` don't exist"]),
        ("schemas", &["`orders.schemas`: set `cleanup.policy=compact`", "`returns.schemas` don't exist"]),
    ]);
    let mut warnings = health.warnings.clone();
    warnings.sort_unstable();
    assert_eq!(warnings, expected.keys().copied().collect::<Vec<_>>(), "{health:?}");
    for (name, parts) in expected {
        let value = fact(&health, name);
        for part in parts {
            assert!(value.contains(part), "{part:?} is not in {value:?}");
        }
    }
}

#[tokio::test]
async fn doctor_says_what_a_user_may_not_do() {
    let server = KafkaServer::secured_with(&[
        ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        ("super.users", "User:ANONYMOUS"),
    ]);
    create(&server, "orders", 1, &[]).await;
    let (user, password) = USER;
    let url = format!(
        "kafka://{user}:{password}@127.0.0.1:{}?sasl.mechanism=SCRAM-SHA-256&create_topics=true",
        server.sasl_port()
    );
    let transport = open(&url);
    let health = transport.check().await.expect("the broker replies");
    let permissions = fact(&health, "permissions");
    assert!(permissions.contains("may not read the settings of brokers, nor create topics"), "{permissions}");
    assert!(health.warnings.contains(&"permissions"), "{health:?}");
    assert_eq!(fact(&health, "topics"), "0", "it may see none");
    assert!(!format!("{health:?}").contains(password), "{health:?}");
}

#[tokio::test]
async fn a_broker_that_is_down_is_an_error_within_the_timeout() {
    let mut server = KafkaServer::start();
    create(&server, "orders", 1, &[]).await;
    let transport = open(&format!("{}?timeout=2s", server.url()));
    transport.check().await.expect("the broker replies");
    server.kill();
    let topic = topic("orders");
    let error = tokio::time::timeout(Duration::from_secs(20), async {
        [
            transport.check().await.map(drop).expect_err("it is down"),
            transport.topics().await.map(drop).expect_err("it is down"),
            transport.groups(&topic).await.map(drop).expect_err("it is down"),
        ]
    });
    for error in error.await.expect("each call has a deadline") {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    server.start_again();
    transport.topics().await.expect("the broker is back");
}

/// No runtime of tokio is needed.
#[test]
fn every_call_works_without_a_runtime() {
    let server = KafkaServer::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(create(&server, "orders", 1, &[]));
    drop(runtime);
    send(&server, "orders", 0, 2);
    let (topic, group) = (topic("orders"), group("billing"));
    futures_executor::block_on(async {
        let transport = open(&server.url());
        transport.seek(&topic, &group, StartPosition::Earliest).await.expect("it is moved");
        assert_eq!(transport.groups(&topic).await.expect("the groups are listed")[0].lag, 2);
        assert_eq!(transport.unsettled(&topic, &group, None, 10).await.expect("they are read").len(), 2);
        transport.remove_group(&topic, &group).await.expect("it is removed");
        transport.check().await.expect("the broker replies");
        assert_eq!(transport.topics().await.expect("the topics are listed").len(), 1);
    });
}
