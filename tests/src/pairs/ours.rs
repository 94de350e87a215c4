//! The verdict of the const check, with each side as packed bytes and, if possible, as a tree.

use events_schema::compat::{Side, can_read};

use super::{Pair, tree};

/// The verdict, and the number of combinations checked.
///
/// # Errors
/// If a schema is refused, or the verdict depends on the form of a side.
pub fn ours(pair: &Pair) -> Result<(bool, usize), String> {
    let (reader_text, writer_text) = (pair.reader.json().to_string(), pair.writer.json().to_string());
    let readers = [Some(Side::Text(&reader_text)), tree(&pair.reader).map(Side::Tree)];
    let writers = [Some(Side::Text(&writer_text)), tree(&pair.writer).map(Side::Tree)];
    let mut verdicts = Vec::new();
    for reader in readers.iter().flatten() {
        for writer in writers.iter().flatten() {
            verdicts.push(can_read(*reader, *writer).map_err(|fault| fault.to_string())?);
        }
    }
    match verdicts.as_slice() {
        [first, rest @ ..] if rest.iter().all(|verdict| verdict == first) => Ok((*first, verdicts.len())),
        _ => Err(format!("packed and tree, {verdicts:?}, are not seen alike")),
    }
}
