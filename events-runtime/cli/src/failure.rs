//! The error type of commands and its exit codes.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use super::output;
use events_support::error_chain::links;
use events_transport::TransportError;

/// Why a command ended without success.
#[derive(Debug)]
pub(super) enum Failure {
    /// Invalid use; exit code 2.
    Usage(String),
    /// Exit code 1.
    Failed(Box<dyn Error>),
    /// The command has already reported the failure; exit code 1.
    Reported,
    /// Standard output is closed, for example by `head`; exit code 0.
    Closed,
}

impl Failure {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into().into())
    }

    /// The error of a transport that can succeed later; every other failure is returned.
    pub(super) fn retryable(self) -> Result<Box<TransportError>, Self> {
        match self {
            Self::Failed(error) => match error.downcast::<TransportError>() {
                Ok(error) if error.is_retryable() => Ok(error),
                Ok(error) => Err(Self::Failed(error)),
                Err(error) => Err(Self::Failed(error)),
            },
            other => Err(other),
        }
    }

    /// Prints the failure and returns its exit code.
    pub(super) fn report(self) -> ExitCode {
        match self {
            Self::Usage(message) => {
                output::eprint(format_args!("error: {message}"));
                ExitCode::from(2)
            }
            Self::Failed(error) => {
                output::eprint(format_args!("error: {}", chain(&*error)));
                ExitCode::FAILURE
            }
            Self::Reported => ExitCode::FAILURE,
            Self::Closed => ExitCode::SUCCESS,
        }
    }
}

/// An error and its sources, one a line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    links(error).join("\n  caused by: ")
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let closed = (&error as &dyn Error)
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        if closed { Self::Closed } else { Self::Failed(Box::new(error)) }
    }
}
