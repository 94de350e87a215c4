//! The time from a send to its acknowledgement and to its receipt, at half of the load that the transport bears.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, Message, Subscription, Topic, ack_all, connect,
};
use events_server_tests::KafkaServer;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::{BaseProducer, Producer as _};
use tokio::runtime::Runtime;

use super::common::table::median;
use super::common::{Failure, KEYS, Rates, event};
use super::raw::{self, Stored};

/// How long the load lasts, and the part at its start that is not counted.
const LASTS: Duration = Duration::from_secs(4);
const WARM: Duration = Duration::from_secs(1);
/// The load comes in portions at this interval.
const TICK: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(30);

/// Milliseconds at the median and at the 99th percentile.
pub(crate) type Latencies = Vec<(&'static str, [f64; 2])>;

/// Half of what the transport bears if one processor sends and receives, in messages a second.
pub(crate) fn half_of(rates: &Rates) -> f64 {
    let ours = rates.iter().filter(|(name, _)| name.contains("1,000 keys"));
    ours.map(|(_, rate)| 1.0 / rate).sum::<f64>().recip() / 2.0
}

pub(crate) fn turn(
    server: &KafkaServer,
    runtime: &Runtime,
    url: &str,
    namespace: &str,
    load: f64,
) -> Result<Latencies, Failure> {
    let mut latencies = raw_turn(server, &format!("{namespace}.raw-latency"), load)?;
    latencies.extend(runtime.block_on(own_turn(url, load))?);
    Ok(latencies)
}

pub(crate) fn table(runs: &[Latencies]) {
    println!("latency at half load, milliseconds: p50, p99");
    for (name, _) in runs.first().into_iter().flatten() {
        let of = |at: usize| {
            let figures = runs.iter().flatten().filter(|(other, _)| other == name);
            median(figures.map(|(_, percentiles)| percentiles[at]).collect()).unwrap_or_default()
        };
        println!("  {name:<44} {:>8.2} {:>8.2}", of(0), of(1));
    }
}

/// A message whose data begins with the time of its send, since `epoch`.
fn stamped(number: usize, epoch: Instant) -> Message {
    let mut message = event(Some(number % KEYS));
    let nanos = u64::try_from(epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
    message.data = [&nanos.to_be_bytes()[..], &message.data[8..]].concat().into();
    message
}

/// The time since the stamp, unless the message is of the first second.
fn since(data: &[u8], epoch: Instant) -> Option<Duration> {
    let stamp = data.first_chunk().map(|bytes| Duration::from_nanos(u64::from_be_bytes(*bytes)))?;
    (stamp > WARM).then(|| epoch.elapsed().saturating_sub(stamp))
}

/// The number of messages that are due.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of some digits")]
fn due(epoch: Instant, load: f64) -> usize {
    (epoch.elapsed().as_secs_f64() * load) as usize
}

fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort_unstable();
    [50, 99].map(|percent| {
        let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
        times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    })
}

/// librdkafka alone: a thread that sends and one that reads.
fn raw_turn(server: &KafkaServer, topic: &str, load: f64) -> Result<Latencies, Failure> {
    raw::create(server, topic)?;
    let producer: BaseProducer<Stored> = raw::producer(server).create_with_context(Stored::default())?;
    producer.client().fetch_metadata(Some(topic), LONG)?;
    let consumer = raw::consumer(server, topic, "raw")?;
    until_assigned(&consumer)?;
    let (ended, epoch) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let end = ended.clone();
    let reader = std::thread::spawn(move || {
        let (mut times, mut count) = (Vec::new(), 0_usize);
        loop {
            match consumer.poll(Duration::from_millis(200)) {
                Some(message) => {
                    let message = message.expect("a message");
                    times.extend(since(message.payload().unwrap_or_default(), epoch));
                    consumer.store_offset_from_message(&message).expect("the offset is stored");
                    count += 1;
                    if count % 1_000 == 0 {
                        consumer.commit_consumer_state(CommitMode::Async).expect("a commit");
                    }
                }
                None if end.load(Ordering::Relaxed) => return times,
                None => {}
            }
        }
    });
    let mut sent = 0;
    while epoch.elapsed() < LASTS {
        while sent < due(epoch, load) {
            raw::enqueue(&producer, topic, &stamped(sent, epoch))?;
            sent += 1;
        }
        producer.poll(TICK);
    }
    producer.flush(LONG)?;
    ended.store(true, Ordering::Relaxed);
    let times = reader.join().map_err(|_| "the reader panicked")?;
    Ok(vec![("librdkafka: send to receipt", percentiles(times))])
}

fn until_assigned(consumer: &BaseConsumer) -> Result<(), Failure> {
    let started = Instant::now();
    while consumer.assignment()?.count() == 0 {
        if started.elapsed() > LONG {
            return Err("the consumer got no partition".into());
        }
        drop(consumer.poll(Duration::from_millis(20)));
    }
    Ok(())
}

/// The transport: a task that sends and one that reads.
async fn own_turn(url: &str, load: f64) -> Result<Latencies, Failure> {
    let transport = connect(url, &ConnectOptions::new())?;
    let topic = Topic::new("latency")?;
    let producer = transport.producer().await?;
    let subscription = Subscription::new(topic.clone(), ConsumerGroup::new("g")?);
    let mut consumer = transport.consumer(subscription).await?;
    // The topic exists, and the member has joined.
    for sent in producer.send(&topic, &[event(None)]).await {
        sent?;
    }
    for acked in ack_all(consumer.receive(1, LONG).await?).await {
        acked?;
    }
    let (ended, epoch) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let end = ended.clone();
    let reader = async move {
        let mut times = Vec::new();
        loop {
            let deliveries = consumer.receive(100, Duration::from_millis(200)).await?;
            if deliveries.is_empty() && end.load(Ordering::Relaxed) {
                consumer.close().await?;
                return Ok::<_, Failure>(times);
            }
            times.extend(deliveries.iter().filter_map(|delivery| since(&delivery.message().data, epoch)));
            tokio::spawn(ack_all(deliveries));
        }
    };
    let sender = async {
        let (mut sent, mut acks, mut tasks) = (0, Vec::new(), Vec::new());
        while epoch.elapsed() < LASTS {
            let count = due(epoch, load).saturating_sub(sent);
            if count > 0 {
                let batch: Vec<_> = (sent..sent + count).map(|number| stamped(number, epoch)).collect();
                sent += count;
                let (begun, sending) = (Instant::now(), producer.send(&topic, &batch));
                tasks.push(tokio::spawn(async move {
                    let stored = sending.await.into_iter().all(|sent| sent.is_ok());
                    (stored, begun, begun.elapsed())
                }));
            }
            tokio::time::sleep(TICK).await;
        }
        for task in tasks {
            let (stored, begun, took) = task.await?;
            assert!(stored, "every message is stored");
            acks.extend((begun > epoch + WARM).then_some(took));
        }
        ended.store(true, Ordering::Relaxed);
        Ok::<_, Failure>(acks)
    };
    let (times, acks) = tokio::join!(reader, sender);
    Ok(vec![("send to acknowledged", percentiles(acks?)), ("send to receipt", percentiles(times?))])
}
