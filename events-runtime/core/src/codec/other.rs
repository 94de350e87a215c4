//! The variant `#[event(other)]` of a payload that is shown.
//!
//! The variant stands for data that this program does not know, so it is never written. A payload that has it is
//! shown nevertheless: its `Debug` output is made from a datum, which nobody else reads.

use std::cell::Cell;

use super::error::{EncodeError, EncodeErrorKind};

pub(crate) const UNWRITABLE: &str =
    "stands for variants that this definition does not know, and can't be written: use another variant";

thread_local! {
    /// Whether this thread encodes a payload only to show it.
    static SHOWING: Cell<bool> = const { Cell::new(false) };
}

/// Refuses to write the variant of this path, unless the payload is encoded only to be shown.
///
/// # Errors
/// The variant can't be written.
pub(crate) fn check(variant: &'static str) -> Result<(), EncodeError> {
    if SHOWING.get() { Ok(()) } else { Err(EncodeError::new(EncodeErrorKind::Other { variant })) }
}

/// Calls a function that encodes a payload to show it.
pub(crate) fn showing<T>(encode: impl FnOnce() -> T) -> T {
    /// Restores the state, also while a panic unwinds.
    struct Restore(bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            SHOWING.set(self.0);
        }
    }

    let _restore = Restore(SHOWING.replace(true));
    encode()
}
