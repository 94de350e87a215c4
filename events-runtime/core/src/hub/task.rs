//! The task of an async receiver.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_channel::oneshot;
use tracing::Span;

use super::delivery::{PendingReceiver, PendingResult};
use super::receiver_set::ReceiverFuture;
use super::unit::{self, Unit};
use super::{Hub, report, scope};
use crate::EventMetadata;
use crate::event::Origin;
use crate::receiver::ReceiverError;
use events_support::error_chain::{caught, drop_quietly};

/// Runs an async receiver and its destructors in its hub's scope and in the span of the emission. Catches
/// panics, and reports a failure even if no caller waits for it.
pub(super) struct ReceiverTask {
    hub: Hub,
    name: Arc<str>,
    origin: Origin,
    metadata: EventMetadata,
    /// `None` once it has finished.
    future: Option<ReceiverFuture>,
    done: Option<oneshot::Sender<Result<(), ReceiverError>>>,
    /// The span of the emission.
    span: Span,
    /// The unit of work of the emission.
    unit: Option<Unit>,
}

impl ReceiverTask {
    pub(super) fn new(
        hub: Hub,
        name: Arc<str>,
        (origin, metadata): (Origin, EventMetadata),
        future: ReceiverFuture,
    ) -> (Self, PendingReceiver) {
        let (done, result) = oneshot::channel();
        let pending = PendingReceiver::new(Arc::clone(&name), PendingResult::new(result));
        let future = Some(future);
        let (span, unit) = (Span::current(), unit::current_unit());
        let task = Self { hub, name, origin, metadata, future, done: Some(done), span, unit };
        (task, pending)
    }

    pub(super) fn finish(&mut self, result: Result<(), ReceiverError>) {
        let Some(done) = self.done.take() else { return };
        if let Err(error) = &result {
            report::receiver_failed(self.origin, &self.metadata, &self.name, error);
        }
        // If no caller waits, `send` returns the error, which is dropped here.
        let _ = caught(|| drop_quietly(done.send(result)));
    }

    /// Runs a function in the hub's scope and in the span and the unit of the emission; a panic becomes text.
    fn within<T>(&self, run: impl FnOnce() -> T) -> Result<T, String> {
        let _hub = scope::enter(self.hub.clone());
        let _unit = unit::enter(self.unit.clone());
        caught(|| self.span.in_scope(run))
    }
}

impl Future for ReceiverTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut future) = self.future.take() else { return Poll::Ready(()) };
        let result = match self.within(|| future.as_mut().poll(context)) {
            Ok(Poll::Pending) => {
                self.future = Some(future);
                return Poll::Pending;
            }
            Ok(Poll::Ready(result)) => result,
            Err(message) => Err(ReceiverError::Panicked { message }),
        };
        // A panic of a destructor does not change the result.
        let _ = self.within(|| drop(future));
        self.finish(result);
        Poll::Ready(())
    }
}

impl Drop for ReceiverTask {
    fn drop(&mut self) {
        let future = self.future.take();
        let _ = self.within(|| drop(future));
        self.finish(Err(ReceiverError::Cancelled));
    }
}
