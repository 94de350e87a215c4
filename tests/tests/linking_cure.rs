//! The fix for `linking_trap.rs`: one line that names the crate.

use events_runtime::metadata::MetadataText;
use events_runtime::{EventMetadata, Hub, Registry, testing};

events_runtime::link!(events_linked_only);

const LINKED: &str = "org.acme.linking.crate.linked.v1";

#[test]
fn linked_crate_contributes_its_definitions() {
    let registry = Registry::linked().expect("no duplicates");
    let linked = registry.get(LINKED).expect("linked");
    assert_eq!(linked.rust_type(), "events_linked_only::CrateLinked");
    testing::assert_linked([LINKED]);
}

#[test]
fn linked_crate_contributes_its_receivers() {
    // Decoded by the registry's definition: the test names no item of the crate.
    let recorder = testing::Recorder::attach(&Hub::linked());
    let linked = Registry::linked().expect("no duplicates").get(LINKED).expect("linked");
    let emission = linked.emit_datum(recorder.hub(), metadata(), &[1]).expect("a boolean");
    let names: Vec<_> = emission.responses().iter().map(events_runtime::Response::receiver).collect();
    assert_eq!(names, ["linked only"]);
    assert!(emission.responses()[0].is_ok());
    assert_eq!(recorder.event_types(), [LINKED]);
}

fn metadata() -> EventMetadata {
    EventMetadata::try_from(MetadataText {
        event_type: Some(LINKED),
        id: Some("0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11"),
        source: Some("test"),
        time: Some("2023-01-02T03:04:05+00:00"),
        ..MetadataText::default()
    })
    .expect("complete")
}
