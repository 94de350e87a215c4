//! The registry of URL schemes: how a URL finds its transport.
//!
//! A transport crate registers its schemes statically, as event definitions are:
//!
//! ```
//! use events_transport::{ConnectOptions, Scheme, Target, Transport, TransportError, UrlForm};
//!
//! fn connect(target: &Target<'_>, _: &ConnectOptions) -> Result<Box<dyn Transport>, TransportError> {
//!     Err(target.invalid("this example has no server"))
//! }
//!
//! events_transport::register_scheme! { Scheme::new("nats", UrlForm::Server, connect) }
//! # let error = events_transport::connect("nats://host", &ConnectOptions::new()).err().unwrap();
//! # assert!(error.to_string().contains("this example has no server"));
//! ```

use std::fmt;

use super::memory::MemoryTransport;
use super::{ConnectOptions, Retention, RetentionPolicy, Target, Transport, TransportError};

/// Opens a transport.
pub type Connect = fn(&Target<'_>, &ConnectOptions) -> Result<Box<dyn Transport>, TransportError>;

/// The part of a URL behind `scheme:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlForm {
    /// A name or a path: there is no user, and `@` is an ordinary character.
    Path,
    /// `user:password@host:port,host:port/path`.
    Server,
}

/// A URL scheme and its transport.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Scheme {
    /// The scheme in lower case.
    pub name: &'static str,
    /// The part behind it.
    pub form: UrlForm,
    /// The settings in the query. Logs and errors show their values, unless the name says that the value is
    /// secret, such as `password`. Values of other settings are masked.
    pub settings: &'static [&'static str],
    /// The retention of a topic, unless configured.
    pub retention: Retention,
    /// Opens the transport.
    pub connect: Connect,
}

inventory::collect!(Scheme);

/// Registers a [`Scheme`] in every program that links this crate.
///
/// A crate that no code names is not linked: see [`link!`](https://docs.rs/events-runtime/latest/events_runtime/macro.link.html).
#[macro_export]
macro_rules! register_scheme {
    ($scheme:expr) => {
        $crate::inventory::submit! { $scheme }
    };
}

const MEMORY: Scheme = Scheme::new("memory", UrlForm::Path, MemoryTransport::open)
    .settings(&RetentionPolicy::SETTINGS)
    .retention(Retention::unlimited().max_count(10_000));

impl Scheme {
    /// A scheme without settings and with unlimited retention.
    #[must_use]
    pub const fn new(name: &'static str, form: UrlForm, connect: Connect) -> Self {
        Self { name, form, settings: &[], retention: Retention::unlimited(), connect }
    }

    /// Sets the names of the settings in the query.
    #[must_use]
    pub const fn settings(mut self, settings: &'static [&'static str]) -> Self {
        self.settings = settings;
        self
    }

    /// Sets the default retention of a topic.
    #[must_use]
    pub const fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// All schemes that are linked into the program, `memory` first.
    pub fn all_linked() -> impl Iterator<Item = Self> {
        let mut linked: Vec<_> = inventory::iter::<Self>.into_iter().copied().collect();
        linked.sort_by_key(|scheme| scheme.name);
        std::iter::once(MEMORY).chain(linked)
    }

    /// The scheme of this name, in any case, if it is linked into the program.
    pub fn linked(name: &str) -> Option<Self> {
        let mut linked = std::iter::once(&MEMORY).chain(inventory::iter::<Self>);
        linked.find(|scheme| scheme.name.eq_ignore_ascii_case(name)).copied()
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheme").field("name", &self.name).field("form", &self.form).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests of URLs use this project's schemes, whose crates are not linked here.
    const fn scheme(name: &'static str, form: UrlForm) -> Scheme {
        Scheme::new(name, form, |target, _| Err(target.invalid("not linked")))
    }

    crate::register_scheme! { scheme("sqlite", UrlForm::Path).settings(&["synchronous"]) }
    crate::register_scheme! { scheme("redis", UrlForm::Server).settings(&["timeout"]) }

    #[test]
    fn a_linked_scheme_is_found_in_any_case() {
        let found = Scheme::linked("SQLite").expect("it is linked");
        assert_eq!((found.name, found.form), ("sqlite", UrlForm::Path));
        assert!(Scheme::linked("nats").is_none());
        let names: Vec<_> = Scheme::all_linked().map(|scheme| scheme.name).collect();
        assert_eq!(names, ["memory", "redis", "sqlite"]);
    }

    #[test]
    fn a_url_is_opened_by_the_transport_of_its_scheme() {
        let error = crate::connect("sqlite:x.db", &ConnectOptions::new()).err().expect("it is refused");
        assert_eq!(error.to_string(), "can't connect to `sqlite:x.db`: not linked");
    }
}
