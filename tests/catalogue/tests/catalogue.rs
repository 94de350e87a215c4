//! The catalogue without Python: it is complete, its signals work, and round trips lose nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use events_catalogue_tests::{Maker, Payload, events, from_hex, hex};
use events_runtime::avro::from_slice;
use events_runtime::{Event, Hub, Registry};
use openedx_events::keys::CourseKey;
use openedx_events::learning::{COURSE_ACCESS_ROLE_ADDED, CourseAccessRoleAdded, SessionLoginCompleted};
use openedx_events::{EVENTS, learning};

#[test]
fn every_event_is_linked_and_listed() {
    let linked: BTreeSet<_> =
        Registry::linked().expect("a registry").iter().map(|event| event.event_type()).collect();
    let listed: BTreeSet<_> = events().iter().map(|event| event.descriptor.event_type()).collect();
    assert_eq!(linked.len(), EVENTS);
    assert_eq!(linked, listed);
}

#[test]
fn every_event_is_published_as_it_is() {
    for event in events() {
        let published = event.descriptor.published();
        assert_eq!(published.len(), 1, "{}", event.descriptor.event_type());
        assert_eq!(event.descriptor.minor_version(), 0, "{}", event.descriptor.event_type());
    }
}

#[test]
fn every_payload_is_read_as_the_value_that_was_written() {
    let mut maker = Maker::new(7);
    for event in events() {
        for _ in 0..50 {
            let made = (event.make)(&mut maker);
            let read = (event.read)(&made.datum).unwrap_or_else(|fault| panic!("{event:?}: {fault}"));
            assert_eq!(read, made, "{}", event.descriptor.event_type());
        }
    }
}

#[test]
fn every_payload_that_is_cut_off_is_an_error() {
    let mut maker = Maker::new(8);
    for event in events() {
        let made = (event.make)(&mut maker);
        for end in 0..made.datum.len() {
            let read = (event.read)(&made.datum[..end]);
            assert!(read.is_err(), "{}: {}", event.descriptor.event_type(), hex(&made.datum[..end]));
        }
    }
}

#[test]
fn every_signal_delivers_its_event_to_its_receivers() {
    let (hub, mut maker) = (Hub::new(), Maker::new(9));
    for event in events() {
        let seen = Arc::new(Mutex::new(Vec::<Payload>::new()));
        let observed = Arc::clone(&seen);
        (event.observe)(&hub, Arc::new(move |_, payload| observed.lock().expect("a list").push(payload)));
        let emitted = (event.emit)(&hub, &mut maker);
        assert_eq!(*seen.lock().expect("a list"), [emitted.payload], "{}", event.descriptor.event_type());
    }
}

#[test]
fn the_golden_datum_is_a_login() {
    let datum =
        from_hex("f601010c666f6f626f621e626f6240666f6f2e6578616d706c650e426f6220466f6f").expect("bytes");
    let login: SessionLoginCompleted = from_slice(&datum).expect("a login");
    assert_eq!((login.user.id, login.user.pii.email.as_str()), (123, "bob@foo.example"));
}

#[test]
fn a_key_of_an_unknown_form_does_not_block_its_event() {
    let role = learning::CourseAccessRoleData {
        user: learning::UserData {
            id: 1,
            is_active: true,
            pii: learning::UserPersonalData {
                username: "lovelace".into(),
                email: String::new(),
                name: String::new(),
            },
        },
        org_key: "edX".into(),
        course_key: CourseKey::from_text("program-v1:rust"),
        role: "staff".into(),
    };
    let hub = Hub::new();
    hub.scope(|| {
        COURSE_ACCESS_ROLE_ADDED.connect("keeps", |event: &Event<CourseAccessRoleAdded>| {
            assert!(matches!(&event.course_access_role_data.course_key, CourseKey::Verbatim(_)));
        });
        let emission = COURSE_ACCESS_ROLE_ADDED.emit(CourseAccessRoleAdded { course_access_role_data: role });
        assert!(emission.responses().iter().all(|response| response.result().is_ok()));
        assert!(format!("{:?}", emission.event()).contains("program-v1:rust"));
        assert!(!format!("{:?}", emission.event()).contains("lovelace"), "personal data is masked");
    });
}
