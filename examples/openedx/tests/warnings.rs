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
        "actor_id",
        "anonymous",
        "anonymous_to_peers",
        "category_id",
        "category_name",
        "description",
        "discussion",
        "enable_in_context",
        "enabled",
        "end",
        "external_id",
        "fulfillment_identifier",
        "group_id",
        "image_url",
        "max_students_allowed",
        "name",
        "ordering",
        "parent_content_key",
        "plugin_configuration",
        "source_slug",
        "start",
        "team_id",
        "thread_type",
        "title",
        "title_truncated",
        "unenrolled",
    ];
    assert_eq!(fields.into_iter().collect::<Vec<_>>(), texts);
}

#[test]
fn the_defaults_that_replace_settings_of_discussions_are_named() {
    let registry = Registry::linked().expect("no duplicate names");
    let event = registry.get("org.openedx.learning.discussions.configuration.changed.v1").expect("the event");
    let warning = "Python reads an empty, zero or false `configuration.enabled` as True, `configuration.enable_in_context` as True or `configuration.plugin_configuration` as dict, the default of its class: use a default that is empty, zero or false too, or none, or never send such a value";
    assert!(event.warnings().iter().any(|found| found == warning), "{:?}", event.warnings());
}
