//! Classifies errors of Postgres.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::super::InboxError;
use super::super::settings::Settings;

/// What an error means for another attempt. Decision 45 lists all classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Another transaction won.
    Conflict,
    /// The connection is unusable or was never established.
    Disconnected,
    /// A lock or a statement timed out, or was cancelled.
    TimedOut,
    /// The server, its disk, its configuration or permissions: an operator must fix them.
    Unavailable,
    /// An earlier statement failed, so the transaction can only be rolled back.
    Aborted,
    /// The statement, the data or the schema: another attempt fails the same way.
    Permanent,
}

/// The class of a `SQLSTATE` code; covers all codes of Postgres 18.
fn classify_code(code: &str) -> Class {
    match code {
        "25P02" => Class::Aborted,
        // 40002 is a constraint violated at the commit.
        "40002" => Class::Permanent,
        // 55P03: `lock_timeout` and `NOWAIT`. 57014: `statement_timeout` and cancelled statements.
        "55P03" | "57014" => Class::TimedOut,
        // 25P03, 25P04: transaction timeouts, after which the server closes the connection.
        "25P03" | "25P04" => Class::Disconnected,
        // 25006: a read-only server, such as a standby after a failover. 42501: a missing permission.
        "25006" | "42501" | "55006" | "57000" => Class::Unavailable,
        _ => match code.get(..2) {
            Some("40") => Class::Conflict,
            // The operator stops or starts the server, which closes the connection.
            Some("57") if code != "57P04" => Class::Disconnected,
            Some("08") => Class::Disconnected,
            // Authentication; resources; the system; the server's configuration.
            Some("28" | "53" | "58" | "F0") => Class::Unavailable,
            _ => Class::Permanent,
        },
    }
}

fn classify(error: &Error) -> Class {
    if let Some(code) = error.code() {
        return classify_code(code.code());
    }
    let mut causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    if error.is_closed() || causes.any(|cause| cause.downcast_ref::<std::io::Error>().is_some()) {
        Class::Disconnected
    } else {
        Class::Permanent
    }
}

/// Whether the same transaction may succeed later.
pub(in super::super) fn is_transient(error: &Error) -> bool {
    !matches!(classify(error), Class::Permanent | Class::Aborted)
}

/// Converts an error; Postgres' own becomes the source.
pub(super) fn explain(error: Error, settings: &Settings, table: &str) -> InboxError {
    let inbox = settings.group.to_string();
    let missing = error.code() == Some(&SqlState::UNDEFINED_TABLE);
    let class = classify(&error);
    let source = error.into();
    match class {
        Class::Conflict => InboxError::Conflict { inbox, source },
        Class::Disconnected => InboxError::Disconnected { inbox, source },
        Class::TimedOut => InboxError::TimedOut { inbox, source },
        Class::Unavailable => InboxError::Unavailable { inbox, source },
        Class::Aborted => InboxError::RolledBack { inbox, source: Some(source) },
        Class::Permanent if missing => InboxError::NoTable { inbox, table: table.to_owned(), source },
        Class::Permanent => InboxError::Database { inbox, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_postgres_codes_is_classified() {
        use Class::{Aborted, Conflict, Disconnected, Permanent, TimedOut, Unavailable};

        let judged: [(Class, &[&str]); 6] = [
            (Conflict, &["40000", "40001", "40003", "40P01"]),
            (
                Disconnected,
                &[
                    "08000", "08001", "08003", "08004", "08006", "08007", "08P01", "25P03", "25P04", "57P01",
                    "57P02", "57P03", "57P05",
                ],
            ),
            (TimedOut, &["55P03", "57014"]),
            (
                Unavailable,
                &[
                    "25006", "28000", "28P01", "42501", "53000", "53100", "53200", "53300", "53400", "55006",
                    "57000", "58000", "58030", "58P01", "58P02", "58P03", "F0000", "F0001",
                ],
            ),
            (Aborted, &["25P02"]),
            (
                Permanent,
                &[
                    "01000", "02000", "03000", "09000", "0A000", "0B000", "0F000", "0L000", "0P000", "0Z000",
                    "10608", "20000", "21000", "22001", "22P02", "23502", "23503", "23505", "23514", "23P01",
                    "24000", "25000", "25001", "25P01", "26000", "27000", "2B000", "2D000", "2F000", "34000",
                    "38000", "39000", "3B000", "3D000", "3F000", "40002", "42601", "42703", "42P01", "44000",
                    "54000", "55000", "55P02", "55P04", "57P04", "HV000", "P0001", "XX000", "XX001", "XX002",
                ],
            ),
        ];
        for (class, codes) in judged {
            for code in codes {
                assert_eq!(classify_code(code), class, "{code}");
            }
        }
    }
}
