//! The source file of a definition.
//!
//! `schema lock` writes the schemas of the program into a checkout. It first compares the digest in the program
//! with the source file in the checkout, so that it does not lock another version of the definition.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use proc_macro2::Span;

use events_schema::fingerprint;

thread_local! {
    /// The digests of files that were read; a file may have many definitions.
    static DIGESTS: RefCell<HashMap<PathBuf, Option<u64>>> = RefCell::default();
}

/// The file of a span, relative to the compiler's working directory, and the digest of its text.
///
/// `None` for a file outside of that directory, from a registry or a build script: it is not part of the checkout.
pub(crate) fn of(span: Span) -> Option<(String, u64)> {
    // Not available in the tests of this crate.
    if !proc_macro::is_available() {
        return None;
    }
    let file = span.unwrap().local_file()?;
    let file =
        if file.is_absolute() { file.strip_prefix(env::current_dir().ok()?).ok()?.to_owned() } else { file };
    let digest =
        DIGESTS.with_borrow_mut(|digests| *digests.entry(file.clone()).or_insert_with(|| digest(&file)))?;
    Some((file.to_str()?.to_owned(), digest))
}

/// The same as in `events-cli`, `schema::origin`: a checkout may have other line endings.
fn digest(file: &Path) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    Some(fingerprint(&text.replace("\r\n", "\n")))
}
