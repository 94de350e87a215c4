//! A sole member, for which lanes are not stored, and outcomes that share a round trip with a claim.

use std::time::{Duration, SystemTime};

use events_runtime::transport::{
    BoxFuture, Consumer, ConsumerGroup, Delivery, ErrorKind, Message, Subscription, TransportError, ack_all,
};
use events_server_tests::orders::{assert_all_settled, billing, orders, transport};
use events_server_tests::{Lost, Proxy, RedisServer};
use events_tests::conformance::ack;

const LONG: Duration = Duration::from_secs(20);
/// Exceeds the minimum time for which lanes are stored.
const PAUSE: Duration = Duration::from_millis(1_100);
const LANES: &str = "{orders}:billing:lanes";
const SOLE: &str = "{orders}:billing:sole";

async fn member(url: &str) -> Box<dyn Consumer> {
    transport(url).consumer(billing()).await.expect("a consumer")
}

/// Sends texts, each with its first character as the key.
async fn send(server: &RedisServer, texts: &[&str]) {
    let producer = transport(&server.url()).producer().await.expect("a producer");
    let message = |text: &&str| Message::new((*text).to_owned()).with_key(text[..1].to_owned());
    let batch: Vec<_> = texts.iter().map(message).collect();
    for sent in producer.send(&orders(), &batch).await {
        sent.expect("it is stored");
    }
}

async fn receive(consumer: &mut dyn Consumer, most: usize) -> Vec<Delivery> {
    consumer.receive(most, LONG).await.expect("messages are received")
}

async fn one(consumer: &mut dyn Consumer) -> Delivery {
    receive(consumer, 1).await.pop().expect("a message")
}

async fn nothing(consumer: &mut dyn Consumer) {
    let none = consumer.receive(10, Duration::from_millis(50)).await.expect("the call succeeds");
    assert!(none.is_empty(), "{none:?}");
}

/// The text and attempt of each delivery.
fn told(deliveries: &[Delivery]) -> Vec<String> {
    let told = |delivery: &Delivery| {
        format!("{} {}", String::from_utf8_lossy(&delivery.message().data), delivery.attempt())
    };
    deliveries.iter().map(told).collect()
}

/// Whether lanes are not stored because one member holds all entries.
fn is_sole(server: &RedisServer) -> bool {
    let sole: Option<String> = server.ask(&["GET", SOLE]);
    let alone = sole.is_some_and(|sole| !sole.starts_with('-'));
    let lanes: u64 = server.ask(&["HLEN", LANES]);
    assert!(!alone || lanes == 0, "{lanes} lanes are written for a sole member");
    alone
}

fn scripts_run(server: &RedisServer) -> u64 {
    let stats: String = server.ask(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    line.and_then(|line| line.split(',').next()?.parse().ok()).expect("scripts were run")
}

#[tokio::test]
async fn keys_held_by_a_sole_member_stay_with_it_when_another_joins() {
    let server = RedisServer::start();
    let (mut first, mut second) = (member(&server.url()).await, member(&server.url()).await);
    send(&server, &["A0", "B0", "A1", "C0", "B1"]).await;
    let held = receive(&mut *first, 2).await;
    assert_eq!(told(&held), ["A0 1", "B0 1"]);
    assert!(is_sole(&server));
    let others = receive(&mut *second, 10).await;
    assert_eq!(told(&others), ["C0 1"]);
    assert!(!is_sole(&server));
    nothing(&mut *second).await;
    nothing(&mut *first).await;
    ack(held).await;
    let later = receive(&mut *second, 10).await;
    assert_eq!(told(&later), ["A1 1", "B1 1"]);
    nothing(&mut *first).await;
    ack(others).await;
    ack(later).await;
    assert_all_settled(&server);
    // Sole again, although another member exists.
    tokio::time::sleep(PAUSE).await;
    send(&server, &["A2", "B2", "A3"]).await;
    let held = receive(&mut *first, 2).await;
    assert_eq!(told(&held), ["A2 1", "B2 1"]);
    assert!(is_sole(&server));
    nothing(&mut *second).await;
    ack(held).await;
    ack(receive(&mut *second, 2).await).await;
    assert_all_settled(&server);
}

#[tokio::test]
async fn an_entry_released_by_a_sole_member_blocks_only_its_key() {
    let server = RedisServer::start();
    let (mut first, mut second) = (member(&server.url()).await, member(&server.url()).await);
    send(&server, &["A0", "B0", "A1", "B1", "C0"]).await;
    let mut held = receive(&mut *first, 2).await;
    assert!(is_sole(&server));
    let kept = held.pop().expect("B0");
    held.pop().expect("A0").retry(Duration::from_millis(300)).await.expect("the retry is stored");
    assert!(!is_sole(&server));
    let got = receive(&mut *second, 10).await;
    assert_eq!(told(&got), ["C0 1"]);
    let again = receive(&mut *second, 10).await;
    assert_eq!(told(&again), ["A0 2", "A1 1"]);
    nothing(&mut *second).await;
    kept.ack().await.expect("the acknowledgement is stored");
    let last = receive(&mut *second, 10).await;
    assert_eq!(told(&last), ["B1 1"]);
    ack(got.into_iter().chain(again).chain(last).collect()).await;
    assert_all_settled(&server);
}

#[tokio::test]
async fn a_late_settlement_of_a_lost_sole_member_is_rejected_and_unblocks_no_key() {
    let server = RedisServer::start();
    let short = billing().lease(Duration::from_millis(150));
    let mut lost = transport(&server.url()).consumer(short).await.expect("a consumer");
    let (mut second, mut third) = (member(&server.url()).await, member(&server.url()).await);
    send(&server, &["A0", "B0", "A1"]).await;
    let late = receive(&mut *lost, 2).await;
    assert!(is_sole(&server));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let got = one(&mut *second).await;
    assert_eq!(&got.message().data[..], b"A0");
    for result in ack_all(late).await {
        assert_eq!(result.expect_err("the lease is lost").kind(), ErrorKind::LeaseLost);
    }
    let others = receive(&mut *third, 10).await;
    assert_eq!(others.len(), 1);
    assert_eq!(&others[0].message().data[..], b"B0");
    nothing(&mut *third).await;
    got.ack().await.expect("the acknowledgement is stored");
    let rest = receive(&mut *third, 10).await;
    assert_eq!(told(&rest), ["A1 1"]);
    ack(others.into_iter().chain(rest).collect()).await;
    assert_all_settled(&server);
}

/// Earlier versions always stored lanes.
#[tokio::test]
async fn a_group_with_stored_lanes_of_an_older_version_keeps_the_order_of_keys() {
    let server = RedisServer::start();
    let mut consumer = member(&server.url()).await;
    send(&server, &["A0", "B0", "A1", "B1"]).await;
    let () = server.ask(&["XREADGROUP", "GROUP", "billing", "old", "COUNT", "1", "STREAMS", "orders", ">"]);
    let (_, id, ..): (u64, String, redis::Value, redis::Value) =
        server.ask(&["XPENDING", "orders", "billing"]);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis();
    let (made, ends) = (format!("77 {now}"), (now + 1_500).to_string());
    for written in [
        ["HSET", "{orders}:billing:claim:78", &id, "1 kA"],
        ["HSET", LANES, "kA", "77 1 0"],
        ["HSET", "{orders}:billing:members", "78", &made],
        ["ZADD", "{orders}:billing:leases", &ends, "78"],
    ] {
        let () = server.ask(&written);
    }
    let others = receive(&mut *consumer, 10).await;
    assert_eq!(told(&others), ["B0 1", "B1 1"]);
    assert!(!is_sole(&server));
    ack(others).await;
    // Its lease expires. A message that a lost member held alone is delivered in isolation.
    let again = receive(&mut *consumer, 10).await;
    assert_eq!(told(&again), ["A0 2"]);
    nothing(&mut *consumer).await;
    ack(again).await;
    let later = receive(&mut *consumer, 10).await;
    assert_eq!(told(&later), ["A1 1"]);
    ack(later).await;
    send(&server, &["A2"]).await;
    let last = receive(&mut *consumer, 10).await;
    assert!(is_sole(&server));
    ack(last).await;
    assert_all_settled(&server);
}

/// Outcomes and the next claim share a round trip: if the request or the reply is lost, neither is executed twice
/// or skipped.
#[tokio::test]
async fn outcomes_and_the_next_claim_are_executed_once_if_request_or_reply_is_lost() {
    type How = fn(Delivery) -> BoxFuture<'static, Result<(), TransportError>>;
    let outcomes: [(&str, How, &[&str]); 4] = [
        ("ack", Delivery::ack, &["A1 1", "B1 1"]),
        ("retry", |delivery| delivery.retry(Duration::ZERO), &["B0 2", "A1 1"]),
        ("release", Delivery::release, &["B0 1", "A1 1"]),
        ("reject", |delivery| delivery.reject("it is poison"), &["A1 1", "B1 1"]),
    ];
    for lost in [Lost::Request, Lost::Reply] {
        for (name, outcome, next) in outcomes {
            let server = RedisServer::start();
            let proxy = Proxy::before(server.port());
            let mut consumer = member(&format!("redis://127.0.0.1:{}/0", proxy.port())).await;
            send(&server, &["A0", "B0", "A1", "B1", "C0", "C1"]).await;
            let mut held = receive(&mut *consumer, 2).await;
            let second = held.pop().expect("B0");
            ack(held).await;

            let before = scripts_run(&server);
            proxy.lose_next(lost);
            let (settled, got) = tokio::join!(outcome(second), consumer.receive(2, LONG));
            settled.unwrap_or_else(|error| panic!("{name}, {lost:?}: {error}"));
            let got = got.expect("messages are received");
            assert_eq!(told(&got), next, "{name}, {lost:?}");
            assert_eq!(proxy.lost(), 1, "{name}, {lost:?}");
            let ran = scripts_run(&server) - before;
            // Both were lost, and were retried one by one.
            assert_eq!(ran, if lost == Lost::Reply { 4 } else { 2 }, "{name}, {lost:?}");
            ack(got).await;

            let rest = receive(&mut *consumer, 10).await;
            assert!(told(&rest).iter().all(|told| told.ends_with(" 1")), "{:?}", told(&rest));
            assert_eq!(rest.len(), if next.contains(&"B1 1") { 2 } else { 3 }, "{name}, {lost:?}");
            ack(rest).await;
            nothing(&mut *consumer).await;
            assert_all_settled(&server);
            let letters: u64 = server.ask(&["XLEN", "orders.billing.dlq"]);
            assert_eq!(letters, u64::from(name == "reject"), "{name}, {lost:?}");
        }
    }
}

/// The server drops its scripts, and another client loads the claim script again.
#[tokio::test]
async fn a_claim_is_not_executed_before_the_outcomes_sent_with_it() {
    let server = RedisServer::start();
    let mut consumer = member(&server.url()).await;
    let audit = Subscription::new(orders(), ConsumerGroup::new("audit").expect("a name"));
    let mut other = transport(&server.url()).consumer(audit).await.expect("a consumer");
    send(&server, &["A0", "A1", "A2"]).await;
    one(&mut *consumer).await.ack().await.expect("the acknowledgement is stored");
    let failing = one(&mut *consumer).await;
    let () = server.ask(&["SCRIPT", "FLUSH"]);
    let unsettled = one(&mut *other).await;
    let (retried, got) = tokio::join!(failing.retry(Duration::ZERO), consumer.receive(1, LONG));
    retried.expect("the retry is stored");
    let got = got.expect("messages are received");
    assert_eq!(told(&got), ["A1 2"]);
    ack(got).await;
    ack(receive(&mut *consumer, 1).await).await;
    assert_all_settled(&server);
    drop(unsettled);
}

/// The claim of a cancelled `receive` is delivered by the next one, or released.
#[tokio::test]
async fn the_claim_of_a_cancelled_receive_waits_for_a_retry_of_its_key() {
    let server = RedisServer::start();
    let mut consumer = member(&server.url()).await;
    send(&server, &["A0"]).await;
    let failing = one(&mut *consumer).await;
    send(&server, &["A1", "B0", "A2"]).await;
    tokio::select! {
        biased;
        _ = consumer.receive(3, LONG) => panic!("it is given up before the server answers"),
        () = std::future::ready(()) => {}
    }
    // The server has executed the claim.
    while server.ask::<u64>(&["ZCARD", "{orders}:billing:leases"]) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    failing.retry(Duration::ZERO).await.expect("the retry is stored");
    let others = receive(&mut *consumer, 1).await;
    assert_eq!(told(&others), ["B0 1"]);
    let again = receive(&mut *consumer, 10).await;
    assert_eq!(told(&again), ["A0 2", "A1 1", "A2 1"]);
    ack(others).await;
    ack(again).await;
    assert_all_settled(&server);
}
