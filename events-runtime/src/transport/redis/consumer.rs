//! A member of a group on a stream.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{RedisResult, Value};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::super::{BoxFuture, Consumer, Delivery, Recipient, Subscription, TransportError};
use super::claim::{Claimed, Entry};
use super::config::Config;
use super::connection::{Connection, Request, is_transient, random};
use super::worker::{GENERATED_NAME_PREFIX, Member, Work, Worker};
use super::{acker, error, group, trim};

/// So long a read waits at the server before it is asked anew.
const BLOCK_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct RedisConsumer {
    acker: Arc<acker::Acker>,
    recipient: Arc<Recipient>,
    member: Member,
    /// The connection that waits, which serves nothing else.
    blocking: Arc<Connection>,
    /// A claim that was asked for; a receive that is given up leaves it here for the next.
    pending_claim: Option<(Instant, oneshot::Receiver<Result<Claimed, TransportError>>)>,
    /// A wait at the server, left by a receive that was given up or ended before.
    pending_read: Option<BoxFuture<'static, RedisResult<Value>>>,
    /// More than the last receive had asked for.
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

    /// Asks for entries, or goes on waiting for what was asked before.
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
            // Asked for by a receive that was given up long ago: the lease may end any moment.
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

    /// Waits until the stream has more than was seen, or something may go out again.
    fn block(&self, seen: &[String; 2]) -> BoxFuture<'static, RedisResult<Value>> {
        let Member { topic, group, .. } = &self.member;
        let mut read = ::redis::cmd("XREAD");
        read.arg("COUNT")
            .arg(1)
            .arg("BLOCK")
            .arg(u64::try_from(BLOCK_TIMEOUT.as_millis()).unwrap_or(1000))
            .arg("STREAMS");
        read.arg(topic.as_str()).arg(format!("{{{topic}}}:{group}:wake")).arg(seen);
        let connection = self.blocking.clone();
        Box::pin(async move { connection.send_once(&Request::Command(&read)).await })
    }

    /// Hands back what came behind a message of its key that was handed back meanwhile.
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
            // From here on the worker gives back what it claims.
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
            // No deadline where the wait passes the clock's range.
            let deadline = Instant::now().checked_add(wait);
            loop {
                self.release_out_of_order();
                if max == 0 || !self.buffer.is_empty() {
                    return Ok(self.take_buffered(max));
                }
                let claimed = self.claim(max).await?;
                let (pause, seen) = (claimed.pause, claimed.seen.clone());
                if !claimed.entries.is_empty() {
                    let deliveries = self.deliver(claimed);
                    self.buffer.extend(deliveries);
                    continue;
                }
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok(Vec::new());
                }
                let due = pause.and_then(|pause| Instant::now().checked_add(pause));
                let mut pending_read = self.pending_read.take().unwrap_or_else(|| self.block(&seen));
                let timer = async {
                    match [due, deadline].into_iter().flatten().min() {
                        Some(at) => sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    woken = &mut pending_read => match woken {
                        // The next claim waits for the server, or says that it is away.
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
