//! The result of `emit`.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::delivery::{Delivered, DeliveryError, Pending};
use crate::EventData;
use crate::event::Event;
use crate::receiver::{ReceiverError, Response, Responses};
use events_support::error_chain::drop_quietly;

/// An emitted event. Its sync receivers have finished; its async receivers and the bus may still be working.
/// Dropping an emission stops nothing.
pub struct Emission<E> {
    pub(super) event: EmittedEvent<E>,
    pub(super) outcome: AnyEmission,
}

/// The event of an emission: shared if an async receiver or an observer has it too.
pub(crate) enum EmittedEvent<E> {
    Owned(Event<E>),
    Shared(Arc<Event<E>>),
}

impl<E> EmittedEvent<E> {
    #[inline]
    pub(crate) fn get(&self) -> &Event<E> {
        match self {
            Self::Owned(event) => event,
            Self::Shared(event) => event,
        }
    }
}

/// An [`Emission`] without its event: the result of emitting an event from a bus.
#[derive(Debug)]
pub struct AnyEmission {
    pub(super) responses: Responses,
    /// `None` in the common case, which saves creating and dropping it.
    pub(super) pending: Option<Box<Pending>>,
    pub(super) suppressed: bool,
    /// Whether a recorder saw the event.
    pub(super) observed: bool,
}

impl AnyEmission {
    pub(super) fn suppressed() -> Self {
        Self { responses: Responses::none(), pending: None, suppressed: true, observed: false }
    }

    /// See [`Emission::responses`].
    pub fn responses(&self) -> &[Response] {
        self.responses.as_slice()
    }

    /// See [`Emission::is_suppressed`].
    pub fn is_suppressed(&self) -> bool {
        self.suppressed
    }

    /// Whether a [`Recorder`](crate::testing::Recorder) of the hub recorded the event.
    pub fn is_recorded(&self) -> bool {
        self.observed
    }

    /// See [`Emission::delivered`].
    ///
    /// # Errors
    /// If an async receiver failed.
    pub async fn delivered(self) -> Result<Delivered, DeliveryError> {
        join(self.pending).await
    }
}

impl<E> Emission<E> {
    pub(crate) fn into_any(self) -> AnyEmission {
        let Self { event, outcome } = self;
        // The receivers have run: a payload that panics when it is dropped must not change the result.
        drop_quietly(event);
        outcome
    }

    /// The event.
    pub fn event(&self) -> &Event<E> {
        self.event.get()
    }

    /// The responses of all sync receivers, in the order in which they ran.
    pub fn responses(&self) -> &[Response] {
        self.outcome.responses()
    }

    /// Whether the signal was disabled: no receiver ran and the event was not sent.
    pub fn is_suppressed(&self) -> bool {
        self.outcome.suppressed
    }

    /// Waits until every async receiver has finished and every topic's broker has acknowledged the event.
    ///
    /// # Errors
    /// If one of them failed; the error lists the successful ones too. The responses of the sync receivers
    /// are only in [`responses`](Self::responses).
    pub async fn delivered(self) -> Result<Delivered, DeliveryError> {
        let Self { event, outcome } = self;
        drop_quietly(event);
        join(outcome.pending).await
    }

    /// [`delivered`](Self::delivered) for programs without async: blocks the thread.
    ///
    /// On a worker of a multi-thread runtime, the worker's other tasks first move to another thread, as with
    /// tokio's `block_in_place`. A thread that drives a current-thread runtime does not block, because the
    /// work that it waits for can run nowhere else: await `delivered()` there, or call this in
    /// `spawn_blocking`. A thread does not block either if too many threads wait already: nearly all of a
    /// hub's own threads, or 384 workers of one runtime, because tokio has few threads more.
    ///
    /// # Errors
    /// As for [`delivered`](Self::delivered). If the thread must not block, receivers and topics that have
    /// not finished fail at once with [`ReceiverError::WouldBlock`] and
    /// [`SendError::WouldBlock`](crate::signal::SendError::WouldBlock).
    pub fn wait(self) -> Result<Delivered, DeliveryError> {
        let Self { event, outcome } = self;
        drop_quietly(event);
        wait(outcome.pending, None)
    }

    /// [`wait`](Self::wait) with a timeout.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait). Receivers and topics that have not finished in time are listed as
    /// unfinished; they continue.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Delivered, DeliveryError> {
        // A deadline beyond the clock's range is no limit.
        let Self { event, outcome } = self;
        drop_quietly(event);
        wait(outcome.pending, Instant::now().checked_add(timeout))
    }
}

impl<E: EventData> fmt::Debug for Emission<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emission")
            .field("event", self.event())
            .field("responses", &self.responses())
            .finish_non_exhaustive()
    }
}

async fn join(pending: Option<Box<Pending>>) -> Result<Delivered, DeliveryError> {
    match pending {
        None => Ok(Delivered::default()),
        Some(pending) => pending.join().await,
    }
}

fn wait(pending: Option<Box<Pending>>, deadline: Option<Instant>) -> Result<Delivered, DeliveryError> {
    pending.map_or_else(|| Ok(Delivered::default()), |pending| pending.wait(deadline))
}

/// A sync receiver failed in [`Signal::emit_strict`](crate::Signal::emit_strict), which stops at the first
/// failure.
#[derive(Debug)]
pub struct StrictError {
    pub(crate) event_type: &'static str,
    /// The receivers that ran; the last one failed.
    pub(crate) responses: Vec<Response>,
}

impl StrictError {
    /// The responses of the receivers that ran; the last one failed.
    pub fn responses(&self) -> &[Response] {
        &self.responses
    }

    /// The receiver that failed, and its error.
    pub fn failed(&self) -> Option<(&str, &ReceiverError)> {
        let last = self.responses.last()?;
        Some((last.receiver(), last.result().err()?))
    }
}

impl fmt::Display for StrictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receiver = self.failed().map_or("", |(receiver, _)| receiver);
        write!(
            f,
            "event `{}` stopped at receiver `{receiver}`: no later receiver ran and the event was not sent",
            self.event_type
        )
    }
}

impl std::error::Error for StrictError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.failed()?.1)
    }
}
