//! A transport alone, without events.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, Message, Producer, Subscription, Topic, Transport, ack_all, connect,
};

use super::{BATCH, COUNT, Failure, KEYS, Rates, event, rate};

/// How far a client works ahead of the server's replies.
pub(crate) struct Ahead {
    /// The batches under way at once, and the names of the figures.
    pub(crate) sends: usize,
    pub(crate) plain: &'static str,
    pub(crate) keyed: &'static str,
    /// The batches whose acknowledgements are under way at once.
    pub(crate) acks: usize,
}

pub(crate) async fn turn(url: &str, ahead: &Ahead) -> Result<Rates, Failure> {
    let transport = connect(url, &ConnectOptions::new())?;
    let producer = transport.producer().await?;
    let plain = Topic::new("plain")?;
    let keyed = Topic::new("keyed")?;
    let messages: Vec<Message> = (0..COUNT).map(|_| event(None)).collect();
    let with_keys: Vec<Message> = (0..COUNT).map(|n| event(Some(n % KEYS))).collect();
    let one = send(&*producer, &plain, &messages, 1).await?;
    let many = send(&*producer, &Topic::new("ahead")?, &messages, ahead.sends).await?;
    let keys = send(&*producer, &keyed, &with_keys, ahead.sends).await?;
    Ok(vec![
        ("send, one batch after the other", one),
        (ahead.plain, many),
        (ahead.keyed, keys),
        ("receive + acknowledge", consume(&*transport, &plain, ahead.acks).await?),
        ("receive + acknowledge, 1,000 keys", consume(&*transport, &keyed, ahead.acks).await?),
    ])
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

async fn consume(transport: &dyn Transport, topic: &Topic, ahead: usize) -> Result<f64, Failure> {
    let subscription = Subscription::new(topic.clone(), ConsumerGroup::new("g")?);
    let mut consumer = transport.consumer(subscription).await?;
    let (mut started, mut count, mut settled) = (None, 0, VecDeque::new());
    while count < COUNT {
        let deliveries = consumer.receive(BATCH, Duration::from_secs(10)).await?;
        if deliveries.is_empty() {
            return Err(format!("{count} of {COUNT} came").into());
        }
        // Members of Kafka take seconds to join.
        started.get_or_insert_with(Instant::now);
        count += deliveries.len();
        // The next batches are fetched while this one is settled.
        settled.push_back(ack_all(deliveries));
        if settled.len() > ahead
            && let Some(before) = settled.pop_front()
        {
            kept(before.await)?;
        }
    }
    for last in settled {
        kept(last.await)?;
    }
    let took = started.map_or(Duration::ZERO, |started| started.elapsed());
    consumer.close().await?;
    Ok(rate(count, took))
}

fn kept(results: Vec<Result<(), events_runtime::transport::TransportError>>) -> Result<(), Failure> {
    Ok(results.into_iter().collect::<Result<(), _>>()?)
}
