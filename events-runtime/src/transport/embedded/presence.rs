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

use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::{ErrorKind, TransportError};
use super::fault::Fault;

/// Device and inode.
type Identity = (u64, u64);

/// Which file is open, for the writer, the readers and the consumers.
#[derive(Debug)]
pub(super) struct Presence {
    open: Mutex<Option<Identity>>,
    generation: AtomicU64,
}

/// What stands at the path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The file that is open.
    Same,
    /// Another file.
    Another,
    /// No file.
    Nothing,
}

impl Presence {
    /// Of a file that was opened just now.
    pub(super) fn of(path: &Path) -> Self {
        Self { open: Mutex::new(identity(path)), generation: AtomicU64::new(1) }
    }

    /// How many times a file was opened.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    pub(super) fn look(&self, path: &Path) -> Found {
        let open = *self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match (open, identity(path)) {
            // The system does not say.
            (None, _) => Found::Same,
            (Some(_), None) => Found::Nothing,
            (Some(open), Some(found)) if open == found => Found::Same,
            (Some(_), Some(_)) => Found::Another,
        }
    }

    /// Another file is open from now on.
    pub(super) fn opened(&self, path: &Path) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = identity(path);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().ok().map(|found| (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<Identity> {
    // The system lets nobody remove or rename a file that is open.
    None
}

pub(super) fn gone(url: &str) -> Fault {
    let message = "the file was removed or renamed while it was open, and nobody would see what is written to it: \
                   put it back, or start a program that makes it anew; what is queued waits, and is sent once \
                   there is a file again";
    TransportError::new(ErrorKind::Replaced, "use", url, message).into()
}

pub(super) fn replaced(url: &str) -> Fault {
    let message = "another file stands at the path than the one that was open; it was opened in its place: \
                   what was held or under way in the old one is lost to it, and groups go on as the new file has them";
    TransportError::new(ErrorKind::Replaced, "use", url, message).into()
}
