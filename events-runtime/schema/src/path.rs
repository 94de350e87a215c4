//! The path from an event to a part of its schema.

use crate::const_str::{ConstStr, StrWriter};
use crate::view::NameView;

/// The path from an event to a part of its schema.
#[derive(Clone, Copy)]
pub(crate) struct Path<'a> {
    up: Option<&'a Path<'a>>,
    step: Step<'a>,
}

/// One step of a [`Path`].
#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    /// The event.
    Root,
    /// A field.
    Field(&'a [u8]),
    /// The items of an array, or the values of a map.
    Items,
    /// Two records that are being compared. References back to them need no second comparison.
    Records(NameView<'a>, NameView<'a>),
}

impl<'a> Path<'a> {
    pub(crate) const ROOT: Path<'static> = Path { up: None, step: Step::Root };

    pub(crate) const fn then(&'a self, step: Step<'a>) -> Path<'a> {
        Path { up: Some(self), step }
    }

    pub(crate) const fn field(&'a self, name: &'a str) -> Path<'a> {
        self.then(Step::Field(name.as_bytes()))
    }

    pub(crate) const fn is_root(&self) -> bool {
        matches!(self.step, Step::Root)
    }

    /// Whether this is inside of a nested record. A loop, because const evaluation has few stack frames.
    pub(crate) const fn is_nested(&self) -> bool {
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
    pub(crate) const fn compares(&self, reader: &NameView<'_>, writer: &NameView<'_>) -> bool {
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

    /// `user.addresses[].zip`; empty for the event.
    pub(crate) const fn text(&self) -> ConstStr<512> {
        let mut text = ConstStr::EMPTY;
        let mut writer = text.writer();
        self.write(&mut writer, true);
        text
    }

    /// Returns whether this is the first part of the text.
    const fn write(&self, text: &mut StrWriter<'_>, mut first: bool) -> bool {
        if let Some(up) = self.up {
            first = up.write(text, first);
        }
        match self.step {
            Step::Root | Step::Records(..) => return first,
            Step::Field(name) => {
                if !first {
                    text.push(".");
                }
                text.push_bytes(name);
            }
            Step::Items => text.push("[]"),
        }
        false
    }
}
