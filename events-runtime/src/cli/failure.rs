//! How a command ends badly.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use super::output;
use events_support::error_chain::links;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// Exit code 2: what was asked makes no sense.
    Usage(String),
    /// Exit code 1.
    Failed(Box<dyn Error>),
    /// Exit code 1; everything has been said on standard output.
    Said,
    /// Standard output is gone; a reader such as `head` had enough.
    Closed,
}

impl Failure {
    /// A failure in words.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into().into())
    }

    /// Tells the user and the shell.
    pub(super) fn report(self) -> ExitCode {
        match self {
            Self::Usage(message) => {
                output::tell(format_args!("error: {message}"));
                ExitCode::from(2)
            }
            Self::Failed(error) => {
                output::tell(format_args!("error: {}", chain(&*error)));
                ExitCode::FAILURE
            }
            Self::Said => ExitCode::FAILURE,
            Self::Closed => ExitCode::SUCCESS,
        }
    }
}

/// An error and the errors behind it, a line for each.
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
