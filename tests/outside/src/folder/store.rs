//! The files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use events_runtime::transport::{ConsumerGroup, Message, Topic};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::group::Group;
use super::millis;

pub(super) struct Store {
    root: PathBuf,
}

/// The store, with the lock that each call holds.
pub(super) struct Locked<'s> {
    root: &'s Path,
    _lock: File,
}

/// The texts of a topic's schemas, by event type and fingerprint.
pub(super) type Schemas = BTreeMap<String, BTreeMap<u64, String>>;

/// The first line of a message's file.
#[derive(Serialize, Deserialize)]
struct Head {
    time: u64,
    key: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
}

impl Store {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.to_owned() })
    }

    pub(super) fn lock(&self) -> io::Result<Locked<'_>> {
        let lock = File::create(self.root.join("lock"))?;
        lock.lock()?;
        Ok(Locked { root: &self.root, _lock: lock })
    }
}

impl Locked<'_> {
    fn folder(&self, topic: &Topic) -> PathBuf {
        self.root.join(topic.as_str())
    }

    fn group_file(&self, topic: &Topic, group: &ConsumerGroup) -> PathBuf {
        self.folder(topic).join(format!("{group}.group"))
    }

    fn message_file(&self, topic: &Topic, number: u64) -> PathBuf {
        self.folder(topic).join(format!("{number}.message"))
    }

    fn schemas_file(&self, topic: &Topic) -> PathBuf {
        self.root.join(format!("@{topic}.schemas"))
    }

    /// A new number for a member or a claim. It is never used again, even after its group is removed.
    pub(super) fn next_number(&self) -> io::Result<u64> {
        let file = self.root.join("number");
        let number = read_number(&file)? + 1;
        replace(&file, number.to_string().as_bytes())?;
        Ok(number)
    }

    pub(super) fn topics(&self) -> io::Result<Vec<Topic>> {
        names(self.root, |name| self.root.join(name).is_dir().then_some(name))
    }

    pub(super) fn has(&self, topic: &Topic) -> bool {
        self.folder(topic).is_dir()
    }

    pub(super) fn create(&self, topic: &Topic) -> io::Result<()> {
        fs::create_dir_all(self.folder(topic))
    }

    /// The number of the last message, 0 if there is none.
    pub(super) fn last(&self, topic: &Topic) -> io::Result<u64> {
        read_number(&self.folder(topic).join("last"))
    }

    /// Stores a message. Returns its number.
    pub(super) fn append(&self, topic: &Topic, message: &Message) -> io::Result<u64> {
        self.create(topic)?;
        let number = self.last(topic)? + 1;
        let head = Head {
            time: millis(SystemTime::now()),
            key: message.key.as_ref().map(|key| key.to_vec()),
            headers: message.headers.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect(),
        };
        let mut bytes = serde_json::to_vec(&head)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&message.data);
        fs::write(self.message_file(topic, number), bytes)?;
        // A message exists only from here on; a crash before leaves a file that the next send replaces.
        replace(&self.folder(topic).join("last"), number.to_string().as_bytes())?;
        Ok(number)
    }

    /// Reads a message, and when it was stored.
    pub(super) fn read(&self, topic: &Topic, number: u64) -> io::Result<(Message, SystemTime)> {
        let bytes = fs::read(self.message_file(topic, number))?;
        let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
        let head: Head = serde_json::from_slice(parts.next().unwrap_or_default())?;
        let mut message = Message::new(parts.next().unwrap_or_default().to_vec());
        message.key = head.key.map(Into::into);
        message.headers = head.headers.into_iter().collect();
        Ok((message, UNIX_EPOCH + Duration::from_millis(head.time)))
    }

    pub(super) fn groups(&self, topic: &Topic) -> io::Result<Vec<ConsumerGroup>> {
        names(&self.folder(topic), |name| name.strip_suffix(".group"))
    }

    pub(super) fn group(&self, topic: &Topic, group: &ConsumerGroup) -> io::Result<Option<Group>> {
        read_json(&self.group_file(topic, group))
    }

    pub(super) fn save(&self, topic: &Topic, name: &ConsumerGroup, group: &Group) -> io::Result<()> {
        replace(&self.group_file(topic, name), &serde_json::to_vec(group)?)
    }

    pub(super) fn schemas(&self, topic: &Topic) -> io::Result<Schemas> {
        Ok(read_json(&self.schemas_file(topic))?.unwrap_or_default())
    }

    pub(super) fn save_schemas(&self, topic: &Topic, schemas: &Schemas) -> io::Result<()> {
        replace(&self.schemas_file(topic), &serde_json::to_vec(schemas)?)
    }

    /// Returns whether there was one.
    pub(super) fn remove(&self, topic: &Topic, group: &ConsumerGroup) -> io::Result<bool> {
        match fs::remove_file(self.group_file(topic, group)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The valid names that `select` finds in the files of a folder, in order.
fn names<T: FromStr + Ord>(folder: &Path, select: impl Fn(&str) -> Option<&str>) -> io::Result<Vec<T>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.file_name();
        names.extend(file.to_str().and_then(&select).and_then(|name| name.parse().ok()));
    }
    names.sort();
    Ok(names)
}

/// Reads a file; `None` if there is none.
fn read_json<T: DeserializeOwned>(file: &Path) -> io::Result<Option<T>> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_number(file: &Path) -> io::Result<u64> {
    match fs::read_to_string(file) {
        Ok(text) => text.parse().map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Replaces a file as a whole, so that a crash leaves the old or the new one.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, bytes)?;
    fs::rename(new, file)
}
