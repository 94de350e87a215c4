//! The queue of one topic of a transport. It keeps the topic's events in order between the emitting threads and the task
//! that sends them.
//!
//! An unreachable topic blocks only its own queue. All queues share one [`Capacity`], the total number of
//! events that they may hold.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::batch::{Batch, Pending, Settle};
use super::capacity::Permit;
use super::destination::Destination;
use super::observe::{CIRCUIT_OPEN, Observe, QUEUE_DEPTH};
use super::schemas::WrittenSchemas;
use super::status::{Circuit, TopicQueueStatus};
use super::undelivered::Undelivered;
use events_transport::Message;

/// The data of a send call in bytes, which transports copy into requests.
const BATCH_BYTES: usize = 8 << 20;

/// The queue takes no more events.
pub(super) struct Closed;

/// The progress of a queue.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Every event with a lower number is acknowledged, refused, or returned by a shutdown.
    settled_below: u64,
    /// The sender has ended.
    ended: bool,
}

#[derive(Debug)]
pub(super) struct TopicQueue {
    pub(super) to: Destination,
    /// The transport's scheme, for spans.
    pub(super) system: Arc<str>,
    pub(super) observe: Arc<Observe>,
    /// The schemas of its messages.
    pub(super) schemas: WrittenSchemas,
    backlog: Mutex<Backlog>,
    /// Lock order: backlog before batch.
    in_flight: Mutex<Batch>,
    pushed: Notify,
    /// The backlog has reached what the sender waits for.
    filled: Notify,
    progress: watch::Sender<Progress>,
    circuit: Mutex<Circuit>,
}

/// The events behind those in flight.
#[derive(Debug, Default)]
struct Backlog {
    events: VecDeque<(Message, Pending)>,
    /// The size of their data.
    bytes: usize,
    /// How many events the sender waits for.
    awaited: Option<usize>,
    /// The number of the next event.
    next: u64,
    closed: bool,
    /// Events not acknowledged when the queue ended, until a shutdown takes them.
    abandoned: Vec<(u64, Message)>,
}

impl Backlog {
    /// Whether there are enough events for a batch of this many.
    fn fills(&self, max: usize) -> bool {
        self.events.len() >= max || self.bytes >= BATCH_BYTES
    }

    fn pop(&mut self) -> Option<(Message, Pending)> {
        let (message, pending) = self.events.pop_front()?;
        self.bytes -= message.data.len();
        Some((message, pending))
    }
}

impl TopicQueue {
    pub(super) fn new(to: Destination, system: Arc<str>, observe: Arc<Observe>) -> Self {
        Self {
            to,
            system,
            observe,
            schemas: WrittenSchemas::default(),
            backlog: Mutex::default(),
            in_flight: Mutex::default(),
            pushed: Notify::new(),
            filled: Notify::new(),
            progress: watch::Sender::default(),
            circuit: Mutex::default(),
        }
    }

    /// Appends an event.
    pub(super) fn push(&self, message: Message, settle: Settle, permit: Permit) -> Result<(), Closed> {
        let mut backlog = lock(&self.backlog);
        if backlog.closed {
            return Err(Closed);
        }
        let number = backlog.next;
        backlog.next += 1;
        backlog.bytes += message.data.len();
        backlog.events.push_back((message, Pending { number, since: Instant::now(), settle, permit }));
        let is_filled = backlog.awaited.is_some_and(|max| backlog.fills(max));
        if is_filled {
            backlog.awaited = None;
        }
        drop(backlog);
        self.pushed.notify_one();
        if is_filled {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits for the first push since the last call.
    pub(super) async fn pushed(&self) {
        self.pushed.notified().await;
    }

    pub(super) fn queued(&self) -> usize {
        lock(&self.backlog).events.len()
    }

    /// Waits until there are enough events for a batch of this many. May return early.
    pub(super) async fn filled(&self, max: usize) {
        if !self.await_batch(max) {
            self.filled.notified().await;
        }
    }

    /// Whether there are enough events for a batch of this many; otherwise the push that makes it so tells.
    fn await_batch(&self, max: usize) -> bool {
        let mut backlog = lock(&self.backlog);
        let fills = backlog.fills(max);
        backlog.awaited = (!fills).then_some(max);
        fills
    }

    /// Moves up to `max` events into the messages in flight, and no more once their data exceeds [`BATCH_BYTES`].
    /// Returns their number.
    pub(super) fn take(&self, max: usize) -> usize {
        self.move_batch(lock(&self.backlog), max)
    }

    /// The same, if there are enough for a full batch.
    pub(super) fn take_full(&self, max: usize) -> usize {
        let backlog = lock(&self.backlog);
        if backlog.fills(max) { self.move_batch(backlog, max) } else { 0 }
    }

    fn move_batch(&self, mut backlog: MutexGuard<'_, Backlog>, max: usize) -> usize {
        let mut batch = self.in_flight();
        let (mut count, mut bytes) = (0, 0);
        while count < max
            && bytes < BATCH_BYTES
            && let Some((message, pending)) = backlog.pop()
        {
            count += 1;
            bytes += message.data.len();
            batch.push(message, pending);
        }
        count
    }

    /// The number of the first messages in flight that one call takes: up to `max`, and no more once their data exceeds
    /// [`BATCH_BYTES`].
    pub(super) fn first_batch(&self, max: usize) -> usize {
        let (mut count, mut bytes) = (0, 0);
        for (message, _) in self.in_flight().iter().take(max) {
            if bytes >= BATCH_BYTES {
                break;
            }
            count += 1;
            bytes += message.data.len();
        }
        count
    }

    /// The messages in flight. Only the sender's task changes them.
    pub(super) fn in_flight(&self) -> MutexGuard<'_, Batch> {
        lock(&self.in_flight)
    }

    /// Closes the queue if it is empty. Returns whether it is closed.
    pub(super) fn close_if_empty(&self) -> bool {
        let mut backlog = lock(&self.backlog);
        backlog.closed |= backlog.events.is_empty();
        backlog.closed
    }

    /// Publishes the queue's progress to waiting flushes.
    pub(super) fn advance(&self) {
        let backlog = lock(&self.backlog);
        let batch = self.in_flight();
        let first = batch.first_number().or_else(|| Some(backlog.events.front()?.1.number));
        let settled_below = first.unwrap_or(backlog.next);
        let depth = batch.len() + backlog.events.len();
        drop((batch, backlog));
        self.progress.send_modify(|progress| progress.settled_below = settled_below);
        let depth = u32::try_from(depth).map_or(f64::INFINITY, f64::from);
        metrics::gauge!(QUEUE_DEPTH, self.to.labels()).set(depth);
    }

    /// Ends the queue, for whatever reason. Pending emissions get an error; a shutdown can take the
    /// messages.
    pub(super) fn end(&self) {
        let mut backlog = lock(&self.backlog);
        backlog.closed = true;
        let batch = std::mem::take(&mut *self.in_flight());
        let rest = std::mem::take(&mut backlog.events);
        backlog.bytes = 0;
        // Dropping the pending entries settles them as shut down.
        let left = batch.into_messages().chain(rest);
        backlog.abandoned.extend(left.map(|(message, pending)| (pending.number, message)));
        drop(backlog);
        self.progress.send_modify(|progress| progress.ended = true);
    }

    /// Takes the events that were not acknowledged when the queue ended.
    pub(super) fn take_undelivered(&self) -> Vec<Undelivered> {
        let mut backlog = lock(&self.backlog);
        let abandoned = std::mem::take(&mut backlog.abandoned);
        let next = backlog.next;
        drop(backlog);
        self.progress.send_modify(|progress| progress.settled_below = next);
        let undelivered = |(_, message)| {
            let Destination { topic, transport } = self.to.clone();
            Undelivered { topic, transport, message }
        };
        abandoned.into_iter().map(undelivered).collect()
    }

    /// The number of the next event: a flush waits for all events before it.
    pub(super) fn mark(&self) -> u64 {
        lock(&self.backlog).next
    }

    /// Waits until every event before the mark is settled, or the sender has ended.
    pub(super) async fn settled(&self, mark: u64) {
        let mut progress = self.progress.subscribe();
        // `self` owns the sender half, so the channel can't be closed.
        let _ = progress.wait_for(|progress| progress.settled_below >= mark || progress.ended).await;
    }

    /// The unsettled events before the mark, in order.
    pub(super) fn unsettled<T>(&self, mark: u64, each: impl Fn(&Destination, &Message) -> T) -> Vec<T> {
        let backlog = lock(&self.backlog);
        let batch = self.in_flight();
        let abandoned = backlog.abandoned.iter().map(|(number, message)| (*number, message));
        let queued = backlog.events.iter().map(|(message, pending)| (pending.number, message));
        abandoned
            .chain(batch.iter().map(|(message, pending)| (pending.number, message)))
            .chain(queued)
            .filter(|(number, _)| *number < mark)
            .map(|(_, message)| each(&self.to, message))
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
        metrics::gauge!(CIRCUIT_OPEN, self.to.labels()).set(open);
        *lock(&self.circuit) = circuit;
    }

    pub(super) fn status(&self) -> TopicQueueStatus {
        let backlog = lock(&self.backlog);
        let batch = self.in_flight();
        let oldest = batch.oldest().or_else(|| Some(backlog.events.front()?.1.since));
        TopicQueueStatus {
            topic: self.to.topic.clone(),
            transport: self.to.transport.clone(),
            queue_depth: batch.len() + backlog.events.len(),
            oldest_waiting: oldest.map(|since: Instant| -> Duration { since.elapsed() }),
            circuit: self.circuit(),
        }
    }
}

/// A poisoned lock is safe to use: every critical section leaves the state consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::capacity::Capacity;
    use events_core::internal::PendingTopic;
    use events_transport::{Topic, TransportName};

    #[test]
    fn a_batch_ends_at_its_number_of_events_and_at_the_size_of_their_data() {
        let to = Destination { topic: Topic::new("t").expect("a name"), transport: TransportName::default() };
        let queue = TopicQueue::new(to, "memory".into(), Observe::nothing());
        let capacity = Capacity::new(100);
        for len in [1, 1, 1, BATCH_BYTES - 1, 1, 1] {
            let (settle, _) = PendingTopic::waiting("t".into());
            let permit = capacity.try_acquire(100).expect("room");
            assert!(queue.push(Message::new(vec![0; len]), settle, permit).is_ok());
        }
        let mut sizes = Vec::new();
        while queue.take(3) > 0 {
            sizes.push(std::mem::take(&mut *queue.in_flight()).len());
        }
        assert_eq!(sizes, [3, 2, 1]);
        // What several calls could not send.
        for len in [BATCH_BYTES, BATCH_BYTES - 1, 1, 1] {
            let (settle, _) = PendingTopic::waiting("t".into());
            let permit = capacity.try_acquire(100).expect("room");
            assert!(queue.push(Message::new(vec![0; len]), settle, permit).is_ok());
        }
        while queue.take(3) > 0 {}
        assert_eq!(queue.first_batch(3), 1);
        assert_eq!(queue.in_flight().len(), 4);
        drop(std::mem::take(&mut *queue.in_flight()));
        assert_eq!(capacity.used(), 0, "dropped events release their permits");
    }
}
