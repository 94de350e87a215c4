//! The files of what is published of an event: `<minor>.avsc` in a folder named after it.
//!
//! The derive and the command line both read them here.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use crate::packed::RECORD;
use crate::parse::{Schema, pack};

/// How the names of the files end.
const EXTENSION: &str = "avsc";

/// A published version of a schema.
#[derive(Debug)]
pub struct Version {
    /// The minor version.
    pub minor: u32,
    /// The file.
    pub path: PathBuf,
    /// What the file says.
    pub schema: Schema,
}

/// A file that is no published version.
#[derive(Debug)]
pub struct Fault {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.path.display(), self.what)
    }
}

/// Whether an event type can name a folder: foreign ones may hold any characters.
pub fn names_a_folder(event_type: &str) -> bool {
    let mut parts = Path::new(event_type).components();
    let one =
        matches!((parts.next(), parts.next()), (Some(Component::Normal(only)), None) if only == event_type);
    one && !event_type.contains('\\')
}

/// Reads the published versions of an event, oldest first; a folder that is not there has none.
///
/// Only what is not there is nothing: if what can't be read were, a definition that breaks its
/// published versions would compile as the first of its event type.
pub fn read(folder: &Path) -> (Vec<Version>, Vec<Fault>) {
    let (mut versions, mut faults) = (Vec::new(), Vec::new());
    let unreadable =
        |path: &Path, error| Fault { path: path.to_owned(), what: format!("can't be read: {error}") };
    let entries = match is_absent(folder) {
        Ok(true) => return (versions, faults),
        Ok(false) => fs::read_dir(folder),
        Err(error) => Err(error),
    };
    let entries = entries.map_err(|error| faults.push(unreadable(folder, error)));
    for entry in entries.into_iter().flatten() {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                faults.push(unreadable(folder, error));
                continue;
            }
        };
        let Some(extension) = path.extension().filter(|own| own.eq_ignore_ascii_case(EXTENSION)) else {
            continue;
        };
        let read = if extension == EXTENSION {
            version(&path)
        } else {
            Err(format!("is named in capitals: the file of a published schema ends in `.{EXTENSION}`"))
        };
        match read {
            Ok((minor, schema)) => versions.push(Version { minor, path, schema }),
            Err(what) => faults.push(Fault { path, what }),
        }
    }
    versions.sort_by_key(|version| version.minor);
    faults.sort_by(|a, b| a.path.cmp(&b.path));
    (versions, faults)
}

/// Whether there is no such folder, and no link that should lead to it.
fn is_absent(folder: &Path) -> io::Result<bool> {
    for path in folder.ancestors() {
        match fs::symlink_metadata(path) {
            // That of a link is where it leads to.
            Ok(_) => return fs::metadata(path).map(|_| path != folder),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// The minor version in a file's name; `01.avsc` would be a second file of version 1.
pub fn minor(path: &Path) -> Option<u32> {
    let stem = path.file_stem()?.to_str()?;
    stem.parse().ok().filter(|number: &u32| number.to_string() == stem)
}

/// Reads `<minor>.avsc`.
fn version(path: &Path) -> Result<(u32, Schema), String> {
    let minor =
        minor(path).ok_or("has no minor version in its name: published schemas are `0.avsc`, `1.avsc`, …")?;
    let text = fs::read_to_string(path).map_err(|error| format!("can't be read: {error}"))?;
    let schema = pack(&text).map_err(|fault| format!("is no Avro schema: {fault}"))?;
    if schema.bytes.first() != Some(&RECORD) {
        return Err("is no record, as an event is".to_owned());
    }
    Ok((minor, schema))
}
