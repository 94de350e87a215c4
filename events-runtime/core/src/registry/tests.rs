use super::*;
use crate::testing::sample::{OrderPaid, OrderPlaced};

/// As if another crate had defined the same event type.
static OTHER: SignalDescriptor = SignalDescriptor {
    rust_type: "other::OrderPlaced",
    file: "other.rs",
    line: 7,
    ..*OrderPlaced::DESCRIPTOR
};

fn registry() -> Registry {
    Registry::builder().register::<OrderPlaced>().register::<OrderPaid>().build().expect("no duplicates")
}

#[test]
fn definitions_are_found_by_event_type_and_listed_in_its_order() {
    let registry = registry();
    let placed = registry.get("org.acme.orders.order.placed.v1").expect("registered");
    assert_eq!(placed.minor_version(), 2);
    assert!(placed.rust_type().ends_with("sample::OrderPlaced"));
    assert!(registry.get("org.acme.orders.order.placed.v2").is_none());
    let event_types: Vec<_> = registry.iter().map(|descriptor| descriptor.event_type()).collect();
    assert_eq!(event_types, ["org.acme.orders.order.paid.v1", "org.acme.orders.order.placed.v1"]);
    assert_eq!(registry.len(), 2);
}

#[test]
fn one_definition_may_be_registered_twice() {
    let registry = Registry::builder().register::<OrderPlaced>().register::<OrderPlaced>().build();
    assert_eq!(registry.expect("one definition").len(), 1);
}

#[test]
fn two_definitions_of_one_event_type_are_an_error_that_names_both_locations() {
    let mut builder = Registry::builder().register::<OrderPaid>().register::<OrderPlaced>();
    builder.descriptors.push(Descriptor::new(&OTHER));
    let error = builder.build().expect_err("a duplicate");
    let text = error.clone().to_string();
    for part in [
        "event type `org.acme.orders.order.placed.v1` is defined twice".to_owned(),
        "testing/sample.rs:".to_owned(),
        "`other::OrderPlaced` at other.rs:7".to_owned(),
    ] {
        assert!(text.contains(&part), "{part:?} is not in {text:?}");
    }
    assert!(!text.contains("paid"), "{text}");
}

#[test]
fn receivers_of_one_name_on_one_event_are_an_error_that_names_both_locations() {
    static FIRST: LinkedReceiver = LinkedReceiver {
        name: "receipt",
        file: "a.rs",
        line: 3,
        link: |_| "org.acme.orders.order.placed.v1",
    };
    static SECOND: LinkedReceiver = LinkedReceiver { file: "b.rs", line: 9, ..FIRST };
    static ELSEWHERE: LinkedReceiver = LinkedReceiver { link: |_| "org.acme.orders.order.paid.v1", ..FIRST };
    let builder = RegistryBuilder { descriptors: Vec::new(), receivers: vec![&FIRST, &ELSEWHERE, &SECOND] };
    let text = builder.build().expect_err("a duplicate").to_string();
    assert!(text.contains("receiver `receipt` of event type `org.acme.orders.order.placed.v1`"), "{text}");
    assert!(text.contains("a.rs:3") && text.contains("b.rs:9"), "{text}");
}

#[test]
fn expected_event_types_that_are_missing_are_all_named_with_the_nearest() {
    let registry = registry();
    assert!(registry.expect(["org.acme.orders.order.paid.v1"]).is_ok());
    let error = registry
        .expect([
            "org.acme.orders.order.placed.v1",
            "org.acme.orders.order.plced.v1",
            "com.example.weather.rain.forecast.v1",
        ])
        .expect_err("two are missing");
    let RegistryError::NotLinked { missing, known } = &error else { panic!("{error:?}") };
    assert_eq!(*known, 2);
    assert_eq!(missing.len(), 2);
    assert_eq!(missing[0].nearest[0], "org.acme.orders.order.placed.v1");
    assert!(missing[1].nearest.is_empty());
    let text = error.to_string();
    assert!(text.contains("com.example.weather.rain.forecast.v1"), "{text}");
    assert!(text.contains("did you mean `org.acme.orders.order.placed.v1`"), "{text}");
    assert!(text.contains("link!"), "{text}");
}

#[test]
fn linked_registry_is_one_for_the_process() {
    let first = Registry::linked().expect("no duplicates");
    assert!(std::ptr::eq(first, Registry::linked().expect("no duplicates")));
}
