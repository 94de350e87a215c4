//! Stores what leaves a topic, as a dead letter or to wait in a retry topic, before the offset moves.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::OnceCell;

use events_transport::{BoxFuture, Message, Producer, Topic, TransportError};

/// Opens a producer.
pub(super) type Open =
    Arc<dyn Fn() -> BoxFuture<'static, Result<Arc<dyn Producer>, TransportError>> + Send + Sync>;

/// The messages that leave the topics of a consumer. Their producer is opened with the first of them.
pub(super) struct Moves {
    open: Open,
    producer: Arc<OnceCell<Arc<dyn Producer>>>,
    /// Messages that are being stored, whether or not somebody waits for them.
    unfinished: Mutex<Vec<BoxFuture<'static, ()>>>,
}

impl Moves {
    pub(super) fn new(open: Open) -> Self {
        Self { open, producer: Arc::default(), unfinished: Mutex::default() }
    }

    /// Stores a message in another topic.
    pub(super) fn send(
        &self,
        topic: &Topic,
        message: Message,
    ) -> BoxFuture<'static, Result<(), TransportError>> {
        let (open, producer, topic) = (Arc::clone(&self.open), Arc::clone(&self.producer), topic.clone());
        Box::pin(async move {
            let producer = producer.get_or_try_init(|| open()).await?;
            let sent = producer.send(&topic, &[message]).await;
            sent.into_iter().next().map_or(Ok(()), |sent| sent.map(drop))
        })
    }

    /// Keeps a future until it has ended.
    pub(super) fn finish(&self, storing: BoxFuture<'static, ()>) {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner).push(storing);
    }

    /// Continues all futures. Returns whether some have not ended.
    pub(super) fn poll(&self) -> bool {
        let mut all = std::mem::take(&mut *self.unfinished.lock().unwrap_or_else(PoisonError::into_inner));
        let mut context = Context::from_waker(Waker::noop());
        all.retain_mut(|storing| storing.as_mut().poll(&mut context) == Poll::Pending);
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        unfinished.append(&mut all);
        !unfinished.is_empty()
    }
}
