use crate::config::Config;
use events_transport::{ConnectOptions, Scheme, connect};

fn problems(text: &str) -> Vec<String> {
    let error = Config::from_toml(text).unwrap_err();
    error.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn every_problem_is_listed_at_once_with_its_line_and_key() {
    let found = problems(
        r#"
[service]
nmae = "shop"
name = 5
[bus]
url = "sqlit://events.db"
queue_capacity = 0
batch_size = -1
linger = 5
[bus.retry]
max_attempts = 1.5
initial = "1m"
[bus.consumer]
unknown_events = "skp"
[routes."org.acme.order.placed.v1"]
"" = { key = "id" }
orders = { kye = "id", enabled = "yes" }
audit = "customer.id"
[topics.orders]
retain_age = "a week"
retain_count = "5"
colour = "red"
[topics]
"" = {}
"or ders" = {}
[routse]
"#,
    );
    let expected = [
        "config:4: service.name: expected a string, found a whole number",
        "config:3: service.nmae: unknown key; did you mean `name`?",
        "config:6: bus.url: no transport has the scheme `sqlit:`; did you mean `sqlite:`?",
        "config:7: bus.queue_capacity: `0` is out of range (expected a whole number from 1)",
        "config:8: bus.batch_size: `-1` is out of range (expected a whole number from 1)",
        "config:9: bus.linger: expected a duration with its unit, such as `250ms`, `5s` or `7d`, found a whole number",
        "config:11: bus.retry.max_attempts: expected a whole number from 1, found a float",
        "config:10: bus.retry: `max` is shorter than `initial`",
        "config:14: bus.consumer.unknown_events: unknown value `skp`; did you mean `skip`? (expected `skip`, `dead-letter` or `stop`)",
        "config:18: routes.\"org.acme.order.placed.v1\".audit: expected a table, found a string",
        "config:16: routes.\"org.acme.order.placed.v1\".\"\": ",
        "config:17: routes.\"org.acme.order.placed.v1\".orders.enabled: expected `true` or `false`, found a string",
        "config:17: routes.\"org.acme.order.placed.v1\".orders.kye: unknown key; did you mean `key`?",
        "config:24: topics.\"\": the topic is empty",
        "config:25: topics.\"or ders\": the topic `or ders` contains ' '",
        "config:20: topics.orders.retain_age: `a week` is not a duration (expected a duration",
        "config:21: topics.orders.retain_count: expected a whole number from 1, found a string",
        "config:22: topics.orders.colour: unknown key, expected one of `retain_age`, `retain_count`, `retain_unsettled`",
        "config:26: routse: unknown key; did you mean `routes`?",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

#[test]
fn a_missing_url_is_a_problem() {
    let found = problems("");
    let example = if Scheme::linked("sqlite").is_some() { "sqlite://events.db" } else { "" };
    let [only] = found.as_slice() else { panic!("{found:?}") };
    let expected = format!("bus.url: is missing; write the address of the bus, such as `{example}");
    assert!(only.starts_with(&expected), "{only}");
}

#[test]
fn every_syntax_error_is_listed_and_quotes_nothing() {
    let found = problems("[bus]\nurl = \"redis://u:s3cret@host\n[service\nname = s3cret\n");
    assert!(found.len() > 1, "{found:#?}");
    assert!(found[0].starts_with("config:2: not TOML: "), "{found:#?}");
    assert!(!found.join(" ").contains("s3cret"), "{found:#?}");
}

#[test]
fn no_problem_quotes_a_password() {
    for text in [
        "[bus]\nurl = 'reddis://u:s3cret@host'",
        "[bus]\nurl = 'u:s3cret@host'",
        "[bus]\nurl = ['redis://u:s3cret@host']",
        "[bus]\nulr = 'redis://u:s3cret@host'",
        "bus = 'redis://u:s3cret@host'",
        "[bus]\nurl = 'memory:'\nlinger = 'redis://u:s3cret@host'",
    ] {
        let found = problems(text).join("\n");
        assert!(!found.contains("s3cret"), "{found}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load("no/such/events.toml").unwrap_err().to_string();
    assert!(error.contains("no/such/events.toml: can't be read"), "{error}");
}

#[test]
fn unreadable_files_are_listed_together() {
    let error =
        Config::builder().file("no/such/a.toml").toml("b", "= 1").file("no/such/c.toml").load().unwrap_err();
    assert_eq!(error.problems().len(), 3, "{error}");
}

/// The parser and the masking are one; this holds all ways out of the configuration to it.
#[test]
fn no_url_valid_or_not_shows_its_password() {
    for url in [
        "memory:?token=s3cret",
        "memory:u:s3cret@host",
        "memory://u:s3cret@host?password=s3cret",
        "MEMORY:u:s3cret@host",
        "sqlite:x.db?password=s3cret",
        "sqlite:u:s3cret@host/x.db",
        "redis:u:s3cret@host",
        "redis:/u:s3cret@host",
        "redis://u:s3cret",
        "redis://u:s3cret@host:port",
        "redis://u:s3?cret=s3cret@host",
        "redis+sentinel:u:s3cret@host",
        "redis+cluster:u:s3cret@host/7",
        "redis:u:s3cret@host?pwd=s3cret",
        "redis:u:s3cret@host?timeout=s3cret@x",
        "rediss:u:%s3cret@host",
        "carrier:u:s3cret@host",
        "u:s3cret@host",
        "redis//u:s3cret@host",
    ] {
        let shown = match Config::from_toml(&format!("[bus]\nurl = '{url}'")) {
            Err(error) => format!("{error} {error:?} {error:#?}"),
            Ok(config) => {
                let connected = match connect(url, &ConnectOptions::new()) {
                    Err(error) => format!("{error} {error:?}"),
                    Ok(transport) => transport.url().to_owned(),
                };
                let url = &config.bus().url;
                format!("{config:?} {config:#?} {} {url} {url:?} {connected}", config.explain())
            }
        };
        assert!(!shown.contains("s3cret"), "{url}: {shown}");
        let error = connect(&format!("{url}&%"), &ConnectOptions::new()).err().expect("it is refused");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{url}: {error:?}");
    }
}
