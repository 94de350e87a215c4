//! The unfinished parts of an emission. Each keeps its result, so that it can be asked for again and nothing
//! is lost when a wait is dropped.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_channel::oneshot;
use smallvec::SmallVec;

use super::wait::{Wait, block_until};
use super::{Acknowledged, Delivered, Received, SendError, TopicOutcome};
use crate::receiver::{ReceiverError, Response};
use events_support::error_chain::drop_quietly;

/// The async receivers and topics of an emission.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) receivers: Vec<PendingReceiver>,
    pub(crate) topics: PendingTopics,
}

impl Pending {
    /// Waits for all parts.
    pub(crate) async fn join(&mut self) -> Delivered {
        Delivered { receivers: self.received().await.receivers, topics: self.acknowledged().await.topics }
    }

    /// Waits for the topics.
    pub(crate) async fn acknowledged(&mut self) -> Acknowledged {
        let mut topics = Vec::with_capacity(self.topics.len());
        for topic in &mut self.topics {
            topics.push(topic.finish().await);
        }
        Acknowledged { topics }
    }

    /// Waits for the async receivers.
    pub(crate) async fn received(&mut self) -> Received {
        let mut receivers = Vec::with_capacity(self.receivers.len());
        for receiver in &mut self.receivers {
            receivers.push(receiver.finish().await);
        }
        Received { receivers }
    }

    /// [`join`](Self::join), blocking the thread until the deadline.
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) -> Delivered {
        Delivered {
            receivers: self.wait_received(deadline).receivers,
            topics: self.wait_acknowledged(deadline).topics,
        }
    }

    /// [`acknowledged`](Self::acknowledged), blocking the thread until the deadline.
    pub(crate) fn wait_acknowledged(&mut self, deadline: Option<Instant>) -> Acknowledged {
        Acknowledged { topics: self.topics.iter_mut().map(|topic| topic.wait(deadline)).collect() }
    }

    /// [`received`](Self::received), blocking the thread until the deadline.
    pub(crate) fn wait_received(&mut self, deadline: Option<Instant>) -> Received {
        Received { receivers: self.receivers.iter_mut().map(|receiver| receiver.wait(deadline)).collect() }
    }
}

/// An async receiver that was started.
#[derive(Debug)]
pub(crate) struct PendingReceiver {
    name: Arc<str>,
    state: ReceiverState,
}

#[derive(Debug)]
enum ReceiverState {
    Running(PendingResult),
    Finished(Response),
}

impl PendingReceiver {
    pub(crate) fn new(name: Arc<str>, result: PendingResult) -> Self {
        Self { name, state: ReceiverState::Running(result) }
    }

    async fn finish(&mut self) -> Response {
        match &mut self.state {
            ReceiverState::Finished(response) => response.clone(),
            ReceiverState::Running(result) => {
                let result = result.await;
                self.finished(result)
            }
        }
    }

    fn wait(&mut self, deadline: Option<Instant>) -> Response {
        let unfinished = match &mut self.state {
            ReceiverState::Finished(response) => return response.clone(),
            ReceiverState::Running(result) => match block_until(result, deadline) {
                Wait::Finished(result) => return self.finished(result),
                Wait::TimedOut => ReceiverError::Unfinished,
                Wait::WouldBlock => ReceiverError::WouldBlock,
            },
        };
        Response::new(Arc::clone(&self.name), Err(unfinished))
    }

    fn finished(&mut self, result: Result<Result<(), ReceiverError>, oneshot::Canceled>) -> Response {
        let result = result.unwrap_or(Err(ReceiverError::Cancelled));
        let response = Response::new(Arc::clone(&self.name), result);
        self.state = ReceiverState::Finished(response.clone());
        response
    }
}

/// The future result of an async receiver. An error that no caller reads is dropped here, and may panic.
#[derive(Debug)]
pub(crate) struct PendingResult(Option<oneshot::Receiver<Result<(), ReceiverError>>>);

impl PendingResult {
    pub(crate) const fn new(result: oneshot::Receiver<Result<(), ReceiverError>>) -> Self {
        Self(Some(result))
    }
}

impl Future for PendingResult {
    type Output = Result<Result<(), ReceiverError>, oneshot::Canceled>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Some(result) => Pin::new(result).poll(context),
            None => Poll::Ready(Err(oneshot::Canceled)),
        }
    }
}

impl Drop for PendingResult {
    fn drop(&mut self) {
        drop_quietly(self.0.take());
    }
}

/// An event that is being sent to topics: to one, mostly.
pub type PendingTopics = SmallVec<[PendingTopic; 1]>;

/// An event that is being sent to a topic.
#[derive(Debug)]
pub struct PendingTopic {
    topic: Arc<str>,
    state: TopicState,
}

#[derive(Debug)]
enum TopicState {
    Sending(oneshot::Receiver<Result<String, SendError>>),
    Settled(Result<String, Arc<SendError>>),
}

impl PendingTopic {
    /// The result is known already.
    pub fn settled(topic: Arc<str>, result: Result<String, SendError>) -> Self {
        Self { topic, state: TopicState::Settled(result.map_err(Arc::new)) }
    }

    /// The result follows through the sender. Dropping the sender means that the bus was shut down.
    pub fn waiting(topic: Arc<str>) -> (oneshot::Sender<Result<String, SendError>>, Self) {
        let (settle, result) = oneshot::channel();
        let pending = Self { topic, state: TopicState::Sending(result) };
        (settle, pending)
    }

    async fn finish(&mut self) -> TopicOutcome {
        let result = match &mut self.state {
            TopicState::Settled(result) => result.clone(),
            TopicState::Sending(result) => {
                let result = result.await;
                self.finished(result)
            }
        };
        self.outcome(result)
    }

    fn wait(&mut self, deadline: Option<Instant>) -> TopicOutcome {
        let result = match &mut self.state {
            TopicState::Settled(result) => result.clone(),
            TopicState::Sending(result) => match block_until(result, deadline) {
                Wait::Finished(result) => self.finished(result),
                Wait::TimedOut => Err(Arc::new(SendError::Unfinished)),
                Wait::WouldBlock => Err(Arc::new(SendError::WouldBlock)),
            },
        };
        self.outcome(result)
    }

    fn finished(
        &mut self,
        result: Result<Result<String, SendError>, oneshot::Canceled>,
    ) -> Result<String, Arc<SendError>> {
        let result = result.unwrap_or(Err(SendError::ShutDown)).map_err(Arc::new);
        self.state = TopicState::Settled(result.clone());
        result
    }

    fn outcome(&self, result: Result<String, Arc<SendError>>) -> TopicOutcome {
        TopicOutcome { topic: Arc::clone(&self.topic), result }
    }
}
