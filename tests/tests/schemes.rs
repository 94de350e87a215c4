//! The URL schemes of the transports that are linked into a program.

use events_runtime::transport::url::mask;
use events_runtime::transport::{ConnectOptions, ErrorKind, Scheme, connect};

#[test]
fn transports_are_linked_by_their_features_alone() {
    let names: Vec<_> = Scheme::all_linked().map(|scheme| scheme.name).collect();
    assert!(names.starts_with(&["memory"]) && names.contains(&"sqlite"), "{names:?}");
}

#[test]
fn every_setting_of_a_transport_is_shown_with_its_value() {
    for scheme in Scheme::all_linked() {
        // Values of secrets are masked. librdkafka's settings have dots, and files are named by secrets.
        let is_shown = |setting: &&&str| {
            !["pass", "secret", "token", "key", "credential", "auth"]
                .iter()
                .any(|word| setting.contains(word))
        };
        for setting in scheme.settings.iter().filter(is_shown) {
            let url = format!("{}:x?{setting}=1", scheme.name);
            assert_eq!(mask(&url), url);
        }
        assert!(scheme.settings.contains(&"retention_age"), "{scheme:?}");
    }
}

#[test]
fn an_unknown_setting_is_an_error_that_lists_the_known_ones() {
    for scheme in Scheme::all_linked() {
        let url = format!("{}:localhost?none=1", scheme.name);
        let Err(error) = connect(&url, &ConnectOptions::new()) else { panic!("{url}") };
        assert_eq!(error.kind(), ErrorKind::Invalid);
        if scheme.settings.len() > 40 {
            assert!(error.to_string().contains("see the settings in the documentation"), "{error}");
            continue;
        }
        for setting in scheme.settings {
            assert!(error.to_string().contains(&format!("`{setting}`")), "{error}");
        }
    }
}
