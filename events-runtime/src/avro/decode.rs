//! Reading a datum.

/// Reads a datum from a slice.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}
