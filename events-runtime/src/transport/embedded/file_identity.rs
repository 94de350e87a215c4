//! Whether the file that is open is still the one at its path.
//!
//! A process goes on writing into a file that was removed or renamed, and nobody else ever sees it. So the
//! writer looks before each transaction, and once more before it answers one: what is acknowledged is in
//! the file that stood at the path then.
//!
//! Where the path has another file, it is opened in place of the old one. Groups and claims of the old file
//! mean nothing there, so each opening has a number, its generation: a request that belongs to an earlier
//! one is refused, and its consumer joins anew. A copy that is written over the file in place keeps its
//! device and inode and can't be noticed; SQLite's own backup and `.restore` are safe.
//!
//! The same is true of the log and its index beside the file. Where they are gone, what this process wrote
//! is in a log that nobody else reads: it is brought into the file where nobody began another log and the
//! file is as it was, and the file is opened anew. A log that is left beside another file than its own
//! would be taken for that file's, and spoil it: it is moved away first.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::super::{ErrorKind, TransportError};
use super::error::TxnError;
use events_support::error_chain::chain;

/// Device and inode.
type Identity = (u64, u64);

/// Which file is open, for the writer, the readers and the consumers.
#[derive(Debug)]
pub(super) struct FileIdentity {
    open: Mutex<Open>,
    generation: AtomicU64,
}

/// The file that is open, and what stands beside it.
#[derive(Debug, Default)]
struct Open {
    file: Option<Identity>,
    /// What stands at the path itself, where that is a link.
    link: Option<Identity>,
    /// The log and its index, where they were there when the file was opened.
    beside: [(PathBuf, Option<Identity>); 2],
    /// When the file was written to, as last seen.
    written: Option<SystemTime>,
}

/// What stands at the path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FileState {
    /// The file that is open.
    Unchanged,
    /// Another file.
    Replaced,
    /// The file that is open, without the log that is open.
    LogMissing,
    /// No file.
    Missing,
}

impl FileIdentity {
    /// Of a file that was opened just now.
    pub(super) fn of(path: &Path) -> Self {
        Self { open: Mutex::new(Open::at(path)), generation: AtomicU64::new(1) }
    }

    /// How many times a file was opened.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    pub(super) fn look(&self, path: &Path) -> FileState {
        let mut open = self.locked();
        let Some(file) = open.file else {
            // The system does not say.
            return FileState::Unchanged;
        };
        match found(path) {
            None => FileState::Missing,
            Some((found, _, 0)) if found == file => FileState::Replaced,
            Some((found, written, _)) if found == file => {
                // The log stands beside what the path leads to: another way there has another log.
                let leads_elsewhere = link(path) != open.link;
                if leads_elsewhere
                    || open.beside.iter().any(|(path, was)| was.is_some() && identity(path) != *was)
                {
                    return FileState::LogMissing;
                }
                open.written = written;
                FileState::Unchanged
            }
            Some(_) => FileState::Replaced,
        }
    }

    /// Whether what the open log holds may still be brought into the file: nobody wrote to the file since
    /// the last look, and nobody began another log.
    pub(super) fn keeps_log(&self, path: &Path) -> bool {
        let open = self.locked();
        let is_own = |(path, was): &(PathBuf, Option<Identity>)| {
            identity(path).is_none_or(|found| Some(found) == *was)
        };
        found(path).is_some_and(|(file, written, _)| Some(file) == open.file && written == open.written)
            && open.beside.iter().all(is_own)
    }

    /// Moves the log of the file that was open away from the one that stands at the path now. What can't
    /// be moved is left to SQLite, which may take it for the new file's.
    pub(super) fn move_log(&self) {
        for (path, was) in &self.locked().beside {
            if was.is_some() && identity(path) == *was {
                let mut to = OsString::from(path);
                to.push(".old");
                if let Err(error) = std::fs::rename(path, &to) {
                    tracing::error!(path = %path.display(), error = chain(&error), "the log of the file that was here before can't be moved away");
                }
            }
        }
    }

    /// Another file is open from now on.
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
        let Some((file, written, _)) = found(path) else { return Self::default() };
        // SQLite names them after the file that a link leads to.
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let beside = ["-wal", "-shm"].map(|end| {
            let mut path = OsString::from(&real);
            path.push(end);
            let path = PathBuf::from(path);
            let was = identity(&path);
            (path, was)
        });
        Self { file: Some(file), link: link(path), beside, written }
    }
}

fn identity(path: &Path) -> Option<Identity> {
    found(path).map(|(identity, _, _)| identity)
}

/// What stands at a path, when it was written to, and its length.
#[cfg(unix)]
fn found(path: &Path) -> Option<(Identity, Option<SystemTime>, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let found = path.metadata().ok()?;
    Some(((found.dev(), found.ino()), found.modified().ok(), found.len()))
}

/// What stands at a path, when it was written to, and its length.
#[cfg(not(unix))]
fn found(_: &Path) -> Option<(Identity, Option<SystemTime>, u64)> {
    // The system lets nobody remove or rename a file that is open.
    None
}

/// The link at a path, where there is one.
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

pub(super) fn gone(url: &str) -> TxnError {
    let message = "the file was removed or renamed while it was open, and nobody would see what is written to it: \
                   put it back, or start a program that makes it anew; what is queued waits, and is sent once \
                   there is a file again";
    TransportError::new(ErrorKind::Replaced, "use", url, message).into()
}

pub(super) fn replaced(url: &str) -> TxnError {
    let message = "another file stands at the path than the one that was open; it was opened in its place: \
                   what was held or under way in the old one is lost to it, and groups go on as the new file has them";
    TransportError::new(ErrorKind::Replaced, "use", url, message).into()
}

pub(super) fn no_log(url: &str) -> TxnError {
    let message = "the log or its index beside the file was removed or replaced while it was open, and nobody \
                   would see what is written to it: the file was opened anew; what was held or under way is \
                   given again, and what only the log had may be lost";
    TransportError::new(ErrorKind::Replaced, "use", url, message).into()
}
