//! Writing a datum.

/// Writes a datum into a slice that was measured before.
#[derive(Debug)]
pub struct Writer<'a> {
    rest: &'a mut [u8],
}
