//! An async receiver at work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use tracing::Span;

use super::roster::ReceiverFuture;
use super::{Hub, report, scope};
use crate::EventMetadata;
use crate::signal::{Origin, PendingReceiver, ReceiverError};

/// An async receiver at work: in its hub's scope and the span that its event was emitted in, with its panics caught, and with a failure
/// told even where nobody waits.
pub(super) struct ReceiverTask {
    hub: Hub,
    name: Arc<str>,
    metadata: EventMetadata,
    origin: Origin,
    future: ReceiverFuture,
    done: Option<oneshot::Sender<Result<(), ReceiverError>>>,
    /// The emitter's.
    span: Span,
}

impl ReceiverTask {
    pub(super) fn new(
        hub: Hub,
        name: Arc<str>,
        metadata: EventMetadata,
        origin: Origin,
        future: ReceiverFuture,
    ) -> (Self, PendingReceiver) {
        let (done, result) = oneshot::channel();
        let pending = PendingReceiver { name: Arc::clone(&name), result };
        let task = Self { hub, name, metadata, origin, future, done: Some(done), span: Span::current() };
        (task, pending)
    }

    pub(super) fn finish(&mut self, result: Result<(), ReceiverError>) {
        let Some(done) = self.done.take() else { return };
        if let Err(error) = &result {
            report::receiver_failed(&self.metadata, self.origin, &self.name, error);
        }
        // Nobody may be waiting.
        let _ = done.send(result);
    }
}

impl Future for ReceiverTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let _entered = scope::enter(self.hub.clone());
        let span = self.span.clone();
        let _traced = span.enter();
        let future = self.future.as_mut();
        let result = match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => result,
            Err(panic) => Err(ReceiverError::from_panic(panic)),
        };
        self.finish(result);
        Poll::Ready(())
    }
}

impl Drop for ReceiverTask {
    fn drop(&mut self) {
        self.finish(Err(ReceiverError::Cancelled));
    }
}
