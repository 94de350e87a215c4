//! Servers that die, hang, are cut off or refuse: nothing that was acknowledged is lost, and each
//! refusal is told as what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events_runtime::transport::{
    ConnectOptions, Consumer, ConsumerGroup, Delivery, ErrorKind, Message, Subscription, Topic, Transport,
    TransportError, ack_all, connect,
};
use events_server_tests::{Proxy, RedisServer};

const LONG: Duration = Duration::from_mins(1);
const KEYS: usize = 5;

fn orders() -> Topic {
    Topic::new("orders").expect("a name")
}

fn billing() -> Subscription {
    Subscription::new(orders(), ConsumerGroup::new("billing").expect("a name"))
}

fn transport(url: &str) -> Box<dyn Transport> {
    connect(url, &ConnectOptions::new()).expect("the URL is understood")
}

/// What was acknowledged to a sender and by a consumer.
#[derive(Default)]
struct Ledger {
    sent: AtomicUsize,
    /// The numbers that came, by key, in the order in which they were acknowledged.
    acked: Mutex<BTreeMap<usize, Vec<usize>>>,
    failed: AtomicUsize,
    /// The sender is to end, and has.
    ended: AtomicBool,
    complete: AtomicBool,
}

/// Sends rising numbers until told to end. What failed is sent again before what follows.
async fn send(transport: Box<dyn Transport>, ledger: Arc<Ledger>) {
    let producer = transport.producer().await.expect("a producer");
    let mut next = 0;
    while !ledger.ended.load(Ordering::Relaxed) {
        let batch: Vec<Message> = (next..next + KEYS)
            .map(|n| Message::new(n.to_string()).with_key((n % KEYS).to_string()))
            .collect();
        let results = producer.send(&orders(), &batch).await;
        match results.iter().find_map(|result| result.as_ref().err()) {
            None => {
                next += KEYS;
                ledger.sent.store(next, Ordering::Relaxed);
                // Or the consumer would be far behind at the end.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Some(error) => again(error, &ledger).await,
        }
    }
    ledger.complete.store(true, Ordering::Relaxed);
}

async fn again(error: &TransportError, ledger: &Ledger) {
    assert!(error.is_retryable(), "{error:?}");
    ledger.failed.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Acknowledges all that comes until everything that was sent came.
async fn consume(mut consumer: Box<dyn Consumer>, ledger: Arc<Ledger>) {
    let mut distinct = BTreeSet::new();
    let started = Instant::now();
    while !ledger.complete.load(Ordering::Relaxed) || distinct.len() < ledger.sent.load(Ordering::Relaxed) {
        assert!(started.elapsed() < LONG, "only {} of {:?} came", distinct.len(), ledger.sent);
        let deliveries = match consumer.receive(50, Duration::from_millis(200)).await {
            Ok(deliveries) => deliveries,
            Err(error) => {
                again(&error, &ledger).await;
                continue;
            }
        };
        let number = |delivery: &Delivery| -> usize {
            String::from_utf8_lossy(&delivery.message().data).parse().expect("a number")
        };
        let numbers: Vec<_> = deliveries.iter().map(number).collect();
        for (number, acked) in numbers.into_iter().zip(ack_all(deliveries).await) {
            match acked {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::LeaseLost => {
                    ledger.failed.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                // It came, and may be stored as done: it need not come again.
                Err(error) => again(&error, &ledger).await,
            }
            distinct.insert(number);
            let mut acked = ledger.acked.lock().unwrap_or_else(PoisonError::into_inner);
            acked.entry(number % KEYS).or_default().push(number);
        }
    }
}

/// Sends and consumes while something happens again and again, and looks at what came.
async fn through(name: &str, url: &str, times: usize, mut trouble: impl FnMut() + Send + 'static) {
    let ledger = Arc::new(Ledger::default());
    let consumer =
        transport(url).consumer(billing().lease(Duration::from_secs(2))).await.expect("a consumer");
    let tasks =
        [tokio::spawn(send(transport(url), ledger.clone())), tokio::spawn(consume(consumer, ledger.clone()))];
    let end = ledger.clone();
    // Comes back, for the server is in it.
    let _trouble = tokio::task::spawn_blocking(move || {
        for _ in 0..times {
            std::thread::sleep(Duration::from_millis(100));
            trouble();
        }
        end.ended.store(true, Ordering::Relaxed);
        trouble
    })
    .await
    .expect("the trouble is made");
    for task in tasks {
        tokio::time::timeout(LONG, task).await.expect("it ends").expect("no panic");
    }
    let acked = ledger.acked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (sent, count) = (ledger.sent.load(Ordering::Relaxed), acked.values().map(Vec::len).sum::<usize>());
    let distinct: BTreeSet<usize> = acked.values().flatten().copied().collect();
    println!(
        "{name} {times} times: {sent} sent, {} received, {} of them twice, {} calls made again",
        distinct.len(),
        count - distinct.len(),
        ledger.failed.load(Ordering::Relaxed)
    );
    assert!(sent > 0, "nothing was sent");
    assert!((0..sent).all(|number| distinct.contains(&number)), "an acknowledged message is lost");
    for (key, numbers) in &acked {
        let mut first = BTreeSet::new();
        let firsts: Vec<_> = numbers.iter().filter(|number| first.insert(**number)).collect();
        assert!(firsts.is_sorted(), "key {key} is out of order: {numbers:?}");
    }
    // It may be reading its log after the last trouble.
    let patient = url.replace("retry_for=0s", "retry_for=1m");
    let groups = transport(&patient).groups(&orders()).await.expect("the groups are listed");
    let lag: u64 = groups.iter().map(|group| group.lag).sum();
    println!("{name}: {lag} behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let mut server = RedisServer::start();
    let url = server.url();
    through("killed", &url, 12, move || {
        server.kill();
        std::thread::sleep(Duration::from_millis(50));
        server.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_calls_fail_at_once_while_the_server_is_killed() {
    let mut server = RedisServer::start();
    let url = format!("{}?retry_for=0s", server.url());
    through("killed, without patience,", &url, 12, move || {
        server.kill();
        std::thread::sleep(Duration::from_millis(50));
        server.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_restarted() {
    let mut server = RedisServer::start();
    let url = server.url();
    through("restarted", &url, 12, move || {
        server.stop();
        server.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_hangs() {
    let server = RedisServer::start();
    let url = format!("{}?timeout=150ms", server.url());
    through("paused", &url, 6, move || {
        server.signal("STOP");
        std::thread::sleep(Duration::from_millis(500));
        server.signal("CONT");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_connections_are_cut() {
    let server = RedisServer::start();
    let proxy = Proxy::before(server.port());
    let url = format!("redis://127.0.0.1:{}/0", proxy.port());
    let cut = Arc::new(AtomicUsize::new(0));
    let count = cut.clone();
    through("cut off", &url, 30, move || {
        count.fetch_add(proxy.cut(), Ordering::Relaxed);
    })
    .await;
    println!("{} connections were cut", cut.load(Ordering::Relaxed));
}

/// A waiting consumer notices, and goes on when the server does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_read_survives_a_restart() {
    let mut server = RedisServer::start();
    let url = server.url();
    let mut consumer = transport(&url).consumer(billing()).await.expect("a consumer");
    let waiting = tokio::spawn(async move { consumer.receive(1, LONG).await.map(|got| got.len()) });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.kill();
    server.start_again();
    let producer = transport(&url).producer().await.expect("a producer");
    producer.send(&orders(), &[Message::new("1")]).await.pop().expect("a result").expect("it is stored");
    let got = tokio::time::timeout(LONG, waiting).await.expect("it is woken").expect("no panic");
    assert_eq!(got.expect("messages are received"), 1);
}

/// A paused server is an error that can be tried again, not a call without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_unavailable() {
    let server = RedisServer::start();
    let transport = transport(&format!("{}?timeout=200ms&retry_for=0s", server.url()));
    let producer = transport.producer().await.expect("a producer");
    producer.send(&orders(), &[Message::new("1")]).await.pop().expect("a result").expect("it is stored");
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    server.signal("STOP");
    let sent = producer.send(&orders(), &[Message::new("2")]).await.pop().expect("a result");
    let received = consumer.receive(1, LONG).await.map(|got| got.len());
    let groups = transport.groups(&orders()).await.map(|groups| groups.len());
    server.signal("CONT");
    for error in
        [sent.expect_err("no answer"), received.expect_err("no answer"), groups.expect_err("no answer")]
    {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    let mut got = Vec::new();
    while got.len() < 2 {
        for delivery in consumer.receive(2, LONG).await.expect("messages are received") {
            got.push(delivery.message().data.clone());
            delivery.ack().await.expect("the acknowledgement is stored");
        }
    }
    assert_eq!(got, ["1", "2"], "what was asked while it hung is done once it goes on");
}

/// Each refusal has its kind, and none shows the password.
#[tokio::test]
async fn refusals_are_told_as_what_they_are() {
    let server = RedisServer::with(&["--requirepass", "hunter2"]);
    let port = server.port();
    let one = [Message::new("1")];
    let send = |url: String| async move {
        let transport = transport(&url);
        let producer = transport.producer().await.expect("a producer");
        producer.send(&orders(), &one.clone()).await.pop().expect("a result")
    };
    let send = &send;
    let url = format!("redis://:hunter2@127.0.0.1:{port}/0");
    send.clone()(url.clone()).await.expect("it is stored");
    for wrong in
        [format!("redis://127.0.0.1:{port}/0"), format!("redis://:hunter3@127.0.0.1:{port}/0?retry_for=0s")]
    {
        let error = send.clone()(wrong).await.expect_err("the user is refused");
        assert_eq!(error.kind(), ErrorKind::Permission, "{error} {error:?}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter"), "{shown}");
    }
    let shown = transport(&url).url().to_owned();
    assert!(!shown.contains("hunter"), "{shown}");

    let mut raw = redis::Client::open(url.as_str()).expect("a URL").get_connection().expect("it answers");
    let mut ask = |command: &[&str]| {
        let mut cmd = redis::cmd(command[0]);
        cmd.arg(&command[1..]);
        cmd.query::<redis::Value>(&mut raw).expect("the server does so")
    };
    ask(&["SET", "plain", "text"]);
    let producer = transport(&url).producer().await.expect("a producer");
    let plain = Topic::new("plain").expect("a name");
    let error =
        producer.send(&plain, &[Message::new("1")]).await.pop().expect("a result").expect_err("no stream");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");

    let mut consumer = transport(&url).consumer(billing()).await.expect("a consumer");
    ask(&["CONFIG", "SET", "maxmemory", "1mb"]);
    let batch = [Message::new("1").with_key("k"), Message::new("2").with_key("k")];
    for result in producer.send(&orders(), &batch).await {
        let error = result.expect_err("there is no room");
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    }
    // What is there can be consumed and settled all the same.
    let delivery = consumer.receive(1, LONG).await.expect("messages are received").pop().expect("one");
    delivery.ack().await.expect("the acknowledgement is stored");
    ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let error = transport(&url).check().await.expect_err("topics may be thrown away");
    assert!(error.to_string().contains("noeviction"), "{error}");
    ask(&["CONFIG", "SET", "maxmemory", "0"]);
    let health = transport(&url).check().await.expect("the server is sound");
    let told = format!("{health:?}");
    assert!(told.contains("appendfsync always"), "{told}");
    ask(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = transport(&format!("{url}?retry_for=0s")).producer().await.expect("a producer");
    let error =
        error.send(&orders(), &[Message::new("1")]).await.pop().expect("a result").expect_err("a replica");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    drop(server);
    let away =
        transport(&format!("{url}?retry_for=0s")).groups(&orders()).await.expect_err("nobody is there");
    assert_eq!(away.kind(), ErrorKind::Unavailable, "{away}");
}
