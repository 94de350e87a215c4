use std::time::Duration;

use crate::config::{Config, ConfigError};
use events_transport::Topic;

const BASE: &str = r#"
bus.url = "memory:"
[routes."org.acme.orders.order.placed.v1"]
order-log = { key = "customer.id" }
"#;

fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::builder().toml("base", BASE).variables(variables.iter().copied()).load()
}

fn problem(variable: &str, value: &str) -> String {
    let error = with(&[(variable, value)]).unwrap_err();
    assert_eq!(error.problems().len(), 1, "{error}");
    assert!(error.to_string().contains(variable), "{error}");
    error.to_string()
}

#[test]
fn every_kind_of_key_can_be_overridden() {
    let config = with(&[
        ("EVENTS_BUS__URL", "memory:other"),
        ("EVENTS_BUS__LINGER", "2s"),
        ("EVENTS_BUS__BATCH_SIZE", "7"),
        ("EVENTS_BUS__CONSUMER__LEASE", "1s"),
        ("EVENTS_SERVICE__EXPECT", "a.b.c.v1, d.e.f.v1"),
        ("EVENTS_ROUTES__ORG_ACME_ORDERS_ORDER_PLACED_V1__ORDER_LOG__ENABLED", "false"),
        ("EVENTS_ROUTES__org.acme.other.v1__Some.Topic__KEY", "a.b"),
        ("EVENTS_TOPICS__ORDER_LOG__RETAIN_COUNT", "5"),
        ("EVENTS_TOPICS__NEW__RETAIN_AGE", "1h"),
        ("EVENTS_LOG", "not ours"),
        ("PATH", "not ours"),
    ])
    .unwrap();
    assert_eq!(config.bus().url.expose(), "memory:other");
    assert_eq!(config.bus().linger, Duration::from_secs(2));
    assert_eq!(config.bus().batch_size.get(), 7);
    assert_eq!(config.bus().consumer.lease, Duration::from_secs(1));
    assert_eq!(config.service().expect, ["a.b.c.v1", "d.e.f.v1"]);
    let [log, other] = config.routes() else {
        panic!("two routes");
    };
    assert_eq!(log.topic.as_str(), "order-log");
    assert_eq!(log.key.as_deref(), Some("customer.id"), "kept from the file");
    assert!(!log.enabled);
    assert_eq!((other.event_type.as_str(), other.topic.as_str()), ("org.acme.other.v1", "Some.Topic"));
    let of = |topic: &str| config.retention(&Topic::new(topic).unwrap());
    assert_eq!(of("order-log").max_count, Some(5));
    assert_eq!(of("new").max_age, Some(Duration::from_secs(60 * 60)));
}

#[test]
fn a_single_underscore_is_reported_as_a_typo() {
    let text = problem("EVENTS_BUS_URL", "redis://u:s3cret@host");
    assert!(text.contains("did you mean `EVENTS_BUS__URL`?"), "{text}");
    assert!(!text.contains("s3cret"));
}

#[test]
fn a_missing_underscore_is_an_error_at_every_position() {
    for (variable, meant) in [
        ("EVENTS_BUS_BATCH_SIZE", "EVENTS_BUS__BATCH_SIZE"),
        ("EVENTS_bus_url", "EVENTS_BUS__URL"),
        ("EVENTS_SERVICE_NAME", "EVENTS_SERVICE__NAME"),
        ("EVENTS_BUS_RETRY_MAX_ATTEMPTS", "EVENTS_BUS__RETRY__MAX_ATTEMPTS"),
        ("EVENTS_BUS__RETRY_MAX", "EVENTS_BUS__RETRY__MAX"),
        ("EVENTS_BUS_CONSUMER__LEASE", "EVENTS_BUS__CONSUMER__LEASE"),
        ("EVENTS_TOPICS_ORDERS_RETAIN_COUNT", "EVENTS_TOPICS__TOPIC__RETAIN_COUNT"),
        ("EVENTS_CONSUMERS_ORDERS_BILLING_CONCURRENCY", "EVENTS_CONSUMERS__TOPIC__GROUP__CONCURRENCY"),
        ("EVENTS_ROUTES_X_ORDERS_ENABLED", "EVENTS_ROUTES__EVENT_TYPE__TOPIC__ENABLED"),
    ] {
        let text = problem(variable, "3");
        assert!(text.contains(&format!("did you mean `{meant}`?")), "{text}");
    }
}

#[test]
fn kubernetes_service_links_are_ignored() {
    let names =
        ["EVENTS", "EVENTS_BUS", "EVENTS_SERVICE", "EVENTS_ROUTES", "EVENTS_TOPICS", "EVENTS_CONSUMERS"];
    let ends = [
        ("SERVICE_HOST", "10.96.0.12"),
        ("SERVICE_PORT", "80"),
        ("SERVICE_PORT_HTTP", "80"),
        ("SERVICE_PORT_KEY", "80"),
        ("PORT", "tcp://10.96.0.12:80"),
        ("PORT_80_TCP", "tcp://10.96.0.12:80"),
        ("PORT_80_TCP_PROTO", "tcp"),
        ("PORT_80_TCP_PORT", "80"),
        ("PORT_80_TCP_ADDR", "10.96.0.12"),
    ];
    let variables = names.iter().flat_map(|name| ends.map(|(end, value)| (format!("{name}_{end}"), value)));
    let config = Config::builder().toml("base", BASE).variables(variables).load().unwrap();
    assert_eq!(config.warnings().len(), names.len() * ends.len());
    let text = config.warnings().first().unwrap().to_string();
    assert!(text.contains("EVENTS_") && text.contains("enableServiceLinks"), "{text}");
    assert_eq!(config.bus().url.expose(), "memory:");
}

#[test]
fn unknown_variables_are_ignored_with_a_warning() {
    let warned = |variable: &str| {
        let config = with(&[(variable, "s3cret")]).unwrap();
        let [warning] = config.warnings() else { panic!("{variable}: {:?}", config.warnings()) };
        let text = warning.to_string();
        assert!(text.contains(variable) && !text.contains("s3cret"), "{text}");
        text
    };
    for variable in ["EVENTS_FOO", "EVENTS_FOO__BAR", "EVENTS_", "EVENTS_BUS_HOST", "EVENTS_LOG"] {
        warned(variable);
    }
    for table in ["EVENTS_ROUTES", "EVENTS_BUS", "EVENTS_SERVICE"] {
        assert!(warned(table).contains("`EVENTS_BUS__URL`"));
    }
    assert!(warned("EVENTS_BUS_ULR").contains("did you mean `EVENTS_BUS__URL`?"));
    assert!(with(&[("PATH", "x"), ("EVENTSLOG", "x")]).unwrap().warnings().is_empty());
}

#[test]
fn a_setting_with_another_prefix_is_ignored_with_a_warning() {
    for variable in ["events_bus__linger", "Events_Bus__Linger", "EVENT_BUS__LINGER", "event_bus__linger"] {
        let config = with(&[(variable, "1s")]).unwrap();
        let [warning] = config.warnings() else { panic!("{variable}: {:?}", config.warnings()) };
        let text = warning.to_string();
        assert!(text.contains(variable) && text.contains("did you mean `EVENTS_BUS__LINGER`?"), "{text}");
    }
    assert!(
        with(&[("EVENT_BUS", "x"), ("EVENT__BUS", "x"), ("event_id", "x")]).unwrap().warnings().is_empty()
    );
}

#[test]
fn an_error_lists_only_the_ignored_variables() {
    let variables =
        [("EVENTS_BUS", "memory:"), ("events_bus__url", "memory:"), ("EVENTS_PORT", "tcp://h:80")];
    let error = Config::builder().variables(variables).load().unwrap_err().to_string();
    for part in ["bus.url: is missing", "EVENTS_BUS:", "events_bus__url:"] {
        assert!(error.contains(part), "no {part} in {error}");
    }
    assert!(!error.contains("EVENTS_PORT"), "{error}");
}

#[test]
fn an_unknown_section_or_key_is_named_with_the_nearest_one() {
    assert!(problem("EVENTS_BSU__URL", "memory:").contains("did you mean `bus`?"));
    assert!(problem("EVENTS_BUS__ULR", "memory:").contains("did you mean `url`?"));
}

#[test]
fn an_unknown_event_type_is_named_with_the_nearest_one() {
    let text = problem("EVENTS_ROUTES__ORG_ACME_ORDERS_ORDER_PLACD_V1__X__ENABLED", "true");
    assert!(text.contains("did you mean `ORG_ACME_ORDERS_ORDER_PLACED_V1`?"), "{text}");
}

#[test]
fn an_ambiguous_name_is_an_error() {
    let error = Config::builder()
        .toml("base", "bus.url = 'memory:'\n[topics.a-b]\n[topics.a_b]")
        .variables([("EVENTS_TOPICS__A_B__RETAIN_COUNT", "5")])
        .load()
        .unwrap_err()
        .to_string();
    assert!(error.contains("`a-b` or `a_b`"), "{error}");
}

#[test]
fn an_empty_variable_is_an_invalid_value() {
    assert!(problem("EVENTS_BUS__URL", "").contains("is empty"));
    assert!(problem("EVENTS_SERVICE__NAME", "").contains("is empty"));
    assert!(problem("EVENTS_BUS__BATCH_SIZE", "").contains("a whole number from 1"));
}

#[test]
fn problems_of_files_and_environment_are_listed_together() {
    let error = Config::builder()
        .toml("base", "bus.urll = 'memory:'")
        .variables([("EVENTS_BUS_LINGER", "1s"), ("EVENTS_BUS__BATCH_SIZE", "x")])
        .load()
        .unwrap_err();
    let text = error.to_string();
    for part in ["bus.urll", "EVENTS_BUS_LINGER", "EVENTS_BUS__BATCH_SIZE", "bus.url: is missing"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}
