//! What receivers answer.

use std::error::Error;
use std::sync::Arc;

use events_support::error_chain::{drop_quietly, panic_message};

/// Any error that a receiver returns.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What one receiver answered.
#[derive(Debug)]
pub struct Response {
    receiver: Arc<str>,
    result: Result<(), ReceiverError>,
}

impl Response {
    pub(crate) fn new(receiver: Arc<str>, result: Result<(), ReceiverError>) -> Self {
        Self { receiver, result }
    }

    /// The receiver's name.
    pub fn receiver(&self) -> &str {
        &self.receiver
    }

    /// Whether the receiver did its work.
    ///
    /// # Errors
    /// What it returned, or the panic that ended it.
    pub fn result(&self) -> Result<(), &ReceiverError> {
        self.result.as_ref().copied()
    }

    /// Whether the receiver did its work.
    pub fn is_ok(&self) -> bool {
        self.result.is_ok()
    }
}

impl Drop for Response {
    /// What a receiver returned may panic when it is dropped, which is wherever the answer is.
    fn drop(&mut self) {
        if self.result.is_err() {
            drop_quietly(std::mem::replace(&mut self.result, Ok(())));
        }
    }
}

/// Why a receiver did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiverError {
    /// It returned an error, which is the [`source`](Error::source).
    #[error("the receiver returned an error")]
    Failed(#[source] BoxError),
    /// It panicked.
    #[error("the receiver panicked: {message}")]
    Panicked {
        /// The panic's message, where it is text.
        message: String,
    },
    /// The async runtime that it ran on was shut down before it ended.
    #[error(
        "the receiver was dropped unfinished: its async runtime was shut down; await `delivered()` before shutting down"
    )]
    Cancelled,
    /// There was no runtime to start an async receiver on.
    #[error("the receiver was not started: the hub could not start its own async executor")]
    NotStarted(#[source] Arc<std::io::Error>),
    /// It still ran when [`Emission::wait_timeout`](crate::Emission::wait_timeout) gave up
    /// waiting.
    #[error("the receiver had not ended when the wait timed out; it goes on")]
    Unfinished,
    /// [`Emission::wait`](crate::Emission::wait) did not wait: it would have blocked the thread
    /// that the receiver needs.
    #[error(
        "the receiver was not waited for, as a blocking wait would stop the thread that it needs; it goes on: await `delivered()`, or call `wait` in `spawn_blocking`"
    )]
    WouldBlock,
}

impl ReceiverError {
    /// The error that the receiver returned, where it returned one: to be downcast.
    pub fn returned(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match self {
            Self::Failed(error) => Some(&**error),
            _ => None,
        }
    }

    /// A panic, by what was thrown.
    pub(crate) fn from_panic(panic: Box<dyn std::any::Any + Send>) -> Self {
        Self::Panicked { message: panic_message(panic) }
    }
}

/// The answers of an emission's sync receivers.
///
/// The common case, all well, shares one list per set of receivers and allocates nothing.
#[derive(Debug)]
pub(crate) enum Responses {
    AllOk(Arc<[Response]>),
    Own(Vec<Response>),
}

impl Responses {
    pub(crate) fn none() -> Self {
        Self::Own(Vec::new())
    }

    pub(crate) fn as_slice(&self) -> &[Response] {
        match self {
            Self::AllOk(responses) => responses,
            Self::Own(responses) => responses,
        }
    }
}
