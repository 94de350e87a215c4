//! The way from an event to its key, `key = customer.id`, and the text at its end.

use super::EventKey;

/// A value that a key's path can lead through: a struct, or a box of one.
#[diagnostic::on_unimplemented(
    message = "the path of a key can't lead through `{Self}`",
    label = "a key must be there in every event",
    note = "a path leads through structs with `#[derive(EventData)]` and `Box`",
    note = "to get past an `Option`, copy the key into a field of the event itself and name that field"
)]
pub trait KeyPath {
    /// The struct.
    type Target;
    /// The struct that is here.
    fn step(&self) -> &Self::Target;
}

impl<T: KeyPath> KeyPath for Box<T> {
    type Target = T::Target;

    fn step(&self) -> &T::Target {
        T::step(self)
    }
}

/// One step on the way. The projection keeps one wrong step from being reported twice.
#[inline]
pub fn key_step<T: KeyPath>(value: &T) -> &T::Target {
    value.step()
}

/// The key at the end of the way.
#[inline]
pub fn key_leaf<T: EventKey>(value: &T, out: &mut Vec<u8>) {
    value.append_key(out);
}

impl<T: EventKey> EventKey for Box<T> {
    fn append_key(&self, out: &mut Vec<u8>) {
        T::append_key(self, out);
    }
}
