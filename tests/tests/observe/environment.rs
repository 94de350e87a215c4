//! Warnings about environment variables.

use events_runtime::Config;
use events_tests::log::Log;

#[test]
fn an_unknown_variable_is_reported_once_per_process_without_its_value() {
    let load = || {
        let builder = Config::builder().toml("base", "bus.url = 'memory:'");
        builder.variables([("EVENTS_WARNED_OF_ONCE", "s3cret")]).load().expect("no error");
    };
    // No subscriber yet.
    load();
    let log = Log::of(|| {
        load();
        load();
    });
    assert_eq!(log.matches("EVENTS_WARNED_OF_ONCE").count(), 1, "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}
