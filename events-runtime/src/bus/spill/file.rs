//! The file of a spill or of an error log: who may open, lock and replace it.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use events_support::error_chain::chain;

/// How long those wait for the file's lock who have no time of their own. Whoever keeps to the rules
/// holds it for one write or read.
pub(in crate::bus) const LOCK_AT_MOST: Duration = Duration::from_secs(10);

/// The pause between two tries for the lock. The operating system's own waiting has no end.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Opens a file for more lines, or makes it, readable by its owner alone.
///
/// Only a regular file is opened: a write to a device or a pipe is not kept. The mode of what is there
/// already stays as it is, because it may be on purpose.
pub(in crate::bus) fn open(path: &Path) -> io::Result<File> {
    // Before it is opened, because opening is enough to wake a device or the reader of a pipe.
    match fs::metadata(path) {
        Ok(found) => regular(&found)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut options = File::options();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// An error unless this is a regular file.
pub(super) fn regular(found: &fs::Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let what = if found.is_dir() { "it is a folder" } else { "it is a device, a pipe or a socket" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{what}, and must be a regular file")))
}

/// Tells where others may read what the file holds.
#[cfg(unix)]
pub(in crate::bus) fn warn_of_readers(file: &File, path: &Path) {
    use std::os::unix::fs::MetadataExt as _;

    if let Ok(mode) = file.metadata().map(|found| found.mode() & 0o777)
        && mode & 0o077 != 0
    {
        tracing::warn!(
            path = %path.display(),
            mode = format_args!("{mode:03o}"),
            "the file takes whole events, personal data included, and others than its owner may reach it; a file that is made here has mode 600"
        );
    }
}

/// Tells where others may read what the file holds.
#[cfg(not(unix))]
pub(in crate::bus) fn warn_of_readers(_: &File, _: &Path) {}

/// Waits for the file's lock, for a bounded time.
pub(super) fn lock(file: &File, at_most: Duration) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() < at_most => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("another process held its lock for more than {at_most:?}"),
                ));
            }
        }
    }
}

/// Writes whole lines to the end of a file: all of them, or none. Blocks, for the lock at most this
/// long.
pub(in crate::bus) fn append(path: &Path, lines: &[u8], at_most: Duration) -> io::Result<()> {
    append_rotated(path, lines, at_most, u64::MAX).map(|_| ())
}

/// As [`append`]. A file that would become longer than `max_bytes` is moved to `<path>.1` first, and
/// replaces what is there; gives how many lines were lost by that.
pub(in crate::bus) fn append_rotated(
    path: &Path,
    lines: &[u8],
    at_most: Duration,
    max_bytes: u64,
) -> io::Result<u64> {
    let (mut lost, mut rotates) = (0, true);
    loop {
        let mut file = open(path)?;
        lock(&file, at_most)?;
        // Whoever sent what was in it may have removed it between the two calls.
        if !is_at(&file, path)? {
            continue;
        }
        let len = file.metadata()?.len();
        let grown = len.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        if len > 0 && grown > max_bytes && rotates {
            match rotate(path) {
                Ok(replaced) => lost += replaced,
                // Better a long file than an event less. One attempt, or this would never end.
                Err(error) => {
                    tracing::error!(
                        path = %path.display(),
                        error = chain(&error),
                        "the file is longer than it may be and can't be moved to `.1`; it goes on growing"
                    );
                    rotates = false;
                }
            }
            continue;
        }
        return write(&mut file, path, len, lines).map(|()| lost);
    }
}

/// Moves the file out of the way; the number of lines that it replaced there.
fn rotate(path: &Path) -> io::Result<u64> {
    // The file itself and not a link to it.
    let path = fs::canonicalize(path)?;
    let to = rotated(&path);
    let replaced = match File::open(&to) {
        Ok(earlier) => {
            regular(&earlier.metadata()?)?;
            lines_of(BufReader::new(earlier))?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    fs::rename(&path, to)?;
    sync_folder(&path)?;
    Ok(replaced)
}

/// Where a file goes that is too long.
pub(super) fn rotated(path: &Path) -> PathBuf {
    let mut to = OsString::from(path);
    to.push(".1");
    to.into()
}

fn lines_of(mut from: impl io::BufRead) -> io::Result<u64> {
    let mut lines = 0;
    while from.skip_until(b'\n')? > 0 {
        lines += 1;
    }
    Ok(lines)
}

fn write(file: &mut File, path: &Path, before: u64, lines: &[u8]) -> io::Result<()> {
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
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    // Other systems do that with the file, and open no folders.
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether the path still leads to this file.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
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
pub(super) fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    fs::exists(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn a_file_that_is_full_is_moved_away_and_what_it_replaces_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("errors.jsonl");
        let append = |line: &str| append_rotated(&path, line.as_bytes(), NOW, 10).unwrap();
        let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        assert_eq!((append("1234\n"), append("5678\n")), (0, 0));
        assert_eq!((read(&path).as_str(), read(&rotated(&path)).as_str()), ("1234\n5678\n", ""));
        assert_eq!(append("9\n"), 0);
        assert_eq!((read(&path).as_str(), read(&rotated(&path)).as_str()), ("9\n", "1234\n5678\n"));
        // Longer than a file may be: it has one of its own.
        assert_eq!(append("a line of its own\n"), 2);
        assert_eq!((read(&path).as_str(), read(&rotated(&path)).as_str()), ("a line of its own\n", "9\n"));
    }

    #[test]
    fn a_file_that_can_not_be_moved_away_goes_on_growing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("errors.jsonl");
        fs::create_dir(rotated(&path)).unwrap();
        for _ in 0..3 {
            assert_eq!(append_rotated(&path, b"a line\n", NOW, 10).unwrap(), 0);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "a line\na line\na line\n");
    }

    #[cfg(unix)]
    #[test]
    fn what_a_link_leads_to_is_moved_away_and_the_link_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("errors.jsonl"), folder.path().join("link"));
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for _ in 0..2 {
            append_rotated(&link, b"a line\n", NOW, 10).unwrap();
        }
        assert!(rotated(&path).exists() && path.exists() && !rotated(&link).exists());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_lock_that_is_not_given_up_is_waited_for_no_longer_than_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spill.jsonl");
        let holder = open(&path).unwrap();
        holder.lock().unwrap();
        let error = append(&path, b"a line\n", Duration::from_millis(20)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("another process held its lock"), "{error}");
        holder.unlock().unwrap();
        append(&path, b"a line\n", NOW).unwrap();
    }
}
