//! The published schemas in `schemas/` equal the definitions.

use std::process::Command;

use openedx_events::EVENTS;

#[test]
fn schema_check_finds_nothing() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_openedx-cli")).args(["schema", "check"]).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert_eq!(text, format!("{EVENTS} event types, 0 failures, 0 warnings\n"));
}
