//! Stores what leaves a topic, as a dead letter or to wait in a retry topic, before the offset moves.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::OnceCell;

use events_transport::{BoxFuture, ErrorKind, Message, Producer, Topic, TransportError};

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
            sent.into_iter().next().map_or_else(|| Err(unanswered(&topic)), |sent| sent.map(drop))
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

/// A producer that does not say what became of a message may have lost it.
fn unanswered(topic: &Topic) -> TransportError {
    let message = "it is not known whether the message is stored, so it is stored again";
    TransportError::new(ErrorKind::Unavailable, "send to", topic, message)
}

#[cfg(test)]
mod tests {
    use events_transport::Position;
    use futures_util::FutureExt as _;

    use super::*;

    /// Answers no message.
    struct Silent;

    impl Producer for Silent {
        fn send(
            &self,
            _: &Topic,
            _: &[Message],
        ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
            Box::pin(std::future::ready(Vec::new()))
        }
    }

    #[test]
    fn a_message_without_a_result_is_not_taken_for_stored() {
        let open = || std::future::ready(Ok(Arc::new(Silent) as Arc<dyn Producer>)).boxed();
        let topic = Topic::new("orders.billing.dlq").unwrap();
        let sent = Moves::new(Arc::new(open)).send(&topic, Message::new("")).now_or_never().unwrap();
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}
