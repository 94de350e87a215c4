use std::time::SystemTime;

use events_transport::{Message, Position};

use super::headers::{Found, Retried, read, write};
use super::*;

fn subscription(topic: &str, group: &str) -> Subscription {
    Subscription::new(Topic::new(topic).unwrap(), ConsumerGroup::new(group).unwrap())
}

fn topics(setting: &str) -> RetryTopics {
    RetryDelays::parse(setting).unwrap().topics(&subscription("orders", "billing")).unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_message_waits_in_the_topic_of_the_longest_delay_that_does_not_exceed_its_own() {
    let topics = topics("1m, 10m,1h");
    let of = |after| topics.of(after).map(Topic::as_str);
    for (after, expected) in [
        (Duration::ZERO, None),
        (Duration::from_millis(59_999), None),
        (seconds(60), Some("orders.billing.retry.1m")),
        (seconds(599), Some("orders.billing.retry.1m")),
        (seconds(600), Some("orders.billing.retry.10m")),
        (seconds(3_600), Some("orders.billing.retry.1h")),
        (Duration::MAX, Some("orders.billing.retry.1h")),
    ] {
        assert_eq!(of(after), expected, "{after:?}");
    }
}

#[test]
fn the_delays_are_durations_in_ascending_order() {
    for text in [
        "",
        "1m,",
        "1m,1m",
        "60s,1m",
        "10m,1m",
        "0s",
        "5",
        "1s,x",
        "-1s",
        "0.5ms",
        "1s,2s,3s,4s,5s,6s,7s,8s,9s",
    ] {
        assert_eq!(RetryDelays::parse(text), None, "{text:?}");
    }
    assert!(RetryDelays::parse("1ms,1s,90s,1d,2w").is_some());
}

#[test]
fn the_same_delay_has_the_same_topic_however_it_is_written() {
    let names = |setting| topics(setting).iter().map(|(_, topic)| topic.to_string()).collect::<Vec<_>>();
    assert_eq!(
        names("60s,3600s,24h"),
        ["1m", "1h", "1d"].map(|delay| format!("orders.billing.retry.{delay}"))
    );
    assert_eq!(names("1500ms,90s"), ["1500ms", "90s"].map(|delay| format!("orders.billing.retry.{delay}")));
}

#[test]
fn a_retry_topic_is_known_by_its_name() {
    let (topic, group) = (Topic::new("orders").unwrap(), ConsumerGroup::new("billing").unwrap());
    assert!(is_of("orders.billing.retry.1m", &topic, &group));
    for name in [
        "orders.billing.retry.60s",
        "orders.billing.retry.",
        "orders.billing.dlq",
        "orders.billing2.retry.1m",
        "orders.retry.1m",
        "payments.billing.retry.1m",
    ] {
        assert!(!is_of(name, &topic, &group), "{name}");
    }
    assert_eq!(delay_in("orders.billing.retry.10m"), Some(seconds(600)));
    assert_eq!(delay_in("orders.billing.dlq"), None);
}

#[test]
fn topics_of_delays_that_are_no_longer_configured_are_found() {
    let of = subscription("orders", "billing");
    let names = ["orders.billing.retry.1m", "orders.billing.retry.5m", "orders.shipping.retry.5m", "orders"];
    let names = names.map(|name| Topic::new(name).unwrap());
    let others = topics("1m,10m").others(&of, names.iter());
    assert_eq!(others, [Topic::new("orders.billing.retry.5m").unwrap()]);
}

#[test]
fn dead_letters_and_groups_that_end_with_their_work_wait_in_their_topic() {
    let delays = RetryDelays::parse("1m").unwrap();
    for of in
        [subscription("orders.billing.dlq", "repair"), subscription("orders", "replay").retries_in_place()]
    {
        assert_eq!(delays.topics(&of).unwrap(), RetryTopics::default());
    }
}

#[test]
fn a_name_that_is_too_long_is_an_error_of_the_subscription() {
    let long = subscription(&"x".repeat(240), "billing");
    let error = RetryDelays::parse("1m").unwrap().topics(&long).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("`retry_topics`"), "{error}");
}

fn retried(attempts: u32) -> Retried {
    Retried {
        position: Position::Record { partition: 3, offset: 42 },
        stored: SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_459_000_123),
        attempts,
        due: 1_764_459_600_123,
    }
}

#[test]
fn the_headers_of_a_retry_are_read_and_removed() {
    let of = subscription("orders", "billing");
    let message = Message::new("data").with_key("key").with_header("ce_id", "1");
    let stored = write(message.clone(), &of.topic, &of.group, retried(2));
    assert_eq!(stored.headers.get("events-retry-attempts").unwrap(), "2");
    assert_eq!(read(stored.clone(), &of.topic, &of.group), Found::Retried(message.clone(), retried(2)));
    let again = write(stored, &of.topic, &of.group, retried(3));
    assert_eq!(again.headers.len(), 7, "{again:?}");
    assert_eq!(read(again, &of.topic, &of.group), Found::Retried(message, retried(3)));
}

#[test]
fn a_message_of_another_group_with_the_same_retry_topic_is_not_delivered() {
    let (one, other) = (subscription("a", "b.c"), subscription("a.b", "c"));
    let stored = write(Message::new("data"), &one.topic, &one.group, retried(1));
    assert_eq!(read(stored.clone(), &other.topic, &other.group), Found::Foreign);
    assert!(matches!(read(stored, &one.topic, &one.group), Found::Retried(..)));
}

#[test]
fn a_message_with_malformed_headers_is_delivered_without_them() {
    let of = subscription("orders", "billing");
    let message = Message::new("data").with_header("mine", "kept");
    let stored = write(message.clone(), &of.topic, &of.group, retried(1));
    for (name, value) in [
        ("events-retry-position", "42"),
        ("events-retry-stored", "yesterday"),
        ("events-retry-attempts", "-1"),
        ("events-retry-due", ""),
    ] {
        let mut stored = stored.clone();
        stored.headers.retain(|header, _| header != name);
        stored.headers.push(name, value);
        assert_eq!(read(stored, &of.topic, &of.group), Found::Plain(message.clone()), "{name}={value}");
    }
    assert_eq!(read(message.clone(), &of.topic, &of.group), Found::Plain(message));
}
