//! What foreign code leaves behind: errors as text, panics, values to be dropped.
//!
//! A `Display` may panic or never end, a `source` may lead back to where it came from, and what was
//! thrown may throw again when it is dropped. None of it may end an emission or a consumer.

use std::any::Any;
use std::error::Error;
use std::fmt::{self, Display, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many errors of a chain are looked at. One that is longer is most likely a circle.
const MAX_LINKS: usize = 32;

/// How many bytes of one error's text are kept.
const MAX_TEXT: usize = 16 * 1024;

/// Runs foreign code.
///
/// # Errors
/// The text of its panic.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(panic_message)
}

/// What was thrown, as text. The value is dropped, whatever its destructor does.
pub fn panic_message(panic: Box<dyn Any + Send>) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(not a text)".to_owned());
    drop_quietly(panic);
    message
}

/// Drops a foreign value; a panic of its destructor ends here, after the panic hook told of it.
pub fn drop_quietly<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value)))
        && let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic)))
    {
        // What a destructor throws may have a destructor that throws: no third attempt.
        std::mem::forget(again);
    }
}

/// A foreign value that is [dropped quietly](drop_quietly).
pub struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    /// Wraps the value.
    pub const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// The value; nothing only while it is dropped.
    pub const fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        drop_quietly(self.0.take());
    }
}

/// A foreign value as text: what it wrote before it panicked or failed, and no endless text.
pub fn text(value: &(impl Display + ?Sized)) -> String {
    let mut out = Bounded(String::new());
    let written = caught(|| write!(out, "{value}"));
    let Bounded(mut text) = out;
    if let Err(message) = written {
        let _ = write!(text, "(its text panicked: {message})");
    }
    text
}

/// A text that takes no more than [`MAX_TEXT`] bytes.
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
        // An error ends the writing; the caller keeps what stands.
        Err(fmt::Error)
    }
}

/// An error and the errors behind it, outermost first; bounded, as a chain may be a circle.
pub fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let next = |error: &&'a (dyn Error + 'static)| {
        let error = *error;
        caught(|| error.source()).unwrap_or_default()
    };
    std::iter::successors(Some(error), next).take(MAX_LINKS)
}

/// The texts of an error and of the errors behind it, outermost first. What an outer one says is
/// not said again.
pub fn links(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for link in sources(error).map(text) {
        if links.is_empty() || !(link.is_empty() || links.iter().any(|said| says(said, &link))) {
            links.push(link);
        }
    }
    links
}

/// An error and the errors behind it in one line's text, joined by colons; each is said once.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    links(error).join(": ")
}

/// Whether a text has another as one of its parts, as `{outer}: {inner}` has.
fn says(text: &str, part: &str) -> bool {
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

    /// The places of a folder's Rust files that log an error by its own text.
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
        // This crate's sibling crates, and the facade around them.
        without_cause(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
        assert!(found.is_empty(), "write `error = chain(&error)`: {found:#?}");
    }

    #[derive(Debug, thiserror::Error)]
    enum Told {
        #[error("connection refused")]
        Refused,
        #[error("no store: {0}")]
        Twice(#[source] Box<Told>),
        #[error("the event was not sent")]
        Sent(#[source] Box<Told>),
        #[error("{0}")]
        Text(String),
    }

    #[test]
    fn what_an_outer_error_says_is_not_said_again() {
        let twice = Told::Twice(Box::new(Told::Refused));
        assert_eq!(chain(&twice), "no store: connection refused");
        assert_eq!(
            chain(&Told::Sent(Box::new(twice))),
            "the event was not sent: no store: connection refused"
        );
        let same = Told::Sent(Box::new(Told::Text("the event was not sent".to_owned())));
        assert_eq!(chain(&same), "the event was not sent");
        let part = Told::Twice(Box::new(Told::Text("more than a connection".to_owned())));
        assert_eq!(
            chain(&Told::Sent(Box::new(part))),
            "the event was not sent: no store: more than a connection"
        );
    }

    #[test]
    fn a_word_within_another_text_is_not_taken_for_said() {
        #[derive(Debug, thiserror::Error)]
        #[error("no connection refused so far")]
        struct Other(#[source] Told);
        assert_eq!(chain(&Other(Told::Refused)), "no connection refused so far: connection refused");
    }

    #[test]
    fn a_chain_that_is_a_circle_ends() {
        #[derive(Debug)]
        struct Circle;
        impl Display for Circle {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("round")
            }
        }
        impl Error for Circle {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&Circle)
            }
        }
        assert_eq!(chain(&Circle), "round");
        assert_eq!(sources(&Circle).count(), MAX_LINKS);
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
        assert_eq!(chain(&Bad(0)), "bad (its text panicked: torn)");
        assert_eq!(chain(&Bad(1)), "bad ");
        let endless = chain(&Bad(2));
        assert!(endless.len() <= MAX_TEXT + '…'.len_utf8() && endless.ends_with("ä…"), "{}", endless.len());
    }

    #[test]
    fn what_was_thrown_may_throw_again_and_again() {
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
