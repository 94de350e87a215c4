//! The source of events.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::MetadataError;
use super::error::shortened;
use super::string;

/// The source of events: a service, with its host and library version. Shared by all events of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: Box<str>,
    host: Option<Box<str>>,
    lib: Option<SourceLib>,
}

impl Source {
    /// A source of this name, such as `shop` or `openedx/lms/web`; host and library unknown.
    ///
    /// # Errors
    /// [`MetadataError::Source`] if the name is empty or has control characters or noncharacters.
    pub fn new(name: &str) -> Result<Self, MetadataError> {
        if name.is_empty() || !string::is_string(name) {
            return Err(MetadataError::Source { found: shortened(name) });
        }
        Ok(Self { name: name.into(), host: None, lib: None })
    }

    /// This process as a source: its host's name and this library's version.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn of_this_process(name: &str) -> Result<Self, MetadataError> {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        Ok(Self::new(name)?.with_host(&host).with_lib(SourceLib::this_library()))
    }

    /// The source of a received event. Events that follow each other mostly have the same one, so that they share it.
    pub(super) fn received(
        name: &str,
        host: Option<&str>,
        lib: Option<&str>,
    ) -> Result<Arc<Self>, MetadataError> {
        thread_local! {
            static LAST: RefCell<Option<Arc<Source>>> = const { RefCell::new(None) };
        }
        // Not while the thread ends.
        let last = LAST.try_with(|last| last.borrow().clone()).ok().flatten();
        if let Some(last) = last.filter(|last| last.is(name, host, lib)) {
            return Ok(last);
        }
        let mut source = Self::new(name)?;
        if let Some(host) = host {
            string::check("sourcehost", host)?;
            source = source.with_host(host);
        }
        if let Some(lib) = lib {
            source = source.with_lib(lib.parse()?);
        }
        let source = Arc::new(source);
        let _ = LAST.try_with(|last| last.replace(Some(Arc::clone(&source))));
        Ok(source)
    }

    fn is(&self, name: &str, host: Option<&str>, lib: Option<&str>) -> bool {
        *self.name == *name && self.host() == host && self.lib.as_ref().map(|known| &*known.text) == lib
    }

    /// Sets the host; an empty text means an unknown host. Control characters and noncharacters, which a
    /// CloudEvents string can't have, become U+FFFD.
    #[must_use]
    pub fn with_host(mut self, host: &str) -> Self {
        self.host = (!host.is_empty()).then(|| string::cleaned(host));
        self
    }

    /// Sets the library version.
    #[must_use]
    pub fn with_lib(mut self, lib: SourceLib) -> Self {
        self.lib = Some(lib);
        self
    }

    /// The service's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host's name, if known.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The library's version, if known.
    pub fn lib(&self) -> Option<&SourceLib> {
        self.lib.as_ref()
    }
}

/// The version of the emitting library: whole numbers, such as `10.5.0`.
///
/// Without suffixes such as `rc1`: Python's packages reject a message that has one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceLib {
    numbers: Box<[u32]>,
    /// The numbers as text, since every event that is sent has it.
    text: Box<str>,
}

impl SourceLib {
    /// A version of these numbers.
    pub fn new(numbers: impl Into<Box<[u32]>>) -> Self {
        let numbers = numbers.into();
        let text = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(".").into();
        Self { numbers, text }
    }

    /// The version of this library.
    pub fn this_library() -> Self {
        let number = |text: &str| text.parse().unwrap_or_default();
        Self::new([
            number(env!("CARGO_PKG_VERSION_MAJOR")),
            number(env!("CARGO_PKG_VERSION_MINOR")),
            number(env!("CARGO_PKG_VERSION_PATCH")),
        ])
    }

    /// The numbers.
    pub fn numbers(&self) -> &[u32] {
        &self.numbers
    }
}

impl fmt::Display for SourceLib {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SourceLib {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SourceLib {
    type Err = MetadataError;

    fn from_str(text: &str) -> Result<Self, MetadataError> {
        text.split('.')
            .map(number)
            .collect::<Option<Box<[u32]>>>()
            .map(Self::new)
            .ok_or_else(|| MetadataError::SourceLib { found: shortened(text) })
    }
}

/// A number of a version.
fn number(text: &str) -> Option<u32> {
    // `u32::from_str` accepts a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_lib_reads_back_what_it_writes() {
        for text in ["10.5.0", "1", "0.1.0.4"] {
            assert_eq!(text.parse::<SourceLib>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn source_lib_with_a_suffix_is_refused() {
        for text in ["", "10.5.0rc1", "10..0", "+1.0", "1.0.", "4294967296", "-1"] {
            let error = text.parse::<SourceLib>().expect_err(text);
            assert!(error.to_string().contains("`sourcelib`"), "{error}");
        }
    }

    #[test]
    fn this_process_has_a_host_and_a_version() {
        let source = Source::of_this_process("shop").expect("a source");
        assert!(source.host().is_some());
        assert_eq!(source.lib().map(ToString::to_string).as_deref(), Some(env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn received_events_share_a_source_only_if_it_is_the_same() {
        let received = |name, host, lib| Source::received(name, host, lib).expect("valid");
        let first = received("shop", Some("shop-1"), Some("10.5.0"));
        assert!(Arc::ptr_eq(&first, &received("shop", Some("shop-1"), Some("10.5.0"))));
        for (name, host, lib) in [
            ("shop", Some("shop-1"), Some("10.5.1")),
            ("shop", Some("shop-1"), Some("10.5")),
            ("shop", Some("shop-1"), None),
            ("shop", None, None),
            ("shop", Some("shop-2"), Some("10.5.0")),
            ("shops", Some("shop-1"), Some("10.5.0")),
        ] {
            let other = received(name, host, lib);
            let lib = lib.map(str::to_owned);
            assert_eq!((other.name(), other.host(), other.lib().map(ToString::to_string)), (name, host, lib));
        }
        assert!(Source::received("shops", Some("shop-1"), Some("10.5.0rc1")).is_err());
    }

    #[test]
    fn a_host_never_breaks_a_header() {
        let source = Source::new("shop").expect("a source").with_host("a\r\nb\u{9b}");
        assert_eq!(source.host(), Some("a\u{fffd}\u{fffd}b\u{fffd}"));
    }

    #[test]
    fn source_that_breaks_a_header_is_refused() {
        assert!(Source::new("").is_err());
        assert!(Source::new("shop\r\n").is_err());
        assert!(Source::new("shop\u{ffff}").is_err());
        assert!(Source::new("café/web").is_ok());
    }
}
