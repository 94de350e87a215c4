//! Receivers that take events of one origin.

use std::future::ready;
use std::sync::Arc;

use futures_executor::block_on;

use super::Trace;
use crate::signal::ReceiverOptions;
use crate::testing::sample::{ORDER_PLACED, OrderPlaced, placed};
use crate::testing::{self, FakeBus, Recorder};
use crate::{Event, Origin, Response};

/// Connects a receiver of each kind and origin, which trace their names.
fn connect_all(trace: &Trace) {
    for (name, from) in [("both", None), ("local", Some(Origin::Local)), ("bus", Some(Origin::Bus))] {
        let (ran, ran_later) = (trace.clone(), trace.clone());
        receiver(name, from).connect(move |event: &Event<OrderPlaced>| {
            ran.add(format!("{name} {:?}", event.origin()));
        });
        let name = format!("{name} later");
        receiver(&name.clone(), from).connect_async(move |event: Arc<Event<OrderPlaced>>| {
            ran_later.add(format!("{name} {:?}", event.origin()));
            ready(())
        });
    }
}

fn receiver(name: &str, from: Option<Origin>) -> ReceiverOptions<'static, OrderPlaced> {
    let options = ORDER_PLACED.receiver(name);
    match from {
        Some(from) => options.from(from),
        None => options,
    }
}

/// What a bus would deliver of an event that this process emits.
fn sent(recorder: &Recorder) -> testing::SentEvent {
    let bus = FakeBus::attach(recorder.hub());
    ORDER_PLACED.emit(placed(1));
    bus.sent().remove(0)
}

fn names(responses: &[Response]) -> Vec<&str> {
    responses.iter().map(Response::receiver).collect()
}

#[test]
fn a_receiver_runs_for_events_of_its_origin_only() {
    testing::scope(|recorder| {
        let sent = sent(recorder);
        let trace = Trace::default();
        connect_all(&trace);
        let emission = ORDER_PLACED.emit(placed(1));
        assert_eq!(names(emission.responses()), ["both", "local"], "those that ran");
        let delivered = emission.wait().expect("no failure");
        assert_eq!(names(delivered.receivers()), ["both later", "local later"]);
        let mut ran = trace.take();
        ran.sort();
        assert_eq!(ran, ["both Local", "both later Local", "local Local", "local later Local"]);

        let emission = sent.deliver_to(recorder.hub()).expect("a datum");
        assert_eq!(names(emission.responses()), ["both", "bus"]);
        let delivered = block_on(emission.delivered()).expect("no failure");
        assert_eq!(names(delivered.receivers()), ["both later", "bus later"]);
        let mut ran = trace.take();
        ran.sort();
        assert_eq!(ran, ["both Bus", "both later Bus", "bus Bus", "bus later Bus"]);
    });
}

#[test]
fn receivers_are_listed_in_all_and_by_origin() {
    testing::scope(|_| {
        let list = |names: Vec<Arc<str>>| names.join(", ");
        connect_all(&Trace::default());
        assert_eq!(list(ORDER_PLACED.receivers()), "both, local, bus, both later, local later, bus later");
        assert_eq!(list(ORDER_PLACED.receivers_from(Origin::Local)), "both, local, both later, local later");
        assert_eq!(list(ORDER_PLACED.receivers_from(Origin::Bus)), "both, bus, both later, bus later");
    });
}

#[test]
fn a_receiver_of_the_other_origin_does_not_fail_an_emission() {
    testing::scope(|recorder| {
        let sent = sent(recorder);
        ORDER_PLACED.receiver("mail").from(Origin::Bus).connect(|_| Err::<(), _>("no server"));
        let emission = ORDER_PLACED.emit_strict(placed(1)).expect("`mail` did not run");
        assert!(emission.responses().is_empty());
        let emission = sent.deliver_to(recorder.hub()).expect("a datum");
        assert!(!emission.responses()[0].is_ok());
    });
}

#[test]
fn a_recorder_sees_events_of_both_origins() {
    testing::scope(|recorder| {
        let sent = sent(recorder);
        recorder.clear();
        ORDER_PLACED.receiver("mail").from(Origin::Bus).connect(|_| ());
        ORDER_PLACED.emit(placed(1));
        sent.deliver_to(recorder.hub()).expect("a datum");
        let origins: Vec<_> = recorder.of::<OrderPlaced>().iter().map(|event| event.origin()).collect();
        assert_eq!(origins, [Origin::Local, Origin::Bus]);
    });
}

#[test]
fn a_replaced_or_disconnected_receiver_leaves_both_lists() {
    testing::scope(|_| {
        let connection = ORDER_PLACED.receiver("mail").from(Origin::Bus).connect(|_| ());
        ORDER_PLACED.receiver("mail").from(Origin::Local).connect(|_| ());
        assert!(ORDER_PLACED.receivers_from(Origin::Bus).is_empty());
        assert_eq!(ORDER_PLACED.receivers_from(Origin::Local).len(), 1);
        assert!(!connection.disconnect(), "replaced");
        assert!(ORDER_PLACED.disconnect("mail"));
        assert!(ORDER_PLACED.receivers().is_empty() && ORDER_PLACED.receivers_from(Origin::Local).is_empty());
    });
}
