//! The results of receivers.

use std::error::Error;
use std::sync::Arc;

use events_support::error_chain::{drop_quietly, panic_message};

/// An error that a receiver returns.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The result of one receiver.
#[derive(Debug, Clone)]
pub struct Response {
    receiver: Arc<str>,
    result: Result<(), Arc<ReceiverError>>,
}

impl Response {
    pub(crate) fn new(receiver: Arc<str>, result: Result<(), ReceiverError>) -> Self {
        Self { receiver, result: result.map_err(Arc::new) }
    }

    /// The receiver's name.
    pub fn receiver(&self) -> &str {
        &self.receiver
    }

    /// The receiver's result.
    ///
    /// # Errors
    /// The error that the receiver returned, or its panic.
    pub fn result(&self) -> Result<(), &ReceiverError> {
        self.result.as_ref().copied().map_err(|error| &**error)
    }

    /// Whether the receiver succeeded.
    pub fn is_ok(&self) -> bool {
        self.result.is_ok()
    }
}

impl Drop for Response {
    /// Catches a panic of the error's destructor, which is foreign code.
    fn drop(&mut self) {
        if self.result.is_err() {
            drop_quietly(std::mem::replace(&mut self.result, Ok(())));
        }
    }
}

/// The reason why a receiver failed or has not finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiverError {
    /// It returned an error, which is the [`source`](Error::source).
    #[error("the receiver returned an error")]
    Failed(#[source] BoxError),
    /// It panicked.
    #[error("the receiver panicked: {message}")]
    Panicked {
        /// The panic's message, if it is text.
        message: String,
    },
    /// The async runtime was shut down before the receiver finished.
    #[error(
        "the async runtime was shut down before the receiver finished; await `delivered()` before shutting down"
    )]
    Cancelled,
    /// There was no runtime to start an async receiver on.
    #[error("the receiver was not started: the hub could not start its own async executor")]
    NotStarted(#[source] Arc<std::io::Error>),
    /// The receiver had not finished when a wait with a timeout, such as
    /// [`Emission::wait_timeout`](crate::Emission::wait_timeout), timed out.
    #[error("the wait timed out before the receiver finished; it continues to run")]
    Unfinished,
    /// A blocking wait, such as [`Emission::wait`](crate::Emission::wait), did not wait: it would have blocked
    /// the thread that runs the receiver.
    #[error(
        "did not wait for the receiver, because that would block the thread that runs it; it continues to run: await `received()` or `delivered()`, or wait in `spawn_blocking`"
    )]
    WouldBlock,
}

impl ReceiverError {
    /// The error that the receiver returned, if it returned one, to be downcast.
    pub fn returned(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match self {
            Self::Failed(error) => Some(&**error),
            _ => None,
        }
    }

    /// The error of a panic, from its payload.
    pub(crate) fn from_panic(panic: Box<dyn std::any::Any + Send>) -> Self {
        Self::Panicked { message: panic_message(panic) }
    }
}

/// The responses of an emission's sync receivers.
///
/// If all succeed, the common case, every emission shares one list and allocates nothing.
#[derive(Debug)]
pub(crate) enum Responses {
    AllOk(Arc<[Response]>),
    Owned(Vec<Response>),
}

impl Responses {
    pub(crate) fn none() -> Self {
        Self::Owned(Vec::new())
    }

    pub(crate) fn as_slice(&self) -> &[Response] {
        match self {
            Self::AllOk(responses) => responses,
            Self::Owned(responses) => responses,
        }
    }
}
