//! Consumers that answer late, fail or are dropped.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use super::*;
use crate::{ConsumerGroup, Message, Position, Receipt, Recipient, Settle, Settlement};

/// What happened to the deliveries of a [`Slow`] consumer.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn push(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

impl Settle for Log {
    fn settle(&self, all: Vec<Settlement>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        for one in &all {
            self.push(format!("{:?} {}", one.outcome, one.receipt.position));
        }
        Box::pin(std::future::ready(all.iter().map(|_| Ok(())).collect()))
    }

    fn abandon(&self, receipt: Receipt) {
        self.push(format!("abandoned {}", receipt.position));
    }

    fn renew(&self, all: Vec<Receipt>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        Box::pin(std::future::ready(all.iter().map(|_| Ok(())).collect()))
    }
}

/// Gives a message, or an error, each time after a pause.
struct Slow {
    topic: Topic,
    pause: Duration,
    fails: bool,
    next: u64,
    log: Arc<Log>,
}

impl Consumer for Slow {
    fn receive(&mut self, _: usize, _: Duration) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            if !self.pause.is_zero() {
                tokio::time::sleep(self.pause).await;
            }
            if self.fails {
                return Err(TransportError::new(ErrorKind::Unavailable, "read", "host:1", "it is down"));
            }
            self.next += 1;
            let group = ConsumerGroup::new("billing").unwrap();
            let recipient = Arc::new(Recipient::new(self.topic.clone(), group, self.log.clone()));
            let position = Position::Sequence(self.next);
            Ok(vec![Delivery::new(Message::new(""), position, 1, SystemTime::now(), 0, recipient)])
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        Box::pin(async move {
            tokio::time::sleep(self.pause).await;
            self.log.push(format!("{} closed", self.topic));
            let error = || TransportError::new(ErrorKind::Unavailable, "leave", "host:1", "it is down");
            if self.fails { Err(error()) } else { Ok(()) }
        })
    }
}

fn merged(topics: &[(&str, u64, bool)]) -> (Box<MergedConsumer>, Arc<Log>) {
    let log = Arc::<Log>::default();
    let consumers = topics.iter().map(|(name, millis, fails)| {
        let (topic, pause) = (Topic::new(*name).unwrap(), Duration::from_millis(*millis));
        let slow = Slow { topic: topic.clone(), pause, fails: *fails, next: 0, log: log.clone() };
        (Some(topic), Box::new(slow) as Box<dyn Consumer>)
    });
    (Box::new(MergedConsumer::new(consumers)), log)
}

async fn topics(consumer: &mut MergedConsumer) -> Vec<String> {
    let received = consumer.receive(9, Duration::from_secs(1)).await.unwrap();
    received
        .into_iter()
        .map(|delivery| {
            let topic = delivery.topic().to_string();
            drop(delivery.ack());
            topic
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_slower_topic_is_waited_for() {
    let (mut consumer, _) = merged(&[("fast", 0, false), ("slow", 90, false)]);
    for _ in 0..5 {
        let mut topics = topics(&mut consumer).await;
        topics.sort();
        assert_eq!(topics, ["fast", "slow"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_does_not_answer_delays_the_others_once_in_a_while() {
    let (mut consumer, _) = merged(&[("fast", 1, false), ("silent", 1_000_000, false)]);
    let began = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(topics(&mut consumer).await, ["fast"]);
    }
    let took = began.elapsed();
    assert!(took < Duration::from_millis(1_300), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn messages_come_before_an_error_that_names_its_topic() {
    let (mut consumer, _) = merged(&[("sound", 0, false), ("broken", 0, true)]);
    for _ in 0..3 {
        assert_eq!(topics(&mut consumer).await, ["sound"]);
        let error = consumer.receive(9, Duration::ZERO).await.unwrap_err();
        assert_eq!(error.to_string(), "can't read `broken`: `host:1`: it is down");
        assert!(error.is_retryable());
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_releases_what_it_has_received() {
    let (mut consumer, log) = merged(&[("fast", 0, false), ("slow", 50, false)]);
    let call = consumer.receive(9, Duration::ZERO);
    assert!(timeout(Duration::from_millis(10), call).await.is_err());
    assert_eq!(*log.0.lock().unwrap(), ["Release 1"]);
}

#[tokio::test(start_paused = true)]
async fn all_topics_are_closed_at_once_although_one_fails() {
    let (consumer, log) = merged(&[("one", 50, true), ("other", 20, false), ("third", 50, false)]);
    let began = Instant::now();
    let error = Consumer::close(consumer).await.unwrap_err();
    assert_eq!(error.subject(), "one");
    assert!(began.elapsed() < Duration::from_millis(60));
    assert_eq!(*log.0.lock().unwrap(), ["other closed", "one closed", "third closed"]);
}
