//! The path from an event to its key, `key = customer.id`, and the text of the key.

use super::EventKey;

/// A value on the path to a key: a struct, or a box of one.
#[diagnostic::on_unimplemented(
    message = "the path of a key can't lead through `{Self}`",
    label = "every event must have a key",
    note = "a path leads through structs with `#[derive(EventData)]` and `Box`",
    note = "to get past an `Option`, copy the key into a field of the event itself and name that field"
)]
pub trait KeyPath {
    /// The struct.
    type Target;
    /// The struct itself.
    fn step(&self) -> &Self::Target;
}

impl<T: KeyPath> KeyPath for Box<T> {
    type Target = T::Target;

    fn step(&self) -> &T::Target {
        T::step(self)
    }
}

/// One step of the path. Returning `Target`, not `T`, prevents two reports for one wrong step.
#[inline]
pub fn key_step<T: KeyPath>(value: &T) -> &T::Target {
    value.step()
}

/// Appends the key at the end of the path.
#[inline]
pub fn key_leaf<T: EventKey>(value: &T, out: &mut Vec<u8>) {
    value.append_key(out);
}

impl<T: EventKey> EventKey for Box<T> {
    fn append_key(&self, out: &mut Vec<u8>) {
        T::append_key(self, out);
    }
}
