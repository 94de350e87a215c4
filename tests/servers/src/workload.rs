//! Sends and consumes while faults are injected into the servers, and checks the results.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events_runtime::transport::{Consumer, Delivery, ErrorKind, Message, Producer, TransportError, ack_all};

use crate::orders::{billing, orders, transport};

/// Exceeds the duration of any run here: a broker of Kafka takes seconds to come back.
const LONG: Duration = Duration::from_secs(3 * 60);
const KEYS: usize = 5;

/// What was sent and acknowledged.
#[derive(Default)]
struct Progress {
    sent: AtomicUsize,
    /// The received numbers by key, in the order of their acknowledgements.
    acked: Mutex<BTreeMap<usize, Vec<usize>>>,
    failed: AtomicUsize,
    /// The sender shall end, and has ended.
    ended: AtomicBool,
    complete: AtomicBool,
}

/// Sends increasing numbers until it shall end. Retries failed batches before the next one.
async fn send(producer: Arc<dyn Producer>, progress: Arc<Progress>) {
    let mut next = 0;
    while !progress.ended.load(Ordering::Relaxed) {
        let batch: Vec<Message> = (next..next + KEYS)
            .map(|n| Message::new(n.to_string()).with_key((n % KEYS).to_string()))
            .collect();
        let results = producer.send(&orders(), &batch).await;
        match results.iter().find_map(|result| result.as_ref().err()) {
            None => {
                next += KEYS;
                progress.sent.store(next, Ordering::Relaxed);
                // Limits the backlog of the consumer.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Some(error) => again(error, &progress).await,
        }
    }
    progress.complete.store(true, Ordering::Relaxed);
}

/// Repeats a call until the servers, which may be starting or electing, answer it.
async fn patiently<T>(call: impl AsyncFn() -> Result<T, TransportError>) -> T {
    let started = Instant::now();
    loop {
        match call().await {
            Err(error) if error.is_retryable() && started.elapsed() < LONG => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            answer => return answer.expect("an answer"),
        }
    }
}

async fn again(error: &TransportError, progress: &Progress) {
    assert!(error.is_retryable(), "{error:?}");
    progress.failed.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Receives and acknowledges until every sent number was received.
async fn consume(mut consumer: Box<dyn Consumer>, progress: Arc<Progress>) {
    let mut distinct = BTreeSet::new();
    let started = Instant::now();
    while !progress.complete.load(Ordering::Relaxed) || distinct.len() < progress.sent.load(Ordering::Relaxed)
    {
        assert!(started.elapsed() < LONG, "only {} of {:?} received", distinct.len(), progress.sent);
        let deliveries = match consumer.receive(50, Duration::from_millis(200)).await {
            Ok(deliveries) => deliveries,
            Err(error) => {
                again(&error, &progress).await;
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
                    progress.failed.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                // It was received, and may have been acknowledged: it need not be redelivered.
                Err(error) => again(&error, &progress).await,
            }
            distinct.insert(number);
            let mut acked = progress.acked.lock().unwrap_or_else(PoisonError::into_inner);
            acked.entry(number % KEYS).or_default().push(number);
        }
    }
}

/// Sends and consumes while `fault` is called `times` times, then checks what was received.
///
/// # Panics
/// If an acknowledged message is lost, or a key is out of order.
pub async fn run_with_faults(name: &str, url: &str, times: usize, mut fault: impl FnMut() + Send + 'static) {
    let progress = Arc::new(Progress::default());
    let member = || billing().lease(Duration::from_secs(2));
    let consumer = patiently(async || transport(url).consumer(member()).await).await;
    // Connected before the first fault, which may last longer than a connection is waited for.
    let producer = patiently(async || transport(url).producer().await).await;
    let tasks =
        [tokio::spawn(send(producer, progress.clone())), tokio::spawn(consume(consumer, progress.clone()))];
    let end = progress.clone();
    // Returns the closure, which owns the server.
    let _faults = tokio::task::spawn_blocking(move || {
        for _ in 0..times {
            std::thread::sleep(Duration::from_millis(100));
            fault();
        }
        end.ended.store(true, Ordering::Relaxed);
        fault
    })
    .await
    .expect("no panic in the fault");
    for task in tasks {
        tokio::time::timeout(LONG, task).await.expect("it ends").expect("no panic");
    }
    let acked = progress.acked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (sent, count) = (progress.sent.load(Ordering::Relaxed), acked.values().map(Vec::len).sum::<usize>());
    let distinct: BTreeSet<usize> = acked.values().flatten().copied().collect();
    println!(
        "{name} {times} times: {sent} sent, {} received, {} of them twice, {} calls made again",
        distinct.len(),
        count - distinct.len(),
        progress.failed.load(Ordering::Relaxed)
    );
    assert!(sent > 0, "nothing was sent");
    assert!((0..sent).all(|number| distinct.contains(&number)), "an acknowledged message is lost");
    for (key, numbers) in &acked {
        let mut first = BTreeSet::new();
        let firsts: Vec<_> = numbers.iter().filter(|number| first.insert(**number)).collect();
        assert!(firsts.is_sorted(), "key {key} is out of order: {numbers:?}");
    }
    let groups = patiently(async || transport(url).groups(&orders()).await).await;
    let lag: u64 = groups.iter().map(|group| group.lag).sum();
    println!("{name}: {lag} behind");
}
