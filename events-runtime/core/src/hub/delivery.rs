//! What became of an emission after `emit` returned: async receivers and topics.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use futures_channel::oneshot;

use super::executor::block;
use crate::receiver::{BoxError, ReceiverError, Response};
use events_support::error_chain::{chain, drop_quietly};

/// The end of an emission: what every async receiver answered and what every topic acknowledged.
#[derive(Debug, Default)]
pub struct Delivered {
    receivers: Vec<Response>,
    topics: Vec<TopicOutcome>,
}

impl Delivered {
    /// What the async receivers answered, in the order they were started.
    pub fn receivers(&self) -> &[Response] {
        &self.receivers
    }

    /// What became of the event in each topic that it is routed to.
    pub fn topics(&self) -> &[TopicOutcome] {
        &self.topics
    }

    fn is_ok(&self) -> bool {
        self.receivers.iter().all(Response::is_ok) && self.topics.iter().all(|topic| topic.result.is_ok())
    }
}

/// What became of an event in one topic.
#[derive(Debug)]
pub struct TopicOutcome {
    topic: Arc<str>,
    result: Result<String, SendError>,
}

impl TopicOutcome {
    /// The topic's name, without the prefix.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The position in the topic, in the transport's own form, once the broker acknowledged it.
    ///
    /// # Errors
    /// Why the event is not in the topic.
    pub fn result(&self) -> Result<&str, &SendError> {
        self.result.as_deref()
    }
}

/// Why an event did not get into a topic.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The bus or the transport refused it; the [`source`](Error::source) says why.
    #[error("the event was not sent")]
    Failed(#[source] BoxError),
    /// The bus was shut down with the event in its queue or under way. `EventBus::shutdown` gives the
    /// messages back; sent again, they keep their ids.
    #[error("the bus was shut down before the event was acknowledged; it may be stored all the same")]
    ShutDown,
    /// It was still under way when [`Emission::wait_timeout`](crate::Emission::wait_timeout)
    /// gave up waiting.
    #[error("the event had not been acknowledged when the wait timed out; it may still arrive")]
    Unfinished,
    /// [`Emission::wait`](crate::Emission::wait) did not wait: it would have blocked the thread
    /// that its acknowledgement needs.
    #[error(
        "the event's acknowledgement was not waited for, as a blocking wait would stop the thread that it needs; it may still arrive: await `delivered()`, or call `wait` in `spawn_blocking`"
    )]
    WouldBlock,
}

/// An emission that not every async receiver and topic took well.
///
/// Its text names all that failed, each with its reasons; [`Error::source`] is the first failure.
#[derive(Debug)]
pub struct DeliveryError {
    outcome: Delivered,
    /// Made once: an error of a receiver may be one of these, whose reasons are of the same kind.
    text: String,
}

impl DeliveryError {
    fn new(outcome: Delivered) -> Self {
        let mut error = Self { outcome, text: String::new() };
        let receivers =
            error.failed_receivers().map(|(name, error)| format!("receiver `{name}`: {}", chain(error)));
        let topics = error.failed_topics().map(|(name, error)| format!("topic `{name}`: {}", chain(error)));
        let failures: Vec<String> = receivers.chain(topics).collect();
        error.text = format!("the event was not delivered everywhere: {}", failures.join("; "));
        error
    }

    /// What every async receiver answered, the successful ones included.
    pub fn receivers(&self) -> &[Response] {
        self.outcome.receivers()
    }

    /// What became of the event in each topic, the successful ones included.
    pub fn topics(&self) -> &[TopicOutcome] {
        self.outcome.topics()
    }

    fn failed_receivers(&self) -> impl Iterator<Item = (&str, &ReceiverError)> {
        self.receivers().iter().filter_map(|response| Some((response.receiver(), response.result().err()?)))
    }

    fn failed_topics(&self) -> impl Iterator<Item = (&str, &SendError)> {
        self.topics().iter().filter_map(|topic| Some((topic.topic(), topic.result().err()?)))
    }
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for DeliveryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let receiver = self.failed_receivers().next();
        receiver
            .map(|(_, error)| error as &(dyn Error + 'static))
            .or_else(|| Some(self.failed_topics().next()?.1))
    }
}

/// An async receiver under way.
#[derive(Debug)]
pub(crate) struct PendingReceiver {
    pub(crate) name: Arc<str>,
    pub(crate) result: Answer,
}

/// What an async receiver will answer. Its error may panic when it is dropped, which is here where nobody
/// asks for the answer.
#[derive(Debug)]
pub(crate) struct Answer(Option<oneshot::Receiver<Result<(), ReceiverError>>>);

impl Answer {
    pub(crate) const fn new(answer: oneshot::Receiver<Result<(), ReceiverError>>) -> Self {
        Self(Some(answer))
    }
}

impl Future for Answer {
    type Output = Result<Result<(), ReceiverError>, oneshot::Canceled>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Some(answer) => Pin::new(answer).poll(context),
            None => Poll::Ready(Err(oneshot::Canceled)),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        drop_quietly(self.0.take());
    }
}

/// An event on its way into a topic.
#[derive(Debug)]
pub struct PendingTopic {
    topic: Arc<str>,
    result: Settling,
}

#[derive(Debug)]
enum Settling {
    Settled(Result<String, SendError>),
    Waiting(oneshot::Receiver<Result<String, SendError>>),
}

impl PendingTopic {
    /// An event whose fate is known already.
    pub fn settled(topic: Arc<str>, result: Result<String, SendError>) -> Self {
        Self { topic, result: Settling::Settled(result) }
    }

    /// An event whose fate the sender's owner will tell; dropping it means a shut down bus.
    pub fn waiting(topic: Arc<str>) -> (oneshot::Sender<Result<String, SendError>>, Self) {
        let (settle, result) = oneshot::channel();
        let pending = Self { topic, result: Settling::Waiting(result) };
        (settle, pending)
    }
}

/// All that is under way of an emission.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) receivers: Vec<PendingReceiver>,
    pub(crate) topics: Vec<PendingTopic>,
}

impl Pending {
    /// Awaits all of it.
    pub(crate) async fn settle(self) -> Result<Delivered, DeliveryError> {
        let mut outcome = Delivered::default();
        for PendingReceiver { name, result } in self.receivers {
            outcome.add_receiver(name, Received::Ended(result.await));
        }
        for PendingTopic { topic, result } in self.topics {
            match result {
                Settling::Settled(result) => outcome.topics.push(TopicOutcome { topic, result }),
                Settling::Waiting(result) => outcome.add_topic(topic, Received::Ended(result.await)),
            }
        }
        outcome.into_result()
    }

    /// Blocks the thread until all of it has ended or the time has come; what has not ended
    /// then is unfinished. Where the thread must not block, nothing is waited for.
    pub(crate) fn wait(self, deadline: Option<Instant>) -> Result<Delivered, DeliveryError> {
        let mut outcome = Delivered::default();
        for PendingReceiver { name, mut result } in self.receivers {
            outcome.add_receiver(name, block_until(&mut result, deadline));
        }
        for PendingTopic { topic, result } in self.topics {
            match result {
                Settling::Settled(result) => outcome.topics.push(TopicOutcome { topic, result }),
                Settling::Waiting(mut result) => {
                    outcome.add_topic(topic, block_until(&mut result, deadline));
                }
            }
        }
        outcome.into_result()
    }
}

/// What came through a channel.
type Received<T> = Wait<Result<T, oneshot::Canceled>>;

/// How a blocking wait ended.
enum Wait<T> {
    /// With what was waited for.
    Ended(T),
    /// The time came first.
    TimedOut,
    /// It did not begin.
    WouldBlock,
}

impl Delivered {
    fn add_receiver(&mut self, name: Arc<str>, received: Received<Result<(), ReceiverError>>) {
        let result = match received {
            Wait::Ended(Ok(result)) => result,
            Wait::Ended(Err(oneshot::Canceled)) => Err(ReceiverError::Cancelled),
            Wait::TimedOut => Err(ReceiverError::Unfinished),
            Wait::WouldBlock => Err(ReceiverError::WouldBlock),
        };
        self.receivers.push(Response::new(name, result));
    }

    fn add_topic(&mut self, topic: Arc<str>, received: Received<Result<String, SendError>>) {
        let result = match received {
            Wait::Ended(Ok(result)) => result,
            Wait::Ended(Err(oneshot::Canceled)) => Err(SendError::ShutDown),
            Wait::TimedOut => Err(SendError::Unfinished),
            Wait::WouldBlock => Err(SendError::WouldBlock),
        };
        self.topics.push(TopicOutcome { topic, result });
    }

    fn into_result(self) -> Result<Self, DeliveryError> {
        if self.is_ok() { Ok(self) } else { Err(DeliveryError::new(self)) }
    }
}

/// Blocks the thread on a future that has not ended, where the thread may block.
fn block_until<F: Future + Unpin>(future: &mut F, deadline: Option<Instant>) -> Wait<F::Output> {
    if let Poll::Ready(output) = Pin::new(&mut *future).poll(&mut Context::from_waker(Waker::noop())) {
        return Wait::Ended(output);
    }
    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        return Wait::TimedOut;
    }
    match block(|| park_until(future, deadline)) {
        Some(Some(output)) => Wait::Ended(output),
        Some(None) => Wait::TimedOut,
        None => Wait::WouldBlock,
    }
}

/// Parks the thread until a future ends; `None` when the time came first.
fn park_until<F: Future + Unpin>(future: &mut F, deadline: Option<Instant>) -> Option<F::Output> {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = Pin::new(&mut *future).poll(&mut context) {
            return Some(output);
        }
        match deadline {
            None => thread::park(),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return None;
                }
                thread::park_timeout(left);
            }
        }
    }
}
