//! The way back: from the lines of a spill file to messages, and the file's end.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use super::line::{Line, Octets, VERSION};
use super::{is_at, sync_folder};
use crate::bus::error::Undelivered;
use crate::bus::observe::Record;
use crate::registry::Registry;
use crate::transport::{Message, Topic};

/// A spill file whose events are being sent.
///
/// It is locked while it is read and while it is removed, not between: a service that shuts down
/// meanwhile adds its events and does not wait. What it added is read next.
#[derive(Debug)]
pub(crate) struct SpillFile {
    path: PathBuf,
    file: File,
    /// Everything before it was read.
    read: u64,
    lines: usize,
}

/// A line that is no event: the end of a write that was cut off, or changed since.
#[derive(Debug)]
pub(crate) struct Damage {
    /// The line's number, from 1.
    pub(crate) line: usize,
    /// What is wrong with it. It does not show the line, which may hold personal data.
    pub(crate) reason: String,
}

impl SpillFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        // Windows locks what is open for writing only.
        let file = File::options().read(true).write(true).open(path)?;
        Ok(Self { path: path.to_owned(), file, read: 0, lines: 0 })
    }

    /// The events that were added since the last call, and the lines that are none. Data that is JSON
    /// is encoded by the definitions of the registry.
    pub(crate) fn read(&mut self, registry: &Registry) -> io::Result<(Vec<Undelivered>, Vec<Damage>)> {
        self.file.lock()?;
        let mut bytes = Vec::new();
        let all = self.file.seek(SeekFrom::Start(self.read)).and_then(|_| self.file.read_to_end(&mut bytes));
        self.file.unlock()?;
        self.read += u64::try_from(all?).unwrap_or(u64::MAX);

        let (mut events, mut damaged) = (Vec::new(), Vec::new());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.lines += 1;
            let line = line.trim_ascii();
            // The rest of a line whose end was missing when it was read holds nothing.
            if line.is_empty() {
                continue;
            }
            match decode(line, registry) {
                Ok(event) => events.push(event),
                Err(reason) => damaged.push(Damage { line: self.lines, reason }),
            }
        }
        Ok((events, damaged))
    }

    /// Removes the file where nothing was added since it was read; whether it is gone.
    pub(crate) fn remove(&self) -> io::Result<bool> {
        self.finish(|path| fs::remove_file(path))
    }

    /// Moves the file to `<path>.damaged` where nothing was added since it was read; whether it is
    /// gone. A file of that name is left alone, which is an error.
    pub(crate) fn set_aside(&self) -> io::Result<bool> {
        self.finish(|path| {
            let mut aside = OsString::from(path);
            aside.push(".damaged");
            // A link, unlike a move, replaces nothing.
            fs::hard_link(path, aside)?;
            fs::remove_file(path)
        })
    }

    fn finish(&self, finish: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<bool> {
        self.file.lock()?;
        let finished = if self.file.metadata()?.len() > self.read {
            Ok(false)
        } else if is_at(&self.file, &self.path)? {
            finish(&self.path).and_then(|()| sync_folder(&self.path)).map(|()| true)
        } else {
            // Another process sent the same events and was done first.
            Ok(true)
        };
        self.file.unlock()?;
        finished
    }
}

/// Reads a line of a spill file or of an error log.
fn decode(line: &[u8], registry: &Registry) -> Result<Undelivered, String> {
    #[derive(Deserialize)]
    struct Version {
        spill: Option<u32>,
        log: Option<u32>,
    }

    // The kind of the error and its place; its text could quote the line.
    let told = |error: serde_json::Error| match error.classify() {
        serde_json::error::Category::Eof => "it is cut off".to_owned(),
        _ => format!("it is no line of a spill file or an error log from column {} on", error.column()),
    };
    match serde_json::from_slice(line).map_err(told)? {
        Version { spill: None, log: Some(_) } => {
            return serde_json::from_slice::<Record>(line).map_err(told)?.into_event(registry);
        }
        Version { spill: Some(VERSION), .. } => {}
        Version { spill: Some(other), .. } => {
            return Err(format!("it has version {other}; this program reads {VERSION}"));
        }
        Version { spill: None, log: None } => {
            return Err(
                "it is no line of a spill file or an error log: it says neither `spill` nor `log`".to_owned()
            );
        }
    }
    let line: Line = serde_json::from_slice(line).map_err(told)?;
    let mut message = Message::new(base64(&line.data_base64)?);
    message.key = line.key.map(Octets::into_bytes).transpose()?;
    for (name, value) in line.headers {
        message.headers.push(name, value.into_bytes()?);
    }
    Ok(Undelivered { topic: Topic::new(line.topic).map_err(|error| error.to_string())?, message })
}

pub(super) fn base64(text: &str) -> Result<Bytes, String> {
    STANDARD.decode(text).map(Bytes::from).map_err(|_| "a part of it is no Base64".to_owned())
}

/// The event of one line.
///
/// # Errors
/// What is wrong with it, without its text.
pub(crate) fn event_of_line(line: &str, registry: &Registry) -> Result<Undelivered, String> {
    decode(line.trim().as_bytes(), registry)
}

#[cfg(test)]
mod tests {
    use super::super::append;
    use super::*;

    fn none() -> Registry {
        Registry::builder().build().unwrap()
    }

    fn event(number: u8) -> Undelivered {
        let message = Message::new(vec![0, number, 0xff])
            .with_key(vec![0xfe, number])
            .with_header("ce_id", format!("id-{number}"))
            .with_header("twice", "\"quoted\" \n ü")
            .with_header("twice", vec![0x80]);
        Undelivered { topic: Topic::new("dev-orders").unwrap(), message }
    }

    #[test]
    fn a_spilled_message_is_read_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spill.jsonl");
        let mut bare = event(3);
        bare.message = Message::new("");
        let mut empty_key = bare.clone();
        empty_key.message = Message::new("x").with_key("");
        let events = [event(1), event(2), bare, empty_key];
        append(&path, &events[..1]).unwrap();
        append(&path, &events[1..]).unwrap();
        let mut file = SpillFile::open(&path).unwrap();
        let (read, damaged) = file.read(&none()).unwrap();
        assert_eq!(read, events);
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
            let (read, damaged) = SpillFile::open(&path).unwrap().read(&none()).unwrap();
            // A line that lacks nothing but its end is whole.
            let mut expected = Vec::new();
            expected.extend((cut + 1 >= first).then(|| event(1)));
            expected.extend((cut + 1 >= whole.len()).then(|| event(2)));
            expected.push(event(3));
            assert_eq!(read, expected, "cut at {cut}");
            let torn = ![0, first - 1, first, whole.len() - 1].contains(&cut);
            assert_eq!(damaged.len(), usize::from(torn), "cut at {cut}: {damaged:?}");
        }
    }

    #[test]
    fn damage_is_told_without_the_lines_text() {
        for (line, reason) in [
            (r#"{"spill":1,"topic":"secret"#, "cut off"),
            (r#"{"spill":2,"topic":"secret"}"#, "version 2"),
            (r#"{"spill":1,"topic":"secret","key":null,"headers":[],"data_base64":"","more":1}"#, "column"),
            (r#"{"spill":1,"topic":"orders","key":null,"headers":[],"data_base64":"secret!"}"#, "Base64"),
            ("secret", "column 1"),
        ] {
            let told = decode(line.as_bytes(), &none()).unwrap_err();
            assert!(told.contains(reason) && !told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn what_is_added_while_the_file_is_sent_is_read_before_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spill.jsonl");
        append(&path, &[event(1)]).unwrap();
        let mut file = SpillFile::open(&path).unwrap();
        assert_eq!(file.read(&none()).unwrap().0, [event(1)]);
        append(&path, &[event(2)]).unwrap();
        assert!(!file.remove().unwrap());
        assert_eq!(file.read(&none()).unwrap().0, [event(2)]);
        // Without the end of its line, as an editor leaves it.
        File::options().write(true).open(&path).unwrap().set_len(file.read - 1).unwrap();
        let mut file = SpillFile::open(&path).unwrap();
        assert_eq!(file.read(&none()).unwrap().0.len(), 2);
        append(&path, &[event(4)]).unwrap();
        let (read, damaged) = file.read(&none()).unwrap();
        assert_eq!((read, damaged.len()), (vec![event(4)], 0));
        assert!(file.remove().unwrap());
        assert!(!path.exists());
        // One that starts anew is left alone by those who sent the old one.
        append(&path, &[event(3)]).unwrap();
        assert!(file.remove().unwrap());
        assert_eq!(SpillFile::open(&path).unwrap().read(&none()).unwrap().0, [event(3)]);
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spill.jsonl");
        for attempt in 0..2 {
            fs::write(&path, "torn").unwrap();
            let mut file = SpillFile::open(&path).unwrap();
            assert_eq!(file.read(&none()).unwrap().1.len(), 1);
            assert_eq!(file.set_aside().is_ok_and(|gone| gone), attempt == 0);
        }
        assert!(path.exists() && folder.path().join("spill.jsonl.damaged").exists());
    }
}
