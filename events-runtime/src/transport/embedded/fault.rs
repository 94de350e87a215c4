//! What SQLite says, in our words.

use std::fmt;

use rusqlite::ErrorCode;

use super::super::{ErrorKind, TransportError};

/// Why a transaction failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite's own error.
    Sqlite(rusqlite::Error),
    /// The request can't be met; nothing was written.
    Refused(TransportError),
    /// The group was removed; nothing was written.
    NoGroup,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<TransportError> for Fault {
    fn from(error: TransportError) -> Self {
        Self::Refused(error)
    }
}

impl Fault {
    /// Another connection holds the lock; nothing was written, the same can be tried again.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite(error) if is_busy(error))
    }

    /// The error for the caller of this operation on this file.
    pub(super) fn explain(self, operation: &'static str, file: impl fmt::Display) -> TransportError {
        match self {
            Self::Refused(error) => error,
            Self::Sqlite(error) => explain(error, operation, file),
            Self::NoGroup => {
                TransportError::new(ErrorKind::NotFound, operation, file, "the consumer's group was removed")
            }
        }
    }
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// A SQLite error in our words; SQLite's own are its source.
pub(super) fn explain(
    error: rusqlite::Error,
    operation: &'static str,
    file: impl fmt::Display,
) -> TransportError {
    let (kind, message) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            ErrorKind::Locked,
            "another process held the file's lock for longer than `busy_timeout`: \
             find what writes to it for so long, or set a longer one",
        ),
        Some(ErrorCode::DiskFull) => (
            ErrorKind::Full,
            "there is no room left for the file: free space on its disk, or keep less (`retention_age`, \
             `retention_count`); nothing that was acknowledged is lost",
        ),
        Some(ErrorCode::ReadOnly) => (
            ErrorKind::ReadOnly,
            "the file or its folder can't be written: the folder must be writable too, for the log beside the file",
        ),
        Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
            (ErrorKind::Permission, "this user may not use the file: change its owner or its mode")
        }
        Some(ErrorCode::CannotOpen) => (
            ErrorKind::Unavailable,
            "the file can't be opened: does its folder exist, and may this user write there?",
        ),
        Some(ErrorCode::NotADatabase) => {
            (ErrorKind::Corrupt, "the file is no SQLite database: check the path; it was left as it is")
        }
        Some(ErrorCode::DatabaseCorrupt) => (
            ErrorKind::Corrupt,
            "the file is damaged: stop all that use it, keep a copy, and recover what can be read with \
             `sqlite3 FILE .recover`",
        ),
        Some(ErrorCode::TooBig) => (
            ErrorKind::TooLarge,
            "the message is larger than SQLite takes, about 1 GB: send a reference to it",
        ),
        Some(ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed) => (
            ErrorKind::Unavailable,
            "the disk did not do what it was asked: see the cause and the system's log; network file systems \
             are not supported",
        ),
        _ => (ErrorKind::Other, "SQLite refused: see the cause"),
    };
    TransportError::new(kind, operation, file, message).with_source(error)
}
