//! The way from an event to a place in it.

use crate::view::NameView;

/// The way from the event to a place in it.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    pub(super) up: Option<&'a Path<'a>>,
    pub(super) step: Step<'a>,
}

/// One step of a [`Path`].
#[derive(Clone, Copy)]
pub(super) enum Step<'a> {
    /// The event.
    Root,
    /// A field.
    Field(&'a [u8]),
    /// The items of an array, or the values of a map.
    Items,
    /// Two records that are being compared: what leads back to them holds if they hold.
    Records(NameView<'a>, NameView<'a>),
}

impl<'a> Path<'a> {
    pub(super) const ROOT: Path<'static> = Path { up: None, step: Step::Root };

    pub(super) const fn then(&'a self, step: Step<'a>) -> Path<'a> {
        Path { up: Some(self), step }
    }

    /// Whether this is the event itself.
    pub(super) const fn is_root(&self) -> bool {
        matches!(self.step, Step::Root)
    }

    /// Whether this is inside of a nested record. A loop: a constant has few stack frames.
    pub(super) const fn is_nested(&self) -> bool {
        let mut here = Some(self);
        while let Some(path) = here {
            if let Step::Field(_) = path.step {
                return true;
            }
            here = path.up;
        }
        false
    }

    /// Whether these records are being compared further up.
    pub(super) const fn compares(&self, reader: &NameView<'_>, writer: &NameView<'_>) -> bool {
        let mut here = Some(self);
        while let Some(path) = here {
            if let Step::Records(above, above_writer) = &path.step
                && above.is(reader)
                && above_writer.is(writer)
            {
                return true;
            }
            here = path.up;
        }
        false
    }
}
