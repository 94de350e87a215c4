//! Handles the errors, panics and destructors of foreign code.
//!
//! A `Display` may panic or never end, a chain of sources may be a cycle, and the payload of a panic may
//! panic when it is dropped. None of these may end an emission or a consumer.

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Display, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The maximum number of errors read from a chain. A longer chain is most likely a cycle.
const MAX_LINKS: usize = 32;

/// The maximum number of bytes kept of one error's text.
const MAX_TEXT: usize = 16 * 1024;

/// Runs foreign code and catches its panic.
///
/// # Errors
/// The text of the panic.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(panic_message)
}

/// The text of a panic. Drops the payload quietly.
pub fn panic_message(panic: Box<dyn Any + Send>) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(not a text)".to_owned());
    drop_quietly(panic);
    message
}

/// Drops a foreign value and catches a panic of its destructor, which the panic hook has reported.
pub fn drop_quietly<T>(value: T) {
    drop(Quiet::new(value));
}

/// Ends foreign values and catches a panic of a destructor.
fn end_quietly(end: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(end))
        && let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic)))
    {
        // The payload of a panic may panic when it is dropped, and so on: no third attempt.
        std::mem::forget(again);
    }
}

/// A foreign value that is [dropped quietly](drop_quietly).
pub struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    /// Wraps the value.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// The value; `None` only while it is dropped.
    pub const fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        // In its place: it may be large.
        end_quietly(|| self.0 = None);
    }
}

/// A foreign value as bounded text. If it panics or fails, the text so far is kept.
pub fn text(value: &(impl Display + ?Sized)) -> String {
    let mut out = Bounded(String::new());
    let written = caught(|| write!(out, "{value}"));
    let Bounded(mut text) = out;
    if let Err(message) = written {
        let _ = write!(text, "(formatting it panicked: {message})");
    }
    text
}

/// A text of at most [`MAX_TEXT`] bytes.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = MAX_TEXT.saturating_sub(self.0.len());
        if more.len() <= room {
            self.0.push_str(more);
            return Ok(());
        }
        let end = (0..=room).rev().find(|&end| more.is_char_boundary(end)).unwrap_or_default();
        self.0.push_str(&more[..end]);
        self.0.push('…');
        // An error ends the formatting; the caller keeps the text so far.
        Err(fmt::Error)
    }
}

/// An error and its chain of sources, outermost first; bounded, because the chain may be a cycle.
pub fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let next = |error: &&'a (dyn Error + 'static)| {
        let error = *error;
        caught(|| error.source()).unwrap_or_default()
    };
    std::iter::successors(Some(error), next).take(MAX_LINKS)
}

/// The texts of an error and its chain of sources, outermost first. Leaves out a text that an outer one
/// contains.
pub fn links(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for link in sources(error).map(text) {
        if links.is_empty() || !(link.is_empty() || links.iter().any(|outer| contains_part(outer, &link))) {
            links.push(link);
        }
    }
    links
}

/// The texts of an error and its chain of sources, joined by colons, without repetitions.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    links(error).join(": ")
}

/// Whether a text contains another as a part of its own, as `{outer}: {inner}` does.
fn contains_part(text: &str, part: &str) -> bool {
    text.match_indices(part).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + part.len()..]);
        let begins = before.is_empty() || before.ends_with(": ");
        begins && (after.is_empty() || after.starts_with(": ") || after.starts_with("; "))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The lines of a folder's Rust files that log an error without its sources.
    fn without_cause(folder: &Path, into: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                without_cause(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let lines = text.lines().enumerate();
                let wrong = lines.filter(|(_, line)| {
                    [concat!("%", "error"), concat!("?", "error"), concat!("error = ", "%")]
                        .iter()
                        .any(|form| line.contains(form))
                });
                into.extend(wrong.map(|(at, line)| format!("{}:{}: {line}", path.display(), at + 1)));
            }
        }
    }

    #[test]
    fn every_log_line_holds_the_whole_chain_of_its_error() {
        let mut found = Vec::new();
        // The other crates, and the facade.
        without_cause(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
        assert!(found.is_empty(), "write `error = chain(&error)`: {found:#?}");
    }

    #[derive(Debug, thiserror::Error)]
    enum Sample {
        #[error("connection refused")]
        Refused,
        #[error("no store: {0}")]
        Twice(#[source] Box<Sample>),
        #[error("the event was not sent")]
        Sent(#[source] Box<Sample>),
        #[error("{0}")]
        Text(String),
    }

    #[test]
    fn a_text_that_an_outer_error_contains_is_left_out() {
        let twice = Sample::Twice(Box::new(Sample::Refused));
        assert_eq!(chain(&twice), "no store: connection refused");
        assert_eq!(
            chain(&Sample::Sent(Box::new(twice))),
            "the event was not sent: no store: connection refused"
        );
        let same = Sample::Sent(Box::new(Sample::Text("the event was not sent".to_owned())));
        assert_eq!(chain(&same), "the event was not sent");
        let part = Sample::Twice(Box::new(Sample::Text("more than a connection".to_owned())));
        assert_eq!(
            chain(&Sample::Sent(Box::new(part))),
            "the event was not sent: no store: more than a connection"
        );
    }

    #[test]
    fn a_text_that_is_only_part_of_a_phrase_is_kept() {
        #[derive(Debug, thiserror::Error)]
        #[error("no connection refused so far")]
        struct Other(#[source] Sample);
        assert_eq!(chain(&Other(Sample::Refused)), "no connection refused so far: connection refused");
    }

    #[test]
    fn a_cyclic_chain_ends() {
        #[derive(Debug)]
        struct Cycle;
        impl Display for Cycle {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("round")
            }
        }
        impl Error for Cycle {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&Cycle)
            }
        }
        assert_eq!(chain(&Cycle), "round");
        assert_eq!(sources(&Cycle).count(), MAX_LINKS);
    }

    #[test]
    fn errors_that_panic_fail_or_write_without_end_have_a_text() {
        #[derive(Debug)]
        struct Bad(u8);
        impl Display for Bad {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bad ")?;
                match self.0 {
                    0 => panic!("torn"),
                    1 => Err(fmt::Error),
                    _ => loop {
                        f.write_str("ä")?;
                    },
                }
            }
        }
        impl Error for Bad {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                panic!("no source")
            }
        }
        assert_eq!(chain(&Bad(0)), "bad (formatting it panicked: torn)");
        assert_eq!(chain(&Bad(1)), "bad ");
        let endless = chain(&Bad(2));
        assert!(endless.len() <= MAX_TEXT + '…'.len_utf8() && endless.ends_with("ä…"), "{}", endless.len());
    }

    #[test]
    fn the_payload_of_a_panic_may_panic_repeatedly() {
        struct Bomb(u8);
        impl Drop for Bomb {
            fn drop(&mut self) {
                if self.0 > 0 {
                    std::panic::panic_any(Self(self.0 - 1));
                }
            }
        }
        assert_eq!(caught(|| std::panic::panic_any(Bomb(5))), Err("(not a text)".to_owned()));
        drop_quietly(Bomb(5));
        assert_eq!(caught(|| panic!("{}", "torn")), Err("torn".to_owned()));
        assert_eq!(caught(|| 1), Ok(1));
    }
}
