//! The settings of a `sqlite:` URL.

use std::path::PathBuf;
use std::time::Duration;

use super::super::options::{RetentionPolicy, Target, parse_duration};
use super::super::{ConnectOptions, Retention, TransportError};

/// What an acknowledged send or settlement survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Synchronous {
    /// The log is forced to the disk before each answer: survives the loss of power.
    Full,
    /// The log is forced to the disk at checkpoints: survives the death of the process; the last
    /// answers may be lost with the power, the file stays sound.
    Normal,
    /// Nothing is forced: survives the death of the process; with the power the whole file may go.
    Off,
}

impl Synchronous {
    /// What SQLite is told; what `Full` asks beyond `Normal` the syncer does.
    pub(super) const fn pragma(self) -> &'static str {
        match self {
            Self::Full | Self::Normal => "NORMAL",
            Self::Off => "OFF",
        }
    }

    pub(super) const fn guarantee(self) -> &'static str {
        match self {
            Self::Full => "full: what was acknowledged survives the loss of power",
            Self::Normal => {
                "normal: what was acknowledged survives the process; the last of it may be lost with the power"
            }
            Self::Off => {
                "off: what was acknowledged survives the process; the file may be lost with the power"
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) path: PathBuf,
    pub(super) url: String,
    pub(super) synchronous: Synchronous,
    /// How long a call waits for another process that holds the write lock.
    pub(super) busy_timeout: Duration,
    /// The longest pause between two looks at what other processes wrote.
    pub(super) poll_interval: Duration,
    pub(super) max_pages: Option<u32>,
    /// The mode of a file that is made, and of the two beside it; a stricter umask counts.
    pub(super) mode: u32,
    pub(super) retention: RetentionPolicy,
}

/// What a topic keeps unless told otherwise; Kafka's default too.
const DEFAULT_RETENTION: Retention = Retention::unlimited().max_age(Duration::from_secs(7 * 24 * 60 * 60));

impl Config {
    /// Whether two handles of one file promise the same.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.synchronous == other.synchronous
            && self.busy_timeout == other.busy_timeout
            && self.poll_interval == other.poll_interval
            && self.max_pages == other.max_pages
            && self.retention == other.retention
    }

    pub(super) fn read(target: &Target<'_>, options: &ConnectOptions) -> Result<Self, TransportError> {
        target.only(&[
            "synchronous",
            "busy_timeout",
            "poll_interval",
            "max_pages",
            "mode",
            "retention_age",
            "retention_count",
            "dead_letter_age",
            "dead_letter_count",
        ])?;
        if target.path.is_empty() {
            return Err(target.invalid("the path of the file is missing: write `sqlite://events.db`"));
        }
        if target.has_login {
            return Err(target.invalid(
                "a file has no user and no password; begin the path with `./` where its name holds `:` and `@`",
            ));
        }
        if target.path == ":memory:" {
            return Err(target.invalid("for messages in memory write `memory:` or `memory:name`"));
        }
        let duration = |name, default: Duration| match target.get(name) {
            None => Ok(default),
            Some(text) => parse_duration(text)
                .ok_or_else(|| target.bad_setting(name, text, "a number with `ms`, `s`, `m`, `h` or `d`")),
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
            .map(|text| {
                text.parse().map_err(|_| target.bad_setting("max_pages", text, "a whole number of pages"))
            })
            .transpose()?;
        let mode = match target.get("mode") {
            None => 0o600,
            Some(text) => u32::from_str_radix(text, 8)
                .ok()
                .filter(|mode| mode & !0o777 == 0 && mode & 0o600 == 0o600)
                .ok_or_else(|| {
                    target.bad_setting("mode", text, "an octal mode that lets the owner write, `0660`")
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
            retention: RetentionPolicy::new(target, options, DEFAULT_RETENTION)?,
        })
    }
}
