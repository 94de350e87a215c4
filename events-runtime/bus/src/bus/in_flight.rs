//! The messages in flight: being processed, up to a limit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use super::retry::Pause;
use super::status::CountedInFlight;
use super::verdict::{InboundError, Verdict};
use events_transport::{BoxFuture, Delivery, Topic};

/// The messages in flight, never two of one key in one topic.
pub(super) struct InFlight {
    limit: usize,
    /// The work on the consumer's own task, if the limit is one.
    own: Option<(BoxFuture<'static, Verdict>, Work)>,
    /// The work on tasks of its own, if the limit is higher.
    tasks: JoinSet<Verdict>,
    work: HashMap<Id, (AbortHandle, Work), RandomState>,
    /// The keys of that work, with their topics.
    keys: HashMap<Bytes, Vec<Topic>, RandomState>,
}

struct Work {
    /// Shared with the work, which ends before the delivery is settled.
    delivery: Arc<Delivery>,
    _counted: CountedInFlight,
}

impl InFlight {
    pub(super) fn new(limit: usize) -> Self {
        let (work, keys) = (HashMap::default(), HashMap::default());
        Self { limit, own: None, tasks: JoinSet::new(), work, keys }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.own.is_none() && self.work.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.own.is_none() && self.work.len() < self.limit
    }

    /// Whether a message may be started: no message of its key in its topic is in flight.
    pub(super) fn admits(&self, delivery: &Delivery) -> bool {
        let Some(key) = &delivery.message().key else { return true };
        let is_of_key = |work: &Work| {
            work.delivery.message().key.as_ref() == Some(key) && work.delivery.topic() == delivery.topic()
        };
        let is_of_tasks = |topics: &Vec<Topic>| topics.contains(delivery.topic());
        !self.own.as_ref().is_some_and(|(_, work)| is_of_key(work))
            && !self.keys.get(key).is_some_and(is_of_tasks)
    }

    pub(super) fn deliveries(&self) -> impl Iterator<Item = &Delivery> {
        let own = self.own.iter().map(|(_, work)| work);
        own.chain(self.work.values().map(|(_, work)| work)).map(|work| &*work.delivery)
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
        let work_of = |delivery| Work { delivery, _counted: counted };
        // The future is large, so that it is moved once only.
        if self.limit == 1 {
            let future = Box::pin(work(Arc::clone(&delivery)));
            self.own = Some((future, work_of(delivery)));
        } else {
            if let Some(key) = &delivery.message().key {
                self.keys.entry(key.clone()).or_default().push(delivery.topic().clone());
            }
            let task = self.tasks.spawn(work(Arc::clone(&delivery)));
            self.work.insert(task.id(), (task, work_of(delivery)));
        }
    }

    /// Waits for the next verdict; forever if nothing is in flight. Cancel safe.
    pub(super) async fn next(&mut self) -> (Delivery, Verdict) {
        // A delivery that its work still holds is redelivered when the work drops it.
        if let Some((future, _)) = &mut self.own {
            let verdict = future.as_mut().await;
            if let Some((_, work)) = self.own.take()
                && let Some(delivery) = Arc::into_inner(work.delivery)
            {
                return (delivery, verdict);
            }
        }
        loop {
            let (ended, verdict) = self.next_task().await;
            if let Some(delivery) = ended.and_then(|work| self.free(work)) {
                return (delivery, verdict);
            }
        }
    }

    async fn next_task(&mut self) -> (Option<Work>, Verdict) {
        let interrupted = |error: &JoinError| InboundError::Interrupted(error.to_string());
        let (id, verdict) = match self.tasks.join_next_with_id().await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => (error.id(), Verdict::Retry(interrupted(&error), Pause::BACKOFF)),
            None => std::future::pending().await,
        };
        // It was abandoned if it is not there.
        (self.work.remove(&id).map(|(_, work)| work), verdict)
    }

    /// The delivery of work that has ended.
    fn free(&mut self, work: Work) -> Option<Delivery> {
        self.remove_key(&work.delivery);
        Arc::into_inner(work.delivery)
    }

    fn remove_key(&mut self, delivery: &Delivery) {
        let Some(key) = &delivery.message().key else { return };
        let Some(topics) = self.keys.get_mut(key) else { return };
        topics.retain(|topic| topic != delivery.topic());
        if topics.is_empty() {
            self.keys.remove(key);
        }
    }

    /// Cancels all work, and returns the deliveries that are free at once. Work on its own task ends when
    /// its task next yields: [`next`](Self::next) returns it as interrupted, or with its verdict if that
    /// came first. Work blocked by a sync receiver stays.
    pub(super) fn cancel(&mut self) -> Vec<Delivery> {
        self.tasks.abort_all();
        let own = self.own.take().and_then(|(future, work)| {
            drop(future);
            self.free(work)
        });
        own.into_iter().collect()
    }

    /// Drops the work of these topics without settling it.
    pub(super) fn abandon(&mut self, topics: &HashSet<Topic>) {
        let is_abandoned = |work: &Work| topics.contains(work.delivery.topic());
        if let Some((future, work)) = self.own.take_if(|(_, work)| is_abandoned(work)) {
            drop(future);
            self.remove_key(&work.delivery);
        }
        let abandoned: Vec<_> = self.work.extract_if(|_, (_, work)| is_abandoned(work)).collect();
        for (_, (task, work)) in abandoned {
            task.abort();
            self.remove_key(&work.delivery);
        }
    }
}
