//! The published schemas of the examples equal their definitions; a check for the CI of any crate.

use std::process::Command;

#[test]
fn schema_check_finds_nothing() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_events")).args(["schema", "check"]).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert_eq!(text, "2 event types, 0 failures, 0 warnings\n");
}
