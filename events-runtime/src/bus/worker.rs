//! The running consumer: receives, has each message emitted, and settles it by what came of that.

use std::collections::HashSet;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::consumer::Settings;
use super::error::{ConsumeError, chain};
use super::inbound::{Inbound, Verdict};
use super::settling::Settling;
use crate::transport::{Consumer, Delivery, TransportError};

/// How long one wait for messages lasts; its end is no event, the next one follows.
const WAIT: Duration = Duration::from_secs(30);

pub(super) struct Worker {
    pub(super) inbound: Inbound,
    pub(super) settling: Settling,
    pub(super) settings: Settings,
    /// How often in a row the transport failed.
    pub(super) failures: u32,
}

impl Worker {
    pub(super) async fn run(
        &mut self,
        consumer: &mut dyn Consumer,
        mut shutdown: Pin<&mut impl Future>,
    ) -> Result<(), ConsumeError> {
        loop {
            let received = tokio::select! {
                biased;
                _ = &mut shutdown => break,
                received = consumer.receive(self.settings.batch_size, WAIT) => received,
            };
            match received {
                Ok(deliveries) => {
                    self.failures = 0;
                    if self.take(deliveries, shutdown.as_mut()).await? == Progress::Stopped {
                        break;
                    }
                }
                Err(error) => {
                    let pause = self.pause(error)?;
                    tokio::select! {
                        _ = &mut shutdown => break,
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
        }
        self.settling.wait_for_acks(0).await;
        Ok(())
    }

    /// How long to wait before the transport is asked again.
    pub(super) fn pause(&mut self, error: TransportError) -> Result<Duration, ConsumeError> {
        if !error.is_retryable() {
            return Err(error.into());
        }
        self.failures = self.failures.saturating_add(1);
        let pause = self.settings.backoff.after(self.failures);
        let topic = self.settling.topic();
        metrics::counter!("events_receive_retried_total", "topic" => topic.to_string()).increment(1);
        tracing::warn!(%topic, error = chain(&error), ?pause, "receiving failed and is tried again");
        Ok(pause)
    }

    async fn take(
        &mut self,
        deliveries: Vec<Delivery>,
        mut shutdown: Pin<&mut impl Future>,
    ) -> Result<Progress, ConsumeError> {
        let mut hand = Hand::new(deliveries);
        // Keys whose earlier event failed in this batch: the later ones wait behind it.
        let mut held: HashSet<Bytes> = HashSet::new();
        while let Some(delivery) = hand.waiting.next() {
            let key = delivery.message().key.clone();
            if key.as_ref().is_some_and(|key| held.contains(key)) {
                self.settling.ack(&mut hand.done).await;
                self.settling.release(delivery).await;
                continue;
            }
            let Some(verdict) = self.verdict(&delivery, &mut hand).await else {
                // Others have it by now, and what was fetched with it: it is theirs to work on.
                drop(delivery);
                return Ok(Progress::GoesOn);
            };
            match verdict {
                Verdict::Done | Verdict::Skipped => {
                    let consumed = &mut self.settling.consumed;
                    match verdict {
                        Verdict::Done => consumed.acked += 1,
                        _ => consumed.skipped += 1,
                    }
                    hand.done.push(delivery);
                }
                Verdict::Failed(error) if delivery.attempt() < self.settings.max_attempts => {
                    held.extend(key);
                    // The earlier ones of the key are settled first.
                    self.settling.ack(&mut hand.done).await;
                    self.settling.retry(delivery, &error).await;
                }
                Verdict::Failed(error) | Verdict::Unusable(error) => {
                    self.settling.ack(&mut hand.done).await;
                    if !self.settling.reject(delivery, &error).await {
                        held.extend(key);
                    }
                }
                Verdict::Stop { event_type } => {
                    self.give_back(Some(delivery), hand).await;
                    return Err(ConsumeError::UnknownEvent { event_type });
                }
            }
            let stops = tokio::select! {
                biased;
                _ = &mut shutdown => true,
                () = std::future::ready(()) => false,
            };
            if stops {
                self.give_back(None, hand).await;
                return Ok(Progress::Stopped);
            }
        }
        self.settling.ack(&mut hand.done).await;
        Ok(Progress::GoesOn)
    }

    /// Acknowledges what is done and hands the rest back, as if it had never been fetched.
    async fn give_back(&mut self, current: Option<Delivery>, mut hand: Hand) {
        self.settling.ack(&mut hand.done).await;
        for rest in current.into_iter().chain(hand.waiting) {
            self.settling.release(rest).await;
        }
        self.settling.wait_for_acks(0).await;
    }

    /// Has a message emitted, and keeps the leases of what is in hand while its receivers work;
    /// `None` where they were lost.
    ///
    /// A sync receiver works on this thread; while it blocks, nothing is renewed. Leases are looked
    /// at before the next message is.
    async fn verdict(&mut self, delivery: &Delivery, hand: &mut Hand) -> Option<Verdict> {
        let renewal = self.settings.lease / 3;
        let mut taking = std::pin::pin!(self.inbound.take(delivery.message()));
        loop {
            let due = renewal.saturating_sub(hand.leased.elapsed());
            tokio::select! {
                biased;
                verdict = &mut taking, if !due.is_zero() => return Some(verdict),
                () = tokio::time::sleep(due) => {
                    self.settling.ack(&mut hand.done).await;
                    let waiting = hand.waiting.as_slice();
                    if !self.settling.renew(std::iter::once(delivery).chain(waiting)).await {
                        return None;
                    }
                    hand.leased = Instant::now();
                }
            }
        }
    }
}

/// Whether a consumer goes on after a batch.
#[derive(PartialEq, Eq)]
enum Progress {
    GoesOn,
    Stopped,
}

/// What was fetched together.
struct Hand {
    waiting: std::vec::IntoIter<Delivery>,
    /// Taken by every receiver, not acknowledged yet.
    done: Vec<Delivery>,
    /// When the leases began.
    leased: Instant,
}

impl Hand {
    fn new(deliveries: Vec<Delivery>) -> Self {
        Self {
            done: Vec::with_capacity(deliveries.len()),
            waiting: deliveries.into_iter(),
            leased: Instant::now(),
        }
    }
}
