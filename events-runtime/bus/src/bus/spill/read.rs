//! Reads the events of a spill file or an error log, and removes it when they are sent.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{is_at, lock, regular, rotated, sync_folder};
use crate::bus::record::{Record, RecordError};
use crate::bus::undelivered::Undelivered;
use events_core::registry::Registry;

/// The limits of a portion, in events and in bytes of lines.
const MAX_EVENTS: usize = 1024;
const MAX_BYTES: u64 = 4 << 20;

/// No event has a longer line: longer content is not a file of lines.
pub const LINE_AT_MOST: u64 = 256 << 20;

/// A spill file whose events are being sent, in portions.
///
/// The file is locked while a portion is read and while it is removed, but not in between: a service that
/// shuts down meanwhile can append its events, and they are read next.
#[derive(Debug)]
pub struct SpillFile {
    /// The resolved path, not a link.
    path: PathBuf,
    file: File,
    /// The offset of the next line to read.
    read: u64,
    lines: usize,
    lock_timeout: Duration,
}

/// The content of the next lines.
#[derive(Debug, Default)]
pub struct Portion {
    pub events: Vec<Undelivered>,
    /// Lines that are not events.
    pub damaged: Vec<Damage>,
    /// Records of events that can never be sent.
    pub unsendable: Vec<Damage>,
    /// The number of lines, blank ones included; 0 at the end of the file.
    pub lines: usize,
}

/// A line that is not an event: cut off while it was written, or changed since.
#[derive(Debug)]
pub struct Damage {
    /// The line's number, from 1.
    pub line: usize,
    /// The problem, without the line's text, which may hold personal data.
    pub reason: String,
}

impl SpillFile {
    /// Opens the file. Each lock is waited for at most `lock_timeout`.
    ///
    /// # Errors
    /// The file can't be opened, or stays locked.
    pub fn open(path: &Path, lock_timeout: Duration) -> io::Result<Self> {
        // Resolves links, so that the file that was read is the file that is removed.
        let path = fs::canonicalize(path)?;
        regular(&fs::metadata(&path)?)?;
        // Windows can lock only files that are open for writing.
        let file = File::options().read(true).write(true).open(&path)?;
        regular(&file.metadata()?)?;
        Ok(Self { path, file, read: 0, lines: 0, lock_timeout })
    }

    /// Starts again at the first line.
    pub fn rewind(&mut self) {
        (self.read, self.lines) = (0, 0);
    }

    /// The next lines, including those appended since the last call. JSON data is encoded with the
    /// definitions of the registry.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn next(&mut self, registry: &Registry) -> io::Result<Portion> {
        lock(&self.file, self.lock_timeout)?;
        let portion = self.portion(registry);
        self.file.unlock()?;
        portion
    }

    fn portion(&mut self, registry: &Registry) -> io::Result<Portion> {
        self.file.seek(SeekFrom::Start(self.read))?;
        let mut from = BufReader::new(&self.file);
        let (mut portion, mut bytes, mut line) = (Portion::default(), 0, Vec::new());
        while bytes < MAX_BYTES && portion.events.len() < MAX_EVENTS {
            line.clear();
            let mut len = from.by_ref().take(LINE_AT_MOST).read_until(b'\n', &mut line)? as u64;
            if len == 0 {
                break;
            }
            let too_long = len == LINE_AT_MOST && !line.ends_with(b"\n");
            if too_long {
                line.clear();
                len += from.skip_until(b'\n')? as u64;
            }
            bytes += len;
            self.read += len;
            self.lines += 1;
            portion.lines += 1;
            // An editor may have added a byte order mark at the start of the file.
            let mark = if self.lines == 1 { "\u{feff}".as_bytes() } else { &[] };
            let text = line.strip_prefix(mark).unwrap_or(&line).trim_ascii();
            if text.is_empty() && !too_long {
                // Blank: only the line end of a line that was read without it.
                continue;
            }
            let read = if too_long {
                Err(format!("longer than {} MiB", LINE_AT_MOST >> 20).into())
            } else {
                Record::parse(text).and_then(|record| record.into_event(registry))
            };
            match read {
                Ok(event) => portion.events.push(event),
                Err(error) => {
                    let damage = Damage { line: self.lines, reason: error.to_string() };
                    match error {
                        RecordError::NoData => portion.unsendable.push(damage),
                        _ => portion.damaged.push(damage),
                    }
                }
            }
        }
        Ok(portion)
    }

    /// The path to which [`set_aside`](Self::set_aside) moves the file.
    pub fn aside(&self) -> PathBuf {
        let mut aside = OsString::from(&self.path);
        aside.push(".damaged");
        aside.into()
    }

    /// Removes the file if nothing was appended since it was read. Returns whether it is gone.
    ///
    /// # Errors
    /// The file can't be removed.
    pub fn remove(&self) -> io::Result<bool> {
        // Emptied first, so that the events can't be sent again through a hard link or if the folder does
        // not allow removal.
        self.finish(|path| {
            let emptied = self.file.set_len(0);
            fs::remove_file(path).or(emptied)
        })
    }

    /// Moves the file to `<path>.damaged` if nothing was appended since it was read. Returns whether it is
    /// gone. An existing file of that name is not replaced, which is an error.
    ///
    /// # Errors
    /// The file can't be renamed.
    pub fn set_aside(&self) -> io::Result<bool> {
        self.finish(|path| {
            // Unlike a rename, a hard link never replaces a file.
            fs::hard_link(path, self.aside())?;
            fs::remove_file(path)
        })
    }

    fn finish(&self, finish: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<bool> {
        lock(&self.file, self.lock_timeout)?;
        let finished = self.finish_locked(finish);
        self.file.unlock()?;
        finished
    }

    fn finish_locked(&self, finish: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<bool> {
        if self.file.metadata()?.len() > self.read {
            return Ok(false);
        }
        // An error log may have been rotated meanwhile.
        for path in [&self.path, &rotated(&self.path)] {
            if is_at(&self.file, path)? {
                finish(path)?;
                sync_folder(path)?;
                return Ok(true);
            }
        }
        // Another process sent the same events first.
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use events_transport::{Message, Topic, TransportName};

    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn append(path: &Path, events: &[Undelivered]) -> io::Result<()> {
        super::super::append(path, super::super::encode(events).as_bytes(), NOW)
    }

    fn open(path: &Path) -> SpillFile {
        SpillFile::open(path, NOW).unwrap()
    }

    /// All remaining lines of the file.
    fn read(file: &mut SpillFile) -> (Vec<Undelivered>, Vec<Damage>) {
        let (mut events, mut damaged) = (Vec::new(), Vec::new());
        loop {
            let portion = file.next(&none()).unwrap();
            if portion.lines == 0 {
                return (events, damaged);
            }
            events.extend(portion.events);
            damaged.extend(portion.damaged);
        }
    }

    fn none() -> Registry {
        Registry::builder().build().unwrap()
    }

    fn event(number: u8) -> Undelivered {
        let message = Message::new(vec![0, number, 0xff])
            .with_key(vec![0xfe, number])
            .with_header("ce_id", format!("id-{number}"))
            .with_header("twice", "\"quoted\" \n ü")
            .with_header("twice", vec![0x80]);
        Undelivered { topic: Topic::new("dev-orders").unwrap(), transport: TransportName::default(), message }
    }

    #[test]
    fn a_message_round_trips_through_a_spill_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spill.jsonl");
        let mut bare = event(3);
        bare.message = Message::new("");
        let mut empty_key = bare.clone();
        empty_key.message = Message::new("x").with_key("");
        let events = [event(1), event(2), bare, empty_key];
        append(&path, &events[..1]).unwrap();
        append(&path, &events[1..]).unwrap();
        let mut file = open(&path);
        let (found, damaged) = read(&mut file);
        assert_eq!(found, events);
        assert!(damaged.is_empty(), "{damaged:?}");
    }

    #[test]
    fn a_file_cut_off_anywhere_gives_every_whole_event_and_takes_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spill.jsonl");
        append(&path, &[event(1), event(2)]).unwrap();
        let whole = fs::read(&path).unwrap();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            append(&path, &[event(3)]).unwrap();
            let (found, damaged) = read(&mut open(&path));
            // A line that lacks only its line end is complete.
            let mut expected = Vec::new();
            expected.extend((cut + 1 >= first).then(|| event(1)));
            expected.extend((cut + 1 >= whole.len()).then(|| event(2)));
            expected.push(event(3));
            assert_eq!(found, expected, "cut at {cut}");
            let torn = ![0, first - 1, first, whole.len() - 1].contains(&cut);
            assert_eq!(damaged.len(), usize::from(torn), "cut at {cut}: {damaged:?}");
        }
    }

    #[test]
    fn events_appended_while_sending_are_read_before_the_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spill.jsonl");
        append(&path, &[event(1)]).unwrap();
        let mut file = open(&path);
        assert_eq!(read(&mut file).0, [event(1)]);
        append(&path, &[event(2)]).unwrap();
        assert!(!file.remove().unwrap());
        assert_eq!(read(&mut file).0, [event(2)]);
        // Without the final line end, as an editor may leave it.
        File::options().write(true).open(&path).unwrap().set_len(file.read - 1).unwrap();
        let mut file = open(&path);
        assert_eq!(read(&mut file).0.len(), 2);
        append(&path, &[event(4)]).unwrap();
        let (found, damaged) = read(&mut file);
        assert_eq!((found, damaged.len()), (vec![event(4)], 0));
        assert!(file.remove().unwrap());
        assert!(!path.exists());
        // A new file is not removed by a program that sent the old one.
        append(&path, &[event(3)]).unwrap();
        assert!(file.remove().unwrap());
        assert_eq!(read(&mut open(&path)).0, [event(3)]);
    }

    #[test]
    fn a_damaged_file_is_set_aside_without_replacing_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spill.jsonl");
        for attempt in 0..2 {
            fs::write(&path, "torn").unwrap();
            let mut file = open(&path);
            assert_eq!(read(&mut file).1.len(), 1);
            assert_eq!(file.set_aside().is_ok_and(|gone| gone), attempt == 0);
        }
        assert!(path.exists() && folder.path().join("spill.jsonl.damaged").exists());
    }

    #[test]
    fn a_file_is_read_in_portions_and_blank_lines_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spill.jsonl");
        let events: Vec<_> = (0..u8::MAX).map(event).collect();
        for _ in 0..10 {
            append(&path, &events).unwrap();
            fs::write(&path, [fs::read(&path).unwrap(), b"\n \r\n".to_vec()].concat()).unwrap();
        }
        let mut file = open(&path);
        let (mut portions, mut found) = (0, 0);
        loop {
            let portion = file.next(&none()).unwrap();
            if portion.lines == 0 {
                break;
            }
            assert!(portion.events.len() <= MAX_EVENTS && portion.damaged.is_empty());
            portions += 1;
            found += portion.events.len();
        }
        assert_eq!((portions, found), (3, 2550));
        file.rewind();
        assert_eq!(read(&mut file).0.len(), 2550);
    }

    #[test]
    fn long_lines_make_small_portions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spill.jsonl");
        let long = Undelivered { message: Message::new(vec![0; 2 << 20]), ..event(1) };
        append(&path, &vec![long; 5]).unwrap();
        let mut file = open(&path);
        let sizes =
            std::iter::from_fn(|| Some(file.next(&none()).unwrap().events.len()).filter(|len| *len > 0));
        assert_eq!(sizes.collect::<Vec<_>>(), [2, 2, 1]);
    }

    #[test]
    fn sent_events_can_not_be_sent_again_through_a_hard_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("spill.jsonl"), folder.path().join("other.jsonl"));
        append(&path, &[event(1)]).unwrap();
        fs::hard_link(&path, &other).unwrap();
        let mut file = open(&path);
        assert_eq!(read(&mut file).0, [event(1)]);
        assert!(file.remove().unwrap() && !path.exists());
        assert!(read(&mut open(&other)).0.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn the_target_of_a_link_is_removed_or_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("spill.jsonl"), folder.path().join("link"));
        std::os::unix::fs::symlink(&path, &link).unwrap();
        append(&link, &[event(1)]).unwrap();
        let mut file = open(&link);
        assert_eq!(read(&mut file).0.len(), 1);
        assert!(file.remove().unwrap());
        assert!(!path.exists() && fs::symlink_metadata(&link).unwrap().is_symlink());
        // The link remains usable.
        append(&link, &[event(2)]).unwrap();
        let mut file = open(&link);
        assert_eq!(read(&mut file).0, [event(2)]);
        assert!(file.set_aside().unwrap());
        assert!(!path.exists() && file.aside().ends_with("spill.jsonl.damaged") && file.aside().exists());
    }

    #[test]
    fn a_log_rotated_while_sending_is_removed_at_its_new_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("errors.jsonl");
        append(&path, &[event(1)]).unwrap();
        let mut file = open(&path);
        assert_eq!(read(&mut file).0.len(), 1);
        fs::rename(&path, rotated(&path)).unwrap();
        append(&path, &[event(2)]).unwrap();
        assert!(file.remove().unwrap());
        assert!(!rotated(&path).exists());
        assert_eq!(read(&mut open(&path)).0, [event(2)]);
    }

    #[test]
    fn only_a_regular_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let error = SpillFile::open(folder.path(), NOW).unwrap_err();
        assert!(error.to_string().contains("regular file"), "{error}");
        #[cfg(unix)]
        SpillFile::open(Path::new("/dev/null"), NOW).unwrap_err();
    }
}
