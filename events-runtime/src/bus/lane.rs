//! The lane of one topic: its events in order, from the emitting threads to the task that sends them.
//!
//! A topic that is away holds up its own lane and no other. What the lanes share is the number of
//! events they may hold together, the [`Places`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use tokio::sync::{Notify, watch};

use super::batch::{Batch, Waiting};
use super::error::{OutboundError, Undelivered};
use super::observe::{CIRCUIT_OPEN, Observe, QUEUE_DEPTH};
use super::status::{Circuit, LaneStatus};
use crate::signal::SendError;
use crate::transport::{Message, Topic};

/// Who is told the end of a message.
pub(super) type Settle = oneshot::Sender<Result<String, SendError>>;

/// How many events all lanes together may hold.
#[derive(Debug)]
pub(super) struct Places {
    taken: AtomicUsize,
    capacity: usize,
}

/// An event's place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Places>);

impl Places {
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), capacity })
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// A place, where fewer than `limit` are taken.
    pub(super) fn take(self: &Arc<Self>, limit: usize) -> Option<Place> {
        let free = |taken: usize| (taken < limit).then(|| taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).ok()?;
        Some(Place(Arc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How far a lane has come.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Every event with a lower number is acknowledged, refused, or given back by a shutdown.
    settled_below: u64,
    /// Nothing is sent any more.
    ended: bool,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) topic: Topic,
    pub(super) observe: Arc<Observe>,
    queue: Mutex<Queued>,
    /// Locked after the queue where both are.
    under_way: Mutex<Batch>,
    pushed: Notify,
    progress: watch::Sender<Progress>,
    circuit: Mutex<Circuit>,
}

/// What waits behind the batch under way.
#[derive(Debug, Default)]
struct Queued {
    events: VecDeque<(Message, Waiting)>,
    /// The number of the next event.
    next: u64,
    closed: bool,
    /// What was not acknowledged when the lane ended, until a shutdown gives it back.
    abandoned: Vec<(u64, Message)>,
}

impl Lane {
    pub(super) fn new(topic: Topic, observe: Arc<Observe>) -> Self {
        Self {
            topic,
            observe,
            queue: Mutex::default(),
            under_way: Mutex::default(),
            pushed: Notify::new(),
            progress: watch::Sender::default(),
            circuit: Mutex::default(),
        }
    }

    /// Puts an event at the end.
    pub(super) fn push(&self, message: Message, settle: Settle, place: Place) -> Result<(), OutboundError> {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(OutboundError::ShutDown);
        }
        let number = queue.next;
        queue.next += 1;
        queue.events.push_back((message, Waiting { number, since: Instant::now(), settle, place }));
        drop(queue);
        self.pushed.notify_one();
        Ok(())
    }

    /// Waits for a push since the last wait.
    pub(super) async fn pushed(&self) {
        self.pushed.notified().await;
    }

    pub(super) fn queued(&self) -> usize {
        lock(&self.queue).events.len()
    }

    /// Makes up to so many events the batch under way; whether there are any.
    pub(super) fn take(&self, max: usize) -> bool {
        let mut queue = lock(&self.queue);
        let count = queue.events.len().min(max);
        let mut batch = self.under_way();
        for (message, waiting) in queue.events.drain(..count) {
            batch.push(message, waiting);
        }
        count > 0
    }

    /// The batch under way. Only the lane's task changes it.
    pub(super) fn under_way(&self) -> MutexGuard<'_, Batch> {
        lock(&self.under_way)
    }

    /// Takes no more events, unless some wait; whether it is so.
    pub(super) fn close_if_empty(&self) -> bool {
        let mut queue = lock(&self.queue);
        queue.closed |= queue.events.is_empty();
        queue.closed
    }

    /// Tells those who wait for it how far the lane has come.
    pub(super) fn advance(&self) {
        let queue = lock(&self.queue);
        let batch = self.under_way();
        let first = batch.first_number().or_else(|| Some(queue.events.front()?.1.number));
        let settled_below = first.unwrap_or(queue.next);
        let depth = batch.len() + queue.events.len();
        drop((batch, queue));
        self.progress.send_modify(|progress| progress.settled_below = settled_below);
        let depth = u32::try_from(depth).map_or(f64::INFINITY, f64::from);
        metrics::gauge!(QUEUE_DEPTH, "topic" => self.topic.to_string()).set(depth);
    }

    /// The lane's end, whatever was its reason: those who wait are told, the messages are kept for
    /// a shutdown to give back.
    pub(super) fn end(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        let batch = std::mem::take(&mut *self.under_way());
        let rest = std::mem::take(&mut queue.events);
        // Dropping what waits settles it as shut down.
        let left = batch.into_messages().chain(rest);
        queue.abandoned.extend(left.map(|(message, waiting)| (waiting.number, message)));
        drop(queue);
        self.progress.send_modify(|progress| progress.ended = true);
    }

    /// What was not acknowledged when the lane ended.
    pub(super) fn take_undelivered(&self) -> Vec<Undelivered> {
        let mut queue = lock(&self.queue);
        let abandoned = std::mem::take(&mut queue.abandoned);
        let next = queue.next;
        drop(queue);
        self.progress.send_modify(|progress| progress.settled_below = next);
        let undelivered = |(_, message)| Undelivered { topic: self.topic.clone(), message };
        abandoned.into_iter().map(undelivered).collect()
    }

    /// The number that the next event gets: the end of what a flush waits for.
    pub(super) fn mark(&self) -> u64 {
        lock(&self.queue).next
    }

    /// Waits until every event before the mark is settled, or no more can be.
    pub(super) async fn settled(&self, mark: u64) {
        let mut progress = self.progress.subscribe();
        // The other end is `self`.
        let _ = progress.wait_for(|progress| progress.settled_below >= mark || progress.ended).await;
    }

    /// The events before the mark that are not settled, in order.
    pub(super) fn unsettled<T>(&self, mark: u64, each: impl Fn(&Topic, &Message) -> T) -> Vec<T> {
        let queue = lock(&self.queue);
        let batch = self.under_way();
        let abandoned = queue.abandoned.iter().map(|(number, message)| (*number, message));
        let queued = queue.events.iter().map(|(message, waiting)| (waiting.number, message));
        abandoned
            .chain(batch.iter().map(|(message, waiting)| (waiting.number, message)))
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

    pub(super) fn status(&self) -> LaneStatus {
        let queue = lock(&self.queue);
        let batch = self.under_way();
        let oldest = batch.oldest().or_else(|| Some(queue.events.front()?.1.since));
        LaneStatus {
            topic: self.topic.clone(),
            queue_depth: batch.len() + queue.events.len(),
            oldest_waiting: oldest.map(|since: Instant| -> Duration { since.elapsed() }),
            circuit: self.circuit(),
        }
    }
}

/// What a panic left behind is still the truth: no step between two locks breaks a rule.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
