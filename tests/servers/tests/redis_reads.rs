//! A sole member with a backlog reads it by `XREADGROUP`, one batch ahead, and registers each read as a claim.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use events_runtime::transport::{Consumer, Delivery, Message, Subscription, ack_all};
use events_server_tests::orders::{assert_all_settled, billing, orders, transport};
use events_server_tests::{Lost, Proxy, RedisServer};
use events_tests::conformance::ack;

const LONG: Duration = Duration::from_secs(20);
const BATCH: usize = 20;
const KEYS: usize = 7;

async fn member(url: &str) -> Box<dyn Consumer> {
    member_with(url, billing()).await
}

async fn member_with(url: &str, subscription: Subscription) -> Box<dyn Consumer> {
    transport(url).consumer(subscription).await.expect("a consumer")
}

/// Sends numbers, with one of `KEYS` keys each.
async fn send(server: &RedisServer, numbers: Range<usize>) {
    send_with(server, numbers, |number| number % KEYS).await;
}

async fn send_with(server: &RedisServer, numbers: Range<usize>, key: fn(usize) -> usize) {
    let producer = transport(&server.url()).producer().await.expect("a producer");
    let message = |number: usize| Message::new(number.to_string()).with_key(key(number).to_string());
    let batch: Vec<_> = numbers.map(message).collect();
    for sent in producer.send(&orders(), &batch).await {
        sent.expect("it is stored");
    }
}

async fn receive(consumer: &mut dyn Consumer, most: usize) -> Vec<Delivery> {
    consumer.receive(most, LONG).await.expect("messages are received")
}

fn number(delivery: &Delivery) -> usize {
    String::from_utf8_lossy(&delivery.message().data).parse().expect("a number")
}

fn numbers(deliveries: &[Delivery]) -> Vec<usize> {
    deliveries.iter().map(number).collect()
}

/// The claims that have a range, which only reads have.
fn ranges(server: &RedisServer) -> usize {
    let claims: Vec<String> = server.ask(&["KEYS", "{orders}:billing:claim:*"]);
    claims.iter().filter(|claim| server.ask::<bool>(&["HEXISTS", claim, "*"])).count()
}

/// Waits until the member has read ahead: this many claims are open.
async fn read_ahead(server: &RedisServer, claims: u64) {
    while server.ask::<u64>(&["ZCARD", "{orders}:billing:leases"]) < claims {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(ranges(server) > 0, "it is a read");
}

/// Receives and acknowledges until nothing is left.
async fn rest(consumer: &mut dyn Consumer, wait: Duration) -> Vec<usize> {
    let mut received = Vec::new();
    loop {
        let got = consumer.receive(BATCH, wait).await.expect("messages are received");
        if got.is_empty() {
            return received;
        }
        received.extend(numbers(&got));
        ack(got).await;
    }
}

/// What was received, by key.
#[derive(Default)]
struct Received(BTreeMap<usize, Vec<usize>>);

impl Received {
    fn add(&mut self, deliveries: &[Delivery]) {
        self.add_numbers(numbers(deliveries));
    }

    fn add_numbers(&mut self, numbers: Vec<usize>) {
        for number in numbers {
            self.0.entry(number % KEYS).or_default().push(number);
        }
    }

    /// Each number once, in the order of its key.
    fn assert_is(&self, expected: Range<usize>) {
        for key in 0..KEYS {
            let of_key: Vec<_> = expected.clone().filter(|number| number % KEYS == key).collect();
            assert_eq!(self.0.get(&key).map(Vec::as_slice).unwrap_or_default(), of_key, "key {key}");
        }
    }

    async fn drain(&mut self, consumer: &mut dyn Consumer, wait: Duration) {
        self.add_numbers(rest(consumer, wait).await);
    }
}

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_backlog_is_read_in_order_without_a_script_for_each_claim() {
    let server = RedisServer::start();
    send(&server, 0..400).await;
    let mut consumer = member(&server.url()).await;
    let () = server.ask(&["CONFIG", "RESETSTAT"]);
    for round in 0..20 {
        let got = receive(&mut *consumer, BATCH).await;
        assert_eq!(numbers(&got), (round * BATCH..(round + 1) * BATCH).collect::<Vec<_>>());
        assert!(got.iter().all(|delivery| delivery.attempt() == 1));
        ack(got).await;
    }
    let none = consumer.receive(BATCH, SHORT).await.expect("the call succeeds");
    assert!(none.is_empty(), "{none:?}");
    let stats: String = server.ask(&["INFO", "commandstats"]);
    let reads = stats.lines().find_map(|line| line.strip_prefix("cmdstat_exec:calls=")).expect("reads");
    let reads: u32 = reads.split(',').next().and_then(|reads| reads.parse().ok()).expect("a number");
    assert!((19..=20).contains(&reads), "all claims but the first are reads: {reads}");
    assert_all_settled(&server);
}

#[tokio::test]
async fn entries_of_a_read_are_acknowledged_one_by_one_and_in_parts() {
    let server = RedisServer::start();
    send(&server, 0..60).await;
    let mut consumer = member(&server.url()).await;
    ack(receive(&mut *consumer, BATCH).await).await;
    let mut got = receive(&mut *consumer, BATCH).await;
    assert_eq!(numbers(&got), (20..40).collect::<Vec<_>>());
    let last = got.split_off(15);
    let middle = got.split_off(5);
    ack(middle).await;
    for delivery in last {
        delivery.ack().await.expect("the acknowledgement is stored");
    }
    assert!(ranges(&server) > 0, "the range is kept");
    ack(got).await;
    ack(receive(&mut *consumer, BATCH).await).await;
    assert_all_settled(&server);
}

#[tokio::test]
async fn an_entry_of_a_read_that_is_retried_comes_again_before_those_of_its_key_that_were_read_ahead() {
    for release in [false, true] {
        let server = RedisServer::start();
        send(&server, 0..200).await;
        let mut consumer = member(&server.url()).await;
        let mut received = Received::default();
        let mut attempts = Vec::new();
        for round in 0.. {
            let mut got = consumer.receive(BATCH, SHORT).await.expect("messages are received");
            if got.is_empty() {
                break;
            }
            if round == 3 {
                read_ahead(&server, 2).await;
                // It and what follows it in its key.
                let failing = number(&got[4]);
                let (requeued, kept): (Vec<_>, Vec<_>) = got.into_iter().partition(|delivery| {
                    number(delivery) % KEYS == failing % KEYS && number(delivery) >= failing
                });
                for delivery in requeued.into_iter().rev() {
                    let outcome = if release { delivery.release() } else { delivery.retry(Duration::ZERO) };
                    outcome.await.expect("the outcome is stored");
                }
                got = kept;
            }
            attempts.extend(got.iter().filter(|delivery| delivery.attempt() > 1).map(number));
            received.add(&got);
            ack(got).await;
        }
        received.assert_is(0..200);
        assert_eq!(attempts.is_empty(), release, "a retry counts, a release does not: {attempts:?}");
        assert_all_settled(&server);
    }
}

#[tokio::test]
async fn the_order_of_keys_is_kept_when_another_member_joins() {
    let server = RedisServer::start();
    send(&server, 0..300).await;
    let (mut first, mut second) = (member(&server.url()).await, member(&server.url()).await);
    let mut received = Received::default();
    for _ in 0..3 {
        let got = receive(&mut *first, BATCH).await;
        received.add(&got);
        ack(got).await;
    }
    let held = receive(&mut *first, BATCH).await;
    read_ahead(&server, 2).await;
    let none = second.receive(BATCH, SHORT).await.expect("the call succeeds");
    assert_eq!(numbers(&none), [0_usize; 0], "each key has an entry that the first member holds");
    received.add(&held);
    ack(held).await;
    let mut by_second = 0;
    loop {
        let got = second.receive(BATCH, Duration::from_millis(20)).await.expect("messages are received");
        by_second += got.len();
        let more = first.receive(BATCH, Duration::from_millis(20)).await.expect("messages are received");
        if got.is_empty() && more.is_empty() {
            break;
        }
        received.add(&got);
        received.add(&more);
        ack(got).await;
        ack(more).await;
    }
    received.assert_is(0..300);
    assert!(by_second > 0);
    assert_all_settled(&server);
}

#[tokio::test]
async fn a_read_is_undone_while_several_members_hold_entries() {
    let server = RedisServer::start();
    // Each with a key of its own.
    send_with(&server, 0..2_000, |number| number).await;
    let (mut first, mut second) = (member(&server.url()).await, member(&server.url()).await);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let got = receive(&mut *first, BATCH).await;
        seen.extend(numbers(&got));
        ack(got).await;
    }
    // It is the first member's turn to read, and the second's claim comes before that.
    let mut shared = 0;
    for _ in 0..200 {
        let held = second.receive(BATCH, SHORT).await.expect("messages are received");
        let got = first.receive(BATCH, SHORT).await.expect("messages are received");
        let sole: String = server.ask(&["GET", "{orders}:billing:sole"]);
        if sole.starts_with('-') {
            assert_eq!(ranges(&server), 0, "a claim has a range only while one member holds all entries");
            shared += 1;
            let lag: Vec<BTreeMap<String, redis::Value>> = server.ask(&["XINFO", "GROUPS", "orders"]);
            assert_ne!(lag[0]["lag"], redis::Value::Nil, "the number of entries read is kept");
        }
        for got in [held, got] {
            seen.extend(numbers(&got));
            ack(got).await;
        }
        if seen.len() >= 2_000 {
            break;
        }
    }
    assert!(shared > 10, "{shared}");
    seen.sort_unstable();
    assert_eq!(seen, (0..2_000).collect::<Vec<_>>(), "each once");
    let stats: String = server.ask(&["INFO", "commandstats"]);
    assert!(stats.contains("cmdstat_xgroup|setid"), "no read was undone:\n{stats}");
    let groups = transport(&server.url()).groups(&orders()).await.expect("the groups are listed");
    assert_eq!(groups[0].lag, 0);
    assert_all_settled(&server);
}

#[tokio::test]
async fn what_a_lost_member_has_read_is_recovered_in_order_after_its_lease() {
    let server = RedisServer::start();
    send(&server, 0..100).await;
    let lease = Duration::from_millis(500);
    let lost = std::thread::spawn({
        let url = server.url();
        move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut consumer = member_with(&url, billing().lease(lease)).await;
                ack(receive(&mut *consumer, BATCH).await).await;
                let held = receive(&mut *consumer, BATCH).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
                // As a process that is killed: nothing is released.
                std::mem::forget((held, consumer));
            });
        }
    });
    lost.join().expect("it reads");
    assert_eq!(ranges(&server), 2, "what it holds and what it read ahead");
    let mut second = member_with(&server.url(), billing().lease(lease)).await;
    let mut received = Received::default();
    let none = second.receive(BATCH, Duration::from_millis(50)).await.expect("the call succeeds");
    assert!(none.is_empty(), "each key has an entry that the lost member holds");
    received.drain(&mut *second, Duration::from_secs(2)).await;
    received.assert_is(20..100);
    assert_all_settled(&server);
}

#[tokio::test]
async fn what_was_read_ahead_is_released_when_it_is_not_asked_for_and_when_the_consumer_is_closed() {
    let server = RedisServer::start();
    send(&server, 0..100).await;
    let lease = Duration::from_secs(2);
    let mut first = member_with(&server.url(), billing().lease(lease)).await;
    ack(receive(&mut *first, BATCH).await).await;
    let held = receive(&mut *first, BATCH).await;
    read_ahead(&server, 2).await;
    ack(held).await;
    let mut second = member_with(&server.url(), billing().lease(lease)).await;
    let mut received = Received::default();
    received.drain(&mut *second, lease).await;
    received.assert_is(40..100);

    send(&server, 100..200).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for _ in 0..2 {
        ack(receive(&mut *second, BATCH).await).await;
    }
    read_ahead(&server, 1).await;
    second.close().await.expect("it leaves");
    let mut received = Received::default();
    received.drain(&mut *first, SHORT).await;
    received.assert_is(140..200);

    // As a consumer whose task is aborted.
    send(&server, 200..300).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for _ in 0..2 {
        ack(receive(&mut *first, BATCH).await).await;
    }
    read_ahead(&server, 1).await;
    drop(first);
    let mut third = member_with(&server.url(), billing().lease(lease)).await;
    let mut received = Received::default();
    received.drain(&mut *third, lease / 2).await;
    received.assert_is(240..300);
    assert_all_settled(&server);
}

#[tokio::test]
async fn a_read_is_executed_once_if_its_request_or_its_reply_is_lost() {
    for lost in [Lost::Request, Lost::Reply] {
        for at in 1..4 {
            let server = RedisServer::start();
            let proxy = Proxy::before(server.port());
            send(&server, 0..200).await;
            let mut consumer = member(&format!("redis://127.0.0.1:{}/0", proxy.port())).await;
            let mut received = Received::default();
            for _ in 0..at {
                let got = receive(&mut *consumer, BATCH).await;
                received.add(&got);
                ack(got).await;
            }
            proxy.lose_next(lost);
            received.drain(&mut *consumer, SHORT).await;
            assert_eq!(proxy.lost(), 1, "{lost:?}");
            received.assert_is(0..200);
            assert_all_settled(&server);
        }
    }
}

#[tokio::test]
async fn a_group_that_is_moved_back_while_its_member_reads_delivers_again() {
    let server = RedisServer::start();
    send(&server, 0..200).await;
    let mut consumer = member(&server.url()).await;
    for _ in 0..4 {
        ack(receive(&mut *consumer, BATCH).await).await;
    }
    let () = server.ask(&["XGROUP", "SETID", "orders", "billing", "0-0"]);
    let mut times = vec![0; 200];
    for number in rest(&mut *consumer, SHORT).await {
        times[number] += 1;
    }
    assert!(times.iter().all(|times| *times >= 1), "{times:?}");
    assert!(times[..60].iter().all(|times| *times == 1), "after the four batches that are not counted");
    assert_all_settled(&server);
}

#[tokio::test]
async fn reads_go_on_after_the_server_lost_its_scripts() {
    let server = RedisServer::start();
    send(&server, 0..300).await;
    let mut consumer = member(&server.url()).await;
    let mut received = Received::default();
    for _ in 0..12 {
        let () = server.ask(&["SCRIPT", "FLUSH"]);
        let got = receive(&mut *consumer, BATCH).await;
        received.add(&got);
        ack(got).await;
    }
    received.drain(&mut *consumer, SHORT).await;
    received.assert_is(0..300);
    assert_all_settled(&server);
}

#[tokio::test]
async fn a_server_without_free_memory_delivers_each_entry_once() {
    let server = RedisServer::start();
    send(&server, 0..300).await;
    let mut consumer = member(&server.url()).await;
    let mut received = Received::default();
    for round in 0..15 {
        if round == 3 {
            let () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
        }
        if round == 12 {
            let () = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
        }
        let got = receive(&mut *consumer, BATCH).await;
        received.add(&got);
        ack(got).await;
    }
    received.assert_is(0..300);
    assert_all_settled(&server);
}

#[tokio::test]
async fn a_group_that_is_destroyed_and_made_again_while_its_member_reads_goes_on() {
    let server = RedisServer::start();
    send(&server, 0..100).await;
    let mut consumer = transport(&format!("{}?on_lost=recover", server.url()))
        .consumer(billing())
        .await
        .expect("a consumer");
    ack(receive(&mut *consumer, BATCH).await).await;
    let held = receive(&mut *consumer, BATCH).await;
    read_ahead(&server, 2).await;
    let () = server.ask(&["XGROUP", "DESTROY", "orders", "billing"]);
    drop(ack_all(held).await);
    let seen: BTreeSet<usize> = rest(&mut *consumer, SHORT).await.into_iter().collect();
    assert_eq!(seen.len(), 100, "a group that is made again receives all");
    assert_all_settled(&server);
}
