//! Definitions from a `macro_rules!` with every kind of fragment.

use events_runtime::{EventData, PublicSignal};

mod upper {
    use std::convert::Infallible;

    pub(super) type Repr = String;

    pub(super) fn to_repr(value: &str) -> Result<Repr, Infallible> {
        Ok(value.to_uppercase())
    }

    pub(super) fn from_repr(text: Repr) -> Result<String, Infallible> {
        Ok(text)
    }
}

macro_rules! event {
    (
        $(#[$meta:meta])*
        $vis:vis $name:ident as $event_type:literal by $key:ident {
            $($field:ident: $ty:ty = $default:literal,)*
        }
        with $module:path
    ) => {
        $(#[$meta])*
        #[derive(Debug, PartialEq, PublicSignal)]
        #[public_signal(event_type = $event_type, key = $key, crate = ::events_runtime)]
        $vis struct $name {
            $key: String,
            $(#[event(default = $default)] $field: $ty,)*
            again: Option<Box<$name>>,
            #[event(with = $module)]
            upper: String,
        }
    };
}

event! {
    /// Written by a macro.
    pub(crate) MacroUsed as "org.acme.hygiene.macro.used.v1" by id {
        count: i32 = 3,
        small: u8 = 4,
        name: String = "x",
    }
    with upper
}

macro_rules! tree {
    ($name:ident, $ty:ty, $variant:ident) => {
        #[derive(Debug, PartialEq, EventData)]
        enum $name {
            $variant { writer: $ty, reader: i32, value: i32 },
            Leaf,
            Other(Box<$name>),
        }
    };
}

tree!(Tree, Vec<Tree>, Branch);

/// Names that only this macro sees.
macro_rules! local {
    () => {
        #[derive(Debug, PartialEq, EventData)]
        pub(super) struct Part {
            pub(super) inner: Inner,
        }

        #[derive(Debug, PartialEq, EventData)]
        pub(super) struct Inner {
            pub(super) id: String,
        }

        #[derive(Debug, PartialEq, PublicSignal)]
        #[public_signal(event_type = "org.acme.hygiene.local.used.v1", key = part.inner.id)]
        pub(super) struct LocalUsed {
            pub(super) part: Part,
        }
    };
}

mod local {
    use super::{EventData, PublicSignal};

    local!();
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.hygiene.tree.grown.v1")]
struct TreeGrown {
    tree: Tree,
}

#[test]
fn fragments_of_macros_are_read_as_what_they_are() {
    let event =
        |again| MacroUsed { id: "a".into(), count: 1, small: 2, name: "b".into(), again, upper: "C".into() };
    super::travels(&event(Some(Box::new(event(None)))));
    assert!(MacroUsed::SCHEMA_JSON.contains("Written by a macro."));
    assert!(MacroUsed::SCHEMA_JSON.contains(r#""default":4"#));

    let tree = Tree::Branch { writer: vec![Tree::Leaf], reader: 1, value: 2 };
    super::travels(&TreeGrown { tree: Tree::Other(Box::new(tree)) });

    super::travels(&local::LocalUsed { part: local::Part { inner: local::Inner { id: "a".into() } } });
}
