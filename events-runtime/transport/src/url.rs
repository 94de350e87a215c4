//! Parses and masks the URL of a bus.
//!
//! URLs contain passwords. Only this module makes the text for `Display`, `Debug`, logs and errors. It masks
//! the text as written, so an invalid URL is masked, too.

use events_support::nearest::similar;

use super::{Scheme, UrlForm};

/// A text is not the URL of a bus. The error does not quote the text, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BusUrlError {
    /// The text is empty.
    #[error("is empty: write the URL of a bus, such as {}", example())]
    Empty,
    /// The scheme is missing.
    #[error("has no scheme: the URL of a bus begins with one, such as {} or `memory:`", example())]
    NoScheme,
    /// No transport has this scheme.
    #[error("no transport has the scheme `{scheme}:`; {hint}")]
    UnknownScheme {
        /// The scheme in lower case.
        scheme: String,
        /// What to write.
        hint: String,
    },
    /// The transport of this scheme is not linked.
    #[error("the transport of `{scheme}:` is not linked into this program; {hint}")]
    NotBuilt {
        /// The scheme.
        scheme: String,
        /// What to do.
        hint: String,
    },
}

/// An example of a URL that this program accepts.
pub fn example() -> &'static str {
    let linked = |name| Scheme::linked(name).is_some();
    match () {
        () if linked("sqlite") => "`sqlite://events.db`",
        () if linked("redis") => "`redis://host:6379/0`",
        () if linked("kafka") => "`kafka://host:9092`",
        () => "`memory:`",
    }
}

/// The schemes of this project's transports, and the feature of `events-runtime` that each needs.
const OWN: &[(&str, UrlForm, &str)] = &[
    ("sqlite", UrlForm::Path, "sqlite"),
    ("kafka", UrlForm::Server, "kafka"),
    ("kafkas", UrlForm::Server, "kafka-ssl"),
    ("redis", UrlForm::Server, "redis"),
    ("rediss", UrlForm::Server, "redis"),
    ("redis+sentinel", UrlForm::Server, "redis"),
    ("rediss+sentinel", UrlForm::Server, "redis"),
    ("redis+cluster", UrlForm::Server, "redis"),
    ("rediss+cluster", UrlForm::Server, "redis"),
];

/// Words in the name of a setting whose value is secret.
const SECRET_WORDS: &[&str] = &["pass", "pwd", "secret", "token", "key", "credential", "auth"];

const MASK: &str = "***";

/// A URL in parts: `scheme:rest?query`, the rest with or without `//` before it.
#[derive(Debug, Clone, Copy)]
pub struct Url<'a> {
    /// The scheme in lower case.
    pub scheme: Scheme,
    /// The part between the scheme and the `?`, without `//`, as written.
    pub rest: &'a str,
    /// The part after the first `?`.
    pub query: Option<&'a str>,
    form: UrlForm,
    /// Whether a path or a name looks like `user:password@host`.
    pub has_login: bool,
}

impl<'a> Url<'a> {
    /// Parses a URL. Schemes are case-insensitive (RFC 3986, section 3.1).
    ///
    /// # Errors
    /// A [`BusUrlError`] if the scheme is missing or not linked.
    pub fn parse(text: &'a str) -> Result<Self, BusUrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(BusUrlError::Empty);
        }
        let (scheme, behind) = split_scheme(text).ok_or(BusUrlError::NoScheme)?;
        let scheme = scheme.to_ascii_lowercase();
        let Some(scheme) = Scheme::linked(&scheme) else {
            let own = OWN.iter().find(|(name, ..)| *name == scheme);
            return Err(match own {
                Some((.., feature)) => {
                    let hint = format!("enable the feature `{feature}` of events-runtime");
                    BusUrlError::NotBuilt { scheme, hint }
                }
                None => BusUrlError::UnknownScheme { hint: hint(&scheme), scheme },
            });
        };
        let form = scheme.form;
        let (rest, query) = split_query(behind);
        let (slashes, inner) = split_slashes(rest);
        let has_login =
            form == UrlForm::Path && inner.rsplit_once('@').is_some_and(|(user, _)| is_user(slashes, user));
        Ok(Self { scheme, rest: rest.strip_prefix("//").unwrap_or(rest), query, form, has_login })
    }

    /// Whether the query contains an `@`. It may then be the end of a password with a `?` that is not
    /// percent-encoded.
    pub fn query_may_be_secret(&self) -> bool {
        self.form == UrlForm::Server && self.query.is_some_and(|query| query.contains('@'))
    }
}

/// The scheme, and the text after its colon. `None` if the scheme is not well-formed: the text may be the
/// beginning of `user:password@host`.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, behind) = text.split_once(':')?;
    let well_formed = scheme.len() <= 16
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    well_formed.then_some((scheme, behind))
}

fn split_query(text: &str) -> (&str, Option<&str>) {
    text.split_once('?').map_or((text, None), |(rest, query)| (rest, Some(query)))
}

fn split_slashes(behind: &str) -> (&str, &str) {
    behind.split_at(behind.find(|c| c != '/').unwrap_or(behind.len()))
}

fn hint(scheme: &str) -> String {
    let linked: Vec<_> = Scheme::all_linked().map(|scheme| scheme.name).collect();
    let known = linked.iter().copied().chain(OWN.iter().map(|(name, ..)| *name));
    if let Some(name) = similar(scheme, known).first() {
        return format!("did you mean `{name}:`?");
    }
    let linked: Vec<_> = linked.iter().map(|name| format!("`{name}:`")).collect();
    format!("this program has {}", linked.join(", "))
}

/// Decodes a part of a URL; `None` if a `%` is not followed by a byte of UTF-8.
pub fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Masks what may be secret in a URL, valid or not.
///
/// This masks too much rather than too little: a password may contain the characters that would end it in a
/// well-formed URL.
pub fn mask(text: &str) -> String {
    let text = text.trim();
    match split_scheme(text) {
        Some((scheme, behind)) => match form_of(scheme) {
            Some(form) => format!("{scheme}:{}", mask_rest(behind, form, |name| is_shown(scheme, name))),
            None => format!("{scheme}:{MASK}"),
        },
        None => MASK.to_owned(),
    }
}

/// Masks the passwords of URLs in any text of a configuration.
pub fn mask_text(text: &str) -> String {
    if let Some((scheme, _)) = split_scheme(text.trim())
        && form_of(scheme).is_some()
    {
        return mask(text);
    }
    let (scheme, behind) = match text.split_once("://") {
        Some((scheme, behind)) => (format!("{scheme}://"), behind),
        None => (String::new(), text),
    };
    let (user, behind) = match behind.rsplit_once('@') {
        Some((user, behind)) if !scheme.is_empty() || user.contains(':') => (mask_user(user), behind),
        _ => (String::new(), behind),
    };
    let (rest, query) = split_query(behind);
    format!("{scheme}{user}{rest}{}", mask_query(query, |name| !is_secret(name)))
}

fn form_of(scheme: &str) -> Option<UrlForm> {
    let own = || OWN.iter().find(|(name, ..)| name.eq_ignore_ascii_case(scheme)).map(|(_, form, _)| *form);
    Scheme::linked(scheme).map(|scheme| scheme.form).or_else(own)
}

/// Whether the value of a setting is shown: only if the scheme has the setting. An unknown name may be a typo of
/// `password`.
fn is_shown(scheme: &str, setting: &str) -> bool {
    Scheme::linked(scheme).is_some_and(|scheme| scheme.settings.contains(&setting)) && !is_secret(setting)
}

fn mask_rest(behind: &str, form: UrlForm, is_shown: impl Fn(&str) -> bool) -> String {
    let (slashes, inner) = split_slashes(behind);
    let (user, behind) = match inner.rsplit_once('@') {
        Some((user, behind)) if form == UrlForm::Server || is_user(slashes, user) => {
            (mask_user(user), behind)
        }
        _ => (String::new(), inner),
    };
    let (rest, query) = split_query(behind);
    let rest = if form == UrlForm::Server { mask_hosts(rest) } else { rest.to_owned() };
    format!("{slashes}{user}{rest}{}", mask_query(query, is_shown))
}

/// Whether the text before an `@` in a path looks like `user:password`, as in the URL of a server.
fn is_user(slashes: &str, text: &str) -> bool {
    let is_path = matches!(slashes.len(), 1 | 3..)
        || text.starts_with('.')
        // A drive of Windows.
        || (text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.get(1..3).is_some_and(|drive| matches!(drive, ":/" | ":\\")));
    !is_path && text.contains(':')
}

/// Gives `user:***@`, or `***@` without a colon, because the text may be a password without a user.
fn mask_user(user: &str) -> String {
    match user.split_once(':') {
        Some((user, _)) => format!("{user}:{MASK}@"),
        None => format!("{MASK}@"),
    }
}

/// Shows hosts and ports up to the first text that is neither: a password whose `@host` is missing or was
/// typed in wide characters may begin there. After them, shows the path up to the first character that is
/// not part of a name: parameters or a fragment, which no server has, may begin there.
fn mask_hosts(rest: &str) -> String {
    let (hosts, path) = rest.split_once('/').map_or((rest, None), |(hosts, path)| (hosts, Some(path)));
    let mut shown = String::new();
    for (at, host) in hosts.split(',').enumerate() {
        if at > 0 {
            shown.push(',');
        }
        let name_end = host.rfind(']').unwrap_or(0);
        if !host.chars().all(|c| is_of_name(c) || matches!(c, ':' | '[' | ']')) {
            shown.push_str(MASK);
            return shown;
        }
        let Some(colon) = host.get(name_end..).and_then(|behind| behind.find(':')).map(|at| at + name_end)
        else {
            shown.push_str(host);
            continue;
        };
        let (name, port) = host.split_at(colon);
        if port.trim_start_matches(':').parse::<u16>().is_err() {
            shown.push_str(name);
            shown.push(':');
            shown.push_str(MASK);
            return shown;
        }
        shown.push_str(host);
    }
    match path {
        Some(path) => match path.split_once(|c| !is_of_name(c) && c != '/') {
            Some((path, _)) => format!("{shown}/{path}{MASK}"),
            None => format!("{shown}/{path}"),
        },
        None => shown,
    }
}

/// Whether the name of a host, a database or a master may contain this character.
fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '%')
}

fn mask_query(query: Option<&str>, is_shown: impl Fn(&str) -> bool) -> String {
    let Some(query) = query else { return String::new() };
    // Some servers accept `;` for `&`, and a fragment may contain settings, too.
    let pairs: Vec<_> = query.split(['&', ';', '#']).map(|pair| mask_pair(pair, &is_shown)).collect();
    format!("?{}", pairs.join("&"))
}

fn mask_pair(pair: &str, is_shown: impl Fn(&str) -> bool) -> String {
    match pair.split_once('=') {
        Some((name, _)) if is_shown(name) => pair.to_owned(),
        Some((name, _)) => format!("{name}={MASK}"),
        None if pair.is_empty() => String::new(),
        None => MASK.to_owned(),
    }
}

fn is_secret(name: &str) -> bool {
    let name = percent_decode(name).unwrap_or_else(|| MASK.to_owned()).to_lowercase();
    name == MASK || SECRET_WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_in_every_scheme_and_form() {
        for (text, masked) in [
            ("memory:", "memory:"),
            ("memory:shared@home", "memory:shared@home"),
            ("memory:?token=s3cret", "memory:?token=***"),
            ("memory://u:s3cret@host/x?password=s3cret", "memory://u:***@host/x?password=***"),
            ("sqlite://events.db", "sqlite://events.db"),
            ("sqlite:x.db?password=s3cret&synchronous=off", "sqlite:x.db?password=***&synchronous=off"),
            // Not linked: its settings are unknown.
            ("rediss://host?timeout=5s", "rediss://host?timeout=***"),
            ("sqlite:///home/a@b/events.db?secret=x", "sqlite:///home/a@b/events.db?secret=***"),
            ("sqlite:/home/a:b@c/events.db", "sqlite:/home/a:b@c/events.db"),
            ("sqlite:C:\\a@b\\events.db", "sqlite:C:\\a@b\\events.db"),
            ("sqlite:u:s3cret@host/events.db", "sqlite:u:***@host/events.db"),
            ("redis://u:s3cret@host:1/0", "redis://u:***@host:1/0"),
            ("redis:u:s3cret@host:1/0", "redis:u:***@host:1/0"),
            ("redis:/u:s3cret@host", "redis:/u:***@host"),
            ("  REDIS:u:s3cret@host ", "REDIS:u:***@host"),
            ("redis://:s3cret@host", "redis://:***@host"),
            ("redis://s3cret@host", "redis://***@host"),
            ("redis:s3cret@host", "redis:***@host"),
            ("redis://u:s3/c@r?e#t@host", "redis://u:***@host"),
            ("redis://u:s3cret", "redis://u:***"),
            ("redis:u:s3cret/0", "redis:u:***"),
            ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
            ("redis://[::1]:s3cret/0", "redis://[::1]:***"),
            ("redis://[::1/0:s3cret", "redis://[::1/0***"),
            ("redis://host/0#s3cret", "redis://host/0***"),
            ("redis://host:1/0;password=s3cret", "redis://host:1/0***"),
            ("redis://host?timeout=5s#s3cret", "redis://host?timeout=5s&***"),
            ("redis://host?timeout=5s;password=s3cret", "redis://host?timeout=5s&password=***"),
            ("redis://u：s3cret＠host", "redis://***"),
            ("redis://a:1,u：s3cret＠[::1]:1", "redis://a:1,***"),
            ("redis://büro-1:6379/0", "redis://büro-1:6379/0"),
            ("redis+sentinel:a,b/my_main-1/0", "redis+sentinel:a,b/my_main-1/0"),
            ("rediss+cluster:u:s3cret@a:1,b:2", "rediss+cluster:u:***@a:1,b:2"),
            ("redis+sentinel:u:s3cret@a,b/main/0", "redis+sentinel:u:***@a,b/main/0"),
            ("redis://host?pwd=s3cret&timeout=5s&s3cret", "redis://host?pwd=***&timeout=5s&***"),
            ("postgres:u:s3cret@host", "postgres:***"),
            ("u:s3cret@host", "u:***"),
            ("redis//u:s3cret@host", "***"),
            (":s3cret@host", "***"),
            ("s3cret", "***"),
        ] {
            assert_eq!(mask(text), masked, "{text}");
        }
    }

    #[test]
    fn other_texts_are_shown_unless_they_contain_a_password() {
        for (text, shown) in [
            ("shop", "shop"),
            ("urn:acme:shop", "urn:acme:shop"),
            ("https://acme.example/shop", "https://acme.example/shop"),
            ("shop@acme", "shop@acme"),
            ("amqp://u:s3cret@host/v?token=s3cret&q=1", "amqp://u:***@host/v?token=***&q=1"),
            ("amqp:u:s3cret@host", "amqp:***@host"),
            ("redis:u:s3cret@host", "redis:u:***@host"),
            ("pulsar://h?sasl_password=s3cret&acks=all", "pulsar://h?sasl_password=***&acks=all"),
            ("pulsar://h?acks=all;Pass%77ord=s3cret", "pulsar://h?acks=all&Pass%77ord=***"),
        ] {
            assert_eq!(mask_text(text), shown, "{text}");
        }
    }

    #[test]
    fn a_missing_feature_is_named() {
        let error = Url::parse("rediss://host").unwrap_err().to_string();
        assert!(error.ends_with("enable the feature `redis` of events-runtime"), "{error}");
        let error =
            crate::connect("rediss://host", &crate::ConnectOptions::new()).err().expect("it is refused");
        assert_eq!(error.kind(), crate::ErrorKind::Unsupported);
        assert!(error.to_string().ends_with("enable the feature `redis` of events-runtime"), "{error}");
    }

    #[test]
    fn an_unknown_scheme_is_named_and_a_similar_one_suggested() {
        let error = Url::parse("memori:x").unwrap_err().to_string();
        assert!(error.contains("`memori:`") && error.contains("did you mean `memory:`?"), "{error}");
        let error = Url::parse("carrier-pigeon://x").unwrap_err().to_string();
        assert!(error.contains("this program has `memory:`"), "{error}");
        assert_eq!(Url::parse(" ").unwrap_err(), BusUrlError::Empty);
        for none in ["events.db", "://x", "redis//u:s3cret@host", "s3cret-and-so-on-for-long:x"] {
            let error = Url::parse(none).unwrap_err();
            assert_eq!(error, BusUrlError::NoScheme);
        }
    }
}
