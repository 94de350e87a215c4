//! A value as it was written, and what it becomes.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::fmt::friendly::{Designator, SpanPrinter};
use jiff::{Span, SpanRelativeTo};

use super::nearest::nearest;

use crate::transport::url::mask_text;
use crate::transport::{Position, StartPosition, TopicPrefix};

/// What a file or the environment holds for a key.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A string of a file.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A whole number beyond 64 bits.
    Huge,
    /// No setting takes one.
    Float,
    /// `true` or `false`.
    Boolean(bool),
    /// No setting takes one.
    Datetime,
    /// A list.
    Array(Vec<Value>),
    /// A table within a list.
    Table,
    /// An environment variable: text that may stand for any type.
    Text(String),
}

impl Value {
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) | Self::Text(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Huge => "a number beyond 64 bits",
            Self::Float => "a float",
            Self::Boolean(_) => "a boolean",
            Self::Datetime => "a date",
            Self::Array(_) => "a list",
            Self::Table => "a table",
        }
    }

    fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Why a value does not do.
#[derive(Debug)]
pub(super) enum ValueError {
    /// Another type than [`Setting::EXPECTED`].
    Type,
    /// The right type with a wrong content.
    Content(String),
    /// The same, with all that there is to say.
    Whole(String),
}

/// The type of a setting.
pub(super) trait Setting: Sized {
    /// What to write, for messages.
    const EXPECTED: &'static str;

    /// Reads the value; a [`ValueError`] quotes it only where it can't be a secret.
    fn from_value(value: &Value) -> Result<Self, ValueError>;

    /// The value in explanations: no secrets.
    fn show(&self) -> String;

    /// What explanations say beside the value: no secrets.
    fn note(&self) -> Option<String> {
        None
    }
}

impl Setting for String {
    const EXPECTED: &'static str = "a string";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        let text = value.as_str().ok_or(ValueError::Type)?;
        if text.trim().is_empty() {
            return Err(ValueError::Content("is empty".to_owned()));
        }
        Ok(text.to_owned())
    }

    fn show(&self) -> String {
        mask_text(self)
    }
}

/// The path of a file or a folder.
pub(super) struct FilePath(pub(super) PathBuf);

impl Setting for FilePath {
    const EXPECTED: &'static str = String::EXPECTED;

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        String::from_value(value).map(|path| Self(PathBuf::from(path)))
    }

    fn show(&self) -> String {
        mask_text(&self.0.to_string_lossy())
    }

    fn note(&self) -> Option<String> {
        absolute_note(&self.0)
    }
}

/// Where a relative path leads from here.
pub(super) fn absolute_note(path: &Path) -> Option<String> {
    if path.is_absolute() {
        return None;
    }
    let absolute = std::path::absolute(path).ok()?;
    Some(format!("relative to the working directory: {}", absolute.display()))
}

impl Setting for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        match value {
            Value::Boolean(value) => Ok(*value),
            Value::Text(text) => match text.as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(ValueError::Type),
            },
            _ => Err(ValueError::Type),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

fn integer<T: TryFrom<i64>>(value: &Value) -> Result<T, ValueError> {
    let number = match value {
        Value::Integer(number) => *number,
        Value::Text(text) => text.trim().parse().map_err(|_| ValueError::Type)?,
        _ => return Err(ValueError::Type),
    };
    T::try_from(number).map_err(|_| ValueError::Content(format!("`{number}` is out of range")))
}

macro_rules! whole_numbers {
    ($($type:ty: $expected:literal),*) => {$(
        impl Setting for $type {
            const EXPECTED: &'static str = $expected;

            fn from_value(value: &Value) -> Result<Self, ValueError> {
                integer(value)
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

macro_rules! positive_numbers {
    ($($type:ty: $inner:ty),*) => {$(
        impl Setting for $type {
            const EXPECTED: &'static str = "a whole number from 1";

            fn from_value(value: &Value) -> Result<Self, ValueError> {
                let number: $inner = integer(value)?;
                Self::new(number).ok_or_else(|| ValueError::Content("`0` is out of range".to_owned()))
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

whole_numbers!(u32: "a whole number from 0", u64: "a whole number from 0");
positive_numbers!(NonZeroU32: u32, NonZeroU64: u64, NonZeroUsize: usize);

/// A duration with its unit; days have 24 hours.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let span = text.parse::<Span>().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

impl Setting for Duration {
    const EXPECTED: &'static str = "a duration with its unit, such as `250ms`, `5s` or `7d`";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        let text = value.as_str().ok_or(ValueError::Type)?;
        parse_duration(text)
            .ok_or_else(|| ValueError::Content(format!("`{}` is no duration", mask_text(text))))
    }

    fn show(&self) -> String {
        SpanPrinter::new().designator(Designator::Compact).unsigned_duration_to_string(self)
    }
}

/// A setting that may be `unlimited`.
pub(super) struct Limit<T>(pub(super) Option<T>);

impl<T: Setting> Setting for Limit<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        if value.as_str() == Some("unlimited") {
            return Ok(Self(None));
        }
        T::from_value(value).map(|limit| Self(Some(limit)))
    }

    fn show(&self) -> String {
        self.0.as_ref().map_or_else(|| "unlimited".to_owned(), T::show)
    }
}

impl Setting for StartPosition {
    const EXPECTED: &'static str =
        "`earliest`, `latest`, a time in quotes such as `2026-01-31T12:00:00Z`, or a position such as `42`";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        if let Value::Integer(number) = value {
            let number = u64::try_from(*number);
            return number
                .map(|number| Self::At(Position::Sequence(number)))
                .map_err(|_| ValueError::Content("a position is not negative".to_owned()));
        }
        let text = value.as_str().ok_or(ValueError::Type)?;
        text.parse().map_err(|_| ValueError::Content(format!("`{}` is none of them", mask_text(text))))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// How often something is done; `off`, or no time at all, is never.
pub(super) struct Interval(pub(super) Option<Duration>);

impl Setting for Interval {
    const EXPECTED: &'static str = "a duration with its unit, such as `15s`, or `off`";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        if value.as_str() == Some("off") {
            return Ok(Self(None));
        }
        Duration::from_value(value).map(|interval| Self((!interval.is_zero()).then_some(interval)))
    }

    fn show(&self) -> String {
        self.0.as_ref().map_or_else(|| "off".to_owned(), Duration::show)
    }
}

impl Setting for TopicPrefix {
    const EXPECTED: &'static str = "a string";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        let text = value.as_str().ok_or(ValueError::Type)?;
        Self::new(text).map_err(|error| ValueError::Content(error.to_string()))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for Vec<String> {
    const EXPECTED: &'static str = "a list of strings";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        match value {
            Value::Array(items) => items.iter().map(String::from_value).collect(),
            Value::Text(text) => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Ok(item.to_owned()))
                .collect(),
            _ => Err(ValueError::Type),
        }
    }

    fn show(&self) -> String {
        let items: Vec<_> = self.iter().map(|item| mask_text(item)).collect();
        format!("[{}]", items.join(", "))
    }
}

/// A setting that is one of a few words.
pub(super) trait Choice: Copy + PartialEq + 'static {
    const EXPECTED: &'static str;
    const CHOICES: &'static [(&'static str, Self)];
}

impl<T: Choice> Setting for T {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        let text = value.as_str().ok_or(ValueError::Type)?;
        T::CHOICES.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or_else(|| {
            let names = T::CHOICES.iter().map(|(name, _)| *name);
            ValueError::Content(match nearest(text, names) {
                Some(name) => format!("`{}` is none of them; did you mean `{name}`?", mask_text(text)),
                None => format!("`{}` is none of them", mask_text(text)),
            })
        })
    }

    fn show(&self) -> String {
        T::CHOICES
            .iter()
            .find(|(_, choice)| choice == self)
            .map_or_else(String::new, |(name, _)| (*name).to_owned())
    }
}
