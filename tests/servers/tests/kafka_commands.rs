//! The command line on a Kafka broker.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use events_runtime::transport::{ConsumerGroup, Delivery, Message, Subscription, Topic, Transport};
use events_server_tests::KafkaServer;
use events_server_tests::orders::{billing, orders, transport};
use events_tests::sandbox::Sandbox;

const LONG: Duration = Duration::from_secs(60);
/// A broker creates topics with three partitions.
const PARTITIONS: usize = 3;
const MESSAGES: usize = 30;

fn url(server: &KafkaServer) -> String {
    format!("{}?create_topics=true", server.url())
}

fn shop(server: &KafkaServer) -> Sandbox {
    let config = format!("[service]\nname = 'shop'\n[bus]\nurl = '{}'\n", url(server));
    Sandbox::with_config(env!("CARGO_BIN_EXE_redis_events"), &config)
}

async fn receive(transport: &dyn Transport, count: usize) -> Vec<Delivery> {
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    let mut deliveries = Vec::new();
    while deliveries.len() < count {
        deliveries.extend(consumer.receive(count - deliveries.len(), LONG).await.expect("they are received"));
    }
    // It stays a member.
    std::mem::forget(consumer);
    deliveries
}

/// Stores messages with ids and keys in all partitions. `billing` settles all: it rejects `rejected` of them, and
/// acknowledges the rest.
async fn fill(server: &KafkaServer, rejected: usize) {
    let transport = transport(&url(server));
    let producer = transport.producer().await.expect("a producer");
    let message = |number: usize| {
        let id = format!("00000000-0000-7000-8000-{number:012}");
        Message::new(number.to_string())
            .with_key(format!("k{number}"))
            .with_header("ce_type", "org.acme.orders.order.placed.v1")
            .with_header("ce_id", id)
    };
    let batch: Vec<_> = (0..MESSAGES).map(message).collect();
    let mut partitions = BTreeSet::new();
    for sent in producer.send(&orders(), &batch).await {
        partitions.insert(sent.expect("it is stored").partition());
    }
    assert_eq!(partitions.len(), PARTITIONS, "the keys are in all partitions");
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    let mut settled = 0;
    while settled < MESSAGES {
        for delivery in consumer.receive(MESSAGES, LONG).await.expect("they are received") {
            let result =
                if settled < rejected { delivery.reject("no such customer") } else { delivery.ack() };
            result.await.expect("it is stored");
            settled += 1;
        }
    }
    consumer.close().await.expect("it leaves");
}

#[tokio::test]
async fn offsets_are_listed_moved_and_removed_for_each_partition() {
    let server = KafkaServer::start();
    fill(&server, 0).await;
    let shop = shop(&server);
    let list = || shop.json(&["offsets", "list", "--topic", "orders"]);
    let of = |list: &serde_json::Value, field: &str| {
        let groups = list["groups"].as_array().or_else(|| list.as_array()).expect("groups").clone();
        groups.iter().find(|group| group["group"] == "billing").map(|group| group[field].clone())
    };
    let before = list();
    assert_eq!(of(&before, "lag"), Some(0.into()), "{before}");
    let partitions = of(&before, "partitions").expect("the partitions are listed");
    assert_eq!(partitions.as_array().map(Vec::len), Some(PARTITIONS), "{partitions}");

    let reset = |to: &str| {
        shop.run(&["offsets", "reset", "--topic", "orders", "--group", "billing", "--to", to, "--yes"])
    };
    for (to, lag) in
        [("earliest", MESSAGES), ("latest", 0), ("2020-01-01T00:00:00Z", MESSAGES), ("latest", 0)]
    {
        let done = reset(to);
        assert_eq!(done.code, 0, "{to}: {}{}", done.out, done.err);
        assert_eq!(of(&list(), "lag"), Some(lag.into()), "{to}");
    }
    let done = reset("0:1,2:0");
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    let partitions = of(&list(), "partitions").expect("the partitions are listed");
    let next: Vec<_> = partitions.as_array().expect("a list").iter().map(|one| one["next"].clone()).collect();
    assert_eq!(next[0], "0:1", "{partitions}");
    assert_eq!(next[2], "2:0", "{partitions}");
    let wrong = reset("9:0");
    assert!(
        wrong.code != 0 && wrong.err.contains("a position of this topic has the form of"),
        "{}",
        wrong.err
    );

    let removed = shop.run(&["offsets", "remove", "--topic", "orders", "--group", "billing", "--yes"]);
    assert_eq!(removed.code, 0, "{}{}", removed.out, removed.err);
    assert_eq!(of(&list(), "lag"), None);
}

#[tokio::test]
async fn a_reset_takes_the_group_from_its_members() {
    let server = KafkaServer::start();
    fill(&server, 0).await;
    let transport = transport(&url(&server));
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    assert!(consumer.receive(1, Duration::from_secs(2)).await.expect("it is received").is_empty());
    let shop = shop(&server);
    let reset = shop
        .run(&["offsets", "reset", "--topic", "orders", "--group", "billing", "--to", "earliest", "--yes"]);
    assert_eq!(reset.code, 0, "{}{}", reset.out, reset.err);
    let mut received = 0;
    while received < MESSAGES {
        for delivery in consumer.receive(MESSAGES, LONG).await.expect("they are received again") {
            delivery.ack().await.expect("it is acknowledged");
            received += 1;
        }
    }
    let removed = shop.run(&["offsets", "remove", "--topic", "orders", "--group", "billing", "--yes"]);
    assert_eq!(removed.code, 0, "{}{}", removed.out, removed.err);
    let ended = consumer.receive(1, Duration::from_secs(5)).await.expect_err("the group is gone");
    assert_eq!(ended.kind(), events_runtime::transport::ErrorKind::NotFound, "{ended}");
}

#[tokio::test]
async fn peek_shows_every_partition_and_leaves_no_group() {
    let server = KafkaServer::start();
    fill(&server, 2).await;
    let shop = shop(&server);
    let lines =
        |arguments: &[&str]| shop.out(&[&["peek", "--json", "--topic"], arguments].concat()).lines().count();
    assert_eq!(lines(&["orders"]), MESSAGES);
    assert_eq!(lines(&["orders", "--from", "2020-01-01T00:00:00Z", "-n", "3"]), 3);
    assert_eq!(lines(&["orders", "--from", "2999-01-01T00:00:00Z"]), 0);
    assert_eq!(lines(&["orders.billing.dlq"]), 2);
    let missing = shop.run(&["peek", "--topic", "ordres"]);
    assert!(missing.code == 1 && missing.err.contains("did you mean `orders`?"), "{}", missing.err);
    let groups = transport(&url(&server)).groups(&orders()).await.expect("the groups are listed");
    assert_eq!(groups.iter().map(|status| status.group.as_str()).collect::<Vec<_>>(), ["billing"]);
}

#[tokio::test]
async fn dead_letters_are_retried_and_dropped_in_any_order() {
    let server = KafkaServer::start();
    fill(&server, 5).await;
    let shop = shop(&server);
    let dlq = |command: &str, more: &[&str]| {
        shop.run(&[&["dlq", command, "--topic", "orders", "--group", "billing"], more].concat())
    };
    let ids = || -> Vec<String> {
        let listed = shop.json(&["dlq", "list", "--topic", "orders", "--group", "billing"]);
        let listed = listed["dead_letters"].as_array().or_else(|| listed.as_array()).expect("a list").clone();
        let mut ids: Vec<_> =
            listed.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
        ids.sort();
        ids
    };
    let all = ids();
    assert_eq!(all.len(), 5);
    let dropped = dlq("drop", &[&*all[3], "--yes"]);
    assert_eq!(dropped.code, 0, "{}{}", dropped.out, dropped.err);
    let retried = dlq("retry", &[&*all[1]]);
    assert_eq!(retried.code, 0, "{}{}", retried.out, retried.err);
    assert_eq!(ids(), [0, 2, 4].map(|index| all[index].clone()));
    let again = receive(&*transport(&url(&server)), 1).await;
    assert_eq!(
        again[0].message().headers.get("ce_id").map(|id| id.to_vec()),
        Some(all[1].clone().into_bytes())
    );
    again.into_iter().for_each(drop);
    let retried = dlq("retry", &["--all"]);
    assert_eq!(retried.code, 0, "{}{}", retried.out, retried.err);
    assert_eq!(ids(), Vec::<String>::new());
}

#[tokio::test]
async fn consume_leaves_no_group() {
    let server = KafkaServer::start();
    fill(&server, 0).await;
    let shop = shop(&server);
    let out = shop.out(&["consume", "--topic", "orders", "--idle", "3s", "--json"]);
    assert_eq!(out.lines().count(), MESSAGES, "{out}");
    let groups = transport(&url(&server)).groups(&orders()).await.expect("the groups are listed");
    assert_eq!(groups.iter().map(|status| status.group.as_str()).collect::<Vec<_>>(), ["billing"]);
}

#[tokio::test]
async fn doctor_reports_the_cluster_and_its_warnings() {
    let mut server = KafkaServer::start();
    fill(&server, 1).await;
    let shop = shop(&server);
    let doctor = shop.run(&["doctor"]);
    for part in ["librdkafka", "one copy in", "Kafka 4.0 or later", "message.max.bytes"] {
        assert!(doctor.out.contains(part), "{part} is not in {}{}", doctor.out, doctor.err);
    }
    server.kill();
    let down = shop.run(&["doctor"]);
    assert!(down.code != 0 && down.out.contains("can't check `kafka://"), "{}{}", down.out, down.err);
}

#[tokio::test]
async fn a_watch_reports_that_the_broker_is_down_and_continues() {
    let mut server = KafkaServer::start();
    fill(&server, 1).await;
    let shop = shop(&server);
    let mut child = shop
        .command(&["offsets", "list", "--topic", "orders", "--watch=100ms", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    let mut next = |text: &str| lines.find(|line| line.contains(text)).expect("the program runs");
    assert!(next("billing").contains(r#""dead_letters":1"#));
    server.stop();
    assert!(next(r#""error":""#).contains("orders"));
    server.start_again();
    assert!(next("billing").contains(r#""dead_letters":1"#));
    let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signalled.expect("`kill` runs").success());
    while lines.next().is_some() {}
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// A group of Kafka has one membership for all its topics.
#[tokio::test]
async fn moving_a_group_in_one_topic_keeps_its_progress_in_another() {
    let server = KafkaServer::start();
    let transport = transport(&url(&server));
    let topics = ["orders", "payments"].map(|name| Topic::new(name).expect("a name"));
    let group = ConsumerGroup::new("billing").expect("a name");
    let producer = transport.producer().await.expect("a producer");
    for topic in &topics {
        for sent in producer.send(topic, &[Message::new("1"), Message::new("2")]).await {
            sent.expect("it is stored");
        }
    }
    let subscriptions: Vec<_> =
        topics.iter().map(|topic| Subscription::new(topic.clone(), group.clone())).collect();
    let mut consumer = transport.consumer_of(subscriptions).await.expect("a consumer");
    let mut received = 0;
    while received < 4 {
        for delivery in consumer.receive(4, LONG).await.expect("they are received") {
            delivery.ack().await.expect("it is acknowledged");
            received += 1;
        }
    }
    let shop = shop(&server);
    let reset = shop
        .run(&["offsets", "reset", "--topic", "orders", "--group", "billing", "--to", "earliest", "--yes"]);
    assert_eq!(reset.code, 0, "{}{}", reset.out, reset.err);
    let mut again = Vec::new();
    while again.len() < 2 {
        for delivery in consumer.receive(4, LONG).await.expect("they are received again") {
            again.push(delivery.topic().to_string());
            delivery.ack().await.expect("it is acknowledged");
        }
    }
    assert_eq!(again, ["orders", "orders"]);
}
