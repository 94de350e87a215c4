//! What the log says of the environment.

use events_runtime::Config;
use events_tests::log::Log;

#[test]
fn a_variable_that_is_no_setting_is_warned_of_once_in_a_process_and_its_value_is_not_shown() {
    let load = || {
        let builder = Config::builder().toml("base", "bus.url = 'memory:'");
        builder.variables([("EVENTS_WARNED_OF_ONCE", "s3cret")]).load().expect("no error");
    };
    // Nobody listens yet.
    load();
    let log = Log::of(|| {
        load();
        load();
    });
    assert_eq!(log.matches("EVENTS_WARNED_OF_ONCE").count(), 1, "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}
