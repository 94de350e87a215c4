//! A consumer: one member of a group on a stream.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{RedisResult, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::claim::{Claimed, Entry};
use super::config::Config;
use super::connection::{Connection, Request, is_transient, random};
use super::worker::{GENERATED_NAME_PREFIX, Member, Work, Worker};
use super::{acker, error, group, trim};
use events_transport::{BoxFuture, Consumer, Delivery, Recipient, Subscription, TransportError};

/// How long a read blocks on the server.
const BLOCK_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct RedisConsumer {
    acker: Arc<acker::Acker>,
    recipient: Arc<Recipient>,
    member: Member,
    /// A connection for blocking reads only.
    blocking: Arc<Connection>,
    /// A requested claim. If `receive` is cancelled, the next call uses it.
    pending_claim: Option<(Instant, oneshot::Receiver<Result<Claimed, TransportError>>)>,
    /// A blocking read that an earlier `receive` left.
    pending_read: Option<BoxFuture<'static, RedisResult<Value>>>,
    /// Deliveries beyond the `max` of the last `receive`.
    buffer: VecDeque<Delivery>,
}

impl RedisConsumer {
    pub(super) async fn subscribe(
        config: Arc<Config>,
        subscription: Subscription,
    ) -> Result<Self, TransportError> {
        let dead_letter_topic = subscription.dead_letter_topic()?;
        let Subscription { topic, group, start, lease, member, .. } = subscription;
        let connection = Arc::new(Connection::new(&config, &topic));
        group::join_group(&connection, &config, &topic, &group, start).await?;
        trim::mark_dead_letter_topic(&config, &dead_letter_topic).await?;
        let number = random();
        let consumer = config.consumer_name.clone().or(member).unwrap_or_else(|| {
            let host = gethostname::gethostname();
            format!("{GENERATED_NAME_PREFIX}{}@{}:{number:x}", config.client, host.to_string_lossy())
        });
        let member = Member { topic, group, dead_letter_topic, consumer, number, lease };
        let (work, queue) = mpsc::unbounded_channel();
        let released = Arc::new(acker::ReleasedKeys::default());
        tokio::spawn(Worker::new(config.clone(), connection, member.clone(), released.clone()).run(queue));
        let acker = Arc::new(acker::Acker::new(work, member.topic.clone(), config.ack, released));
        Ok(Self {
            recipient: Arc::new(Recipient::new(member.topic.clone(), member.group.clone(), acker.clone())),
            blocking: Arc::new(Connection::blocking(&config, &member.topic, BLOCK_TIMEOUT)),
            acker,
            member,
            pending_claim: None,
            pending_read: None,
            buffer: VecDeque::new(),
        })
    }

    /// Requests a claim, or waits for one that was requested before.
    async fn claim(&mut self, max: usize) -> Result<Claimed, TransportError> {
        loop {
            let (since, answer) = match &mut self.pending_claim {
                Some(pending_claim) => pending_claim,
                none => {
                    let (reply, answer) = oneshot::channel();
                    drop(self.acker.take_released());
                    self.acker.submit(Work::Claim(max, reply));
                    none.insert((Instant::now(), answer))
                }
            };
            let since = *since;
            let claimed = answer.await;
            self.pending_claim = None;
            let claimed = claimed.unwrap_or_else(|_| Err(self.acker.closed("receive from")))?;
            if claimed.entries.is_empty() || since.elapsed() < self.member.lease / 2 {
                return Ok(claimed);
            }
            // Requested long ago by a cancelled `receive`: the lease may be about to expire.
            for delivery in self.deliver(claimed).into_iter().rev() {
                drop(delivery.release());
            }
        }
    }

    fn deliver(&self, claimed: Claimed) -> Vec<Delivery> {
        let token = claimed.token;
        let deliver = |entry: Entry| {
            let recipient = self.recipient.clone();
            Delivery::new(entry.message, entry.position, entry.attempt, entry.time, token, recipient)
        };
        claimed.entries.into_iter().map(deliver).collect()
    }

    /// Waits until the stream has newer entries than `last_ids`, or an entry becomes due.
    fn block(&self, last_ids: &[String; 2]) -> BoxFuture<'static, RedisResult<Value>> {
        let Member { topic, group, .. } = &self.member;
        let mut read = ::redis::cmd("XREAD");
        read.arg("COUNT")
            .arg(1)
            .arg("BLOCK")
            .arg(u64::try_from(BLOCK_TIMEOUT.as_millis()).unwrap_or(1000))
            .arg("STREAMS");
        read.arg(topic.as_str()).arg(format!("{{{topic}}}:{group}:wake")).arg(last_ids);
        let connection = self.blocking.clone();
        Box::pin(async move { connection.send_once(&Request::Command(&read)).await })
    }

    /// Releases buffered deliveries if an earlier message of their key was released or retried meanwhile.
    fn release_out_of_order(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        let released = self.acker.take_released();
        if released.is_empty() {
            return;
        }
        let is_behind =
            |delivery: &Delivery| delivery.message().key.as_ref().is_some_and(|key| released.contains(key));
        let (behind, buffer): (VecDeque<_>, _) = self.buffer.drain(..).partition(is_behind);
        self.buffer = buffer;
        for delivery in behind.into_iter().rev() {
            drop(delivery.release());
        }
    }

    fn take_buffered(&mut self, max: usize) -> Vec<Delivery> {
        self.buffer.drain(..max.min(self.buffer.len())).collect()
    }

    fn release_all(&mut self) {
        if let Some((_, mut answer)) = self.pending_claim.take() {
            // The worker releases what it claims after this.
            answer.close();
            if let Ok(Ok(claimed)) = answer.try_recv() {
                let deliveries = self.deliver(claimed);
                self.buffer.extend(deliveries);
            }
        }
        for delivery in self.buffer.drain(..).rev() {
            drop(delivery.release());
        }
    }
}

impl Consumer for RedisConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            // No deadline if it exceeds the range of the clock.
            let deadline = Instant::now().checked_add(wait);
            loop {
                self.release_out_of_order();
                if max == 0 || !self.buffer.is_empty() {
                    return Ok(self.take_buffered(max));
                }
                let claimed = self.claim(max).await?;
                let (retry_in, last_ids) = (claimed.retry_in, claimed.last_ids.clone());
                if !claimed.entries.is_empty() {
                    let deliveries = self.deliver(claimed);
                    self.buffer.extend(deliveries);
                    continue;
                }
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok(Vec::new());
                }
                let due = retry_in.and_then(|delay| Instant::now().checked_add(delay));
                let mut pending_read = self.pending_read.take().unwrap_or_else(|| self.block(&last_ids));
                let timer = async {
                    match [due, deadline].into_iter().flatten().min() {
                        Some(at) => sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    woken = &mut pending_read => match woken {
                        // The next claim retries, or reports that the server is unavailable.
                        Err(error) if !is_transient(&error) => {
                            return Err(error::convert(error, "receive from", &self.member.topic));
                        }
                        _ => {}
                    },
                    () = timer => self.pending_read = Some(pending_read),
                }
            }
        })
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        self.release_all();
        let (reply, answer) = oneshot::channel();
        self.acker.submit(Work::Leave(reply));
        let closed = self.acker.closed("leave");
        Box::pin(async move { answer.await.unwrap_or(Err(closed)) })
    }
}

impl Drop for RedisConsumer {
    fn drop(&mut self) {
        self.release_all();
    }
}
