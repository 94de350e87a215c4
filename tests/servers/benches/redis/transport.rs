//! The transport `redis:` by itself.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, Message, Producer, Subscription, Topic, Transport, ack_all, connect,
};
use events_server_tests::RedisServer;

use super::{BATCH, COUNT, DATUM, FIELDS, Failure, Rates, rate};

pub(crate) async fn turn(server: &RedisServer) -> Result<Rates, Failure> {
    let transport = connect(&server.url(), &ConnectOptions::new())?;
    let producer = transport.producer().await?;
    let plain = Topic::new("plain")?;
    let keyed = Topic::new("keyed")?;
    let messages: Vec<Message> = (0..COUNT).map(|_| event(None)).collect();
    let with_keys: Vec<Message> = (0..COUNT).map(|n| event(Some(n % 1_000))).collect();
    let one = send(&*producer, &plain, &messages, 1).await?;
    let eight = send(&*producer, &Topic::new("ahead")?, &messages, 8).await?;
    let keys = send(&*producer, &keyed, &with_keys, 8).await?;
    Ok(vec![
        ("send, one batch after the other", one),
        ("send, eight batches under way", eight),
        ("send, 1,000 keys, eight batches under way", keys),
        ("receive + acknowledge", consume(&*transport, &plain, BATCH).await?),
        ("receive + acknowledge, 1,000 keys", consume(&*transport, &keyed, BATCH).await?),
    ])
}

fn event(key: Option<usize>) -> Message {
    let mut message = Message::new(DATUM)
        .with_header("ce_specversion", "1.0")
        .with_header("content-type", "application/avro")
        .with_header("ce_datacontenttype", "application/avro");
    for (name, value) in FIELDS {
        let host = name.starts_with("sourceh") || name.starts_with("sourcel");
        let header = if host { name.to_owned() } else { format!("ce_{name}") };
        message = message.with_header(header, value);
    }
    match key {
        Some(key) => message.with_key(format!("customer-{key}")),
        None => message,
    }
}

async fn send(
    producer: &dyn Producer,
    topic: &Topic,
    messages: &[Message],
    under_way: usize,
) -> Result<f64, Failure> {
    let started = Instant::now();
    let mut sends = VecDeque::new();
    let mut batches = messages.chunks(BATCH);
    loop {
        while sends.len() < under_way {
            let Some(batch) = batches.next() else { break };
            sends.push_back(producer.send(topic, batch));
        }
        let Some(send) = sends.pop_front() else { break };
        for sent in send.await {
            sent?;
        }
    }
    Ok(rate(messages.len(), started.elapsed()))
}

async fn consume(transport: &dyn Transport, topic: &Topic, most: usize) -> Result<f64, Failure> {
    let subscription = Subscription::new(topic.clone(), ConsumerGroup::new("g")?);
    let mut consumer = transport.consumer(subscription).await?;
    let started = Instant::now();
    let (mut count, mut settled) = (0, None);
    while count < COUNT {
        let deliveries = consumer.receive(most, Duration::from_secs(10)).await?;
        if deliveries.is_empty() {
            return Err(format!("{count} of {COUNT} came").into());
        }
        count += deliveries.len();
        // The next batch is fetched while this one is settled.
        if let Some(before) = settled.replace(ack_all(deliveries)) {
            kept(before.await)?;
        }
    }
    if let Some(last) = settled {
        kept(last.await)?;
    }
    let took = started.elapsed();
    consumer.close().await?;
    Ok(rate(count, took))
}

fn kept(results: Vec<Result<(), events_runtime::transport::TransportError>>) -> Result<(), Failure> {
    Ok(results.into_iter().collect::<Result<(), _>>()?)
}
