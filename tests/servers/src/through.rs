//! Sends and consumes while something happens to the servers, and counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events_runtime::transport::{Consumer, Delivery, ErrorKind, Message, Transport, TransportError, ack_all};

use crate::orders::{billing, orders, transport};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);
const KEYS: usize = 5;

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
///
/// # Panics
/// Where a message that was acknowledged is lost, or a key is out of order.
pub async fn through(name: &str, url: &str, times: usize, mut trouble: impl FnMut() + Send + 'static) {
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
