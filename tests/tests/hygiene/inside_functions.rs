//! Definitions inside functions, and several with one name.

use events_runtime::{EventData, PublicSignal};

mod here {
    #[derive(Debug, PartialEq, super::PublicSignal)]
    #[public_signal(event_type = "org.acme.hygiene.here.opened.v1")]
    pub(super) struct Opened {
        pub(super) number: i32,
    }
}

mod there {
    #[derive(Debug, PartialEq, super::PublicSignal)]
    #[public_signal(event_type = "org.acme.hygiene.there.opened.v1")]
    pub(super) struct Opened {
        pub(super) number: i64,
    }
}

#[test]
fn an_event_may_be_defined_in_a_function() {
    #[derive(Debug, PartialEq, EventData)]
    enum Kind {
        Small,
        Large { by: i32 },
    }

    #[derive(Debug, PartialEq, PublicSignal)]
    #[public_signal(event_type = "org.acme.hygiene.function.entered.v1")]
    struct Opened {
        kind: Kind,
        below: Vec<Opened>,
    }

    super::travels(&Opened {
        kind: Kind::Large { by: 1 },
        below: vec![Opened { kind: Kind::Small, below: vec![] }],
    });
    assert!(OPENED.emit(Opened { kind: Kind::Small, below: vec![] }).responses().is_empty());
}

#[test]
fn two_events_may_have_one_rust_name() {
    super::travels(&here::Opened { number: 1 });
    super::travels(&there::Opened { number: i64::MAX });
    here::OPENED.emit(here::Opened { number: 1 });
    there::OPENED.emit(there::Opened { number: 1 });
}
