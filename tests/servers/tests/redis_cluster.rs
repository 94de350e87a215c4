//! `redis+cluster:` on real clusters: failing, hanging and migrating nodes, and dead letters that are stored on
//! another node than their message.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use events_runtime::transport::{
    Consumer, ConsumerGroup, Delivery, ErrorKind, Message, Subscription, Topic, Transport, TransportError,
};
use events_server_tests::orders::{billing, orders, transport};
use events_server_tests::workload::run_with_faults;
use events_server_tests::{RedisCluster, RedisServer};

const LONG: Duration = Duration::from_secs(60);

fn topic(name: &str) -> Topic {
    Topic::new(name).expect("a name")
}

/// The dead-letter topic of the group.
fn dead_letter_topic() -> Topic {
    topic("orders.billing.dlq")
}

async fn send(transport: &dyn Transport, topic: &Topic, text: &str) -> Result<(), TransportError> {
    let producer = transport.producer().await.expect("a producer");
    producer.send(topic, &[Message::new(text.to_owned())]).await.pop().expect("a result").map(drop)
}

/// Receives and acknowledges this many messages, and returns their data.
async fn receive(transport: &dyn Transport, subscription: Subscription, count: usize) -> Vec<String> {
    let mut consumer = transport.consumer(subscription).await.expect("a consumer");
    let mut data = Vec::new();
    while data.len() < count {
        let deliveries = consumer.receive(count - data.len(), LONG).await.expect("messages are received");
        assert!(!deliveries.is_empty(), "only {data:?} came");
        for delivery in deliveries {
            data.push(String::from_utf8_lossy(&delivery.message().data).into_owned());
            delivery.ack().await.expect("the acknowledgement is stored");
        }
    }
    data
}

/// One topic per master.
fn topic_of_each(cluster: &RedisCluster) -> Vec<Topic> {
    let mut found = BTreeMap::new();
    for number in 0.. {
        let name = format!("topic-{number}");
        found.entry(cluster.owner(&name)).or_insert(name);
        if found.len() == 3 {
            break;
        }
    }
    found.into_values().map(|name| topic(&name)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_while_the_slot_migrates() {
    let cluster = RedisCluster::start();
    run_with_faults("moved", &cluster.url(), 20, move || {
        let to = (cluster.owner("orders") + 1) % 3;
        cluster.move_slot("orders", to, || std::thread::sleep(Duration::from_millis(fastrand::u64(0..5))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_nodes_are_killed() {
    let mut cluster = RedisCluster::start();
    let url = format!("{}?retry_for=1m", cluster.url());
    run_with_faults("killed", &url, 4, move || {
        let node = cluster.owner("orders");
        cluster.node(node).kill();
        std::thread::sleep(Duration::from_millis(50));
        cluster.node(node).start_again();
        cluster.agree();
    })
    .await;
}

/// A planned failover waits until the replica has all data.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_during_failovers() {
    let cluster = RedisCluster::with_replicas();
    let shard = cluster.owner("orders") % 3;
    run_with_faults("failed over", &format!("{}?retry_for=1m", cluster.url()), 4, move || {
        cluster.fail_over(shard);
        std::thread::sleep(Duration::from_secs(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_retried_until_a_replica_has_taken_over() {
    let mut cluster = RedisCluster::with_replicas();
    let transport = transport(&format!("{}?retry_for=1m", cluster.url()));
    send(&*transport, &orders(), "1").await.expect("it is stored");
    let master = cluster.owner("orders");
    // Redis loses what was not replicated before the master fails.
    cluster.until_copied(master);
    cluster.node(master).kill();
    send(&*transport, &orders(), "2").await.expect("the replica takes it");
    assert_eq!(receive(&*transport, billing(), 2).await, ["1", "2"]);
}

/// The URL lists one node, which is killed after the others were discovered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_listed_node_is_enough_to_discover_the_others() {
    let mut cluster = RedisCluster::start();
    let topics = topic_of_each(&cluster);
    let listed = cluster.node(0).port();
    let transport = transport(&format!("redis+cluster://127.0.0.1:{listed}?retry_for=20s&timeout=1s"));
    send(&*transport, &topics[1], "1").await.expect("it is stored");
    cluster.node(0).kill();
    // After a second, the others would detect the failure and take the cluster down.
    for node in [1, 2] {
        cluster.ask(node, &["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    send(&*transport, &topics[2], "2").await.expect("another node has it");
    assert_eq!(receive(&*transport, Subscription::new(topics[1].clone(), group()), 1).await, ["1"]);
    let error = send(&*transport, &topics[0], "0").await.expect_err("its node is dead");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

fn group() -> ConsumerGroup {
    ConsumerGroup::new("billing").expect("a name")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_node_blocks_only_its_own_topics() {
    let mut cluster = RedisCluster::start();
    let topics = topic_of_each(&cluster);
    let transport: std::sync::Arc<dyn Transport> =
        transport(&format!("{}?retry_for=5m&timeout=300ms", cluster.url())).into();
    for topic in &topics {
        send(&*transport, topic, "before").await.expect("it is stored");
    }
    for node in 0..3 {
        cluster.ask(node, &["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    cluster.node(0).signal("STOP");
    let (waiting, of) = (transport.clone(), topics[0].clone());
    let stuck = tokio::spawn(async move { send(&*waiting, &of, "after").await });
    for topic in &topics[1..] {
        send(&*transport, topic, "after").await.expect("its node is well");
        let subscription = Subscription::new(topic.clone(), group());
        assert_eq!(receive(&*transport, subscription, 2).await, ["before", "after"]);
    }
    assert!(!stuck.is_finished(), "its node answers nothing");
    cluster.node(0).signal("CONT");
    stuck.await.expect("no panic").expect("it goes on with the node");
    let data = receive(&*transport, Subscription::new(topics[0].clone(), group()), 2).await;
    assert!(data.iter().eq(["before", "after"]) || data.iter().eq(["before", "after", "after"]), "{data:?}");
}

/// Moves the dead-letter topic to another node than the topic.
fn part(cluster: &RedisCluster) -> usize {
    let to = (cluster.owner("orders") + 1) % 3;
    cluster.move_slot(dead_letter_topic().as_str(), to, || {});
    to
}

/// The node of the dead-letter topic hangs: the message is kept and redelivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_dead_letter_is_not_stored_is_redelivered() {
    let mut cluster = RedisCluster::start();
    let of_letters = part(&cluster);
    let transport = transport(&format!("{}?retry_for=0s&timeout=300ms", cluster.url()));
    for text in ["1", "2", "3"] {
        send(&*transport, &orders(), text).await.expect("it is stored");
    }
    let lease = Duration::from_secs(2);
    let mut member = transport.consumer(billing().lease(lease)).await.expect("a member");
    let mut held = member.receive(3, LONG).await.expect("messages are received");
    assert_eq!(held.len(), 3);
    cluster.node(of_letters).signal("STOP");
    let acked = held.remove(2).ack();
    let rejected = held.remove(1).reject("wrong");
    acked.await.expect("what needs no letter is settled");
    let error = rejected.await.expect_err("the letter is not stored");
    assert!(error.is_retryable() && error.to_string().contains(dead_letter_topic().as_str()), "{error}");
    drop(held);
    cluster.node(of_letters).signal("CONT");
    cluster.agree();
    let mut seen = BTreeSet::new();
    while seen.len() < 2 {
        for delivery in member.receive(2, LONG).await.expect("messages are received") {
            seen.insert(String::from_utf8_lossy(&delivery.message().data).into_owned());
            delivery.reject("wrong").await.expect("the letter is stored");
        }
    }
    assert_eq!(seen, ["1", "2"].map(str::to_owned).into());
    let listed = transport.topics().await.expect("the topics are listed");
    let kept = listed
        .iter()
        .find(|status| status.topic == dead_letter_topic())
        .expect("the letters' topic")
        .messages;
    // The hanging node may execute the call when it resumes.
    assert!((2..=3).contains(&kept), "{kept}");
    assert_eq!(transport.groups(&orders()).await.expect("groups")[0].lag, 0);
}

/// Whenever the member is killed, each message has a dead letter and is settled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_members_lose_no_dead_letter() {
    const KILLS: usize = 20;
    const EACH: usize = 200;
    let cluster = RedisCluster::start();
    part(&cluster);
    let transport = transport(&cluster.url());
    let producer = transport.producer().await.expect("a producer");
    let rejecter = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redis_rejecter"));
        command.arg(cluster.url()).stdin(Stdio::null()).spawn().expect("the member starts")
    };
    let end = |mut member: Child| {
        let ended = member.try_wait().expect("it can be asked");
        assert!(ended.is_none(), "it ended by itself: {ended:?}");
        member.kill().expect("it is killed");
        member.wait().expect("it has ended");
    };
    for kill in 0..KILLS {
        let message = |number: usize| Message::new(number.to_string()).with_key((number % 7).to_string());
        let batch: Vec<_> = (kill * EACH..(kill + 1) * EACH).map(message).collect();
        for sent in producer.send(&orders(), &batch).await {
            sent.expect("it is stored");
        }
        let member = rejecter();
        tokio::time::sleep(Duration::from_millis(fastrand::u64(10..80))).await;
        end(member);
    }
    let last = rejecter();
    events_tests::until(|| async {
        transport
            .groups(&orders())
            .await
            .expect("the groups are listed")
            .first()
            .is_some_and(|group| group.lag == 0)
    })
    .await;
    end(last);
    let listed = transport.topics().await.expect("the topics are listed");
    let count =
        listed.iter().find(|status| status.topic == dead_letter_topic()).expect("there are letters").messages;
    let count = usize::try_from(count).expect("a number");
    let got = receive(&*transport, Subscription::new(dead_letter_topic(), group()), count).await;
    let distinct: BTreeSet<_> = got.iter().collect();
    println!(
        "{KILLS} members killed: {} messages, {count} letters, {} of them again",
        KILLS * EACH,
        count - distinct.len()
    );
    assert_eq!(distinct.len(), KILLS * EACH, "a dead letter is lost");
}

#[tokio::test]
async fn listings_and_the_check_query_every_node() {
    let mut cluster = RedisCluster::start();
    let transport = transport(&format!("{}?retry_for=0s&timeout=2s", cluster.url()));
    let topics = topic_of_each(&cluster);
    for topic in &topics {
        send(&*transport, topic, "1").await.expect("it is stored");
    }
    let listed: BTreeSet<_> = transport
        .topics()
        .await
        .expect("the topics are listed")
        .into_iter()
        .map(|status| status.topic)
        .collect();
    assert_eq!(listed, topics.into_iter().collect());
    let health = format!("{:?}", transport.check().await.expect("the cluster is sound"));
    for told in ["3 masters", "appendfsync always", "(\"topics\", \"3\")"] {
        assert!(health.contains(told), "{told}: {health}");
    }
    cluster.ask(1, &["CONFIG", "SET", "maxmemory", "100mb"]);
    cluster.ask(1, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let error = transport.check().await.expect_err("one of three may throw topics away");
    assert!(error.to_string().contains("noeviction"), "{error}");
    cluster.ask(1, &["CONFIG", "SET", "maxmemory", "0"]);
    cluster.node(2).kill();
    let error = transport.check().await.expect_err("a node is dead");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_wrong_scheme_is_reported() {
    let mut cluster = RedisCluster::start();
    let port = cluster.node((cluster.owner("orders") + 1) % 3).port();
    let plain = transport(&format!("redis://127.0.0.1:{port}/0"));
    let error = send(&*plain, &orders(), "1").await.expect_err("another node has it");
    assert!(
        error.kind() == ErrorKind::Unsupported && error.to_string().contains("redis+cluster:"),
        "{error}"
    );
    let server = RedisServer::start();
    let cluster = transport(&format!("redis+cluster://127.0.0.1:{}", server.port()));
    let error = send(&*cluster, &orders(), "1").await.expect_err("it is no cluster");
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("write `redis:`"), "{error}");
}

/// A member receives two messages of one key; then the node of the dead-letter topic hangs.
async fn hang_with_dead_letters(
    settings: &str,
    lease: Duration,
) -> (RedisCluster, usize, std::sync::Arc<dyn Transport>, Box<dyn Consumer>, Vec<Delivery>) {
    let mut cluster = RedisCluster::start();
    let of_letters = part(&cluster);
    for node in 0..3 {
        cluster.ask(node, &["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let transport: std::sync::Arc<dyn Transport> =
        transport(&format!("{}?timeout=300ms&{settings}", cluster.url())).into();
    let messages = ["1", "2"].map(|text| Message::new(text).with_key("ada"));
    let sent = transport.producer().await.expect("a producer").send(&orders(), &messages).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let mut member = transport.consumer(billing().lease(lease)).await.expect("a member");
    let mut held = Vec::new();
    while held.len() < 2 {
        held.extend(member.receive(2 - held.len(), LONG).await.expect("messages are received"));
    }
    cluster.node(of_letters).signal("STOP");
    (cluster, of_letters, transport, member, held)
}

/// The node of the dead-letter topic hangs for longer than the lease; the node of the topic is up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delayed_dead_letter_blocks_no_other_call_and_its_lease_is_renewed() {
    let lease = Duration::from_secs(3);
    let (mut cluster, of_letters, transport, mut member, mut held) =
        hang_with_dead_letters("retry_for=5m", lease).await;
    let rejected = tokio::spawn(held.remove(0).reject("wrong"));
    let within = |what| tokio::time::timeout(LONG / 2, what);
    within(held.remove(0).ack()).await.expect("it waits for no letter").expect("it is acknowledged");
    send(&*transport, &orders(), "3").await.expect("it is stored");
    let more = tokio::time::timeout(LONG / 2, member.receive(1, LONG)).await;
    let more = more.expect("a claim waits for no letter").expect("a message").pop().expect("a message");
    within(more.ack()).await.expect("it waits for no letter").expect("it is acknowledged");
    let mut other = transport.consumer(billing().lease(lease)).await.expect("a member");
    let again = other.receive(1, lease * 2).await.expect("the messages' node is well");
    assert!(again.is_empty(), "the lease is kept while the letter is on its way");
    let closed = tokio::spawn(member.close());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!rejected.is_finished() && !closed.is_finished(), "the letters' node answers nothing");
    cluster.node(of_letters).signal("CONT");
    rejected.await.expect("no panic").expect("it goes on with the node");
    closed.await.expect("no panic").expect("who leaves has heard of its letters");
    let stored = receive(&*transport, Subscription::new(dead_letter_topic(), group()), 1).await;
    assert_eq!(stored, ["1"]);
    assert_eq!(transport.groups(&orders()).await.expect("groups")[0].lag, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_dead_letter_is_not_stored_precedes_later_ones_of_its_key() {
    let lease = Duration::from_secs(2);
    let (mut cluster, of_letters, _transport, mut member, mut held) =
        hang_with_dead_letters("retry_for=0s", lease).await;
    let later = held.remove(1);
    held.remove(0).reject("wrong").await.expect_err("the letter is not stored");
    later.release().await.expect("the messages' node is well");
    cluster.node(of_letters).signal("CONT");
    cluster.agree();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        for delivery in member.receive(1, LONG).await.expect("messages are received") {
            seen.push((String::from_utf8_lossy(&delivery.message().data).into_owned(), delivery.attempt()));
            delivery.ack().await.expect("it is acknowledged");
        }
    }
    // The failed dead letter does not count as an attempt.
    assert_eq!(seen, [("1".to_owned(), 1), ("2".to_owned(), 1)]);
}
