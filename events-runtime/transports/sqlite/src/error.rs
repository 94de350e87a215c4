//! Converts errors of SQLite into [`TransportError`]s.

use std::fmt;

use rusqlite::ErrorCode;

use events_transport::{ErrorKind, TransportError};

/// Why a transaction failed.
#[derive(Debug)]
pub(super) enum TxnError {
    /// SQLite's own error.
    Sqlite(rusqlite::Error),
    /// The request is invalid or can't be executed; nothing was written.
    Transport(TransportError),
    /// The group was removed; nothing was written.
    NoGroup,
}

impl From<rusqlite::Error> for TxnError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<TransportError> for TxnError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl TxnError {
    /// Another connection holds the lock: nothing was written, and the transaction can be retried.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite(error) if is_busy(error))
    }

    /// The error of an operation on a file.
    pub(super) fn convert(self, operation: &'static str, file: impl fmt::Display) -> TransportError {
        match self {
            Self::Transport(error) => error,
            Self::Sqlite(error) => convert(error, operation, file),
            Self::NoGroup => {
                TransportError::new(ErrorKind::NotFound, operation, file, "the consumer's group was removed")
            }
        }
    }
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// The error kind of each primary result code of SQLite. `docs/decisions/0058` documents the table.
///
/// Only `SQLITE_TOOBIG` means that the message is invalid. All other codes are states of the store, during
/// which messages stay queued.
const CODES: [(i32, &str, ErrorKind); 26] = [
    (1, "SQLITE_ERROR", ErrorKind::Other),
    (2, "SQLITE_INTERNAL", ErrorKind::Other),
    (3, "SQLITE_PERM", ErrorKind::Permission),
    (4, "SQLITE_ABORT", ErrorKind::Unavailable),
    (5, "SQLITE_BUSY", ErrorKind::Locked),
    (6, "SQLITE_LOCKED", ErrorKind::Locked),
    (7, "SQLITE_NOMEM", ErrorKind::Unavailable),
    (8, "SQLITE_READONLY", ErrorKind::ReadOnly),
    (9, "SQLITE_INTERRUPT", ErrorKind::Unavailable),
    (10, "SQLITE_IOERR", ErrorKind::Unavailable),
    (11, "SQLITE_CORRUPT", ErrorKind::Corrupt),
    (12, "SQLITE_NOTFOUND", ErrorKind::Other),
    (13, "SQLITE_FULL", ErrorKind::Full),
    (14, "SQLITE_CANTOPEN", ErrorKind::Unavailable),
    (15, "SQLITE_PROTOCOL", ErrorKind::Unavailable),
    (16, "SQLITE_EMPTY", ErrorKind::Other),
    (17, "SQLITE_SCHEMA", ErrorKind::Unavailable),
    (18, "SQLITE_TOOBIG", ErrorKind::TooLarge),
    (19, "SQLITE_CONSTRAINT", ErrorKind::Corrupt),
    (20, "SQLITE_MISMATCH", ErrorKind::Corrupt),
    (21, "SQLITE_MISUSE", ErrorKind::Other),
    (22, "SQLITE_NOLFS", ErrorKind::Full),
    (23, "SQLITE_AUTH", ErrorKind::Permission),
    (24, "SQLITE_FORMAT", ErrorKind::Corrupt),
    (25, "SQLITE_RANGE", ErrorKind::Other),
    (26, "SQLITE_NOTADB", ErrorKind::Corrupt),
];

/// Converts a SQLite error, which becomes the source.
pub(super) fn convert(
    error: rusqlite::Error,
    operation: &'static str,
    file: impl fmt::Display,
) -> TransportError {
    let code = error.sqlite_error().map(|error| error.extended_code & 0xff);
    let kind = CODES.iter().find(|(number, ..)| Some(*number) == code).map_or(ErrorKind::Other, |row| row.2);
    TransportError::new(kind, operation, file, advice(kind, code)).with_source(error)
}

/// The error message: what happened, and what to do.
const fn advice(kind: ErrorKind, code: Option<i32>) -> &'static str {
    match (kind, code) {
        (ErrorKind::Locked, _) => {
            "another process held the write lock for longer than `busy_timeout`: find the long transaction, or \
             increase `busy_timeout`"
        }
        (ErrorKind::Full, _) => {
            "the disk or the file is full: free disk space, increase `max_pages`, or keep fewer messages \
             (`retention_age`, `retention_count`); acknowledged messages are not lost"
        }
        (ErrorKind::ReadOnly, _) => {
            "the file or its folder is not writable: make both writable, since SQLite creates its log in the folder"
        }
        (ErrorKind::Permission, _) => "this user may not access the file: change its owner or permissions",
        (_, Some(14)) => "can't open the file: check that its folder exists and is writable for this user",
        (_, Some(26)) => "the file is not a SQLite database and was not changed: check the path",
        (ErrorKind::Corrupt, _) => {
            "the file is corrupt: stop all programs that use it, make a copy, and recover its content with \
             `sqlite3 FILE .recover`"
        }
        (ErrorKind::TooLarge, _) => {
            "the message exceeds the limit of SQLite, about 1 GB: send a reference to the data"
        }
        (_, Some(7)) => "SQLite is out of memory: give the process more",
        (_, Some(10 | 15)) => {
            "a disk operation failed: see the cause and the system log; network file systems are not supported"
        }
        (ErrorKind::Unavailable, _) => "SQLite aborted the call, which may succeed later: see the cause",
        _ => "SQLite returned an error: see the cause",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_sqlite_has_a_kind_and_only_too_large_messages_are_rejected() {
        let documented =
            include_str!("../../../../docs/decisions/0058-errors-of-sqlite-are-judged-in-one-table.md");
        for (number, (code, name, kind)) in (1..).zip(CODES) {
            assert_eq!(code, number, "{name}");
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            let error = convert(error, "send to", "events.db");
            assert_eq!(error.kind(), kind, "{name}");
            assert_eq!(error.kind().is_of_message(), name == "SQLITE_TOOBIG", "{name}");
            assert!(documented.contains(&format!("| `{name}` | {code} | `{}` |", kind.as_str())), "{name}");
        }
    }

    #[test]
    fn an_extended_code_has_the_kind_of_its_primary_code() {
        for (extended, kind) in [
            (522, ErrorKind::Unavailable),
            (517, ErrorKind::Locked),
            (1288, ErrorKind::ReadOnly),
            (779, ErrorKind::Corrupt),
        ] {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(extended), None);
            assert_eq!(convert(error, "send to", "events.db").kind(), kind, "{extended}");
        }
    }
}
