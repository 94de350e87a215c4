//! The spill file: what a shutdown could not send, kept for `produce --from-spill`.
//!
//! A line of JSON for each event, with the whole message:
//!
//! ```json
//! {"spill":1,"topic":"dev-orders","key":"c1","headers":[["ce_id","0190…"]],"data_base64":"DgJj"}
//! ```
//!
//! Topic is the name at the broker, key and header values are text or, where they are no text,
//! `{"base64":"…"}`, and no key is `null`. Lines stand on their own, each with the version of its
//! form, so that a file can grow whichever version wrote the lines before.
//!
//! The file holds what the events hold, personal data included: only its owner may read it. Whoever
//! reads or changes it locks it, so that several processes can share a path.

mod line;
#[cfg(feature = "cli")]
mod read;

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

pub(super) use line::Octets;
#[cfg(feature = "cli")]
pub(crate) use read::{Damage, SpillFile, event_of_line};

use super::error::{ShutdownError, Undelivered};

/// Why the events of a shutdown are not in the spill file. The file is as it was before.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} events could not be written to `{}`; they are in this error still: spill it to another path",
    .shutdown.undelivered().len(), .path.display()
)]
pub struct SpillError {
    path: PathBuf,
    #[source]
    source: io::Error,
    shutdown: ShutdownError,
}

impl SpillError {
    /// The shutdown with its events, to spill elsewhere.
    #[must_use]
    pub fn into_shutdown(self) -> ShutdownError {
        self.shutdown
    }
}

impl ShutdownError {
    /// Writes the events to a spill file, behind those that are there already, and gives their
    /// number. `produce --from-spill` sends them, with the ids they have.
    ///
    /// When it returns, they are on the disk. The file is made where it is missing, readable by its
    /// owner alone; its folder must be there.
    ///
    /// # Errors
    /// A [`SpillError`] that holds the events, where the file can't be written.
    pub fn spill(self, path: impl AsRef<Path>) -> Result<usize, SpillError> {
        let path = path.as_ref();
        match append(path, &self.undelivered) {
            Ok(()) => Ok(self.undelivered.len()),
            Err(source) => Err(SpillError { path: path.to_owned(), source, shutdown: self }),
        }
    }
}

/// Writes events to the end of the file: all of them or, where it fails, none.
fn append(path: &Path, events: &[Undelivered]) -> io::Result<()> {
    let mut lines = Vec::new();
    for event in events {
        line::encode(event, &mut lines)?;
    }
    append_lines(path, &lines)
}

/// Writes whole lines to the end of a file that only its owner may read: all of them, or none.
pub(super) fn append_lines(path: &Path, lines: &[u8]) -> io::Result<()> {
    loop {
        let mut file = open(path)?;
        file.lock()?;
        // Whoever sent what was in it may have removed it between the two calls.
        if is_at(&file, path)? {
            return write(&mut file, path, lines);
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write(file: &mut File, path: &Path, lines: &[u8]) -> io::Result<()> {
    // One that somebody else made may be open to others.
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let before = file.metadata()?.len();
    let written = end_torn_line(file, before)
        .and_then(|()| file.write_all(lines))
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_folder(path));
    if written.is_err() {
        // A disk that is full of half a line would have the next one behind it. Where even this
        // fails, a reader finds the half.
        let _ = file.set_len(before);
    }
    written
}

/// Ends the line that a crash left without its end, so that it spoils no other.
fn end_torn_line(file: &mut File, len: u64) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// Makes a file's coming or going outlast a loss of power.
fn sync_folder(path: &Path) -> io::Result<()> {
    // Other systems do that with the file, and open no folders.
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether the path still leads to this file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match fs::metadata(path) {
        Ok(found) => Ok(identity(found) == identity(file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the path still leads to this file: an open one can't be removed here.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    fs::exists(path)
}
