//! The text that a definition is compiled from.
//!
//! The schema of an event is in the program, and the file that it came from in a checkout. `schema
//! lock` writes into the checkout what the program has, so it asks first whether both are of one text.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use proc_macro2::Span;

use events_schema::fingerprint;

thread_local! {
    /// The files that were read, for one may hold many definitions.
    static KNOWN: RefCell<HashMap<PathBuf, Option<u64>>> = RefCell::default();
}

/// The file at a place, relative to where the compiler runs, and the digest of its text.
///
/// A file elsewhere, of a registry or written by a build script, is part of no checkout.
pub(crate) fn of(span: Span) -> Option<(String, u64)> {
    // Not in tests of this crate.
    if !proc_macro::is_available() {
        return None;
    }
    let file = span.unwrap().local_file()?;
    let file =
        if file.is_absolute() { file.strip_prefix(env::current_dir().ok()?).ok()?.to_owned() } else { file };
    let digest =
        KNOWN.with_borrow_mut(|known| *known.entry(file.clone()).or_insert_with(|| digest(&file)))?;
    Some((file.to_str()?.to_owned(), digest))
}

/// As `cli::schema::origin` counts it: a checkout may have other line ends.
fn digest(file: &Path) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    Some(fingerprint(&text.replace("\r\n", "\n")))
}
