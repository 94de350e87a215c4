//! The running consumer: receives, has each message emitted, and settles it by what came of that.

use std::collections::HashSet;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;

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
                    self.take(deliveries).await?;
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

    async fn take(&mut self, deliveries: Vec<Delivery>) -> Result<(), ConsumeError> {
        let mut leased = Instant::now();
        // Keys whose earlier event failed in this batch: the later ones wait behind it.
        let mut held: HashSet<Bytes> = HashSet::new();
        let mut done = Vec::with_capacity(deliveries.len());
        let mut waiting = deliveries.into_iter();
        while let Some(delivery) = waiting.next() {
            let key = delivery.message().key.clone();
            if key.as_ref().is_some_and(|key| held.contains(key)) {
                self.settling.ack(&mut done).await;
                self.settling.release(delivery).await;
                continue;
            }
            let verdict = self.verdict(&delivery, waiting.as_slice(), &mut done, &mut leased).await;
            if matches!(verdict, Verdict::Done | Verdict::Skipped) {
                let consumed = &mut self.settling.consumed;
                match verdict {
                    Verdict::Done => consumed.acked += 1,
                    _ => consumed.skipped += 1,
                }
                done.push(delivery);
                continue;
            }
            // The earlier ones of the key are settled first.
            self.settling.ack(&mut done).await;
            match verdict {
                Verdict::Failed(error) if delivery.attempt() < self.settings.max_attempts => {
                    held.extend(key);
                    self.settling.retry(delivery, &error).await;
                }
                Verdict::Failed(error) | Verdict::Unusable(error) => {
                    self.settling.reject(delivery, &error).await;
                }
                Verdict::Stop { event_type } => {
                    self.settling.release(delivery).await;
                    for rest in waiting {
                        self.settling.release(rest).await;
                    }
                    self.settling.wait_for_acks(0).await;
                    return Err(ConsumeError::UnknownEvent { event_type });
                }
                Verdict::Done | Verdict::Skipped => {}
            }
        }
        self.settling.ack(&mut done).await;
        Ok(())
    }

    /// Has a message emitted, and keeps the leases of what is in hand while its receivers work.
    ///
    /// A sync receiver works on this thread; while it blocks, nothing is renewed.
    async fn verdict(
        &mut self,
        delivery: &Delivery,
        waiting: &[Delivery],
        done: &mut Vec<Delivery>,
        leased: &mut Instant,
    ) -> Verdict {
        let renewal = self.settings.lease / 3;
        let mut taking = std::pin::pin!(self.inbound.take(delivery.message()));
        loop {
            let due = renewal.saturating_sub(leased.elapsed());
            tokio::select! {
                biased;
                verdict = &mut taking, if !due.is_zero() => return verdict,
                () = tokio::time::sleep(due) => {
                    self.settling.ack(done).await;
                    self.settling.renew(std::iter::once(delivery).chain(waiting)).await;
                    *leased = Instant::now();
                }
            }
        }
    }
}
