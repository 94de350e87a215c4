//! The URL that picks the transport, and keeps its password to itself.

use std::fmt;

use super::nearest::nearest;
use super::value::{Fault, Setting, Value};

/// The address of a bus: `memory:`, `sqlite://events.db`, `redis://host:6379/0`.
///
/// It may hold a password. `Debug` and `Display` mask it; only [`BusUrl::expose`] shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct BusUrl {
    text: String,
    colon: usize,
}

/// Text that is no address of a bus. The text itself is not shown: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BusUrlError {
    /// There is nothing.
    #[error("is empty; write the address of a bus, such as `sqlite://events.db`")]
    Empty,
    /// There is no scheme.
    #[error("has no scheme; write it as `sqlite://events.db` or `memory:`")]
    NoScheme,
    /// No transport has this scheme.
    #[error("the scheme `{scheme}:` belongs to no transport; {hint}")]
    UnknownScheme {
        /// The scheme as written.
        scheme: String,
        /// What to write.
        hint: String,
    },
    /// The transport of this scheme is not in this build.
    #[error("the transport of `{scheme}:` is not in this build; {hint}")]
    NotBuilt {
        /// The scheme.
        scheme: String,
        /// What to do.
        hint: String,
    },
}

/// A scheme, and how to get its transport where this build has none.
const SCHEMES: &[(&str, Option<&str>)] = &[
    ("memory", None),
    (
        "sqlite",
        if cfg!(feature = "embedded") {
            None
        } else {
            Some("enable the feature `embedded` of events-runtime")
        },
    ),
    ("redis", REDIS),
    ("rediss", REDIS),
    ("redis+sentinel", REDIS),
    ("rediss+sentinel", REDIS),
    ("redis+cluster", REDIS),
    ("rediss+cluster", REDIS),
];

const REDIS: Option<&str> =
    if cfg!(feature = "redis") { None } else { Some("enable the feature `redis` of events-runtime") };

impl BusUrl {
    /// Reads an address and checks its scheme.
    ///
    /// # Errors
    /// A [`BusUrlError`] where there is no scheme or no transport for it.
    pub fn parse(text: &str) -> Result<Self, BusUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BusUrlError::Empty);
        }
        let colon = text.find(':').ok_or(BusUrlError::NoScheme)?;
        let (scheme, _) = text.split_at(colon);
        // Without this test the text before a `:` could be a user name or the like.
        let well_formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
        if !well_formed || scheme.len() > 16 {
            return Err(BusUrlError::NoScheme);
        }
        let scheme = scheme.to_ascii_lowercase();
        match SCHEMES.iter().find(|(name, _)| *name == scheme) {
            Some((_, None)) => Ok(Self { text: text.to_owned(), colon }),
            Some((_, Some(hint))) => Err(BusUrlError::NotBuilt { scheme, hint: (*hint).to_owned() }),
            None => {
                let names = SCHEMES.iter().map(|(name, _)| *name);
                let hint = match nearest(&scheme, names.clone()) {
                    Some(name) => format!("did you mean `{name}:`?"),
                    None => format!(
                        "there are {}",
                        names.map(|name| format!("`{name}:`")).collect::<Vec<_>>().join(", ")
                    ),
                };
                Err(BusUrlError::UnknownScheme { scheme, hint })
            }
        }
    }

    /// The scheme as written, such as `sqlite`.
    pub fn scheme(&self) -> &str {
        self.text.get(..self.colon).unwrap_or_default()
    }

    /// What follows `scheme:`, and `//` where that is there: the path of the `sqlite` file.
    /// It may hold a password.
    pub fn expose_rest(&self) -> &str {
        let rest = self.text.get(self.colon + 1..).unwrap_or_default();
        rest.strip_prefix("//").unwrap_or(rest)
    }

    /// The whole address, password included: for the transport alone.
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
    const EXPECTED: &'static str = "an address as a string, such as `sqlite://events.db`";

    fn from_value(value: &Value) -> Result<Self, Fault> {
        let (Value::String(text) | Value::Text(text)) = value else {
            return Err(Fault::Type);
        };
        Self::parse(text).map_err(|error| Fault::Content(error.to_string()))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// Words in the name of a query parameter whose value is not for everybody's eyes.
const SECRET_WORDS: &[&str] = &["pass", "secret", "token", "key", "credential", "auth"];

/// Hides what may be a password in text that may be a URL.
///
/// It rather hides too much: a password may hold the characters that end it in a well-formed
/// URL.
pub(crate) fn mask(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let (user, rest) = match rest.rsplit_once('@') {
        // A file has no user; its path may hold an `@`.
        _ if scheme == "sqlite" => (String::new(), rest),
        None => (String::new(), rest),
        Some((user_info, rest)) => {
            let user = match user_info.split_once(':') {
                Some((user, _)) => format!("{user}:***@"),
                None => "***@".to_owned(),
            };
            (user, rest)
        }
    };
    let rest = match rest.split_once('?') {
        None => rest.to_owned(),
        Some((path, query)) => {
            let parameters: Vec<_> = query.split('&').map(mask_parameter).collect();
            format!("{path}?{}", parameters.join("&"))
        }
    };
    format!("{scheme}://{user}{rest}")
}

fn mask_parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if SECRET_WORDS.iter().any(|word| name.to_ascii_lowercase().contains(word)) => {
            format!("{name}=***")
        }
        _ => parameter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_wherever_they_stand() {
        for (text, masked) in [
            ("memory:", "memory:"),
            ("sqlite://events.db", "sqlite://events.db"),
            ("sqlite:///home/a@b/events.db?secret=x", "sqlite:///home/a@b/events.db?secret=***"),
            ("redis://u:s3cret@host:1/0", "redis://u:***@host:1/0"),
            ("redis://:s3cret@host", "redis://:***@host"),
            ("redis://s3cret@host", "redis://***@host"),
            ("redis://u:s3/c@r?e#t@host", "redis://u:***@host"),
            ("kafka://h?sasl_password=s3cret&acks=all", "kafka://h?sasl_password=***&acks=all"),
        ] {
            assert_eq!(mask(text), masked);
        }
    }

    #[test]
    fn debug_and_display_hide_what_expose_shows() {
        let url = BusUrl { text: "redis://u:s3cret@host".to_owned(), colon: 5 };
        assert!(!format!("{url} {url:?} {url:#?}").contains("s3cret"));
        assert_eq!(url.expose(), "redis://u:s3cret@host");
        assert_eq!(url.expose_rest(), "u:s3cret@host");
    }

    #[test]
    fn a_wrong_scheme_is_named_and_the_right_one_offered() {
        let error = BusUrl::parse("sqlit://events.db").unwrap_err().to_string();
        assert!(error.contains("`sqlit:`") && error.contains("did you mean `sqlite:`?"));
        let error = BusUrl::parse("carrier-pigeon://x").unwrap_err().to_string();
        assert!(error.contains("`memory:`") && error.contains("`sqlite:`"), "{error}");
        assert_eq!(BusUrl::parse(""), Err(BusUrlError::Empty));
        assert_eq!(BusUrl::parse("events.db"), Err(BusUrlError::NoScheme));
        assert_eq!(BusUrl::parse("://x"), Err(BusUrlError::NoScheme));
    }

    #[test]
    fn an_error_never_quotes_the_address() {
        for text in ["rediss3cret", "a b:s3cret@host", "s3cret-and-so-on-for-long:x"] {
            let error = BusUrl::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"));
        }
    }
}
