use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::{Config, Source, UnknownEvents};
use events_transport::{Retention, Topic, TopicPrefix};

const BASE: &str = r#"
[service]
name = "shop"
topic_prefix = "dev"
expect = ["org.acme.orders.order.placed.v1"]

[bus]
url = "sqlite://events.db"
linger = "5ms"

[bus.consumer]
unknown_events = "dead-letter"
schemas = "others"

[routes."org.acme.orders.order.placed.v1"]
orders = { key = "customer.id" }
audit  = { enabled = false }

[topics.orders]
retain_age = "2d"
"#;

#[test]
fn settings_missing_in_a_file_have_defaults() {
    let config = Config::from_toml(BASE).unwrap();
    assert_eq!(config.service().name.as_deref(), Some("shop"));
    assert_eq!(config.service().topic_prefix.as_ref().map(TopicPrefix::as_str), Some("dev"));
    assert_eq!(config.service().expect, ["org.acme.orders.order.placed.v1"]);
    assert_eq!(config.bus().url.expose(), "sqlite://events.db");
    assert_eq!(config.bus().linger, Duration::from_millis(5));
    assert_eq!(config.bus().consumer.unknown_events, UnknownEvents::DeadLetter);
    assert_eq!(config.bus().consumer.schemas.as_deref(), Some(std::path::Path::new("others")));
    assert_eq!(config.bus().queue_capacity.get(), 10_000);
    assert_eq!(config.bus().retry.max_attempts, NonZeroU32::new(5).unwrap());
    let [audit, orders] = config.routes() else {
        panic!("two routes");
    };
    assert_eq!((audit.topic.as_str(), audit.enabled), ("audit", false));
    assert_eq!((orders.topic.as_str(), orders.enabled), ("orders", true));
    assert_eq!(orders.key.as_deref(), Some("customer.id"));
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    let of = |topic: &str| config.retention(&Topic::new(topic).unwrap());
    assert_eq!(of("orders").max_age, Some(Duration::from_secs(48 * 60 * 60)));
    assert_eq!(of("audit").max_age, Some(week));
}

#[test]
fn an_overlay_changes_enabled_and_key_independently() {
    let config = Config::builder()
        .toml("base", BASE)
        .toml(
            "overlay",
            r#"[routes."org.acme.orders.order.placed.v1"]
            orders = { enabled = false }
            audit = { key = "order_id" }
            extra = {}
            [routes."org.acme.orders.order.cancelled.v1"]
            orders = { key = "order_id" }"#,
        )
        .load()
        .unwrap();
    let routes: Vec<_> =
        config.routes().iter().map(|r| (r.topic.as_str(), r.key.as_deref(), r.enabled)).collect();
    assert_eq!(
        routes,
        [
            ("orders", Some("order_id"), true),
            ("audit", Some("order_id"), false),
            ("extra", None, true),
            ("orders", Some("customer.id"), false),
        ]
    );
}

#[test]
fn explain_shows_the_source_of_each_value() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.toml");
    std::fs::write(&path, BASE).unwrap();
    let config = Config::builder()
        .file(&path)
        .optional_file(directory.path().join("absent.toml"))
        .toml("overlay", "[bus]\nlinger = '1s'")
        .variables([("EVENTS_BUS__BATCH_SIZE", "9")])
        .load()
        .unwrap();
    let explained = |key: &str| {
        let setting = config.explain().get(key).unwrap();
        (setting.value.as_str(), setting.source.to_string())
    };
    let file = path.display();
    assert_eq!(explained("bus.url"), ("sqlite://events.db", format!("{file}:8")));
    assert_eq!(explained("bus.linger"), ("1s", "overlay:2".to_owned()));
    assert_eq!(explained("bus.batch_size"), ("9", "environment variable EVENTS_BUS__BATCH_SIZE".to_owned()));
    assert_eq!(explained("bus.queue_capacity"), ("10000", "default".to_owned()));
    assert_eq!(
        explained(r#"routes."org.acme.orders.order.placed.v1".orders.key"#),
        ("customer.id", format!("{file}:16"))
    );
    let text = config.explain().to_string();
    assert_eq!(text.lines().count(), config.explain().iter().count());
    assert!(text.contains("bus.linger"), "{text}");
}

#[test]
fn explain_shows_the_absolute_path_of_a_relative_one() {
    let here = std::env::current_dir().unwrap();
    let config = Config::from_toml(
        "[bus]\nurl = 'sqlite://data/a%20b.db?synchronous=off'\nerror_log = 'lost.jsonl'\n[bus.consumer]\nschemas = '/x'",
    )
    .unwrap();
    let note = |key: &str| config.explain().get(key).unwrap().note.clone();
    let leads =
        |path: &str| Some(format!("relative to the working directory: {}", here.join(path).display()));
    assert_eq!(note("bus.url"), leads("data/a b.db"));
    assert_eq!(note("bus.error_log"), leads("lost.jsonl"));
    assert_eq!((note("bus.consumer.schemas"), note("bus.linger")), (None, None));
    assert!(config.explain().to_string().contains(&format!("({})", leads("data/a b.db").unwrap())));
    for absolute in ["sqlite:///var/events.db", "memory:events.db", "sqlite:u:s3cret@host"] {
        let config = Config::from_toml(&format!("bus.url = '{absolute}'")).unwrap();
        assert_eq!(config.explain().get("bus.url").unwrap().note, None, "{absolute}");
    }
}

#[test]
fn explain_and_debug_never_show_a_password() {
    let config = Config::from_toml("[bus]\nurl = 'memory://user:s3cret@host/x?password=s3cret'").unwrap();
    let shown = format!("{config:?} {config:#?} {}", config.explain());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(shown.contains("memory://user:***@host/x?password=***"));
    assert!(config.bus().url.expose().contains("s3cret"));
}

#[test]
fn every_explained_default_can_be_written_as_a_setting() {
    let config = Config::from_toml("[bus]\nurl = 'memory:'").unwrap();
    let mut restated = String::from("[bus]\nurl = 'memory:'\n");
    for setting in config.explain() {
        if setting.source == Source::Default && !setting.value.starts_with(['(', '[']) {
            let number = setting.value.parse::<i64>().is_ok() || setting.value.parse::<bool>().is_ok();
            let quote = if number { "" } else { "'" };
            let key = setting.key.strip_prefix("bus.").unwrap();
            restated = format!("{restated}{key} = {quote}{}{quote}\n", setting.value);
        }
    }
    let again = Config::from_toml(&restated).unwrap();
    assert_eq!(again.bus(), config.bus());
    assert!(restated.lines().count() > 10, "{restated}");
}

#[test]
fn memory_limits_the_number_of_messages_and_not_their_age() {
    let retention = |url: &str| {
        let config = Config::from_toml(&format!("bus.url = '{url}'")).unwrap();
        config.connect_options().unwrap().retention
    };
    assert_eq!(retention("memory:"), Some(Retention::unlimited().max_count(10_000)));
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    assert_eq!(retention("sqlite://events.db"), Some(Retention::unlimited().max_age(week)));
}

#[test]
fn dead_letters_are_kept_unless_their_own_table_sets_a_limit() {
    let config = Config::from_toml(
        "bus = { url = 'memory:', retain_age = '1h' }
        topics.'orders.billing.dlq' = { retain_count = 5 }",
    )
    .unwrap();
    let of = |topic: &str| config.retention(&Topic::new(topic).unwrap());
    assert_eq!(of("orders.billing.dlq"), Retention::unlimited().max_count(5));
    assert_eq!(of("orders.audit.dlq"), Retention::unlimited());
    assert_eq!(of("orders").max_age, Some(Duration::from_secs(60 * 60)));
}

#[test]
fn the_transport_gets_full_topic_names_and_inherited_settings() {
    let config = Config::from_toml(
        "service = { name = 'shop', topic_prefix = 'dev' }
        bus = { url = 'memory:', retain_age = 'unlimited', retain_count = 10 }
        topics.orders = { retain_age = '1h' }
        topics.audit = { retain_count = 'unlimited', retain_unsettled = false }",
    )
    .unwrap();
    let options = config.connect_options().unwrap();
    assert_eq!(options.client.as_deref(), Some("shop"));
    let unlimited = Retention::unlimited();
    assert_eq!(options.retention, Some(unlimited.max_count(10)));
    let of = |topic: &str| options.topics[&Topic::new(topic).unwrap()];
    assert_eq!(of("dev-orders"), unlimited.max_age(Duration::from_secs(60 * 60)).max_count(10));
    assert_eq!(of("dev-audit"), unlimited.drop_unsettled());
}
