//! Classifies errors of `SQLite`.

use rusqlite::{Error, ErrorCode, ffi};

use super::super::InboxError;
use super::super::settings::Settings;

/// What an error means for another attempt. Decision 45 lists all codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Another connection holds a lock.
    Busy,
    /// The transaction began with a read and can't write any more.
    Stale,
    /// A statement was cancelled.
    TimedOut,
    /// The file, the disk or permissions: an operator must fix them.
    Unavailable,
    /// The statement, the data or the schema: another attempt fails the same way.
    Permanent,
}

fn classify(error: &Error) -> Class {
    if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_BUSY_SNAPSHOT) {
        return Class::Stale;
    }
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed,
        ) => Class::Busy,
        Some(ErrorCode::OperationInterrupted) => Class::TimedOut,
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::OutOfMemory
            // Another connection changed the schema between two attempts of the same statement.
            | ErrorCode::SchemaChanged,
        ) => Class::Unavailable,
        _ => Class::Permanent,
    }
}

/// Whether the same transaction may succeed later.
pub(in super::super) fn is_transient(error: &Error) -> bool {
    classify(error) != Class::Permanent
}

/// Converts an error; `SQLite`'s own becomes the source.
pub(super) fn explain(error: Error, settings: &Settings, table: &str) -> InboxError {
    let inbox = settings.group.to_string();
    let class = classify(&error);
    // `SQLite` has no separate code for a missing table.
    let missing = match &error {
        Error::SqlInputError { msg, .. } | Error::SqliteFailure(_, Some(msg)) => {
            msg.starts_with("no such table")
        }
        _ => false,
    };
    let source = error.into();
    match class {
        Class::Stale => InboxError::StaleSnapshot { inbox, source },
        Class::Busy => InboxError::Busy { inbox, source },
        Class::TimedOut => InboxError::TimedOut { inbox, source },
        Class::Unavailable => InboxError::Unavailable { inbox, source },
        Class::Permanent if missing => InboxError::NoTable { inbox, table: table.to_owned(), source },
        Class::Permanent => InboxError::Database { inbox, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sqlite_code_is_classified() {
        use Class::{Busy, Permanent, Stale, TimedOut, Unavailable};

        let judged = [
            (ffi::SQLITE_ERROR, Permanent),
            (ffi::SQLITE_INTERNAL, Permanent),
            (ffi::SQLITE_PERM, Unavailable),
            (ffi::SQLITE_ABORT, Permanent),
            (ffi::SQLITE_BUSY, Busy),
            (ffi::SQLITE_BUSY_RECOVERY, Busy),
            (ffi::SQLITE_BUSY_SNAPSHOT, Stale),
            (ffi::SQLITE_BUSY_TIMEOUT, Busy),
            (ffi::SQLITE_LOCKED, Busy),
            (ffi::SQLITE_LOCKED_SHAREDCACHE, Busy),
            (ffi::SQLITE_NOMEM, Unavailable),
            (ffi::SQLITE_READONLY, Unavailable),
            (ffi::SQLITE_READONLY_DBMOVED, Unavailable),
            (ffi::SQLITE_INTERRUPT, TimedOut),
            (ffi::SQLITE_IOERR, Unavailable),
            (ffi::SQLITE_IOERR_FSYNC, Unavailable),
            (ffi::SQLITE_CORRUPT, Permanent),
            (ffi::SQLITE_NOTFOUND, Permanent),
            (ffi::SQLITE_FULL, Unavailable),
            (ffi::SQLITE_CANTOPEN, Unavailable),
            (ffi::SQLITE_PROTOCOL, Busy),
            (ffi::SQLITE_SCHEMA, Unavailable),
            (ffi::SQLITE_TOOBIG, Permanent),
            (ffi::SQLITE_CONSTRAINT, Permanent),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, Permanent),
            (ffi::SQLITE_MISMATCH, Permanent),
            (ffi::SQLITE_MISUSE, Permanent),
            (ffi::SQLITE_NOLFS, Permanent),
            (ffi::SQLITE_AUTH, Permanent),
            (ffi::SQLITE_RANGE, Permanent),
            (ffi::SQLITE_NOTADB, Permanent),
        ];
        for (code, class) in judged {
            assert_eq!(classify(&Error::SqliteFailure(ffi::Error::new(code), None)), class, "{code}");
        }
    }
}
