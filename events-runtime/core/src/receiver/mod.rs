//! Receivers: what they may return, how they are connected, and those that are linked.

mod disposition;
pub(crate) mod linked;

use std::fmt;
use std::sync::{Arc, Weak};

pub use disposition::{Disposition, DispositionError, disposition, reject, retry, retry_after, skip};

use crate::PublicSignal;
use crate::hub::{Disconnect, Hub};
use crate::signal::{BoxError, Event, ReceiverError, Signal};

/// What a receiver may return: `()`, or a `Result<(), E>` of an error that fits a
/// `Box<dyn Error + Send + Sync>`, which may say what should become of the event: see
/// [`Disposition`].
#[diagnostic::on_unimplemented(
    message = "a receiver can't return `{Self}`",
    label = "neither `()` nor a `Result<(), E>` of an error",
    note = "return `()`, or `Result<(), E>` where `E` implements `std::error::Error + Send + Sync`",
    note = "a closure that ends in a bare `Ok(())` must name the error: `Ok::<(), MyError>(())`"
)]
pub trait ReceiverOutput: sealed::Sealed {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), ReceiverError>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}

    pub trait Returns {
        type Output;
    }
    impl<R> Returns for fn() -> R {
        type Output = R;
    }
    impl Sealed for super::Never {}
    impl<E: Into<super::BoxError>> Sealed for Result<(), E> {}
}

impl ReceiverOutput for () {
    fn into_result(self) -> Result<(), ReceiverError> {
        Ok(())
    }
}

/// The type of `panic!()` and `loop {}`, which has no name in stable Rust. A closure of which
/// nothing else is known has it as its result since edition 2024.
type Never = <fn() -> ! as sealed::Returns>::Output;

#[diagnostic::do_not_recommend]
impl ReceiverOutput for Never {
    fn into_result(self) -> Result<(), ReceiverError> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> ReceiverOutput for Result<(), E> {
    fn into_result(self) -> Result<(), ReceiverError> {
        self.map_err(|error| ReceiverError::Failed(error.into()))
    }
}

/// A receiver to be connected: [`Signal::receiver`].
#[must_use = "nothing is connected before `connect` or `connect_async`"]
pub struct ReceiverOptions<'a, E> {
    signal: &'a Signal<E>,
    name: Arc<str>,
    order: i32,
    hub: Option<&'a Hub>,
}

impl<'a, E: PublicSignal> ReceiverOptions<'a, E> {
    pub(crate) fn new(signal: &'a Signal<E>, name: Arc<str>) -> Self {
        Self { signal, name, order: 0, hub: None }
    }

    /// The receiver's place: lower numbers run first, equal ones in the order of connection. The
    /// default is 0.
    pub fn order(mut self, order: i32) -> Self {
        self.order = order;
        self
    }

    /// The hub to connect in, instead of the current one.
    pub fn hub(mut self, hub: &'a Hub) -> Self {
        self.hub = Some(hub);
        self
    }

    /// Connects the receiver; see [`Signal::connect`].
    pub fn connect<F, R>(self, receiver: F) -> Connection
    where
        F: Fn(&Event<E>) -> R + Send + Sync + 'static,
        R: ReceiverOutput,
    {
        let (signal, name, order) = (self.signal, self.name, self.order);
        Hub::with_current_or(self.hub, |hub| hub.roster::<E>(signal.slot()).connect(name, order, receiver))
    }

    /// Connects an async receiver; see [`Signal::connect_async`].
    pub fn connect_async<F, Fut>(self, receiver: F) -> Connection
    where
        F: Fn(Arc<Event<E>>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: ReceiverOutput,
    {
        let (signal, name, order) = (self.signal, self.name, self.order);
        Hub::with_current_or(self.hub, |hub| {
            hub.roster::<E>(signal.slot()).connect_async(name, order, receiver)
        })
    }
}

impl<E: PublicSignal> fmt::Debug for ReceiverOptions<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverOptions")
            .field("signal", self.signal)
            .field("name", &self.name)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

/// A connected receiver. Dropping it leaves the receiver connected.
#[derive(Clone)]
pub struct Connection {
    /// Weak: a connection kept somewhere must not keep a test's hub alive.
    roster: Weak<dyn Disconnect>,
    name: Arc<str>,
    serial: u64,
}

impl Connection {
    pub(crate) fn new(roster: Weak<dyn Disconnect>, name: Arc<str>, serial: u64) -> Self {
        Self { roster, name, serial }
    }

    /// The receiver's name.
    pub fn receiver(&self) -> &str {
        &self.name
    }

    /// Disconnects the receiver; a receiver may do so from inside. `false` where it was
    /// disconnected, or replaced by another of its name, before.
    #[expect(clippy::must_use_candidate, reason = "mostly called for its effect")]
    pub fn disconnect(&self) -> bool {
        self.roster.upgrade().is_some_and(|roster| roster.disconnect_serial(self.serial))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("receiver", &self.name).finish_non_exhaustive()
    }
}
