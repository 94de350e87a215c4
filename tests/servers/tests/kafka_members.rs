//! Three partitions, three members, a thousand keys: in order, while members stay and while they come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events_runtime::transport::{Delivery, ErrorKind, Message, Transport, ack_all};
use events_server_tests::KafkaServer;
use events_server_tests::orders::{billing, orders, transport};

/// Exceeds the duration of any run here.
const LONG: Duration = Duration::from_secs(3 * 60);
const KEYS: usize = 1_000;
const MEMBERS: usize = 3;

/// What the members of a group did, in the order of the receipts.
#[derive(Default)]
struct Group {
    log: Mutex<Log>,
    done: AtomicBool,
}

#[derive(Default)]
struct Log {
    /// Each number that a key received, with the member.
    received: BTreeMap<String, Vec<(usize, usize)>>,
    distinct: BTreeSet<(String, usize)>,
    /// The messages whose acknowledgement failed, or whose member left before it was asked for.
    unsettled: BTreeSet<(String, usize)>,
}

fn of(delivery: &Delivery) -> (String, usize) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let key = delivery.message().key.as_deref().map(text).expect("a key");
    (key, text(&delivery.message().data).parse().expect("a number"))
}

impl Group {
    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Receives and acknowledges until `until`, or until the group has all messages.
    async fn member(self: Arc<Self>, url: String, member: usize, until: Option<Instant>) {
        let lease = billing().lease(Duration::from_secs(20));
        let mut consumer = transport(&url).consumer(lease).await.expect("a consumer");
        while !self.done.load(Ordering::Relaxed) && until.is_none_or(|until| Instant::now() < until) {
            let deliveries = match consumer.receive(64, Duration::from_millis(200)).await {
                Ok(deliveries) => deliveries,
                Err(error) => {
                    assert!(error.is_retryable(), "{error:?}");
                    continue;
                }
            };
            let names: Vec<_> = deliveries.iter().map(of).collect();
            {
                let mut log = self.log();
                for (key, number) in &names {
                    log.received.entry(key.clone()).or_default().push((*number, member));
                    log.distinct.insert((key.clone(), *number));
                }
            }
            for (name, acked) in names.into_iter().zip(ack_all(deliveries).await) {
                if let Err(error) = acked {
                    assert!(error.is_retryable() || error.kind() == ErrorKind::LeaseLost, "{error:?}");
                    self.log().unsettled.insert(name);
                }
            }
        }
        // Half of the members leave without a word.
        if member.is_multiple_of(2) {
            consumer.close().await.expect("the member leaves");
        }
    }

    /// Waits until the group has this number of messages.
    async fn until_all(&self, count: usize) {
        let started = Instant::now();
        loop {
            let have = self.log().distinct.len();
            if have >= count {
                break;
            }
            assert!(started.elapsed() < LONG, "only {have} of {count} messages came");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.done.store(true, Ordering::Relaxed);
    }

    /// Asserts that each key was in order, and that each repetition has a cause. Returns their number.
    fn check(&self, each: usize) -> usize {
        let log = self.log();
        assert_eq!(log.received.len(), KEYS, "every key came");
        let mut again = 0;
        for (key, received) in &log.received {
            let mut seen = BTreeSet::new();
            let firsts: Vec<_> = received.iter().filter(|(number, _)| seen.insert(*number)).collect();
            assert!(firsts.is_sorted_by_key(|(number, _)| *number), "{key} is out of order: {received:?}");
            assert_eq!(firsts.len(), each, "{key} lost messages: {received:?}");
            again += received.len() - firsts.len();
            for number in 0..each {
                let times = received.iter().filter(|(other, _)| *other == number).count();
                let explained = log.unsettled.contains(&(key.clone(), number));
                assert!(times == 1 || explained, "{key}#{number} came again without a cause: {received:?}");
            }
        }
        again
    }
}

/// Sends `each` messages of every key, round by round.
async fn send(transport: &dyn Transport, each: usize, pause: Duration) {
    let producer = transport.producer().await.expect("a producer");
    for number in 0..each {
        let batch: Vec<_> = (0..KEYS)
            .map(|key| Message::new(number.to_string()).with_key(format!("customer-{key}")))
            .collect();
        for sent in producer.send(&orders(), &batch).await {
            sent.expect("it is stored");
        }
        tokio::time::sleep(pause).await;
    }
}

fn url(server: &KafkaServer, protocol: &str) -> String {
    format!("{}?create_topics=true&partitions=3&group_protocol={protocol}", server.url())
}

async fn three_members(protocol: &str) {
    const EACH: usize = 20;
    let server = KafkaServer::start();
    let url = url(&server, protocol);
    let group = Arc::new(Group::default());
    let members: Vec<_> =
        (0..MEMBERS).map(|member| tokio::spawn(group.clone().member(url.clone(), member, None))).collect();
    send(&*transport(&url), EACH, Duration::ZERO).await;
    group.until_all(KEYS * EACH).await;
    for member in members {
        member.await.expect("no panic");
    }
    let again = group.check(EACH);
    println!("{protocol}: {} messages, {again} of them again", KEYS * EACH);
    let log = group.log();
    let busy: BTreeSet<_> = log.received.values().flatten().map(|(_, member)| member).collect();
    assert_eq!(busy.len(), MEMBERS, "each member had a partition");
}

async fn members_come_and_go(protocol: &str) {
    const EACH: usize = 40;
    let server = KafkaServer::start();
    let url = url(&server, protocol);
    let group = Arc::new(Group::default());
    let seats: Vec<_> = (0..MEMBERS)
        .map(|seat| {
            let (group, url) = (group.clone(), url.clone());
            tokio::spawn(async move {
                let mut member = seat;
                while !group.done.load(Ordering::Relaxed) {
                    let stay = Duration::from_millis(fastrand::u64(500..3_000));
                    group.clone().member(url.clone(), member, Some(Instant::now() + stay)).await;
                    member += MEMBERS;
                }
                member / MEMBERS
            })
        })
        .collect();
    send(&*transport(&url), EACH, Duration::from_millis(250)).await;
    group.until_all(KEYS * EACH).await;
    let mut came = 0;
    for seat in seats {
        came += seat.await.expect("no panic");
    }
    let again = group.check(EACH);
    println!("{protocol}: {} messages, {came} members, {again} messages again", KEYS * EACH);
    assert!(came > 2 * MEMBERS, "members came and went");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_of_three_partitions_keep_a_thousand_keys_in_order() {
    three_members("classic").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_that_the_broker_assigns_keep_a_thousand_keys_in_order() {
    three_members("consumer").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_come_and_go_lose_nothing_and_keep_the_order() {
    members_come_and_go("classic").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_come_and_go_and_that_the_broker_assigns_lose_nothing_and_keep_the_order() {
    members_come_and_go("consumer").await;
}
