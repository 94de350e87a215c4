//! Raw values and their conversion to settings.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::fmt::friendly::{Designator, SpanPrinter};

use events_support::nearest::nearest;

use events_transport::url::mask_text;
use events_transport::{Position, StartPosition, TopicPrefix, parse_duration};

/// A raw value of a file or of the environment.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A string in a file.
    String(String),
    /// A whole number.
    Integer(i64),
    /// An integer beyond 64 bits.
    Huge,
    /// No setting has this type.
    Float,
    /// `true` or `false`.
    Boolean(bool),
    /// No setting has this type.
    Datetime,
    /// A list.
    Array(Vec<Value>),
    /// A table in a list.
    Table,
    /// An environment variable, which can be parsed as any type.
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

/// The reason why a value is invalid.
#[derive(Debug)]
pub(super) enum ValueError {
    /// Not the type in [`Setting::EXPECTED`].
    Type,
    /// The right type, but an invalid content.
    Content(String),
    /// An invalid content, with a complete message.
    Whole(String),
}

/// The type of a setting.
pub(super) trait Setting: Sized {
    /// The expected value, for messages.
    const EXPECTED: &'static str;

    /// Converts a raw value. A [`ValueError`] quotes it only if it can't be a secret.
    fn from_value(value: &Value) -> Result<Self, ValueError>;

    /// The value as shown in explanations, without secrets.
    fn render(&self) -> String;

    /// An additional note for explanations, without secrets.
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

    fn render(&self) -> String {
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

    fn render(&self) -> String {
        mask_text(&self.0.to_string_lossy())
    }

    fn note(&self) -> Option<String> {
        absolute_note(&self.0)
    }
}

/// A note with the absolute path of a relative one.
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

    fn render(&self) -> String {
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

            fn render(&self) -> String {
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

            fn render(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

whole_numbers!(u32: "a whole number from 0", u64: "a whole number from 0");
positive_numbers!(NonZeroU32: u32, NonZeroU64: u64, NonZeroUsize: usize);

impl Setting for Duration {
    const EXPECTED: &'static str = "a duration with its unit, such as `250ms`, `5s` or `7d`";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        let text = value.as_str().ok_or(ValueError::Type)?;
        parse_duration(text)
            .ok_or_else(|| ValueError::Content(format!("`{}` is not a duration", mask_text(text))))
    }

    fn render(&self) -> String {
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

    fn render(&self) -> String {
        self.0.as_ref().map_or_else(|| "unlimited".to_owned(), T::render)
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
                .map_err(|_| ValueError::Content("a position can't be negative".to_owned()));
        }
        let text = value.as_str().ok_or(ValueError::Type)?;
        text.parse().map_err(|_| ValueError::Content(format!("unknown value `{}`", mask_text(text))))
    }

    fn render(&self) -> String {
        self.to_string()
    }
}

/// The interval of a periodic action; `off` or zero disables it.
pub(super) struct Interval(pub(super) Option<Duration>);

impl Setting for Interval {
    const EXPECTED: &'static str = "a duration with its unit, such as `15s`, or `off`";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        if value.as_str() == Some("off") {
            return Ok(Self(None));
        }
        Duration::from_value(value).map(|interval| Self((!interval.is_zero()).then_some(interval)))
    }

    fn render(&self) -> String {
        self.0.as_ref().map_or_else(|| "off".to_owned(), Duration::render)
    }
}

impl Setting for TopicPrefix {
    const EXPECTED: &'static str = "a string";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        let text = value.as_str().ok_or(ValueError::Type)?;
        Self::new(text).map_err(|error| ValueError::Content(error.to_string()))
    }

    fn render(&self) -> String {
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

    fn render(&self) -> String {
        let items: Vec<_> = self.iter().map(|item| mask_text(item)).collect();
        format!("[{}]", items.join(", "))
    }
}

/// A setting with a fixed set of values.
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
                Some(name) => format!("unknown value `{}`; did you mean `{name}`?", mask_text(text)),
                None => format!("unknown value `{}`", mask_text(text)),
            })
        })
    }

    fn render(&self) -> String {
        T::CHOICES
            .iter()
            .find(|(_, choice)| choice == self)
            .map_or_else(String::new, |(name, _)| (*name).to_owned())
    }
}
