//! The result of `emit`.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::delivery::{
    Acknowledged, AcknowledgementError, Delivered, DeliveryError, Pending, Received, ReceptionError,
};
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
    pub(super) recorded: bool,
}

impl AnyEmission {
    pub(super) fn suppressed() -> Self {
        Self { responses: Responses::none(), pending: None, suppressed: true, recorded: false }
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
        self.recorded
    }

    /// Whether an async receiver or a broker is to be waited for.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// See [`Emission::delivered`].
    ///
    /// # Errors
    /// If an async receiver failed.
    pub async fn delivered(mut self) -> Result<Delivered, DeliveryError> {
        match &mut self.pending {
            None => Ok(Delivered::default()),
            Some(pending) => pending.join().await.into_result(),
        }
    }

    /// See [`Emission::received`]. An event from a bus is sent to no broker, so there is no `acknowledged`.
    ///
    /// # Errors
    /// If an async receiver failed.
    pub async fn received(&mut self) -> Result<Received, ReceptionError> {
        match &mut self.pending {
            None => Ok(Received::default()),
            Some(pending) => pending.received().await.into_result(),
        }
    }

    async fn acknowledged(&mut self) -> Result<Acknowledged, AcknowledgementError> {
        match &mut self.pending {
            None => Ok(Acknowledged::default()),
            Some(pending) => pending.acknowledged().await.into_result(),
        }
    }

    fn wait(mut self, deadline: Option<Instant>) -> Result<Delivered, DeliveryError> {
        self.wait_for(|pending| pending.wait(deadline)).into_result()
    }

    fn wait_acknowledged(&mut self, deadline: Option<Instant>) -> Result<Acknowledged, AcknowledgementError> {
        self.wait_for(|pending| pending.wait_acknowledged(deadline)).into_result()
    }

    fn wait_received(&mut self, deadline: Option<Instant>) -> Result<Received, ReceptionError> {
        self.wait_for(|pending| pending.wait_received(deadline)).into_result()
    }

    fn wait_for<T: Default>(&mut self, wait: impl FnOnce(&mut Pending) -> T) -> T {
        self.pending.as_deref_mut().map_or_else(T::default, wait)
    }
}

/// The end of a timeout. A deadline beyond the clock's range is no limit.
fn deadline(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
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
    /// To tell a stored event from a finished receiver, as the answer to a request must, wait for
    /// [`acknowledged`](Self::acknowledged) or [`received`](Self::received). If the signal was disabled, or if
    /// there is neither an async receiver nor a route, the lists of [`Delivered`] are empty.
    ///
    /// # Errors
    /// If one of them failed; the error lists the successful ones too. The responses of the sync receivers
    /// are only in [`responses`](Self::responses).
    pub async fn delivered(self) -> Result<Delivered, DeliveryError> {
        self.into_any().delivered().await
    }

    /// Waits until every topic's broker has acknowledged the event, whatever the async receivers do.
    ///
    /// [`Acknowledged::topics`] is empty if no broker gets the event: the signal was disabled
    /// ([`is_suppressed`](Self::is_suppressed)), no enabled route has its type, or no bus is attached.
    ///
    /// The emission keeps all results. The future may be dropped, as by a timeout, and the method called
    /// again; [`received`](Self::received) and [`delivered`](Self::delivered) may follow.
    ///
    /// # Errors
    /// If a broker did not acknowledge the event; the error lists every topic. Emitting the event again
    /// [with the same id](crate::EmitOptions::id) is safe for consumers that recognize duplicates.
    pub async fn acknowledged(&mut self) -> Result<Acknowledged, AcknowledgementError> {
        self.outcome.acknowledged().await
    }

    /// Waits until every async receiver of this process has finished, whatever the brokers do.
    ///
    /// [`Received::receivers`] is empty if the signal has no async receiver for local events, or was
    /// [disabled](Self::is_suppressed). As with [`acknowledged`](Self::acknowledged), nothing is lost when the
    /// future is dropped.
    ///
    /// # Errors
    /// If an async receiver failed; the error lists every async receiver. Emitting the event again would run
    /// the successful receivers again.
    pub async fn received(&mut self) -> Result<Received, ReceptionError> {
        self.outcome.received().await
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
        self.into_any().wait(None)
    }

    /// [`wait`](Self::wait) with a timeout.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait). Receivers and topics that have not finished in time are listed as
    /// unfinished; they continue.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Delivered, DeliveryError> {
        self.into_any().wait(deadline(timeout))
    }

    /// [`acknowledged`](Self::acknowledged) for programs without async: blocks the thread as
    /// [`wait`](Self::wait) does.
    ///
    /// # Errors
    /// As for [`acknowledged`](Self::acknowledged). If the thread must not block, topics that have not
    /// finished are listed with [`SendError::WouldBlock`](crate::signal::SendError::WouldBlock).
    pub fn wait_acknowledged(&mut self) -> Result<Acknowledged, AcknowledgementError> {
        self.outcome.wait_acknowledged(None)
    }

    /// [`wait_acknowledged`](Self::wait_acknowledged) with a timeout.
    ///
    /// # Errors
    /// As for [`wait_acknowledged`](Self::wait_acknowledged). Topics that have not finished in time are
    /// listed as unfinished; the emission still waits for them, and a later call may return them.
    pub fn wait_acknowledged_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Acknowledged, AcknowledgementError> {
        self.outcome.wait_acknowledged(deadline(timeout))
    }

    /// [`received`](Self::received) for programs without async: blocks the thread as [`wait`](Self::wait)
    /// does.
    ///
    /// # Errors
    /// As for [`received`](Self::received). If the thread must not block, receivers that have not finished
    /// are listed with [`ReceiverError::WouldBlock`].
    pub fn wait_received(&mut self) -> Result<Received, ReceptionError> {
        self.outcome.wait_received(None)
    }

    /// [`wait_received`](Self::wait_received) with a timeout.
    ///
    /// # Errors
    /// As for [`wait_received`](Self::wait_received). Receivers that have not finished in time are listed as
    /// unfinished; they continue, and a later call may return their results.
    pub fn wait_received_timeout(&mut self, timeout: Duration) -> Result<Received, ReceptionError> {
        self.outcome.wait_received(deadline(timeout))
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
