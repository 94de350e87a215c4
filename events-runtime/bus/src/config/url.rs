//! The bus's URL, which selects the transport and may hold a password.

use std::fmt;
use std::path::PathBuf;

use super::value::{Setting, Value, ValueError, absolute_note};
pub use events_transport::url::BusUrlError;
use events_transport::url::{Url, mask, percent_decode};

/// The URL of a bus: `memory:`, `sqlite://events.db`, `redis://host:6379/0`.
///
/// It may hold a password. `Debug` and `Display` mask it; only [`BusUrl::expose`] shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct BusUrl {
    text: String,
    scheme: &'static str,
}

impl BusUrl {
    /// Parses a URL and checks its scheme.
    ///
    /// # Errors
    /// A [`BusUrlError`] if the scheme is missing or has no transport.
    pub fn parse(text: &str) -> Result<Self, BusUrlError> {
        let scheme = Url::parse(text)?.scheme.name;
        Ok(Self { text: text.trim().to_owned(), scheme })
    }

    /// The scheme in lower case, such as `sqlite`.
    pub fn scheme(&self) -> &str {
        self.scheme
    }

    /// The part after `scheme:`, without a leading `//`: for `sqlite`, the path of the file. It may hold a
    /// password.
    pub fn expose_rest(&self) -> &str {
        let rest = self.text.get(self.scheme.len() + 1..).unwrap_or_default();
        rest.strip_prefix("//").unwrap_or(rest)
    }

    /// The file that the URL refers to: the database of `sqlite:`, or the certificate of `ca`.
    fn file(&self) -> Option<PathBuf> {
        let url = Url::parse(&self.text).ok()?;
        let pairs = || url.query.into_iter().flat_map(|query| query.split('&'));
        let path = match self.scheme {
            // A URL that may hold a password is not shown.
            "sqlite" if url.has_login || url.rest.is_empty() => return None,
            "sqlite" => url.rest,
            _ if url.query_may_be_secret() => return None,
            _ => pairs().filter_map(|pair| pair.strip_prefix("ca=")).next_back()?,
        };
        percent_decode(path).map(PathBuf::from)
    }

    /// The whole URL, password included; only for the transport.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask(&self.text))
    }
}

impl fmt::Debug for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BusUrl").field(&mask(&self.text)).finish()
    }
}

impl std::str::FromStr for BusUrl {
    type Err = BusUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Setting for BusUrl {
    const EXPECTED: &'static str = "the URL of a bus as a string, such as `memory:`";

    fn from_value(value: &Value) -> Result<Self, ValueError> {
        let (Value::String(text) | Value::Text(text)) = value else {
            return Err(ValueError::Type);
        };
        Self::parse(text).map_err(|error| ValueError::Whole(error.to_string()))
    }

    fn render(&self) -> String {
        self.to_string()
    }

    fn note(&self) -> Option<String> {
        absolute_note(&self.file()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_display_hide_what_expose_shows() {
        for (text, rest) in [
            ("memory://u:s3cret@host", "u:s3cret@host"),
            ("MEMORY:u:s3cret@host", "u:s3cret@host"),
            ("memory:?token=s3cret", "?token=s3cret"),
        ] {
            let url = BusUrl::parse(text).unwrap();
            assert!(!format!("{url} {url:?} {url:#?}").contains("s3cret"));
            assert_eq!((url.scheme(), url.expose(), url.expose_rest()), ("memory", text, rest));
        }
    }

    #[test]
    fn an_error_never_quotes_the_url() {
        for text in [
            "rediss3cret",
            "a b:s3cret@host",
            "s3cret-and-so-on-for-long:x",
            "u:s3cret@host",
            "nats:u:s3cret@h",
        ] {
            let error = BusUrl::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }
}
