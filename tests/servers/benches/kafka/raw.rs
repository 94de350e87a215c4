//! librdkafka alone, with the settings of the transport.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use events_runtime::transport::Message;
use events_server_tests::KafkaServer;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};

use super::common::{COUNT, Failure, KEYS, Rates, event, rate};

pub(crate) const SEND: &str = "librdkafka send";
pub(crate) const CONSUME: &str = "librdkafka consume, read + commit";
/// librdkafka parses headers when they are asked for.
const UNREAD: &str = "librdkafka consume + commit, headers unread";
const LONG: Duration = Duration::from_secs(60);

/// Counts the messages that were stored.
#[derive(Clone, Default)]
pub(crate) struct Stored(Arc<AtomicUsize>);

impl ClientContext for Stored {}

impl ProducerContext for Stored {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        result.as_ref().expect("the message is stored");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The settings of every client.
fn config(server: &KafkaServer) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", server.bootstrap());
    config.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "500");
    config
}

/// The settings of a producer.
pub(crate) fn producer(server: &KafkaServer) -> ClientConfig {
    let mut config = config(server);
    config.set("enable.idempotence", "true").set("enable.gapless.guarantee", "true").set("acks", "all");
    config.set("message.timeout.ms", "0").set("partitioner", "consistent_random");
    config.set("queue.buffering.max.messages", "100000").set("queue.buffering.max.ms", "5");
    config
}

/// A member of a group on a topic, from the start of the topic.
pub(crate) fn consumer(server: &KafkaServer, topic: &str, group: &str) -> Result<BaseConsumer, Failure> {
    let mut config = config(server);
    config.set("group.id", format!("{topic}.{group}")).set("auto.offset.reset", "earliest");
    config.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
    let consumer: BaseConsumer = config.create()?;
    consumer.subscribe(&[topic])?;
    Ok(consumer)
}

/// Creates a topic with three partitions.
pub(crate) fn create(server: &KafkaServer, topic: &str) -> Result<(), Failure> {
    let admin: AdminClient<DefaultClientContext> = config(server).create()?;
    let topic = NewTopic::new(topic, 3, TopicReplication::Fixed(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for result in runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()))? {
        result.map_err(|(name, code)| format!("{name}: {code}"))?;
    }
    Ok(())
}

pub(crate) fn turn(server: &KafkaServer, namespace: &str) -> Result<Rates, Failure> {
    let topic = format!("{namespace}.raw");
    create(server, &topic)?;
    let messages: Vec<Message> = (0..COUNT).map(|n| event(Some(n % KEYS))).collect();
    let send = send(server, &topic, &messages)?;
    let unread = consume(server, &topic, "unread", |_| Ok(0))?;
    let read = consume(server, &topic, "read", read)?;
    Ok(vec![(SEND, send), (UNREAD, unread), (CONSUME, read)])
}

fn send(server: &KafkaServer, topic: &str, messages: &[Message]) -> Result<f64, Failure> {
    let stored = Stored::default();
    let producer: BaseProducer<Stored> = producer(server).create_with_context(stored.clone())?;
    // As the transport, which has connected before its clock starts.
    producer.client().fetch_metadata(Some(topic), LONG)?;
    let started = Instant::now();
    for message in messages {
        enqueue(&producer, topic, message)?;
        producer.poll(Duration::ZERO);
    }
    producer.flush(LONG)?;
    let took = started.elapsed();
    assert_eq!(stored.0.load(Ordering::Relaxed), COUNT, "all messages are stored");
    Ok(rate(COUNT, took))
}

/// Hands a message to librdkafka, which copies it. Waits while its queue is full.
pub(crate) fn enqueue(
    producer: &BaseProducer<Stored>,
    topic: &str,
    message: &Message,
) -> Result<(), Failure> {
    let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
    for (name, value) in message.headers.iter() {
        headers = headers.insert(Header { key: name, value: Some(&value[..]) });
    }
    let key = message.key.as_deref().unwrap_or_default();
    let mut record = BaseRecord::to(topic).key(key).payload(&message.data[..]).headers(headers);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                producer.poll(Duration::from_millis(1));
                record = again;
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

/// The next message. A poll also returns when it has served something else.
fn next(consumer: &BaseConsumer) -> Result<BorrowedMessage<'_>, Failure> {
    let began = Instant::now();
    while began.elapsed() < LONG {
        if let Some(polled) = consumer.poll(Duration::from_secs(1)) {
            return Ok(polled?);
        }
    }
    Err("no message came".into())
}

/// Reads what an event needs: the key, the data, and the names and values of the headers. Returns their size.
fn read(message: &BorrowedMessage<'_>) -> Result<usize, Failure> {
    let key = message.key().ok_or("no key")?;
    let data = message.payload().ok_or("no data")?;
    let headers = message.headers().ok_or("no headers")?;
    let text = |header: Header<'_, &[u8]>| -> Result<usize, Failure> {
        Ok(header.key.len() + std::str::from_utf8(header.value.unwrap_or_default())?.len())
    };
    let headers = headers.iter().map(text).sum::<Result<usize, Failure>>()?;
    Ok(key.len() + data.len() + headers)
}

/// Receives all messages, and commits the offsets of each thousand without waiting for the last commit.
fn consume(
    server: &KafkaServer,
    topic: &str,
    group: &str,
    look: impl Fn(&BorrowedMessage<'_>) -> Result<usize, Failure>,
) -> Result<f64, Failure> {
    let consumer = consumer(server, topic, group)?;
    let (mut started, mut count, mut bytes) = (None, 0, 0);
    while count < COUNT {
        let message = next(&consumer)?;
        started.get_or_insert_with(Instant::now);
        bytes += look(&message)?;
        consumer.store_offset_from_message(&message)?;
        count += 1;
        if count % 1_000 == 0 {
            consumer.commit_consumer_state(CommitMode::Async)?;
        }
    }
    consumer.commit_consumer_state(CommitMode::Sync).or_else(|error| match error {
        KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset) => Ok(()),
        error => Err(error),
    })?;
    std::hint::black_box(bytes);
    Ok(rate(COUNT, started.map_or(Duration::ZERO, |started| started.elapsed())))
}
