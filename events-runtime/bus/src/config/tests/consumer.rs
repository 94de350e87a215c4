use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use crate::config::{Config, ConsumerSettings, Exhausted, GroupSettings, UnhandledEvents};
use events_transport::{ConsumerGroup, Position, StartPosition, Topic};

fn consumer(settings: &str) -> ConsumerSettings {
    let text = format!("[bus]\nurl = 'memory:'\n[bus.consumer]\n{settings}");
    Config::from_toml(&text).unwrap().bus().consumer.clone()
}

#[test]
fn consumer_settings_are_read() {
    let found = consumer(
        "enabled = false\nconcurrency = 8\nmax_consecutive_errors = 3\ndrain_timeout = '5s'\nexhausted = 'park'",
    );
    assert!(!found.enabled);
    assert_eq!(found.concurrency.get(), 8);
    assert_eq!(found.max_consecutive_errors, NonZeroU32::new(3));
    assert_eq!(found.drain_timeout, Some(Duration::from_secs(5)));
    assert_eq!(found.exhausted, Exhausted::Park);
}

#[test]
fn a_consumer_has_no_concurrency_and_no_error_limit_by_default() {
    let found = consumer("");
    assert!(found.enabled);
    assert_eq!(found.concurrency.get(), 1);
    assert_eq!(found.max_consecutive_errors, None);
    assert_eq!(found.drain_timeout, Some(Duration::from_secs(30)));
    assert_eq!(found.exhausted, Exhausted::DeadLetter);
    assert_eq!(consumer("max_consecutive_errors = 0").max_consecutive_errors, None);
    assert_eq!(consumer("drain_timeout = 'unlimited'").drain_timeout, None);
}

#[test]
fn unhandled_events_have_a_policy_for_the_bus_and_for_each_group() {
    assert_eq!(consumer("").unhandled, UnhandledEvents::Error);
    let text = "bus.url = 'memory:'\n[bus.consumer]\nunhandled = 'dead-letter'\nexpect_receivers = ['a']\n\
        [consumers.orders]\nbilling = { unhandled = 'skip', expect_receivers = ['b', 'c'] }\nstock = {}";
    let variables = [
        ("EVENTS_CONSUMERS__ORDERS__AUDIT__UNHANDLED", "error"),
        ("EVENTS_CONSUMERS__ORDERS__AUDIT__EXPECT_RECEIVERS", "d,e"),
    ];
    let config = Config::builder().toml("base", text).variables(variables).load().unwrap();
    for (name, policy, expected) in [
        ("billing", UnhandledEvents::Skip, &["b", "c"][..]),
        ("stock", UnhandledEvents::DeadLetter, &["a"]),
        ("audit", UnhandledEvents::Error, &["d", "e"]),
        ("other", UnhandledEvents::DeadLetter, &["a"]),
    ] {
        let group = group(&config, "orders", name);
        assert_eq!(
            (group.unhandled, group.expect_receivers),
            (policy, expected.iter().map(|name| (*name).to_owned()).collect()),
            "{name}"
        );
    }
    let explained = |key: &str| config.explain().get(key).unwrap().value.clone();
    assert_eq!(explained("bus.consumer.unhandled"), "dead-letter");
    assert_eq!(explained("consumers.orders.billing.unhandled"), "skip");
    assert_eq!(explained("consumers.orders.billing.expect_receivers"), "[b, c]");

    let variables = [("EVENTS_BUS__CONSUMER__UNHANDLED", "skpi")];
    let error = Config::builder().toml("base", text).variables(variables).load().unwrap_err().to_string();
    assert!(error.contains("bus.consumer.unhandled") && error.contains("did you mean `skip`?"), "{error}");
}

#[test]
fn the_explanation_shows_consumer_settings() {
    let config = Config::from_toml("[bus]\nurl = 'memory:'\nconsumer = { concurrency = 2 }").unwrap();
    let explained = |key: &str| config.explain().get(key).unwrap().value.clone();
    assert_eq!(explained("bus.consumer.enabled"), "true");
    assert_eq!(explained("bus.consumer.concurrency"), "2");
    assert_eq!(explained("bus.consumer.max_consecutive_errors"), "0");
    assert_eq!(explained("bus.consumer.drain_timeout"), "30s");
    assert_eq!(explained("bus.consumer.exhausted"), "dead-letter");
}

#[test]
fn audit_and_error_log_are_off_by_default() {
    let bus =
        |text: &str| Config::from_toml(&format!("[bus]\nurl = 'memory:'\n{text}")).unwrap().bus().clone();
    let usual = bus("");
    assert!(!usual.audit);
    assert_eq!(usual.error_log, None);
    assert_eq!(usual.consumer.lag_interval, Some(Duration::from_secs(15)));
    assert_eq!(usual.error_log_max_bytes.get(), 268_435_456);
    let told = bus(
        "audit = true\nerror_log = 'errors.jsonl'\nerror_log_max_bytes = 1000\nconsumer = { lag_interval = '2s' }",
    );
    assert!(told.audit);
    assert_eq!(told.error_log, Some("errors.jsonl".into()));
    assert_eq!(told.error_log_max_bytes.get(), 1000);
    assert_eq!(told.consumer.lag_interval, Some(Duration::from_secs(2)));
    for never in ["off", "0s"] {
        assert_eq!(consumer(&format!("lag_interval = '{never}'")).lag_interval, None);
    }
    let config = Config::from_toml("[bus]\nurl = 'memory:'\nconsumer = { lag_interval = 'off' }").unwrap();
    let explained = |key: &str| config.explain().get(key).unwrap().value.clone();
    assert_eq!(explained("bus.audit"), "false");
    assert_eq!(explained("bus.error_log"), "(none)");
    assert_eq!(explained("bus.consumer.lag_interval"), "off");

    let text = "[bus]\nurl = 'memory:'\naudit = 'yes'\nerror_log = 7\nconsumer = { lag_interval = 'often' }";
    let error = Config::from_toml(text).unwrap_err();
    let found: Vec<_> = error.problems().iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("config:3: bus.audit: expected `true` or `false`"), "{found:#?}");
    assert!(found[1].starts_with("config:4: bus.error_log: expected a string"), "{found:#?}");
    assert!(
        found[2].starts_with("config:5: bus.consumer.lag_interval:") && found[2].contains("or `off`"),
        "{found:#?}"
    );
}

#[test]
fn invalid_consumer_settings_are_reported_with_their_key() {
    let text = "[bus]\nurl = 'memory:'\n[bus.consumer]\nconcurrency = 0\nexhausted = 'prak'\nmax_consecutive_errors = -1";
    let error = Config::from_toml(text).unwrap_err();
    let found: Vec<_> = error.problems().iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("config:4: bus.consumer.concurrency: `0` is out of range"), "{found:#?}");
    assert!(found[1].starts_with("config:6: bus.consumer.max_consecutive_errors:"), "{found:#?}");
    assert!(found[2].contains("did you mean `park`?"), "{found:#?}");
}

#[test]
fn a_start_position_has_one_text_form() {
    let consumer = |start: &str| consumer(&format!("start = {start}")).start;
    assert_eq!(self::consumer("").start, StartPosition::Earliest);
    assert_eq!(consumer("'latest'"), StartPosition::Latest);
    assert_eq!(consumer("42"), StartPosition::At(Position::Sequence(42)));
    assert_eq!(consumer("'42'"), StartPosition::At(Position::Sequence(42)));
    let entry = Position::Entry { millis: 1_526_919_030_474, sequence: 55 };
    assert_eq!(consumer("'1526919030474-55'"), StartPosition::At(entry));
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(491_628 * 60 * 60);
    assert_eq!(consumer("'2026-01-31T12:00:00Z'"), StartPosition::Time(time));
}

#[test]
fn a_group_has_a_start_position_of_its_own() {
    let text = "bus.url = 'memory:'\nbus.consumer.start = 'latest'\n[consumers.orders]\nbilling = { start = 'earliest' }";
    let variables = [("EVENTS_CONSUMERS__ORDERS__AUDIT__START", "7")];
    let config = Config::builder().toml("base", text).variables(variables).load().unwrap();
    assert_eq!(group(&config, "orders", "billing").start, StartPosition::Earliest);
    assert_eq!(group(&config, "orders", "audit").start, StartPosition::At(Position::Sequence(7)));
    assert_eq!(group(&config, "orders", "other").start, StartPosition::Latest);
    let explained = |key: &str| config.explain().get(key).unwrap().value.clone();
    assert_eq!(explained("bus.consumer.start"), "latest");
    assert_eq!(explained("consumers.orders.billing.start"), "earliest");
}

#[test]
fn an_invalid_start_position_is_reported_with_its_key_and_the_valid_forms() {
    for wrong in ["'erliest'", "-1", "2026-01-31T12:00:00Z", "true", "'2026-01-31'"] {
        let text = format!("bus.url = 'memory:'\nbus.consumer.start = {wrong}");
        let error = Config::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains("bus.consumer.start") && error.contains("`earliest`, `latest`"), "{error}");
    }
}

const GROUPS: &str = "
bus.url = 'memory:'
bus.retry = { max_attempts = 7, initial = '1s' }
[consumers.order-log]
billing = { max_attempts = 20, concurrency = 4 }
";

fn group(config: &Config, topic: &str, group: &str) -> GroupSettings {
    config.group(&Topic::new(topic).unwrap(), &ConsumerGroup::new(group).unwrap())
}

#[test]
fn a_group_uses_its_own_table_then_the_bus() {
    let config = Config::from_toml(GROUPS).unwrap();
    let billing = group(&config, "order-log", "billing");
    assert_eq!((billing.max_attempts.get(), billing.concurrency.get()), (20, 4));
    assert_eq!(billing.initial, Duration::from_secs(1), "from the bus");
    for (topic, name) in [("order-log", "audit"), ("orders", "billing")] {
        let other = group(&config, topic, name);
        assert_eq!((other.max_attempts.get(), other.concurrency.get()), (7, 1), "{topic} {name}");
    }
    let explained = |key: &str| config.explain().get(key).unwrap().value.clone();
    assert_eq!(explained("consumers.order-log.billing.max_attempts"), "20");
    assert_eq!(explained("consumers.order-log.billing.exhausted"), "dead-letter");
}

#[test]
fn the_environment_overrides_the_settings_of_a_group() {
    let variables = [
        ("EVENTS_CONSUMERS__ORDER_LOG__BILLING__MAX_ATTEMPTS", "3"),
        ("EVENTS_CONSUMERS__NEW__AUDIT__EXHAUSTED", "park"),
    ];
    let config = Config::builder().toml("base", GROUPS).variables(variables).load().unwrap();
    let billing = group(&config, "order-log", "billing");
    assert_eq!((billing.max_attempts.get(), billing.concurrency.get()), (3, 4));
    assert_eq!(group(&config, "new", "audit").exhausted, Exhausted::Park);
    let short = [("EVENTS_CONSUMERS__ORDER_LOG__MAX_ATTEMPTS", "3")];
    let error = Config::builder().toml("base", GROUPS).variables(short).load().unwrap_err();
    assert!(error.to_string().contains("EVENTS_CONSUMERS__TOPIC__GROUP__SETTING"), "{error}");
}

#[test]
fn invalid_group_settings_are_reported_with_their_key() {
    let text =
        "bus.url = 'memory:'\n[consumers.orders]\n\"a b\" = {}\nbilling = { max_attempts = 0, atempts = 1 }";
    let error = Config::from_toml(text).unwrap_err().to_string();
    for part in ["consumers.orders.billing.max_attempts: `0`", "consumers.orders.billing.atempts", "`a b`"] {
        assert!(error.contains(part), "no {part} in {error}");
    }
}

#[test]
fn the_wait_for_an_unknown_schema_is_set_for_all_consumers_and_for_one_group() {
    let config = Config::from_toml(
        "[bus]\nurl = 'memory:'\n[bus.consumer]\nunknown_schema = { wait = '1h' }\n\
         [consumers.orders]\nbilling = { unknown_schema = { wait = '0s' } }",
    )
    .unwrap();
    let wait = |group: &str| {
        let (topic, group) = (Topic::new("orders").unwrap(), ConsumerGroup::new(group).unwrap());
        config.group(&topic, &group).unknown_schema.wait
    };
    assert_eq!((wait("billing"), wait("mail")), (Duration::ZERO, Duration::from_secs(3600)));
    assert_eq!(config.explain().get("bus.consumer.unknown_schema.wait").unwrap().value, "1h");

    let variable = ("EVENTS_BUS__CONSUMER__UNKNOWN_SCHEMA__WAIT", "5m");
    let config =
        Config::builder().toml("config", "[bus]\nurl = 'memory:'").variables([variable]).load().unwrap();
    assert_eq!(config.bus().consumer.unknown_schema.wait, Duration::from_secs(300));
    let default = Config::from_toml("[bus]\nurl = 'memory:'").unwrap();
    assert_eq!(default.bus().consumer.unknown_schema.wait, Duration::from_secs(600));

    let error = Config::from_toml("[bus]\nurl = 'memory:'\n[bus.consumer]\nunknown_schema = { wiat = '1h' }");
    let error = error.unwrap_err().to_string();
    assert!(error.contains("did you mean `wait`"), "{error}");
}
