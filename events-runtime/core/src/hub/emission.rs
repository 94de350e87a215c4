//! What `emit` returns.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::delivery::{Delivered, DeliveryError, Pending};
use crate::EventData;
use crate::event::Event;
use crate::receiver::{ReceiverError, Response, Responses};
use events_support::error_chain::drop_quietly;

/// An event that was emitted: the sync receivers have answered, the async ones and the bus are
/// at work. Dropping it stops nothing.
pub struct Emission<E> {
    pub(super) event: Held<E>,
    pub(super) outcome: Outcome,
}

/// An event in its emission: shared where an async receiver or an observer has it too.
pub(crate) enum Held<E> {
    Own(Event<E>),
    Shared(Arc<Event<E>>),
}

impl<E> Held<E> {
    #[inline]
    pub(crate) fn get(&self) -> &Event<E> {
        match self {
            Self::Own(event) => event,
            Self::Shared(event) => event,
        }
    }
}

/// The part of an [`Emission`] that knows no event type.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) responses: Responses,
    /// Nothing in the common case, which is then not built and not dropped.
    pub(crate) pending: Option<Box<Pending>>,
    pub(crate) suppressed: bool,
}

impl Outcome {
    pub(crate) fn suppressed() -> Self {
        Self { responses: Responses::none(), pending: None, suppressed: true }
    }
}

/// An [`Emission`] of any event type: what a bus that delivers an event gets.
#[derive(Debug)]
pub struct AnyEmission {
    outcome: Outcome,
}

impl AnyEmission {
    pub(crate) fn new(outcome: Outcome) -> Self {
        Self { outcome }
    }

    /// See [`Emission::responses`].
    pub fn responses(&self) -> &[Response] {
        self.outcome.responses.as_slice()
    }

    /// See [`Emission::is_suppressed`].
    pub fn is_suppressed(&self) -> bool {
        self.outcome.suppressed
    }

    /// See [`Emission::delivered`].
    ///
    /// # Errors
    /// When an async receiver failed.
    pub async fn delivered(self) -> Result<Delivered, DeliveryError> {
        settle(self.outcome.pending).await
    }
}

impl<E> Emission<E> {
    pub(crate) fn into_any(self) -> AnyEmission {
        let Self { event, outcome } = self;
        // The receivers have had it: a payload that panics when it is dropped changes no answer.
        drop_quietly(event);
        AnyEmission::new(outcome)
    }

    /// The event.
    pub fn event(&self) -> &Event<E> {
        self.event.get()
    }

    /// What the sync receivers answered, in the order they ran; complete.
    pub fn responses(&self) -> &[Response] {
        self.outcome.responses.as_slice()
    }

    /// Whether the signal was disabled: no receiver ran and no bus took the event.
    pub fn is_suppressed(&self) -> bool {
        self.outcome.suppressed
    }

    /// Waits until every async receiver has ended and every topic's broker has acknowledged the
    /// event.
    ///
    /// # Errors
    /// When one of them failed; the error lists the successful ones too. The sync receivers'
    /// answers are in [`responses`](Self::responses) alone.
    pub async fn delivered(self) -> Result<Delivered, DeliveryError> {
        let Self { event, outcome } = self;
        drop_quietly(event);
        settle(outcome.pending).await
    }

    /// [`delivered`](Self::delivered) for programs without async: blocks the thread.
    ///
    /// On a worker of a runtime of many threads, the other tasks are handed to another thread
    /// first, as by tokio's `block_in_place`. A thread that drives a current-thread runtime does not
    /// block, as what it waits for may run nowhere else: there, await `delivered()` or call this in
    /// `spawn_blocking`. The same is true where receivers on a hub's own threads wait for other
    /// events, once no more of them may, and where 384 workers of one runtime wait already, as tokio has
    /// no threads for many more.
    ///
    /// # Errors
    /// As [`delivered`](Self::delivered), and at once, with [`ReceiverError::WouldBlock`] and
    /// [`SendError::WouldBlock`](crate::signal::SendError::WouldBlock), where the thread must not block and
    /// something has not ended.
    pub fn wait(self) -> Result<Delivered, DeliveryError> {
        let Self { event, outcome } = self;
        drop_quietly(event);
        wait(outcome.pending, None)
    }

    /// [`wait`](Self::wait) no longer than this.
    ///
    /// # Errors
    /// As [`delivered`](Self::delivered); what has not ended in time is listed as unfinished and
    /// goes on.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Delivered, DeliveryError> {
        // A time beyond the clock's range is no limit.
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

async fn settle(pending: Option<Box<Pending>>) -> Result<Delivered, DeliveryError> {
    match pending {
        None => Ok(Delivered::default()),
        Some(pending) => pending.settle().await,
    }
}

fn wait(pending: Option<Box<Pending>>, deadline: Option<Instant>) -> Result<Delivered, DeliveryError> {
    pending.map_or_else(|| Ok(Delivered::default()), |pending| pending.wait(deadline))
}

/// A sync receiver failed in [`Signal::emit_strict`](crate::Signal::emit_strict), which stopped
/// there.
#[derive(Debug)]
pub struct StrictError {
    pub(crate) event_type: &'static str,
    /// The receivers that ran; the last one failed.
    pub(crate) responses: Vec<Response>,
}

impl StrictError {
    /// What the receivers answered that ran; the last one failed.
    pub fn responses(&self) -> &[Response] {
        &self.responses
    }

    /// The receiver that failed, and why.
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
            "event `{}` stopped at receiver `{receiver}`: no later receiver ran and no bus took it",
            self.event_type
        )
    }
}

impl std::error::Error for StrictError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.failed()?.1)
    }
}
