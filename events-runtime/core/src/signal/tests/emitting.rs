//! Metadata and results of emissions.

use uuid::Uuid;

use super::Trace;
use crate::metadata::Source;
use crate::testing::sample::{
    COURSE_ENROLLED, ORDER_PAID, ORDER_PLACED, OrderPaid, OrderPlaced, enrolled, paid, placed,
};
use crate::testing::{self, FakeBus};
use crate::{EmitOptions, Event, Hub, Origin, ReceiverError};

#[test]
fn the_hub_makes_the_metadata() {
    let hub = Hub::new();
    hub.set_service_name("shop").expect("a name");
    hub.scope(|| {
        let before = jiff::Timestamp::now();
        let emission = ORDER_PLACED.emit(placed(1));
        let metadata = emission.event().metadata();
        assert_eq!(metadata.event_type(), &"org.acme.orders.order.placed.v1");
        assert_eq!(metadata.minor_version(), 2);
        assert_eq!(metadata.id().get_version_num(), 7);
        assert_eq!(metadata.source(), "shop");
        assert!(metadata.source_host().is_some());
        assert_eq!(
            metadata.source_lib().map(ToString::to_string).as_deref(),
            Some(env!("CARGO_PKG_VERSION"))
        );
        assert!(metadata.extensions().is_empty());
        assert!(metadata.time().as_microsecond() >= before.as_microsecond());
        assert_eq!(emission.event().origin(), Origin::Local);
        assert_eq!(emission.event().payload(), &placed(1));
    });
}

#[test]
fn open_edx_events_have_version_1_ids_and_their_own_source() {
    let hub = Hub::new();
    hub.scope(|| {
        let emission = COURSE_ENROLLED.emit(enrolled());
        assert_eq!(emission.event().metadata().source(), "openedx/SERVICE_NAME_UNSET/web");
        hub.set_service_name("lms").expect("a name");
        let emission = COURSE_ENROLLED.emit(enrolled());
        assert_eq!(emission.event().metadata().source(), "openedx/lms/web");
        assert_eq!(emission.event().metadata().id().get_version_num(), 1);
    });
}

#[test]
fn the_source_of_an_unnamed_service_is_its_program() {
    Hub::new().scope(|| {
        let emission = ORDER_PLACED.emit(placed(1));
        assert!(emission.event().metadata().source().starts_with("events_core-"));
    });
}

#[test]
fn emit_with_uses_the_metadata_of_the_emitter() {
    Hub::new().scope(|| {
        let id = Uuid::from_u128(7);
        let time = "2020-02-02T02:02:02.123456789Z".parse().expect("a time");
        let options = EmitOptions::new()
            .id(id)
            .time(time)
            .source(Source::new("importer").expect("a name"))
            .extension("traceparent", "00-ab")
            .expect("a name");
        let emission = ORDER_PLACED.emit_with(placed(1), options);
        let metadata = emission.event().metadata();
        assert_eq!(metadata.id(), id);
        assert_eq!(metadata.time_text().to_string(), "2020-02-02T02:02:02.123456+00:00");
        assert_eq!(metadata.source(), "importer");
        assert_eq!(metadata.extensions().get("traceparent"), Some("00-ab"));
        assert_eq!(metadata.minor_version(), 2);
    });
}

#[test]
fn default_options_change_nothing() {
    Hub::new().scope(|| {
        let emission = ORDER_PLACED.emit_with(placed(1), EmitOptions::new());
        assert_eq!(emission.event().metadata().id().get_version_num(), 7);
    });
}

#[test]
fn strict_emission_stops_at_the_first_failure() {
    testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        let trace = Trace::default();
        let started = trace.clone();
        ORDER_PLACED.connect_async("async", move |_| {
            started.add("async");
            async {}
        });
        ORDER_PLACED.connect("first", |_| ());
        ORDER_PLACED.connect("second", |_| Err::<(), _>("no"));
        let ran = trace.clone();
        ORDER_PLACED.connect("third", move |_| ran.add("third"));

        let error = ORDER_PLACED.emit_strict(placed(1)).expect_err("the second fails");
        let (name, why) = error.failed().expect("the second");
        assert_eq!(name, "second");
        assert!(matches!(why, ReceiverError::Failed(cause) if cause.to_string() == "no"));
        assert_eq!(error.responses().len(), 2);
        assert!(error.responses()[0].is_ok());
        assert!(error.to_string().contains("`org.acme.orders.order.placed.v1` stopped at receiver `second`"));
        assert!(trace.take().is_empty());
        assert!(bus.sent().is_empty());
    });
}

#[test]
fn strict_emission_that_succeeds_is_like_any_other() {
    testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        ORDER_PLACED.connect("first", |_| ());
        ORDER_PLACED.connect_async("async", |_| async {});
        let options = EmitOptions::new().id(Uuid::from_u128(9));
        let emission = ORDER_PLACED.emit_strict_with(placed(1), options).expect("no failure");
        assert_eq!(emission.event().metadata().id(), Uuid::from_u128(9));
        assert_eq!(emission.responses().len(), 1);
        let delivered = emission.wait().expect("no failure");
        assert_eq!(delivered.receivers().len(), 1);
        assert_eq!(bus.sent().len(), 1);
    });
}

#[test]
fn a_disabled_signal_suppresses_events() {
    testing::scope(|recorder| {
        let bus = FakeBus::attach(recorder.hub());
        ORDER_PLACED.connect("a", |_| ());
        ORDER_PAID.connect("a", |_| ());
        assert!(ORDER_PLACED.is_enabled());

        ORDER_PLACED.disable();
        assert!(!ORDER_PLACED.is_enabled());
        let emission = ORDER_PLACED.emit(placed(1));
        assert!(emission.is_suppressed());
        assert!(emission.responses().is_empty());
        let delivered = emission.wait().expect("nothing failed");
        assert!(delivered.receivers().is_empty() && delivered.topics().is_empty());
        assert!(ORDER_PLACED.emit_strict(placed(1)).expect("suppressed").is_suppressed());
        assert!(recorder.event_types().is_empty());
        assert!(bus.sent().is_empty());
        assert!(!ORDER_PAID.emit(paid(1)).is_suppressed(), "another event type");
        assert!(!Hub::new().emit(placed(1)).is_suppressed(), "another hub");

        ORDER_PLACED.enable();
        assert_eq!(ORDER_PLACED.emit(placed(1)).responses().len(), 1);
    });
}

#[test]
fn hub_emits_in_itself_and_receivers_stay_inside() {
    let hub = Hub::new();
    hub.scope(|| {
        ORDER_PLACED.connect("a", |event: &Event<OrderPlaced>| {
            ORDER_PAID.emit(paid(event.number));
        });
    });
    let recorder = testing::Recorder::attach(&hub);
    Hub::new().scope(|| {
        assert_eq!(hub.emit(placed(4)).responses().len(), 1);
        assert!(hub.emit_strict(placed(5)).is_ok());
        hub.emit_with(placed(6), EmitOptions::new());
    });
    let paid: Vec<_> = recorder.of::<OrderPaid>().iter().map(|event| event.number).collect();
    assert_eq!(paid, [4, 5, 6]);
    hub.disable::<OrderPlaced>();
    assert!(!hub.is_enabled::<OrderPlaced>());
    hub.enable::<OrderPlaced>();
    assert!(hub.is_enabled::<OrderPlaced>());
}

#[test]
fn debug_of_an_event_shows_its_payload_as_json() {
    Hub::new().scope(|| {
        let emission = ORDER_PLACED.emit(placed(123_456_789));
        assert!(format!("{emission:?}").contains(r#"payload: {"number":123456789}"#));
        assert!(format!("{emission:?}").contains("org.acme.orders.order.placed.v1"));
    });
}
