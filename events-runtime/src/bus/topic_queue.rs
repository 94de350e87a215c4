//! The lane of one topic: its events in order, from the emitting threads to the task that sends them.
//!
//! A topic that is away holds up its own lane and no other. What the lanes share is the number of
//! events they may hold together, the [`Capacity`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::batch::{Batch, Pending, Settle};
use super::capacity::Permit;
use super::observe::{CIRCUIT_OPEN, Observe, QUEUE_DEPTH};
use super::status::{Circuit, TopicQueueStatus};
use super::undelivered::Undelivered;
use crate::transport::{Message, Topic};

/// The queue takes no more events.
pub(super) struct Closed;

/// How far a lane has come.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Every event with a lower number is acknowledged, refused, or given back by a shutdown.
    settled_below: u64,
    /// Nothing is sent any more.
    ended: bool,
}

#[derive(Debug)]
pub(super) struct TopicQueue {
    pub(super) topic: Topic,
    pub(super) observe: Arc<Observe>,
    backlog: Mutex<Backlog>,
    /// Locked after the queue where both are.
    in_flight: Mutex<Batch>,
    pushed: Notify,
    progress: watch::Sender<Progress>,
    circuit: Mutex<Circuit>,
}

/// What waits behind the batch under way.
#[derive(Debug, Default)]
struct Backlog {
    events: VecDeque<(Message, Pending)>,
    /// The number of the next event.
    next: u64,
    closed: bool,
    /// What was not acknowledged when the lane ended, until a shutdown gives it back.
    abandoned: Vec<(u64, Message)>,
}

impl TopicQueue {
    pub(super) fn new(topic: Topic, observe: Arc<Observe>) -> Self {
        Self {
            topic,
            observe,
            backlog: Mutex::default(),
            in_flight: Mutex::default(),
            pushed: Notify::new(),
            progress: watch::Sender::default(),
            circuit: Mutex::default(),
        }
    }

    /// Puts an event at the end.
    pub(super) fn push(&self, message: Message, settle: Settle, permit: Permit) -> Result<(), Closed> {
        let mut backlog = lock(&self.backlog);
        if backlog.closed {
            return Err(Closed);
        }
        let number = backlog.next;
        backlog.next += 1;
        backlog.events.push_back((message, Pending { number, since: Instant::now(), settle, permit }));
        drop(backlog);
        self.pushed.notify_one();
        Ok(())
    }

    /// Waits for a push since the last wait.
    pub(super) async fn pushed(&self) {
        self.pushed.notified().await;
    }

    pub(super) fn queued(&self) -> usize {
        lock(&self.backlog).events.len()
    }

    /// Makes up to so many events the batch under way; whether there are any.
    pub(super) fn take(&self, max: usize) -> bool {
        let mut backlog = lock(&self.backlog);
        let count = backlog.events.len().min(max);
        let mut batch = self.in_flight();
        for (message, pending) in backlog.events.drain(..count) {
            batch.push(message, pending);
        }
        count > 0
    }

    /// The batch under way. Only the lane's task changes it.
    pub(super) fn in_flight(&self) -> MutexGuard<'_, Batch> {
        lock(&self.in_flight)
    }

    /// Takes no more events, unless some wait; whether it is so.
    pub(super) fn close_if_empty(&self) -> bool {
        let mut backlog = lock(&self.backlog);
        backlog.closed |= backlog.events.is_empty();
        backlog.closed
    }

    /// Tells those who wait for it how far the lane has come.
    pub(super) fn advance(&self) {
        let backlog = lock(&self.backlog);
        let batch = self.in_flight();
        let first = batch.first_number().or_else(|| Some(backlog.events.front()?.1.number));
        let settled_below = first.unwrap_or(backlog.next);
        let depth = batch.len() + backlog.events.len();
        drop((batch, backlog));
        self.progress.send_modify(|progress| progress.settled_below = settled_below);
        let depth = u32::try_from(depth).map_or(f64::INFINITY, f64::from);
        metrics::gauge!(QUEUE_DEPTH, "topic" => self.topic.to_string()).set(depth);
    }

    /// The lane's end, whatever was its reason: those who wait are told, the messages are kept for
    /// a shutdown to give back.
    pub(super) fn end(&self) {
        let mut backlog = lock(&self.backlog);
        backlog.closed = true;
        let batch = std::mem::take(&mut *self.in_flight());
        let rest = std::mem::take(&mut backlog.events);
        // Dropping what waits settles it as shut down.
        let left = batch.into_messages().chain(rest);
        backlog.abandoned.extend(left.map(|(message, pending)| (pending.number, message)));
        drop(backlog);
        self.progress.send_modify(|progress| progress.ended = true);
    }

    /// What was not acknowledged when the lane ended.
    pub(super) fn take_undelivered(&self) -> Vec<Undelivered> {
        let mut backlog = lock(&self.backlog);
        let abandoned = std::mem::take(&mut backlog.abandoned);
        let next = backlog.next;
        drop(backlog);
        self.progress.send_modify(|progress| progress.settled_below = next);
        let undelivered = |(_, message)| Undelivered { topic: self.topic.clone(), message };
        abandoned.into_iter().map(undelivered).collect()
    }

    /// The number that the next event gets: the end of what a flush waits for.
    pub(super) fn mark(&self) -> u64 {
        lock(&self.backlog).next
    }

    /// Waits until every event before the mark is settled, or no more can be.
    pub(super) async fn settled(&self, mark: u64) {
        let mut progress = self.progress.subscribe();
        // The other end is `self`.
        let _ = progress.wait_for(|progress| progress.settled_below >= mark || progress.ended).await;
    }

    /// The events before the mark that are not settled, in order.
    pub(super) fn unsettled<T>(&self, mark: u64, each: impl Fn(&Topic, &Message) -> T) -> Vec<T> {
        let backlog = lock(&self.backlog);
        let batch = self.in_flight();
        let abandoned = backlog.abandoned.iter().map(|(number, message)| (*number, message));
        let queued = backlog.events.iter().map(|(message, pending)| (pending.number, message));
        abandoned
            .chain(batch.iter().map(|(message, pending)| (pending.number, message)))
            .chain(queued)
            .filter(|(number, _)| *number < mark)
            .map(|(_, message)| each(&self.topic, message))
            .collect()
    }

    pub(super) fn circuit(&self) -> Circuit {
        lock(&self.circuit).clone()
    }

    pub(super) fn is_circuit_closed(&self) -> bool {
        *lock(&self.circuit) == Circuit::Closed
    }

    pub(super) fn set_circuit(&self, circuit: Circuit) {
        let open = if circuit == Circuit::Closed { 0.0 } else { 1.0 };
        metrics::gauge!(CIRCUIT_OPEN, "topic" => self.topic.to_string()).set(open);
        *lock(&self.circuit) = circuit;
    }

    pub(super) fn status(&self) -> TopicQueueStatus {
        let backlog = lock(&self.backlog);
        let batch = self.in_flight();
        let oldest = batch.oldest().or_else(|| Some(backlog.events.front()?.1.since));
        TopicQueueStatus {
            topic: self.topic.clone(),
            queue_depth: batch.len() + backlog.events.len(),
            oldest_waiting: oldest.map(|since: Instant| -> Duration { since.elapsed() }),
            circuit: self.circuit(),
        }
    }
}

/// What a panic left behind is still the truth: no step between two locks breaks a rule.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
