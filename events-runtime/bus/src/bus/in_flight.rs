//! The messages in flight: being processed, up to a limit.

use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::task::{AbortHandle, JoinHandle};

use super::retry::Pause;
use super::status::CountedInFlight;
use super::verdict::{InboundError, Verdict};
use events_transport::{BoxFuture, Delivery, Topic};

/// The messages in flight, never two of one key in one topic.
pub(super) struct InFlight {
    running: Vec<Work>,
    limit: usize,
}

struct Work {
    /// Shared with the work. The work is dropped before the delivery is settled.
    delivery: Arc<Delivery>,
    verdict: BoxFuture<'static, Verdict>,
    /// The handle of the work's own task, if it has one.
    task: Option<AbortHandle>,
    _counted: CountedInFlight,
}

impl InFlight {
    pub(super) const fn new(limit: usize) -> Self {
        Self { running: Vec::new(), limit }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.running.len() < self.limit
    }

    /// Whether a message may be started: no message of its key in its topic is in flight.
    pub(super) fn admits(&self, delivery: &Delivery) -> bool {
        let key = &delivery.message().key;
        let is_of_key =
            |work: &Work| work.delivery.message().key == *key && work.delivery.topic() == delivery.topic();
        key.is_none() || !self.running.iter().any(is_of_key)
    }

    pub(super) fn deliveries(&self) -> impl Iterator<Item = &Delivery> {
        self.running.iter().map(|work| &*work.delivery)
    }

    /// Starts the work on a message: on the consumer's own task if the limit is one, otherwise on a new
    /// task, so that a sync receiver blocks no other key.
    pub(super) fn start<F>(
        &mut self,
        delivery: Delivery,
        counted: CountedInFlight,
        work: impl FnOnce(Arc<Delivery>) -> F,
    ) where
        F: Future<Output = Verdict> + Send + 'static,
    {
        let delivery = Arc::new(delivery);
        let future = work(Arc::clone(&delivery));
        let work = if self.limit == 1 {
            Work { delivery, verdict: Box::pin(future), task: None, _counted: counted }
        } else {
            let task = tokio::spawn(future);
            let handle = task.abort_handle();
            Work { delivery, verdict: Box::pin(Task(task)), task: Some(handle), _counted: counted }
        };
        self.running.push(work);
    }

    /// Waits for the next verdict; forever if nothing is in flight. Cancel safe.
    pub(super) async fn next(&mut self) -> (Delivery, Verdict) {
        loop {
            let (index, verdict) = first(&mut self.running, |work| &mut work.verdict).await;
            // A delivery that its work still holds is redelivered when the work drops it.
            if let Some(delivery) = self.running.swap_remove(index).into_delivery() {
                return (delivery, verdict);
            }
        }
    }

    /// Cancels all work, and returns the deliveries that are free at once. Work on its own task ends when
    /// its task next yields: [`next`](Self::next) returns it as interrupted, or with its verdict if that
    /// came first. Work blocked by a sync receiver stays.
    pub(super) fn cancel(&mut self) -> Vec<Delivery> {
        let (tasks, own): (Vec<_>, Vec<_>) = self.running.drain(..).partition(|work| work.task.is_some());
        self.running = tasks;
        for handle in self.running.iter().filter_map(|work| work.task.as_ref()) {
            handle.abort();
        }
        own.into_iter().filter_map(Work::into_delivery).collect()
    }

    /// Drops the work of these topics without settling it.
    pub(super) fn abandon(&mut self, topics: &HashSet<Topic>) {
        self.running.retain(|work| !topics.contains(work.delivery.topic()));
    }
}

/// Waits until one of these futures is ready and returns its index; forever if there are none. Cancel safe.
pub(super) async fn first<T, R>(
    running: &mut [T],
    work: impl Fn(&mut T) -> &mut BoxFuture<'static, R>,
) -> (usize, R) {
    poll_fn(|context| {
        let ended =
            running.iter_mut().enumerate().find_map(|(index, one)| match work(one).as_mut().poll(context) {
                Poll::Ready(result) => Some((index, result)),
                Poll::Pending => None,
            });
        ended.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

impl Work {
    fn into_delivery(self) -> Option<Delivery> {
        drop(self.verdict);
        Arc::into_inner(self.delivery)
    }
}

/// Aborts the task on drop.
struct Task(JoinHandle<Verdict>);

impl Future for Task {
    type Output = Verdict;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Verdict> {
        Pin::new(&mut self.0).poll(context).map(|ended| {
            let interrupted = |error: tokio::task::JoinError| InboundError::Interrupted(error.to_string());
            ended.unwrap_or_else(|error| Verdict::Retry(interrupted(error), Pause::BACKOFF))
        })
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
