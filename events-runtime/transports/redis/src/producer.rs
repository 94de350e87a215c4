//! Sends messages, one transaction at a time, so that messages of a key are stored in order and none is
//! stored after one that failed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ::redis::{Cmd, Pipeline, RedisError, RedisResult};
use tokio::sync::{mpsc, oneshot};

use super::config::Config;
use super::connection::{Connection, Request};
use super::endpoint::Destination;
use super::trim::{self, Schedule};
use super::{entry, error, idempotency};
use events_support::error_chain::chain;
use events_transport::{
    BoxFuture, ErrorKind, Message, Position, Producer, SendCall, SendOrder, Topic, TransportError,
};

const OPERATION: &str = "send to";
/// Limits of one transaction; the size is approximate.
const MAX_BATCH_MESSAGES: usize = 2_000;
const MAX_BATCH_BYTES: usize = 8 << 20;
/// The default of `proto-max-bulk-len`: the server closes the connection on larger values.
const MAX_VALUE_BYTES: usize = 512 << 20;

type SendResults = Vec<Result<Position, TransportError>>;

/// Shared by all producers of a transport, so that all sends to a topic have one order.
pub(super) struct RedisProducer {
    work: mpsc::UnboundedSender<Send>,
    /// Of this handle.
    order: SendOrder,
}

struct Send {
    topic: Topic,
    call: SendCall,
    entries: Vec<Cmd>,
    bytes: usize,
    reply: oneshot::Sender<SendResults>,
}

impl RedisProducer {
    pub(super) fn start(config: Arc<Config>) -> Self {
        let (work, queue) = mpsc::unbounded_channel();
        if config.endpoint.is_cluster() {
            tokio::spawn(run_per_topic(config, queue));
        } else {
            tokio::spawn(Writer::new(config, Destination::Any).run(queue));
        }
        Self { work, order: SendOrder::default() }
    }

    /// Another handle.
    pub(super) fn handle(&self) -> Self {
        Self { work: self.work.clone(), order: SendOrder::default() }
    }

    /// Whether the tokio runtime of the producer was shut down.
    pub(super) fn is_closed(&self) -> bool {
        self.work.is_closed()
    }
}

impl Producer for RedisProducer {
    fn send(&self, topic: &Topic, batch: &[Message]) -> BoxFuture<'static, SendResults> {
        let count = batch.len();
        if count == 0 {
            return Box::pin(std::future::ready(Vec::new()));
        }
        let (call, returned) = self.order.begin(topic);
        let (reply, answer) = oneshot::channel();
        let closed = "the tokio runtime of this producer was shut down";
        let closed = TransportError::new(ErrorKind::Closed, OPERATION, topic, closed);
        if batch.iter().any(|message| message.size() >= MAX_VALUE_BYTES) {
            let message = "a message exceeds the limit of Redis, 512 MB: send a reference to the data";
            let error = TransportError::new(ErrorKind::TooLarge, OPERATION, topic, message);
            call.fail();
            let _ = reply.send(vec![Err(error); count]);
        } else {
            let bytes = batch.iter().map(Message::size).sum();
            let entries = batch.iter().map(|message| add(topic, message)).collect();
            let send = Send { topic: topic.clone(), call, entries, bytes, reply };
            if let Err(mpsc::error::SendError(send)) = self.work.send(send) {
                send.fail(&closed);
            }
        }
        Box::pin(async move {
            let results = answer.await.unwrap_or_else(|_| vec![Err(closed); count]);
            drop(returned);
            results
        })
    }
}

/// One writer per topic, for clusters: a transaction can't span nodes, and an unavailable node must not
/// block the topics of others.
async fn run_per_topic(config: Arc<Config>, mut work: mpsc::UnboundedReceiver<Send>) {
    let mut writers: HashMap<Topic, mpsc::UnboundedSender<Send>> = HashMap::new();
    while let Some(send) = work.recv().await {
        let writer = writers.entry(send.topic.clone()).or_insert_with_key(|topic| {
            let (work, queue) = mpsc::unbounded_channel();
            let destination = config.endpoint.destination(topic);
            tokio::spawn(Writer::new(config.clone(), destination).run(queue));
            work
        });
        // Fails only if the runtime was shut down; the dropped reply channel reports that.
        drop(writer.send(send));
    }
}

fn add(topic: &Topic, message: &Message) -> Cmd {
    let mut add = Cmd::with_capacity(3 + 2 * message.headers.len() + 6, message.size() + 256);
    add.arg("XADD").arg(topic.as_str()).arg("*");
    entry::each_field(message, |name, value| {
        add.arg(name.as_ref()).arg(&value[..]);
    });
    add
}

impl Send {
    /// Answers with this error for each message.
    fn fail(self, error: &TransportError) {
        self.call.fail();
        let _ = self.reply.send(vec![Err(error.clone()); self.entries.len()]);
    }
}

struct Writer {
    config: Arc<Config>,
    connection: Connection,
    /// The number of the last transaction.
    number: u64,
    trims: Schedule,
}

/// The ID of each entry of a transaction, or why it was not stored.
type Ids = Vec<RedisResult<String>>;

impl Writer {
    fn new(config: Arc<Config>, destination: Destination) -> Self {
        let connection = Connection::sharing(config.clone(), destination);
        Self { config, connection, number: 0, trims: Schedule::default() }
    }

    async fn run(mut self, mut work: mpsc::UnboundedReceiver<Send>) {
        while let Some(first) = work.recv().await {
            let (mut messages, mut bytes) = (first.entries.len(), first.bytes);
            let mut sends = vec![first];
            while messages < MAX_BATCH_MESSAGES
                && bytes < MAX_BATCH_BYTES
                && let Ok(more) = work.try_recv()
            {
                messages += more.entries.len();
                bytes += more.bytes;
                sends.push(more);
            }
            for send in &sends {
                self.trims.register(&send.topic);
            }
            for topic in self.trims.due() {
                self.trim(&topic).await;
            }
            let broken = self.send(sends).await;
            if let Some(error) = broken {
                // What is queued would wait for the same server. The sends of a topic that come later are not admitted.
                while let Ok(send) = work.try_recv() {
                    let error = error::convert(error.clone(), OPERATION, &send.topic);
                    send.fail(&error);
                }
            }
        }
    }

    /// Stores messages, all or none. Returns the error if the transaction failed.
    async fn send(&mut self, sends: Vec<Send>) -> Option<RedisError> {
        let mut pipeline = Pipeline::with_capacity(sends.iter().map(|send| send.entries.len()).sum());
        let mut replies = Vec::with_capacity(sends.len());
        let mut counts: BTreeMap<Topic, usize> = BTreeMap::new();
        for send in sends {
            if let Err(error) = send.call.admit() {
                send.fail(&error);
                continue;
            }
            let Send { topic, call, entries, reply, .. } = send;
            *counts.entry(topic.clone()).or_default() += entries.len();
            replies.push((topic, call, entries.len(), reply));
            for entry in entries {
                pipeline.add_command(entry);
            }
        }
        if replies.is_empty() {
            return None;
        }
        self.number += 1;
        for topic in counts.keys() {
            pipeline.add_command(idempotency::record(topic, self.connection.client_id(), self.number));
        }
        pipeline.atomic().ignore_errors();
        let order: Vec<(&Topic, usize)> =
            replies.iter().map(|(topic, _, count, _)| (topic, *count)).collect();
        let answer = self.store(&pipeline, &counts, &order).await;
        match answer {
            Ok(ids) => {
                let mut ids = ids.into_iter();
                for (topic, call, count, reply) in replies {
                    self.trims.appended(&topic, count);
                    let sent: SendResults = ids.by_ref().take(count).map(|id| position(&topic, id)).collect();
                    if sent.len() < count || sent.iter().any(Result::is_err) {
                        call.fail();
                    }
                    let _ = reply.send(sent);
                }
                None
            }
            Err(error) => {
                for (topic, call, count, reply) in replies {
                    call.fail();
                    let error = error::convert(error.clone(), OPERATION, topic);
                    let _ = reply.send((0..count).map(|_| Err(error.clone())).collect());
                }
                Some(error)
            }
        }
    }

    /// Runs a transaction. If the reply is lost, retries only if it was not executed.
    async fn store(
        &mut self,
        pipeline: &Pipeline,
        counts: &BTreeMap<Topic, usize>,
        order: &[(&Topic, usize)],
    ) -> RedisResult<Ids> {
        let mut backoff = self.connection.backoff();
        loop {
            let answer = self.connection.send_once(&Request::Pipeline(pipeline)).await;
            let error = match answer {
                Ok(ids) => return Ok(::redis::from_redis_value(ids)?),
                Err(error) => error,
            };
            if !backoff.should_retry(&error).await {
                return Err(error);
            }
            if let Some(ids) = self.find_stored(counts, order).await? {
                return Ok(ids);
            }
        }
    }

    /// The IDs of the last transaction, if it was executed although its reply was lost.
    async fn find_stored(
        &self,
        counts: &BTreeMap<Topic, usize>,
        order: &[(&Topic, usize)],
    ) -> RedisResult<Option<Ids>> {
        let mut found = BTreeMap::new();
        for (topic, count) in counts {
            match idempotency::find(&self.connection, topic, self.connection.client_id(), self.number, *count)
                .await?
            {
                Some(ids) if ids.len() == *count => found.insert(topic, ids.into_iter()),
                _ => return Ok(None),
            };
        }
        let mut ids = Ids::new();
        for (topic, count) in order {
            let of_topic = found.get_mut(*topic).into_iter().flat_map(|ids| ids.by_ref().take(*count));
            ids.extend(of_topic.map(Ok));
        }
        Ok(Some(ids))
    }

    /// Applies retention to a topic. After a failure, the next run tries again.
    async fn trim(&mut self, topic: &Topic) {
        match trim::trim_batch(&self.connection, topic, &self.config.retention, false).await {
            Ok(trimmed) => {
                if trimmed.held_back && self.trims.first_held_back(topic) {
                    tracing::warn!(
                        %topic,
                        "the topic exceeds its retention, since a group has not settled its oldest messages: see `lag`"
                    );
                }
                if trimmed.more {
                    self.trims.reschedule(topic.clone());
                }
            }
            Err(error) => {
                self.trims.reschedule(topic.clone());
                tracing::debug!(%topic, error = chain(&error), "could not trim the topic");
            }
        }
    }
}

fn position(topic: &Topic, id: RedisResult<String>) -> Result<Position, TransportError> {
    let id = id.map_err(|error| error::convert(error, OPERATION, topic))?;
    id.parse().map_err(|source| {
        TransportError::new(ErrorKind::Corrupt, OPERATION, topic, "the server's reply is not an entry ID")
            .with_source(source)
    })
}
