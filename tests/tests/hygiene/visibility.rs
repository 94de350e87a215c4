//! Definitions of every visibility; the signal has the event's visibility.
#![deny(unreachable_pub, private_interfaces, private_bounds)]

use events_runtime::{EventData, PublicSignal};

mod inner {
    use super::{EventData, PublicSignal};

    #[derive(Debug, PartialEq, EventData)]
    struct Secret {
        id: String,
    }

    #[derive(Debug, PartialEq, PublicSignal)]
    #[public_signal(event_type = "org.acme.hygiene.private.done.v1", key = secret.id)]
    struct PrivateDone {
        secret: Secret,
    }

    #[derive(Debug, PartialEq, PublicSignal)]
    #[public_signal(event_type = "org.acme.hygiene.crate.done.v1")]
    pub(crate) struct CrateDone {
        secret: Secret,
    }

    #[derive(Debug, PartialEq, PublicSignal)]
    #[public_signal(event_type = "org.acme.hygiene.parent.done.v1", signal = DONE)]
    pub(in crate::visibility) struct ParentDone {
        secret: Secret,
    }

    impl ParentDone {
        pub(super) fn new() -> Self {
            Self { secret: Secret { id: "a".into() } }
        }
    }

    #[test]
    fn private_events_are_encoded_and_decoded() {
        let event = || PrivateDone { secret: Secret { id: "a".into() } };
        crate::travels(&event());
        PRIVATE_DONE.emit(event());
        crate::travels(&CrateDone { secret: Secret { id: "a".into() } });
    }
}

#[test]
fn the_signal_is_seen_where_its_event_is() {
    let _: &events_runtime::Signal<inner::CrateDone> = &inner::CRATE_DONE;
    inner::DONE.emit(inner::ParentDone::new());
}
