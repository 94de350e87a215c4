//! Receivers: what they may return, how they are connected, and those that are linked.

mod disposition;
mod response;

use std::fmt;
use std::sync::{Arc, Weak};

pub use disposition::{Disposition, DispositionError, disposition, reject, retry, retry_after, skip};

pub(crate) use response::Responses;
pub use response::{BoxError, ReceiverError, Response};

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

/// What a [`Connection`] needs of a roster of any event type.
pub(crate) trait Disconnect: Send + Sync {
    /// Takes the receiver of this serial number away.
    fn disconnect_serial(&self, serial: u64) -> bool;
}

/// A connected receiver. Dropping it leaves the receiver connected.
#[derive(Clone)]
pub struct Connection {
    /// Weak: a connection kept somewhere must not keep a test's hub alive.
    receivers: Weak<dyn Disconnect>,
    name: Arc<str>,
    serial: u64,
}

impl Connection {
    pub(crate) fn new(receivers: Weak<dyn Disconnect>, name: Arc<str>, serial: u64) -> Self {
        Self { receivers, name, serial }
    }

    /// The receiver's name.
    pub fn receiver(&self) -> &str {
        &self.name
    }

    /// Disconnects the receiver; a receiver may do so from inside. `false` where it was
    /// disconnected, or replaced by another of its name, before.
    #[expect(clippy::must_use_candidate, reason = "mostly called for its effect")]
    pub fn disconnect(&self) -> bool {
        self.receivers.upgrade().is_some_and(|receivers| receivers.disconnect_serial(self.serial))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("receiver", &self.name).finish_non_exhaustive()
    }
}
