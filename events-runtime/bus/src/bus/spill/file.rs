//! The file of a spill or an error log: opening, locking, appending, rotating.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use events_support::error_chain::chain;

/// The default timeout for the file's lock. Well-behaved programs hold it for one write or read.
pub(in crate::bus) const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between two attempts to lock. The operating system's blocking lock has no timeout.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Opens a file for appending, or creates it, readable only by its owner.
///
/// Only a regular file is opened: data written to a device or a pipe is not kept. An existing file keeps
/// its mode, which may be intended.
pub(in crate::bus) fn open(path: &Path) -> io::Result<File> {
    // Checked before opening, because opening alone can wake a device or the reader of a pipe.
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

/// Returns an error unless this is a regular file.
pub(super) fn regular(found: &fs::Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let what = if found.is_dir() { "a folder" } else { "a device, a pipe or a socket" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("the path is {what}, not a regular file")))
}

/// Warns if other users may read the file.
#[cfg(unix)]
pub(in crate::bus) fn warn_of_readers(file: &File, path: &Path) {
    use std::os::unix::fs::MetadataExt as _;

    if let Ok(mode) = file.metadata().map(|found| found.mode() & 0o777)
        && mode & 0o077 != 0
    {
        tracing::warn!(
            path = %path.display(),
            mode = format_args!("{mode:03o}"),
            "other users may access the file, which holds whole events, personal data included; restrict its mode to 600"
        );
    }
}

/// Warns if other users may read the file.
#[cfg(not(unix))]
pub(in crate::bus) fn warn_of_readers(_: &File, _: &Path) {}

/// Waits for the file's lock, for at most `timeout`.
pub(super) fn lock(file: &File, timeout: Duration) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() < timeout => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("another process held its lock for more than {timeout:?}"),
                ));
            }
        }
    }
}

/// Appends lines to a file: all of them, or none. Blocks; waits for the lock for at most `timeout`.
pub(in crate::bus) fn append(path: &Path, lines: &[u8], timeout: Duration) -> io::Result<()> {
    append_rotated(path, lines, timeout, u64::MAX).map(|_| ())
}

/// Like [`append`]. Before a file would exceed `max_bytes`, it is moved to `<path>.1`, which replaces that
/// file. Returns the number of lines lost by that.
pub(in crate::bus) fn append_rotated(
    path: &Path,
    lines: &[u8],
    timeout: Duration,
    max_bytes: u64,
) -> io::Result<u64> {
    let (mut lost, mut rotates) = (0, true);
    loop {
        let mut file = open(path)?;
        lock(&file, timeout)?;
        // A program that sent the file's events may have removed it between the two calls.
        if !is_at(&file, path)? {
            continue;
        }
        let len = file.metadata()?.len();
        let grown = len.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        if len > 0 && grown > max_bytes && rotates {
            match rotate(path) {
                Ok(replaced) => lost += replaced,
                // A file that is too long is better than a lost event. Only one attempt, or this would loop
                // forever.
                Err(error) => {
                    tracing::error!(
                        path = %path.display(),
                        error = chain(&error),
                        "can't rotate the file to `.1`; it grows beyond its limit"
                    );
                    rotates = false;
                }
            }
            continue;
        }
        return write(&mut file, path, len, lines).map(|()| lost);
    }
}

/// Moves the file out of the way. Returns the number of lines that it replaced.
fn rotate(path: &Path) -> io::Result<u64> {
    // Resolves links, so that the file itself is moved.
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

/// The path of the rotated file.
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
        // Removes a partly written line, for example on a full disk. If that fails too, a reader reports
        // the line as damaged.
        let _ = file.set_len(before);
    }
    written
}

/// Ends a line that a crash cut off, so that the next line is intact.
fn end_torn_line(file: &mut File, len: u64) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// Makes creating or removing a file durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    // Other systems sync the folder with the file, and can't open folders.
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether the path still refers to this file.
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

/// Whether the path still refers to this file: an open file can't be removed on this system.
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    fs::exists(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn a_full_file_is_rotated_and_the_replaced_lines_are_counted() {
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
    fn a_file_that_can_not_be_rotated_keeps_growing() {
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
    fn rotation_moves_the_target_of_a_link() {
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
    fn waiting_for_a_lock_times_out() {
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
