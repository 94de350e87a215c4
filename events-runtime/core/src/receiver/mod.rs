//! Receivers: what they return, what their errors ask for, and their connection to a signal.

mod disposition;
mod response;

use std::fmt;
use std::sync::{Arc, Weak};

pub use disposition::{Disposition, DispositionError, disposition, reject, retry, retry_after, skip};

pub(crate) use response::Responses;
pub use response::{BoxError, ReceiverError, Response};

/// What a receiver may return: `()`, or `Result<(), E>` where `E` converts into `Box<dyn Error + Send +
/// Sync>`. The error may ask for a retry, a rejection or a skip: see [`Disposition`].
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

/// The type `!` of `panic!()` and `loop {}`, which can't be named in stable Rust. Since edition 2024, a
/// closure that never returns has it as its return type.
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

/// A receiver set of any event type.
pub(crate) trait Disconnect: Send + Sync {
    /// Disconnects the receiver with this serial number.
    fn disconnect_serial(&self, serial: u64) -> bool;
}

/// A connected receiver. Dropping this leaves the receiver connected.
#[derive(Clone)]
pub struct Connection {
    /// Weak, so that a connection does not keep a hub alive.
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

    /// Disconnects the receiver, which may do so itself while it runs. Returns `false` if it was already
    /// disconnected, or replaced by another receiver of its name.
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
