//! The files of published schemas: `<minor>.avsc` in a folder named after the event type.
//!
//! The derive and the command line both read them with this module.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use crate::packed::RECORD;
use crate::parse::{PackedSchema, pack};

const EXTENSION: &str = "avsc";

/// A published version of a schema.
#[derive(Debug)]
pub struct Version {
    /// The minor version.
    pub minor: u32,
    /// The file.
    pub path: PathBuf,
    /// The schema in the file.
    pub schema: PackedSchema,
}

/// The error of a file that is not a published version.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.path.display(), self.what)
    }
}

/// Whether an event type is a valid name of a folder. Foreign event types may contain any characters.
pub fn names_a_folder(event_type: &str) -> bool {
    let mut parts = Path::new(event_type).components();
    let one =
        matches!((parts.next(), parts.next()), (Some(Component::Normal(only)), None) if only == event_type);
    one && !event_type.contains('\\')
}

/// Reads the published versions of an event, oldest first. A missing folder has none.
///
/// A folder or file that can't be read is an error. Otherwise a definition that breaks its published versions would
/// compile as the first version of its event type.
pub fn read(folder: &Path) -> (Vec<Version>, Vec<FileError>) {
    let (mut versions, mut errors) = (Vec::new(), Vec::new());
    let unreadable =
        |path: &Path, error| FileError { path: path.to_owned(), what: format!("can't be read: {error}") };
    let entries = match is_absent(folder) {
        Ok(true) => return (versions, errors),
        Ok(false) => fs::read_dir(folder),
        Err(error) => Err(error),
    };
    let entries = entries.map_err(|error| errors.push(unreadable(folder, error)));
    for entry in entries.into_iter().flatten() {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                errors.push(unreadable(folder, error));
                continue;
            }
        };
        let Some(extension) = path.extension().filter(|own| own.eq_ignore_ascii_case(EXTENSION)) else {
            continue;
        };
        let read = if extension == EXTENSION {
            version(&path)
        } else {
            Err(format!("is named in capitals: end the name of a published schema in `.{EXTENSION}`"))
        };
        match read {
            Ok((minor, schema)) => versions.push(Version { minor, path, schema }),
            Err(what) => errors.push(FileError { path, what }),
        }
    }
    versions.sort_by_key(|version| version.minor);
    errors.sort_by(|a, b| a.path.cmp(&b.path));
    (versions, errors)
}

/// Whether the folder is missing. A dangling link is an error.
fn is_absent(folder: &Path) -> io::Result<bool> {
    for path in folder.ancestors() {
        match fs::symlink_metadata(path) {
            // Follows links.
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
fn version(path: &Path) -> Result<(u32, PackedSchema), String> {
    let minor = minor(path)
        .ok_or("has no minor version in its name: name published schemas `0.avsc`, `1.avsc`, …")?;
    let text = fs::read_to_string(path).map_err(|error| format!("can't be read: {error}"))?;
    let schema = pack(&text).map_err(|error| format!("is not an Avro schema: {error}"))?;
    if schema.bytes.first() != Some(&RECORD) {
        return Err("is not a record, as the schema of an event must be".to_owned());
    }
    Ok((minor, schema))
}
