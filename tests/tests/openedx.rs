//! Events of Open edX. `tests/interop/openedx.py` checks them with the real package; these tests do not need
//! it.

use std::net::IpAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use events_runtime::avro::openedx::hazards;
use events_runtime::avro::{DecodeError, Reader, Schema, Writer};
use events_runtime::registry::Descriptor;
use events_runtime::with::{isoformat, text};
use events_runtime::{Config, EventBus, EventData, Hub, PublicSignal, avro};
use events_tests::log::Log;
use events_tests::openedx::{Definition, SessionLoginCompleted, definitions, user};
use jiff::Timestamp;
use uuid::Uuid;

#[test]
fn a_login_has_the_bytes_and_the_schema_of_the_python_package() {
    let login = SessionLoginCompleted { user: user("Bob Foo") };
    let golden = b"\xf6\x01\x01\x0cfoobob\x1ebob@foo.example\x0eBob Foo";
    assert_eq!(avro::to_vec(&login).expect("a datum"), golden);
    let registered = concat!(
        r#"{"doc": "Avro Event Format for CloudEvents created with openedx_events/schema", "fields": ["#,
        r#"{"name": "user", "type": {"fields": [{"name": "id", "type": "long"}, "#,
        r#"{"name": "is_active", "type": "boolean"}, {"name": "pii", "type": {"fields": ["#,
        r#"{"name": "username", "type": "string"}, {"name": "email", "type": "string"}, "#,
        r#"{"name": "name", "type": "string"}], "name": "UserPersonalData", "type": "record"}}], "#,
        r#""name": "UserData", "type": "record"}}], "name": "CloudEvent", "#,
        r#""namespace": "org.openedx.learning.auth.session.login.completed.v1", "type": "record"}"#,
    );
    assert_eq!(SessionLoginCompleted::SCHEMA_JSON, registered);
}

#[test]
fn the_canonical_form_is_that_of_the_text_of_python() {
    for Definition { descriptor, .. } in definitions() {
        let event_type = descriptor.event_type();
        // Names can't have a hyphen: apache-avro rejects it, fastavro accepts it.
        if event_type.contains('-') {
            continue;
        }
        let schema = apache_avro::Schema::parse_str(descriptor.schema_json()).expect(event_type);
        assert_eq!(schema.canonical_form(), descriptor.canonical_form(), "{event_type}");
    }
}

fn descriptor(event_type: &str) -> Descriptor {
    let mut found = definitions().into_iter().map(|definition| definition.descriptor);
    found.find(|descriptor| descriptor.event_type() == event_type).expect(event_type)
}

#[test]
fn warnings_name_the_values_that_python_changes_or_refuses() {
    let everything = descriptor("org.openedx.tests.everything.said.v1").warnings();
    let said = [
        "Python refuses the event where `flag`, `number`, `ratio` or `text` is empty, zero or false: move it into a nested data type, or never send such a value",
        "Python reads an empty, zero or false `everything.maybe_number`, `everything.maybe_text`, `everything.maybe_texts` or `everything.maybe_number_of` as None: remove the Option, or never send such a value",
        "Python reads an empty, zero or false `everything.number` as 5, the default of its class: use a default that is empty, zero or false too, or none, or never send such a value",
    ];
    assert_eq!(everything, said);

    let bytes = descriptor("org.openedx.tests.bytes.read.v1").warnings();
    assert!(bytes[0].contains("where `raw` is empty"), "{bytes:?}");
    assert!(bytes[1].contains("`parts.some` as None"), "{bytes:?}");
    assert!(
        bytes[2].contains("the bytes of `raw`, `parts.all`, `parts.named` or `parts.some` but"),
        "{bytes:?}"
    );

    assert!(descriptor(SessionLoginCompleted::EVENT_TYPE).warnings().is_empty());
}

#[test]
fn warnings_name_fields_of_records_in_lists_and_the_defaults_of_python() {
    let nested = descriptor("org.openedx.tests.nested.said.v1").warnings();
    let said = [
        "Python reads an empty, zero or false `nested.rows.maybe`, `nested.maybe_rows` or `nested.maybe_groups` as None: remove the Option, or never send such a value",
        "Python reads an empty, zero or false `nested.rows.shown` as True or `nested.rows.settings` as dict, the default of its class: use a default that is empty, zero or false too, or none, or never send such a value",
    ];
    assert_eq!(nested, said);
}

/// A key type, as another crate would write one.
struct CourseKey(String);

impl EventData for CourseKey {
    const SCHEMA: &'static Schema = &Schema::String;
    const MIN_LEN: usize = 1;
    const MAY_BE_FALSY: bool = false;

    fn max_len(&self) -> usize {
        self.0.max_len()
    }

    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        self.0.encode(writer)
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        String::decode(reader).map(Self)
    }
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.tests.never.falsy.v1", profile = "openedx")]
struct NeverFalsy {
    course: CourseKey,
    #[event(with = isoformat)]
    at: Timestamp,
    id: Uuid,
    number: NonZero<u32>,
    initial: char,
    part: Part,
}

#[derive(EventData)]
struct Part {
    course: Option<CourseKey>,
    #[event(with = isoformat::option)]
    time: Option<Timestamp>,
    #[event(default = "2020-01-01T00:00:00+00:00", with = isoformat)]
    since: Timestamp,
    when: Option<Box<When>>,
    id: Option<Uuid>,
    number: Option<Number>,
    parts: Option<Box<Part>>,
}

#[derive(EventData)]
struct When(#[event(with = isoformat)] Timestamp);

#[derive(EventData)]
struct Number(NonZero<i64>);

#[test]
fn values_that_are_never_false_cause_no_warning() {
    assert_eq!(hazards(NeverFalsy::SCHEMA), [""; 0]);
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.tests.perhaps.falsy.v1", profile = "openedx")]
struct PerhapsFalsy {
    course: String,
    name: Name,
    perhaps: Perhaps,
}

#[derive(EventData)]
struct Name(String);

#[derive(EventData)]
struct Perhaps {
    course: Option<String>,
    name: Option<Arc<Name>>,
    #[event(with = text::option)]
    address: Option<IpAddr>,
    nothing: Option<Nothing>,
}

#[derive(EventData)]
struct Nothing {}

/// `with::text` hides the type: `IpAddr` is never empty, but other types may be.
#[test]
fn values_that_may_be_false_cause_a_warning_in_any_type() {
    let said = [
        "Python refuses the event where `course` or `name` is empty, zero or false: move it into a nested data type, or never send such a value",
        "Python reads an empty, zero or false `perhaps.course`, `perhaps.name`, `perhaps.address` or `perhaps.nothing` as None: remove the Option, or never send such a value",
    ];
    assert_eq!(hazards(PerhapsFalsy::SCHEMA), said);
}

#[test]
fn a_starting_bus_logs_each_warning_of_a_routed_event_once() {
    let config = Config::from_toml(
        r#"
            [bus]
            url = "memory:"
            [routes."org.openedx.tests.everything.said.v1"]
            said = {}
            heard = {}
            [routes."org.openedx.tests.bytes.read.v1"]
            bytes = { enabled = false }
        "#,
    )
    .expect("well formed");
    let log = Log::of(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let bus = EventBus::builder().config(config).hub(Hub::new()).start().await.expect("it starts");
            bus.shutdown(Duration::ZERO).await.expect("nothing is left to send");
        });
    });
    let said = descriptor("org.openedx.tests.everything.said.v1");
    for warning in said.warnings() {
        assert_eq!(log.matches(&warning).count(), 1, "{log}");
    }
    assert!(log.contains(&format!("event_type={:?}", said.event_type())), "{log}");
    assert!(!log.contains("bytes.read"), "{log}");
}
