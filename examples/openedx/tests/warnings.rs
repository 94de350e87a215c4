//! Values that Open edX's Python would change or reject: only numbers, booleans and free texts, since a key
//! or a time is never empty.

use std::collections::BTreeSet;

use events_runtime::Registry;

events_runtime::link!(openedx_events);

#[test]
fn no_warning_is_of_a_key_or_a_time() {
    let registry = Registry::linked().expect("no duplicate names");
    let warnings: Vec<_> = registry.iter().flat_map(|descriptor| descriptor.warnings()).collect();
    let told = "Python reads an empty, zero or false ";
    assert!(warnings.iter().all(|warning| warning.starts_with(told)), "{warnings:?}");
    // The names of fields are between `…`.
    let paths = warnings.iter().flat_map(|warning| warning.split('`').skip(1).step_by(2));
    let fields: BTreeSet<_> = paths.filter_map(|path| path.rsplit('.').next()).collect();
    let texts = [
        "description",
        "end",
        "fulfillment_identifier",
        "image_url",
        "max_students_allowed",
        "name",
        "parent_content_key",
        "source_slug",
        "start",
        "unenrolled",
    ];
    assert_eq!(fields.into_iter().collect::<Vec<_>>(), texts);
}
