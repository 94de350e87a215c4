//! The trap: `events-linked-only` is a dependency in `Cargo.toml`, but no code of this test names it.
//! `linking_cure.rs` is the same with one more line.

use events_runtime::{Registry, RegistryError};

const LINKED: &str = "org.acme.linking.crate.linked.v1";

#[test]
fn crate_that_no_code_names_contributes_nothing() {
    let registry = Registry::linked().expect("no duplicates");
    assert!(registry.get(LINKED).is_none());
}

#[test]
fn expectation_names_the_missing_event_and_the_fix() {
    let registry = Registry::linked().expect("no duplicates");
    let error = registry.expect([LINKED]).expect_err("it is not linked");
    assert!(matches!(&error, RegistryError::NotLinked { missing, .. } if missing[0].event_type == LINKED));
    assert!(error.to_string().contains("events_runtime::link!"), "{error}");
}
