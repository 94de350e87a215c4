//! Deprecated definitions warn at their uses, not at the definition.
#![deny(warnings)]

use events_runtime::{EventData, PublicSignal};

#[deprecated(note = "use `New`")]
#[derive(Debug, PartialEq, EventData)]
pub struct Old {
    pub id: String,
}

#[derive(Debug, PartialEq, EventData)]
pub enum Mixed {
    #[deprecated]
    Before { id: String },
    After {
        #[deprecated]
        id: String,
    },
}

#[derive(Debug, PartialEq, EventData)]
pub enum Symbols {
    #[deprecated]
    Before,
    After,
}

/// A deprecated event.
#[deprecated = "there is a new one"]
#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.hygiene.old.used.v1", key = id)]
pub struct OldUsed {
    #[deprecated]
    pub id: String,
    pub mixed: Mixed,
    pub symbols: Symbols,
    #[deprecated]
    #[event(default = 1)]
    pub small: u8,
}

#[test]
#[allow(deprecated)]
fn deprecated_definitions_are_encoded_and_decoded() {
    let event = |mixed, symbols| OldUsed { id: "a".into(), mixed, symbols, small: 2 };
    super::travels(&event(Mixed::Before { id: "b".into() }, Symbols::Before));
    super::travels(&event(Mixed::After { id: "b".into() }, Symbols::After));
    OLD_USED.emit(event(Mixed::After { id: "b".into() }, Symbols::After));
    let _ = Old { id: String::new() };
}
