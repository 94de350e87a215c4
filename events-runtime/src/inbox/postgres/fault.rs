//! What Postgres says, in our words.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::super::InboxError;
use super::super::settings::Settings;

/// Whether the same transaction may succeed later.
pub(in super::super) fn is_transient(error: &Error) -> bool {
    is_conflict(error) || is_disconnect(error)
}

fn is_conflict(error: &Error) -> bool {
    matches!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED))
}

fn is_disconnect(error: &Error) -> bool {
    // Class 08 is about connections, 57P about the operator who ends the server.
    error.is_closed()
        || error.code().is_some_and(|code| code.code().starts_with("08") || code.code().starts_with("57P"))
}

/// The error for the user of this inbox; Postgres' own is its source.
pub(super) fn explain(error: Error, settings: &Settings, table: &str) -> InboxError {
    let inbox = settings.group.to_string();
    let missing = error.code() == Some(&SqlState::UNDEFINED_TABLE);
    let (conflict, disconnect) = (is_conflict(&error), is_disconnect(&error));
    let source = error.into();
    match () {
        () if conflict => InboxError::Conflict { inbox, source },
        () if disconnect => InboxError::Disconnected { inbox, source },
        () if missing => InboxError::NoTable { inbox, table: table.to_owned(), source },
        () => InboxError::Database { inbox, source },
    }
}
