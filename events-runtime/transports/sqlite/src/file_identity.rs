//! Detects that the open file is no longer the one at its path.
//!
//! A process can keep writing to a file that was removed or renamed, unseen by other processes. The writer
//! therefore checks the file before each transaction, and again before it replies: acknowledged messages
//! are in the file that was at the path at that time.
//!
//! If the path has a different file, that file is opened. Groups and claims of the old file are invalid
//! there. So each opening has a number, its generation: requests of an earlier generation are rejected, and
//! their consumers join again. Overwriting the file in place keeps its device and inode and can't be
//! detected; SQLite's backup and `.restore` are safe.
//!
//! The same applies to the `-wal` and `-shm` files. If they were removed, the writes of this process are in a
//! log that no other process reads. The log is checkpointed if no new log exists and the file is unchanged,
//! and the file is reopened. A log left next to a different file would corrupt that file, so it is renamed
//! first.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::error::TxnError;
use events_support::error_chain::chain;
use events_transport::{ErrorKind, TransportError};

/// Device and inode.
type Identity = (u64, u64);

/// The identity of the open file, shared by the writer, the readers and the consumers.
#[derive(Debug)]
pub(super) struct FileIdentity {
    open: Mutex<Open>,
    generation: AtomicU64,
}

/// The open file, with its `-wal` and `-shm` files.
#[derive(Debug, Default)]
struct Open {
    file: Option<Identity>,
    /// The symbolic link at the path, if it is one.
    link: Option<Identity>,
    /// The `-wal` and `-shm` files, if they existed when the file was opened.
    log_files: [(PathBuf, Option<Identity>); 2],
    /// The last seen modification time of the file.
    modified: Option<SystemTime>,
}

/// The result of a check.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileState {
    /// The path has the open file.
    Unchanged,
    /// The path has a different file.
    Replaced,
    /// The path has the open file, but not its `-wal` or `-shm` file.
    LogMissing,
    /// The path has no file.
    Missing,
}

impl FileIdentity {
    /// Of a file that was just opened.
    pub(super) fn of(path: &Path) -> Self {
        Self { open: Mutex::new(Open::at(path)), generation: AtomicU64::new(1) }
    }

    /// The number of times a file was opened at the path.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    pub(super) fn check(&self, path: &Path) -> FileState {
        let mut open = self.locked();
        let Some(file) = open.file else {
            // The platform has no identities.
            return FileState::Unchanged;
        };
        match found(path) {
            None => FileState::Missing,
            Some((found, _, 0)) if found == file => FileState::Replaced,
            Some((found, modified, _)) if found == file => {
                // The log is next to the target of a symbolic link, so a different link has a different log.
                let leads_elsewhere = link(path) != open.link;
                if leads_elsewhere
                    || open.log_files.iter().any(|(path, was)| was.is_some() && identity(path) != *was)
                {
                    return FileState::LogMissing;
                }
                open.modified = modified;
                FileState::Unchanged
            }
            Some(_) => FileState::Replaced,
        }
    }

    /// Whether the open log may still be checkpointed: the file was not modified since the last check, and no
    /// new log exists.
    pub(super) fn keeps_log(&self, path: &Path) -> bool {
        let open = self.locked();
        let is_own = |(path, was): &(PathBuf, Option<Identity>)| {
            identity(path).is_none_or(|found| Some(found) == *was)
        };
        found(path).is_some_and(|(file, modified, _)| Some(file) == open.file && modified == open.modified)
            && open.log_files.iter().all(is_own)
    }

    /// Renames the log of the old file, so that SQLite does not use it for the new one.
    pub(super) fn move_log(&self) {
        for (path, was) in &self.locked().log_files {
            if was.is_some() && identity(path) == *was {
                let mut to = OsString::from(path);
                to.push(".old");
                if let Err(error) = std::fs::rename(path, &to) {
                    tracing::error!(path = %path.display(), error = chain(&error), "can't rename the log of the replaced file");
                }
            }
        }
    }

    /// Records that a file was opened.
    pub(super) fn opened(&self, path: &Path) {
        *self.locked() = Open::at(path);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn locked(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn at(path: &Path) -> Self {
        let Some((file, modified, _)) = found(path) else { return Self::default() };
        // Named after the target of a symbolic link.
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let log_files = ["-wal", "-shm"].map(|end| {
            let mut path = OsString::from(&real);
            path.push(end);
            let path = PathBuf::from(path);
            let was = identity(&path);
            (path, was)
        });
        Self { file: Some(file), link: link(path), log_files, modified }
    }
}

fn identity(path: &Path) -> Option<Identity> {
    found(path).map(|(identity, _, _)| identity)
}

/// The identity, modification time and length of the file at a path.
#[cfg(unix)]
fn found(path: &Path) -> Option<(Identity, Option<SystemTime>, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let found = path.metadata().ok()?;
    Some(((found.dev(), found.ino()), found.modified().ok(), found.len()))
}

/// The identity, modification time and length of the file at a path.
#[cfg(not(unix))]
fn found(_: &Path) -> Option<(Identity, Option<SystemTime>, u64)> {
    // The platform does not allow removing or renaming open files.
    None
}

/// The symbolic link at a path.
#[cfg(unix)]
fn link(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    let found = path.symlink_metadata().ok()?;
    found.is_symlink().then(|| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn link(_: &Path) -> Option<Identity> {
    None
}

pub(super) fn missing_error(url: &str) -> TxnError {
    let message = "the file was removed or renamed while open: put it back, or restart a program to create a new one; \
                   queued messages are sent once there is a file";
    TransportError::new(ErrorKind::Replaced, "use", url, message).into()
}

pub(super) fn replaced_error(url: &str) -> TxnError {
    let message = "the file was replaced while open, and the new file is used from now on: deliveries and calls in \
                   progress on the old file are lost, and groups continue as stored in the new file";
    TransportError::new(ErrorKind::Replaced, "use", url, message).into()
}

pub(super) fn log_missing_error(url: &str) -> TxnError {
    let message = "the `-wal` or `-shm` file was removed or replaced while open, so the file was reopened: deliveries \
                   in progress are redelivered, and writes that only the log contained may be lost";
    TransportError::new(ErrorKind::Replaced, "use", url, message).into()
}
