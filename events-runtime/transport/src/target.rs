//! The URL of a transport, parsed.

use events_support::nearest::nearest;

use super::url::{BusUrlError, Url, mask, percent_decode};
use super::{ErrorKind, Scheme, TransportError};

/// An error lists at most this many settings.
const LISTED_MAX: usize = 40;

/// The parts of a transport's URL.
#[derive(Debug)]
pub struct Target<'a> {
    /// The scheme.
    pub scheme: Scheme,
    /// The part between the scheme and the settings, percent-decoded.
    pub path: String,
    /// The same part as written. May contain a user and a password.
    pub raw: &'a str,
    /// Whether the path looks like `user:password@host`.
    pub has_login: bool,
    settings: Vec<(&'a str, String)>,
    /// The URL without secrets.
    shown: String,
    /// The settings may be part of a password, so errors don't quote them.
    settings_may_be_secret: bool,
}

impl<'a> Target<'a> {
    /// Parses a URL.
    ///
    /// # Errors
    /// A [`TransportError`] if it is invalid, or no linked transport has its scheme.
    pub fn parse(url: &'a str) -> Result<Self, TransportError> {
        let shown = mask(url);
        let wrong = |message: &str| TransportError::new(ErrorKind::Invalid, "connect to", &shown, message);
        let parts = Url::parse(url).map_err(|error| {
            let kind = match &error {
                BusUrlError::NotBuilt { .. } => ErrorKind::Unsupported,
                _ => ErrorKind::Invalid,
            };
            let message = match &error {
                BusUrlError::Empty | BusUrlError::NoScheme => format!("the URL {error}"),
                _ => error.to_string(),
            };
            TransportError::new(kind, "connect to", &shown, message)
        })?;
        let decode = |text: &str| {
            percent_decode(text)
                .ok_or_else(|| wrong("a `%` must be followed by two hexadecimal digits of UTF-8 text"))
        };
        let mut settings = Vec::new();
        for pair in parts.query.iter().flat_map(|query| query.split('&')) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(wrong("a setting after `?` is not `name=value`: separate settings with `&`"));
            };
            settings.push((name, decode(value)?));
        }
        let path = decode(parts.rest)?;
        let settings_may_be_secret = parts.query_may_be_secret();
        let Url { scheme, rest: raw, has_login, .. } = parts;
        Ok(Self { scheme, path, raw, has_login, settings, shown, settings_may_be_secret })
    }

    /// The URL without secrets.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The last value of a setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.settings.iter().rev().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    /// Returns an error for a setting that the transport does not know, so that a typo has no silent effect.
    ///
    /// # Errors
    /// A [`TransportError`] that lists the known settings, or names the nearest if they are many.
    pub fn only(&self, known: &[&str]) -> Result<(), TransportError> {
        match self.settings.iter().find(|(name, _)| !known.contains(name)) {
            None => Ok(()),
            Some(_) if self.settings_may_be_secret => Err(self.not_encoded()),
            Some((name, _)) => Err(self.invalid(unknown_setting(name, known))),
        }
    }

    /// The error for an invalid value of a setting.
    pub fn bad_setting(&self, name: &str, value: &str, expected: &str) -> TransportError {
        if self.settings_may_be_secret {
            return self.not_encoded();
        }
        self.invalid(format!("`{name}={value}` is invalid: use {expected}"))
    }

    /// An error about this URL.
    pub fn invalid(&self, message: impl Into<String>) -> TransportError {
        TransportError::new(ErrorKind::Invalid, "connect to", &self.shown, message)
    }

    /// The error for settings that may be the end of a password; it does not quote them.
    fn not_encoded(&self) -> TransportError {
        self.invalid(
            "its settings are invalid: write a `?` and an `@` of a password or a setting as `%3F` and `%40`",
        )
    }
}

fn unknown_setting(name: &str, known: &[&str]) -> String {
    if known.len() <= LISTED_MAX {
        return format!("unknown setting `{name}`, expected one of {}", list(known));
    }
    match nearest(name, known.iter().copied()) {
        Some(nearest) => format!("unknown setting `{name}`: did you mean `{nearest}`?"),
        None => format!("unknown setting `{name}`: see the settings in the documentation of the transport"),
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_parts() {
        let target = Target::parse("sqlite:///var/a%20b.db?synchronous=full&busy_timeout=5s").unwrap();
        assert_eq!((target.scheme.name, target.path.as_str()), ("sqlite", "/var/a b.db"));
        assert_eq!(target.get("busy_timeout"), Some("5s"));
        assert_eq!(Target::parse("sqlite:events.db").unwrap().path, "events.db");
        assert_eq!(Target::parse("sqlite://events.db").unwrap().path, "events.db");
        assert_eq!(Target::parse("memory:").unwrap().path, "");
    }

    #[test]
    fn the_error_of_an_invalid_url_says_what_to_write() {
        assert!(Target::parse("events.db").unwrap_err().to_string().contains("`memory:`"));
        assert!(Target::parse("sqlite:a%zz").is_err());
        let error = Target::parse("memory:?sync=1").unwrap().only(&["retention_age"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "can't connect to `memory:?sync=***`: unknown setting `sync`, expected one of `retention_age`"
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        for url in [
            "nats://me:hunter2@host",
            "nats:me:hunter2@host",
            "me:hunter2@host",
            "redis//me:hunter2@host",
            "hunter2",
            "memory:?token=hunter2",
            "memory:x?password=hunter2&sync",
            "memory:%zz?password=hunter2",
            "memory:me:hunter2@x%zz",
        ] {
            let error = match Target::parse(url) {
                Err(error) => error,
                Ok(target) => target.only(&["retention_age"]).unwrap_err(),
            };
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}: {error:?}");
        }
    }
}
