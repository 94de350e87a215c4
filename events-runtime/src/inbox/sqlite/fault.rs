//! What `SQLite` says, in our words.

use rusqlite::{Error, ErrorCode, ffi};

use super::super::InboxError;
use super::super::settings::Settings;

/// Whether the same transaction may succeed later.
pub(in super::super) fn is_transient(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// The error for the user of this inbox; `SQLite`'s own is its source.
pub(super) fn explain(error: Error, settings: &Settings, table: &str) -> InboxError {
    let inbox = settings.group.to_string();
    let extended = error.sqlite_error().map(|error| error.extended_code);
    let transient = is_transient(&error);
    // There is no code of its own for a table that is missing.
    let missing = match &error {
        Error::SqlInputError { msg, .. } | Error::SqliteFailure(_, Some(msg)) => {
            msg.starts_with("no such table")
        }
        _ => false,
    };
    let source = error.into();
    match extended {
        Some(ffi::SQLITE_BUSY_SNAPSHOT) => InboxError::StaleSnapshot { inbox, source },
        _ if transient => InboxError::Busy { inbox, source },
        _ if missing => InboxError::NoTable { inbox, table: table.to_owned(), source },
        _ => InboxError::Database { inbox, source },
    }
}
