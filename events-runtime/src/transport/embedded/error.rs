//! What SQLite says, in our words.

use std::fmt;

use rusqlite::ErrorCode;

use super::super::{ErrorKind, TransportError};

/// Why a transaction failed.
#[derive(Debug)]
pub(super) enum TxnError {
    /// SQLite's own error.
    Sqlite(rusqlite::Error),
    /// The request can't be met; nothing was written.
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
    /// Another connection holds the lock; nothing was written, the same can be tried again.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Sqlite(error) if is_busy(error))
    }

    /// The error for the caller of this operation on this file.
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

/// What each primary result code of SQLite means for the bus, by its number. The same table, with the
/// judgement in words, stands in `docs/decisions/0058`.
///
/// Only `SQLITE_TOOBIG` is the message's own fault. Everything else is a state of the store, and the queue
/// waits for its end.
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

/// A SQLite error in our words; SQLite's own are its source.
pub(super) fn convert(
    error: rusqlite::Error,
    operation: &'static str,
    file: impl fmt::Display,
) -> TransportError {
    let code = error.sqlite_error().map(|error| error.extended_code & 0xff);
    let kind = CODES.iter().find(|(number, ..)| Some(*number) == code).map_or(ErrorKind::Other, |row| row.2);
    TransportError::new(kind, operation, file, advice(kind, code)).with_source(error)
}

/// What is wrong and what to do.
const fn advice(kind: ErrorKind, code: Option<i32>) -> &'static str {
    match (kind, code) {
        (ErrorKind::Locked, _) => {
            "another process held the file's lock for longer than `busy_timeout`: \
             find what writes to it for so long, or set a longer one"
        }
        (ErrorKind::Full, _) => {
            "there is no room left for the file: free space on its disk, or keep less (`retention_age`, \
             `retention_count`); nothing that was acknowledged is lost"
        }
        (ErrorKind::ReadOnly, _) => {
            "the file or its folder can't be written: the folder must be writable too, for the log beside the file"
        }
        (ErrorKind::Permission, _) => "this user may not use the file: change its owner or its mode",
        (_, Some(14)) => "the file can't be opened: does its folder exist, and may this user write there?",
        (_, Some(26)) => "the file is no SQLite database: check the path; it was left as it is",
        (ErrorKind::Corrupt, _) => {
            "the file is damaged: stop all that use it, keep a copy, and recover what can be read with \
             `sqlite3 FILE .recover`"
        }
        (ErrorKind::TooLarge, _) => {
            "the message is larger than SQLite takes, about 1 GB: send a reference to it"
        }
        (_, Some(7)) => "there is no memory left for SQLite: give the process more",
        (_, Some(10 | 15)) => {
            "the disk did not do what it was asked: see the cause and the system's log; network file systems \
             are not supported"
        }
        (ErrorKind::Unavailable, _) => "SQLite broke the call off; the same can succeed later: see the cause",
        _ => "SQLite refused: see the cause",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_sqlite_is_judged_and_only_a_message_that_is_too_large_is_refused() {
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
    fn an_extended_code_is_judged_by_its_primary_one() {
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
