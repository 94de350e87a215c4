//! Audit lines: one for each step of a message, without the payload.

use events_runtime::bus::AUDIT_TARGET;
use events_runtime::receiver;
use events_runtime::transport::{Message, Topic};
use events_tests::spans::{Recorded, Spans};
use proptest::prelude::*;

use crate::{block_on, bus, consume_orders, letter, placed, receive_orders, till};

/// The audit lines during the call.
fn audited(work: impl AsyncFnOnce()) -> Vec<Recorded> {
    let spans = Spans::default();
    tracing::subscriber::with_default(spans.clone(), || block_on(work()));
    spans.events(AUDIT_TARGET)
}

fn said(lines: &[Recorded], field: &str) -> Vec<String> {
    lines.iter().map(|line| line.field(field).to_owned()).collect()
}

#[test]
fn each_step_of_a_message_is_one_line_that_names_it() {
    let mut id = String::new();
    let lines = audited(async || {
        let bus = bus("memory:", "audit = true").await;
        let emission = bus.hub().emit(placed(7));
        id = emission.event().metadata().id().to_string();
        emission.delivered().await.expect("sent");
        consume_orders(&bus, "orders", 2, |_| Err("out of paper".into())).await;
    });
    let lines: Vec<_> = lines.into_iter().filter(|line| line.field("topic") == "dev-orders").collect();
    let actions = said(&lines, "action");
    assert_eq!(actions, ["sent", "received", "retried", "received", "dead-lettered"]);
    for line in &lines {
        assert_eq!(line.field("id"), id);
        assert_eq!(line.field("event_type"), "org.acme.cli.order.placed.v1");
        assert_eq!(line.field("position"), "1");
    }
    assert_eq!(said(&lines, "attempt"), ["", "1", "1", "2", "2"]);
    assert!(lines.iter().skip(1).all(|line| line.field("group") == "billing"), "{lines:#?}");
}

#[test]
fn an_idle_consumer_has_logged_completed_acknowledgements() {
    let spans = Spans::default();
    tracing::subscriber::with_default(spans.clone(), || {
        block_on(async {
            let folder = tempfile::tempdir().expect("a folder");
            let bus = bus(&format!("sqlite://{}/events.db", folder.path().display()), "audit = true").await;
            receive_orders(&bus);
            bus.hub().emit(placed(1)).delivered().await.expect("sent");
            // Stop the consumer only after the line is logged.
            let logged = events_tests::until(|| async {
                spans.events(AUDIT_TARGET).iter().any(|line| line.field("action") == "acked")
            });
            bus.consume("orders").group("billing").run_until(logged).await.expect("a normal stop");
        });
    });
}

#[test]
fn acknowledged_and_skipped_messages_are_logged_differently() {
    let lines = audited(async || {
        let bus = bus("memory:", "audit = true").await;
        for number in 1..=2 {
            bus.hub().emit(placed(number)).delivered().await.expect("sent");
        }
        consume_orders(&bus, "orders", 2, |order| match order.number {
            1 => Err(receiver::skip(std::io::Error::other("not for us")).into()),
            _ => Ok(()),
        })
        .await;
    });
    let lines: Vec<_> = lines.iter().filter(|line| line.field("topic") == "dev-orders").cloned().collect();
    let ends: Vec<_> = lines
        .iter()
        .filter(|line| !["sent", "received"].contains(&line.field("action")))
        .map(|line| (line.field("position"), line.field("action")))
        .collect();
    assert_eq!(ends, [("1", "skipped"), ("2", "acked")]);
}

#[test]
fn no_line_unless_the_configuration_asks_for_it() {
    let lines = audited(async || {
        let bus = bus("memory:", "").await;
        bus.hub().emit(placed(1)).delivered().await.expect("sent");
        consume_orders(&bus, "orders", 1, |_| Ok(())).await;
    });
    assert!(lines.is_empty(), "{lines:#?}");
}

#[test]
fn a_key_that_is_personal_data_is_masked_on_both_sides() {
    let lines = audited(async || {
        let bus = bus("memory:", "audit = true").await;
        bus.hub().emit(placed(7)).delivered().await.expect("sent");
        bus.hub().emit(letter(1)).delivered().await.expect("sent");
        bus.hub().emit(till("x")).delivered().await.expect("sent");
        consume_orders(&bus, "orders", 1, |_| Ok(())).await;
        consume_orders(&bus, "mail", 1, |_| Ok(())).await;
    });
    let keys = |topic: &str| {
        let mut keys: Vec<_> =
            lines.iter().filter(|line| line.field("topic") == topic).map(|line| line.field("key")).collect();
        keys.dedup();
        keys
    };
    // The definition's key, renamed in the schema; a route's key; and keys marked as personal data.
    assert_eq!(keys("dev-orders"), ["c-7"]);
    assert_eq!(keys("dev-numbers"), ["7"]);
    assert_eq!(keys("dev-tills"), ["t-1"]);
    assert_eq!(keys("dev-mail"), ["***"]);
    assert_eq!(keys("dev-letters"), ["***"]);
    assert!(lines.iter().any(|line| line.field("topic") == "dev-mail" && line.field("action") == "acked"));
}

#[test]
fn a_received_key_is_shown_only_if_it_is_known_not_to_be_personal() {
    let lines = audited(async || {
        let bus = bus("memory:", "audit = true\nconsumer = { unknown_events = \"skip\" }").await;
        let producer = bus.transport().producer().await.expect("a producer");
        // Other senders: a key of another field, an event of an unknown type, a key that is not text.
        let message = |event_type: &'static str, key: &'static [u8]| {
            Message::new(&b"\x04t1\x02n"[..])
                .with_key(key)
                .with_header("ce_type", event_type)
                .with_header("ce_id", "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11")
        };
        let topic = Topic::new("dev-orders").expect("a name");
        let batch = [
            message("org.acme.cli.order.placed.v1", b"bob@foo.example"),
            message("org.acme.unknown.v1", b"bob@foo.example"),
            message("org.acme.observe.till.opened.v1", b"t\xff\n1"),
            message("org.acme.observe.till.opened.v1", b"t1"),
            // A later version may have another field, even personal data, as its key.
            message("org.acme.observe.till.opened.v1", b"t1").with_header("ce_schemafp", "00abcdef01234567"),
            message("org.acme.observe.till.opened.v1", b"bob@foo.example"),
        ];
        let sent = producer.send(&topic, &batch).await;
        assert!(sent.iter().all(Result::is_ok));
        bus.hub().emit(placed(1)).delivered().await.expect("sent");
        consume_orders(&bus, "orders", 1, |_| Ok(())).await;
    });
    let received: Vec<_> = lines.iter().filter(|line| line.field("action") == "received").collect();
    let keys: Vec<_> = received.iter().map(|line| line.field("key")).collect();
    assert_eq!(keys, ["***", "***", "***", "t1", "***", "***", "c-1"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_audit_line_holds_any_of_a_payload(secret in "[a-z]{6}[ -~é\\n\\\"]{6,30}", fails in any::<bool>()) {
        let order = {
            let mut order = placed(1);
            order.customer.email.clone_from(&secret);
            order.note = Some(secret.clone());
            order.lines[0].sku.clone_from(&secret);
            order
        };
        let lines = audited(async || {
            let bus = bus("memory:", "audit = true").await;
            bus.hub().emit(order).delivered().await.expect("sent");
            bus.hub().emit(till(&secret)).delivered().await.expect("sent");
            let answer = move |_: &_| if fails { Err("no".into()) } else { Ok(()) };
            consume_orders(&bus, "orders", if fails { 2 } else { 1 }, answer).await;
        });
        prop_assert!(lines.len() >= 5);
        let start = &secret[..6];
        for line in &lines {
            prop_assert!(line.fields.values().all(|value| !value.contains(start)), "{line:?}");
        }
    }
}
