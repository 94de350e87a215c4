//! The runtime under another name, as re-exported by another crate.

/// A facade of the user's own.
pub mod facade {
    pub mod deep {
        pub use events_runtime as events;
    }
}

use facade::deep::events::{EventData, PublicSignal};

#[derive(Debug, PartialEq, EventData)]
#[event(crate = crate::renamed::facade::deep::events)]
pub struct Part {
    pub id: String,
    #[event(default = 5)]
    pub small: u8,
}

#[derive(Debug, PartialEq, EventData)]
#[event(crate = "facade::deep::events")]
pub enum Choice {
    This,
    That { part: Part },
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.acme.hygiene.facade.built.v1",
    key = part.id,
    crate = self::facade::deep::events,
)]
pub struct FacadeBuilt {
    pub part: Part,
    pub choice: Choice,
}

/// A facade's own macro, which expands in any crate.
macro_rules! facade_event {
    ($name:ident, $event_type:literal) => {
        #[derive(Debug, PartialEq, $crate::renamed::facade::deep::events::PublicSignal)]
        #[public_signal(event_type = $event_type, crate = $crate::renamed::facade::deep::events)]
        pub struct $name {
            pub id: String,
        }
    };
}

facade_event!(FacadeCalled, "org.acme.hygiene.facade.called.v1");

#[test]
fn the_runtime_may_have_any_path() {
    let part = || Part { id: "a".into(), small: 1 };
    super::travels(&FacadeBuilt { part: part(), choice: Choice::That { part: part() } });
    super::travels(&FacadeBuilt { part: part(), choice: Choice::This });
    super::travels(&FacadeCalled { id: "a".into() });
}
