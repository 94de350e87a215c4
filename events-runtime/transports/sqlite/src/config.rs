//! The settings of a `sqlite:` URL.

use std::path::PathBuf;
use std::time::Duration;

use events_transport::{ConnectOptions, TransportError};
use events_transport::{RetentionPolicy, Target, parse_duration};

/// The settings of the URL.
pub(super) const SETTINGS: &[&str] = &[
    "synchronous",
    "busy_timeout",
    "poll_interval",
    "max_pages",
    "mode",
    "retention_age",
    "retention_count",
    "dead_letter_age",
    "dead_letter_count",
];

/// Which failures an acknowledged send or settlement survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Synchronous {
    /// The log is synced before each reply: survives a power failure.
    Full,
    /// The log is synced at checkpoints: survives a crash of the process. A power failure may lose the
    /// last writes; the file stays consistent.
    Normal,
    /// Nothing is synced: survives a crash of the process. A power failure may destroy the file.
    Off,
}

impl Synchronous {
    /// The value of SQLite's pragma. The additional syncs of `Full` are done by the syncer.
    pub(super) const fn pragma(self) -> &'static str {
        match self {
            Self::Full | Self::Normal => "NORMAL",
            Self::Off => "OFF",
        }
    }

    pub(super) const fn guarantee(self) -> &'static str {
        match self {
            Self::Full => "full: acknowledged messages survive a power failure",
            Self::Normal => {
                "normal: acknowledged messages survive a crash of the process; a power failure may lose the last ones"
            }
            Self::Off => {
                "off: acknowledged messages survive a crash of the process; a power failure may destroy the file"
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) path: PathBuf,
    pub(super) url: String,
    pub(super) synchronous: Synchronous,
    /// How long a call waits for the write lock of another process.
    pub(super) busy_timeout: Duration,
    /// The longest interval between checks for writes of other processes.
    pub(super) poll_interval: Duration,
    pub(super) max_pages: Option<u32>,
    /// The permissions of a new file and its `-wal` and `-shm` files, before the umask.
    pub(super) mode: u32,
    pub(super) retention: RetentionPolicy,
}

impl Config {
    /// Whether two handles of one file may share it: their guarantees are the same.
    pub(super) fn is_compatible_with(&self, other: &Self) -> bool {
        self.synchronous == other.synchronous
            && self.busy_timeout == other.busy_timeout
            && self.poll_interval == other.poll_interval
            && self.max_pages == other.max_pages
            && self.retention == other.retention
    }

    pub(super) fn read(target: &Target<'_>, options: &ConnectOptions) -> Result<Self, TransportError> {
        target.only(SETTINGS)?;
        if target.path.is_empty() {
            return Err(target.invalid("the file path is missing: write `sqlite://events.db`"));
        }
        if target.has_login {
            return Err(target.invalid(
                "a file has no user and password: if its name contains `:` and `@`, start the path with `./`",
            ));
        }
        if target.path == ":memory:" {
            return Err(target.invalid("`:memory:` is not supported: write `memory:` or `memory:name`"));
        }
        let duration = |name, default: Duration| match target.get(name) {
            None => Ok(default),
            Some(text) => parse_duration(text).ok_or_else(|| {
                target.bad_setting(name, text, "a duration with its unit, such as `250ms`, `5s` or `7d`")
            }),
        };
        let synchronous = match target.get("synchronous") {
            None | Some("full") => Synchronous::Full,
            Some("normal") => Synchronous::Normal,
            Some("off") => Synchronous::Off,
            Some(other) => {
                return Err(target.bad_setting("synchronous", other, "`full`, `normal` or `off`"));
            }
        };
        let max_pages = target
            .get("max_pages")
            .map(|text| text.parse().map_err(|_| target.bad_setting("max_pages", text, "a number of pages")))
            .transpose()?;
        let mode = match target.get("mode") {
            None => 0o600,
            Some(text) => u32::from_str_radix(text, 8)
                .ok()
                .filter(|mode| mode & !0o777 == 0 && mode & 0o600 == 0o600)
                .ok_or_else(|| {
                    target.bad_setting(
                        "mode",
                        text,
                        "an octal mode that lets the owner read and write, such as `0660`",
                    )
                })?,
        };
        Ok(Self {
            path: PathBuf::from(&target.path),
            url: target.shown().to_owned(),
            synchronous,
            busy_timeout: duration("busy_timeout", Duration::from_secs(10))?,
            poll_interval: duration("poll_interval", Duration::from_millis(50))?
                .max(Duration::from_millis(1)),
            max_pages,
            mode,
            retention: RetentionPolicy::new(target, options)?,
        })
    }
}
