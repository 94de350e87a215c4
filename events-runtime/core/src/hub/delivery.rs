//! Results that follow after `emit` has returned: those of async receivers and topics.

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

/// The results of an emission: the response of every async receiver and the outcome of every topic.
#[derive(Debug, Default)]
pub struct Delivered {
    receivers: Vec<Response>,
    topics: Vec<TopicOutcome>,
}

impl Delivered {
    /// The responses of the async receivers, in the order in which they were started.
    pub fn receivers(&self) -> &[Response] {
        &self.receivers
    }

    /// The outcome for each topic that the event is routed to.
    pub fn topics(&self) -> &[TopicOutcome] {
        &self.topics
    }

    fn is_ok(&self) -> bool {
        self.receivers.iter().all(Response::is_ok) && self.topics.iter().all(|topic| topic.result.is_ok())
    }
}

/// The outcome of sending an event to one topic.
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

    /// The position in the topic, in the transport's own form.
    ///
    /// # Errors
    /// A [`SendError`] if the broker has not acknowledged the event.
    pub fn result(&self) -> Result<&str, &SendError> {
        self.result.as_deref()
    }
}

/// The reason why a topic did not acknowledge an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The bus or the transport failed. The [`source`](Error::source) is its error.
    #[error("the event was not sent")]
    Failed(#[source] BoxError),
    /// The bus was shut down while the event was queued or in flight. `EventBus::shutdown` returns such
    /// messages; they keep their ids when they are sent again.
    #[error("the bus was shut down before the broker acknowledged the event, which may be stored anyway")]
    ShutDown,
    /// The broker had not acknowledged the event when
    /// [`Emission::wait_timeout`](crate::Emission::wait_timeout) timed out.
    #[error("the wait timed out before the broker acknowledged the event, which may still be sent")]
    Unfinished,
    /// [`Emission::wait`](crate::Emission::wait) did not wait: it would have blocked the thread that receives
    /// the acknowledgement.
    #[error(
        "did not wait for the acknowledgement, because that would block the thread that receives it; the event may still be sent: await `delivered()`, or call `wait` in `spawn_blocking`"
    )]
    WouldBlock,
}

/// At least one async receiver or topic failed.
///
/// The text lists all failures with their causes. [`Error::source`] is the first failure.
#[derive(Debug)]
pub struct DeliveryError {
    outcome: Delivered,
    /// Built once: an error of a receiver may be a `DeliveryError` too, and so on. Formatting each level anew
    /// would take exponential time.
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

    /// The responses of all async receivers, including the successful ones.
    pub fn receivers(&self) -> &[Response] {
        self.outcome.receivers()
    }

    /// The outcomes of all topics, including the successful ones.
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

/// An async receiver that has not finished.
#[derive(Debug)]
pub(crate) struct PendingReceiver {
    pub(crate) name: Arc<str>,
    pub(crate) result: PendingResult,
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

/// An event that is being sent to a topic.
#[derive(Debug)]
pub struct PendingTopic {
    topic: Arc<str>,
    result: TopicResult,
}

#[derive(Debug)]
enum TopicResult {
    Known(Result<String, SendError>),
    Pending(oneshot::Receiver<Result<String, SendError>>),
}

impl PendingTopic {
    /// The result is known already.
    pub fn settled(topic: Arc<str>, result: Result<String, SendError>) -> Self {
        Self { topic, result: TopicResult::Known(result) }
    }

    /// The result follows through the sender. Dropping the sender means that the bus was shut down.
    pub fn waiting(topic: Arc<str>) -> (oneshot::Sender<Result<String, SendError>>, Self) {
        let (settle, result) = oneshot::channel();
        let pending = Self { topic, result: TopicResult::Pending(result) };
        (settle, pending)
    }
}

/// The unfinished parts of an emission.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) receivers: Vec<PendingReceiver>,
    pub(crate) topics: Vec<PendingTopic>,
}

impl Pending {
    /// Waits for all parts.
    pub(crate) async fn join(self) -> Result<Delivered, DeliveryError> {
        let mut outcome = Delivered::default();
        for PendingReceiver { name, result } in self.receivers {
            outcome.add_receiver(name, Wait::Finished(result.await));
        }
        for PendingTopic { topic, result } in self.topics {
            match result {
                TopicResult::Known(result) => outcome.topics.push(TopicOutcome { topic, result }),
                TopicResult::Pending(result) => outcome.add_topic(topic, Wait::Finished(result.await)),
            }
        }
        outcome.into_result()
    }

    /// Blocks the thread until all parts have finished or the deadline has passed; the other parts are then
    /// reported as unfinished. Does not wait if the thread must not block.
    pub(crate) fn wait(self, deadline: Option<Instant>) -> Result<Delivered, DeliveryError> {
        let mut outcome = Delivered::default();
        for PendingReceiver { name, mut result } in self.receivers {
            outcome.add_receiver(name, block_until(&mut result, deadline));
        }
        for PendingTopic { topic, result } in self.topics {
            match result {
                TopicResult::Known(result) => outcome.topics.push(TopicOutcome { topic, result }),
                TopicResult::Pending(mut result) => {
                    outcome.add_topic(topic, block_until(&mut result, deadline));
                }
            }
        }
        outcome.into_result()
    }
}

/// The result of waiting for a channel.
type Received<T> = Wait<Result<T, oneshot::Canceled>>;

/// The result of a blocking wait.
enum Wait<T> {
    /// The future finished.
    Finished(T),
    /// The deadline passed first.
    TimedOut,
    /// The thread must not block.
    WouldBlock,
}

impl Delivered {
    fn add_receiver(&mut self, name: Arc<str>, received: Received<Result<(), ReceiverError>>) {
        let result = match received {
            Wait::Finished(Ok(result)) => result,
            Wait::Finished(Err(oneshot::Canceled)) => Err(ReceiverError::Cancelled),
            Wait::TimedOut => Err(ReceiverError::Unfinished),
            Wait::WouldBlock => Err(ReceiverError::WouldBlock),
        };
        self.receivers.push(Response::new(name, result));
    }

    fn add_topic(&mut self, topic: Arc<str>, received: Received<Result<String, SendError>>) {
        let result = match received {
            Wait::Finished(Ok(result)) => result,
            Wait::Finished(Err(oneshot::Canceled)) => Err(SendError::ShutDown),
            Wait::TimedOut => Err(SendError::Unfinished),
            Wait::WouldBlock => Err(SendError::WouldBlock),
        };
        self.topics.push(TopicOutcome { topic, result });
    }

    fn into_result(self) -> Result<Self, DeliveryError> {
        if self.is_ok() { Ok(self) } else { Err(DeliveryError::new(self)) }
    }
}

/// Blocks the thread until a future finishes, if the thread may block.
fn block_until<F: Future + Unpin>(future: &mut F, deadline: Option<Instant>) -> Wait<F::Output> {
    if let Poll::Ready(output) = Pin::new(&mut *future).poll(&mut Context::from_waker(Waker::noop())) {
        return Wait::Finished(output);
    }
    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        return Wait::TimedOut;
    }
    match block(|| park_until(future, deadline)) {
        Some(Some(output)) => Wait::Finished(output),
        Some(None) => Wait::TimedOut,
        None => Wait::WouldBlock,
    }
}

/// Parks the thread until a future finishes; `None` if the deadline passed first.
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
