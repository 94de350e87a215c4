//! The schema of the file, its migrations, and the checks on opening.
//!
//! Each topic has a table of its own, `messages_<id>`, so that storing a message is one append to one
//! b-tree. A group's progress is a cursor: every message up to it was claimed. Exceptions record which of
//! those are not settled, so that messages settled in order cost no row each:
//!
//! - `claims`: a run of messages, `first..=last`, claimed by one member at once, with its lease;
//! - `gaps`: messages in the run of a claim that the claim does not hold, or no longer holds;
//! - `pending`: messages tracked individually, because they were requeued or wait for an earlier message
//!   of their key. `attempts` counts deliveries. `claim` is the claim that holds the message. `ready` is
//!   the time when a waiting message is due, and `NULL` while it waits for an earlier message of its key.
//!   `losses` counts members that were lost while they held it among other messages, which `attempts` does
//!   not include. `alone` is 1 for a poison candidate, which is delivered in isolation.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::config::Config;
use super::error::TxnError;
use events_transport::Later as _;
use events_transport::{ErrorKind, TransportError};

/// SQLite's timeout is a signed 32-bit number of milliseconds.
const MAX_BUSY_TIMEOUT: Duration = Duration::from_millis(i32::MAX.unsigned_abs() as u64);

/// `evrt` in ASCII: identifies our files.
const APPLICATION_ID: i64 = 0x6576_7274;
/// The version of the schema.
pub(super) const VERSION: i64 = 2;

/// Migrates version 1, which did not record when a delay was set and which members were lost.
const MIGRATE_FROM_1: &str = "
ALTER TABLE claims ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
ALTER TABLE claims ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pending ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pending ADD COLUMN losses INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pending ADD COLUMN alone INTEGER NOT NULL DEFAULT 0;
CREATE INDEX pending_since ON pending(grp, since) WHERE claim IS NULL AND ready IS NOT NULL;
CREATE INDEX pending_alone ON pending(grp) WHERE alone = 1;
";

const TABLES: &str = "
CREATE TABLE topics(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    -- the highest position that retention removed, so that none is used twice
    trimmed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE groups(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic INTEGER NOT NULL REFERENCES topics(id),
    name TEXT NOT NULL,
    cursor INTEGER NOT NULL,
    UNIQUE(topic, name)
) STRICT;
CREATE TABLE claims(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    grp INTEGER NOT NULL REFERENCES groups(id),
    member INTEGER NOT NULL,
    -- milliseconds since the Unix epoch, milliseconds
    until INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    -- both NULL when the claim holds pending messages alone
    first INTEGER,
    last INTEGER,
    -- when it was made, milliseconds since the Unix epoch
    made INTEGER NOT NULL DEFAULT 0,
    -- 1 where another claim of the member was lost before
    shared INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX claims_by_group ON claims(grp);
CREATE TABLE gaps(
    claim INTEGER NOT NULL REFERENCES claims(id),
    seq INTEGER NOT NULL,
    PRIMARY KEY(claim, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE pending(
    grp INTEGER NOT NULL REFERENCES groups(id),
    seq INTEGER NOT NULL,
    key BLOB,
    attempts INTEGER NOT NULL,
    ready INTEGER,
    -- when `ready` was written: in the future where the clock was set back since
    since INTEGER NOT NULL DEFAULT 0,
    claim INTEGER REFERENCES claims(id),
    losses INTEGER NOT NULL DEFAULT 0,
    alone INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(grp, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_alone ON pending(grp) WHERE alone = 1;
CREATE INDEX pending_by_key ON pending(grp, key, seq) WHERE key IS NOT NULL;
CREATE INDEX pending_due ON pending(grp, ready, seq) WHERE claim IS NULL AND ready IS NOT NULL;
CREATE INDEX pending_since ON pending(grp, since) WHERE claim IS NULL AND ready IS NOT NULL;
CREATE INDEX pending_blocked ON pending(grp) WHERE claim IS NULL AND ready IS NULL;
CREATE INDEX pending_by_claim ON pending(claim) WHERE claim IS NOT NULL;
";

/// The table of a topic's messages. `time` is in milliseconds since the Unix epoch. The key precedes the
/// columns that may be large, so that it can be read without them.
pub(super) fn messages_table(topic: i64) -> String {
    format!(
        "CREATE TABLE messages_{topic}(
            seq INTEGER PRIMARY KEY,
            time INTEGER NOT NULL,
            key BLOB,
            headers BLOB NOT NULL,
            data BLOB NOT NULL
        ) STRICT"
    )
}

/// Opens the file for writing, and creates it if it does not exist.
pub(super) fn open_writer(config: &Config) -> Result<Connection, TransportError> {
    create(config);
    let conn = open(config, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let deadline = Instant::now().later(config.busy_timeout);
    let prepared = loop {
        match prepare(&conn, config) {
            // Switching to WAL fails at once if another process does the same.
            Err(error) if error.is_busy() && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(2));
            }
            other => break other,
        }
    };
    prepared.map_err(|error| error.convert("open", &config.url))?;
    Ok(conn)
}

/// Creates the file if it does not exist, with its permissions, which SQLite copies to `-wal` and `-shm`.
///
/// Ignores errors, since SQLite reports them in more detail. Does not open an existing file: closing it
/// would release SQLite's locks on it.
fn create(config: &Config) {
    if config.path.metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        let mut options = std::fs::File::options();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, config.mode);
        drop(options.open(&config.path));
    }
}

/// Opens the file for reading, after the writer has created it.
pub(super) fn open_reader(config: &Config) -> Result<Connection, TransportError> {
    let conn = open(config, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.pragma_update(None, "query_only", true)
        .map_err(|error| TxnError::from(error).convert("open", &config.url))?;
    Ok(conn)
}

fn open(config: &Config, flags: OpenFlags) -> Result<Connection, TransportError> {
    // Each connection is used by one thread at a time: SQLite need not lock it.
    let open = || {
        let conn = Connection::open_with_flags(&config.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(config.busy_timeout.min(MAX_BUSY_TIMEOUT))?;
        conn.set_prepared_statement_cache_capacity(128);
        Ok(conn)
    };
    open().map_err(|error: TxnError| error.convert("open", &config.url))
}

fn prepare(conn: &Connection, config: &Config) -> Result<(), TxnError> {
    // Before any change, check that the file is ours. In a transaction, since another process may be
    // creating it.
    let state = in_transaction(conn, "BEGIN", || inspect(conn, config))?;
    if conn.is_readonly("main")? {
        return Err(rejected(
            config,
            ErrorKind::ReadOnly,
            "the file is not writable: check its permissions, its owner and the mount",
        ));
    }
    if state == State::Empty {
        // Takes effect only before the first table is created. Earlier versions ignore it.
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(rejected(
            config,
            ErrorKind::Unsupported,
            "SQLite can't use a write-ahead log there: use a local disk, since network file systems lack shared memory",
        ));
    }
    conn.pragma_update(None, "synchronous", config.synchronous.pragma())?;
    // A checkpoint every 16 MB of log; the log file is truncated to 64 MB.
    conn.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    conn.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    if let Some(pages) = config.max_pages {
        conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    if state != State::Ours {
        migrate(conn, config)?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Empty,
    /// Of version 1.
    Older,
    Ours,
}

fn inspect(conn: &Connection, config: &Config) -> Result<State, TxnError> {
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let version = pragma("user_version")?;
    match pragma("application_id")? {
        APPLICATION_ID if version == VERSION => Ok(State::Ours),
        APPLICATION_ID if version == 1 => Ok(State::Older),
        APPLICATION_ID => Err(rejected(
            config,
            ErrorKind::Version,
            &format!(
                "the file has schema version {version}, but this build supports {VERSION}: \
                 use the release of events-runtime that wrote it, or another file"
            ),
        )),
        0 if version == 0 => {
            let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables == 0 { Ok(State::Empty) } else { Err(foreign_database(config)) }
        }
        _ => Err(foreign_database(config)),
    }
}

fn foreign_database(config: &Config) -> TxnError {
    rejected(
        config,
        ErrorKind::Corrupt,
        "the file is the database of another program and was not changed: use another file for the bus",
    )
}

/// Creates the tables, or migrates those of an older version.
fn migrate(conn: &Connection, config: &Config) -> Result<(), TxnError> {
    in_transaction(conn, "BEGIN IMMEDIATE", || {
        // Another process may have done it.
        match inspect(conn, config)? {
            State::Ours => return Ok(()),
            State::Older => conn.execute_batch(MIGRATE_FROM_1)?,
            State::Empty => {
                conn.execute_batch(TABLES)?;
                conn.pragma_update(None, "application_id", APPLICATION_ID)?;
            }
        }
        conn.pragma_update(None, "user_version", VERSION)?;
        Ok(())
    })
}

/// Whether the file has a table now. `Connection::table_exists` answers from the connection's memory, which
/// lacks a table that another connection has created meanwhile.
pub(super) fn table_exists(conn: &Connection, name: &str) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?.exists([name])
}

pub(super) fn in_transaction<T>(
    conn: &Connection,
    begin: &str,
    work: impl FnOnce() -> Result<T, TxnError>,
) -> Result<T, TxnError> {
    conn.execute_batch(begin)?;
    let done = work().and_then(|done| {
        conn.execute_batch("COMMIT")?;
        Ok(done)
    });
    if done.is_err() && !conn.is_autocommit() {
        conn.execute_batch("ROLLBACK")?;
    }
    done
}

fn rejected(config: &Config, kind: ErrorKind, message: &str) -> TxnError {
    TxnError::Transport(TransportError::new(kind, "open", &config.url, message))
}
