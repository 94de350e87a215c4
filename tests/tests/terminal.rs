//! Untrusted text is printed without control characters.

use std::fs;
use std::ops::Deref;

use events_runtime::transport::Message;
use events_tests::sandbox::{CommandOutput, Sandbox};
use serde_json::Value;

/// Sets a title, clears the screen, sets colours, adds a line, and has C1 and bidirectional controls.
const HOSTILE: &str =
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[31mFAKE\r\nerror: all is lost \u{9b}31m\u{202e}\u{2028}\u{7f}";
const ID: &str = "0190a224-e53e-7871-a7a2-8a8a2c063a12";
const BILLING: [&str; 4] = ["--topic", "orders", "--group", "billing"];

/// A shop with a topic and dead letters that are hostile in every part.
struct Shop(Sandbox);

impl Deref for Shop {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Shop {
    fn new() -> Self {
        let config = "[service]\nname = 'shop'\n[bus]\nurl = 'sqlite://events.db'\n";
        let sandbox = Sandbox::with_config(env!("CARGO_BIN_EXE_shop_cli"), config);
        // The free-text fields of a message that is not an event, and of an event.
        let bad = ["ce_type", "ce_id", "ce_source", "ce_time", HOSTILE];
        let bad = bad.iter().fold(Message::new(HOSTILE), |it, name| it.with_header(*name, HOSTILE));
        let c1 = Message::new(HOSTILE)
            .with_header("ce_type", "a.b\u{9b}31mRED")
            .with_header("ce_id", ID)
            .with_header("ce_source", "shop\u{9b}2J\u{202e}")
            .with_header("ce_time", "2026-01-01T00:00:00Z");
        let batch = [bad, c1].map(|message| message.with_key(HOSTILE));
        let dead_letters = batch.clone().map(|message| {
            let message = message.with_header("dlq_reason", HOSTILE).with_header("dlq_cause", HOSTILE);
            message.with_header(format!("dlq_{HOSTILE}"), HOSTILE)
        });
        sandbox.store("orders", &batch);
        sandbox.store("orders.billing.dlq", &dead_letters);
        Self(sandbox)
    }

    fn dlq(&self, command: &str, more: &[&str]) -> CommandOutput {
        self.run(&[&["dlq", command][..], &BILLING, more].concat())
    }
}

/// Asserts that the output has no control characters and no line from a message.
#[track_caller]
fn is_harmless(ran: &CommandOutput) {
    for text in [&ran.out, &ran.err] {
        let acts = |c: &char| {
            (c.is_control() && *c != '\n') || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert_eq!(text.chars().find(acts), None, "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("error: all is lost")), "{text}");
    }
}

#[test]
fn control_characters_of_messages_are_escaped() {
    let shop = Shop::new();
    for (command, more) in [
        ("list", &["--show-pii"][..]),
        ("list", &["--show-pii", "--json"]),
        ("show", &["1", "2", "--show-pii"]),
        ("show", &["1", "2", "--show-pii", "--json"]),
        ("export", &["-", "--show-pii"]),
        ("export", &["-", "--raw"]),
        ("retry", &["--all", "--dry-run"]),
        ("drop", &["--all"]),
        ("drop", &["1", "--yes"]),
        ("retry", &["2"]),
    ] {
        let ran = shop.dlq(command, more);
        assert!(ran.out.contains("owned") || ran.out.contains(ID), "{command}: {}{}", ran.out, ran.err);
        is_harmless(&ran);
    }
    for more in [&[][..], &["--json"]] {
        let group = format!("reader{}", more.len());
        let base = ["consume", "--topic", "orders", "--group", &group, "--idle", "200ms", "--show-pii"];
        let ran = shop.run(&[&base[..], more].concat());
        assert!(ran.out.contains("owned"), "{}{}", ran.out, ran.err);
        is_harmless(&ran);
    }
    for more in [&[][..], &["--json"], &["--last", "2"]] {
        for topic in ["orders", "orders.billing.dlq"] {
            let ran = shop.run(&[&["peek", "--topic", topic, "--show-pii"][..], more].concat());
            assert!(ran.out.contains("owned"), "{}{}", ran.out, ran.err);
            is_harmless(&ran);
        }
    }
    for arguments in [&["offsets", "list", "--topic", "orders"][..], &["doctor"], &["config", "explain"]] {
        is_harmless(&shop.run(arguments));
    }
}

#[test]
fn control_characters_of_arguments_are_escaped_in_errors() {
    let shop = Shop::new();
    let absent = format!("absent {HOSTILE}");
    for (arguments, code) in [
        (&["dlq", "show", "--topic", "orders", "--group", "billing", &absent][..], 1),
        (&["dlq", "list", "--topic", HOSTILE, "--group", "billing"], 2),
        (&["consume", "--topic", "orders", "--group", HOSTILE], 2),
        (&["peek", "--topic", HOSTILE], 2),
        (&["peek", "--topic", "orders", "--from", HOSTILE], 2),
        (&["peek", "--topic", "orders", "--key", HOSTILE, "--type", HOSTILE], 0),
        (&["offsets", "reset", "--topic", "orders", "--group", "billing", "--to", HOSTILE], 2),
        (&["replay", "--topic", HOSTILE, "--group", "look"], 1),
        (&["schema", "show", HOSTILE], 2),
        (&["schema", "diff", "--files", HOSTILE, HOSTILE], 1),
        (&["schema", "list", "--bus", "--topic", HOSTILE], 2),
        (&["schema", "list", "--bus", "--event-type", HOSTILE], 0),
        (&["schema", "pull", "--bus", "--transport", HOSTILE], 2),
        (&["produce", "--type", "org.acme.cli.order.placed.v1", "--data", HOSTILE], 2),
        (&["produce", "--from-spill", HOSTILE], 1),
        (&["--config", HOSTILE, "doctor"], 1),
        (&[HOSTILE], 2),
    ] {
        let ran = shop.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.out, ran.err);
        is_harmless(&ran);
    }
}

#[test]
fn control_characters_of_schemas_and_settings_are_escaped() {
    let shop = Shop::new();
    for (file, doc) in [("old.avsc", "old"), ("new.avsc", HOSTILE)] {
        let schema = serde_json::json!({
            "type": "record", "name": "Told", "namespace": "org.acme", "doc": doc, doc: doc,
            "fields": [{"name": "text", "type": "string", "doc": doc, "default": doc}],
        });
        fs::write(shop.0.path().join(file), schema.to_string()).unwrap();
    }
    for color in ["never", "auto"] {
        let ran = shop.run(&["schema", "diff", "--files", "old.avsc", "new.avsc", "--color", color]);
        assert!(ran.out.contains("text"), "{}{}", ran.out, ran.err);
        is_harmless(&ran);
    }
    let ran = shop.run(&["schema", "diff", "--files", "old.avsc", "new.avsc", "--color", "always"]);
    // Only the program's own colours remain.
    let is_colour =
        |rest: &str| rest.starts_with('[') && rest[..=rest.find(char::is_alphabetic).unwrap()].ends_with('m');
    assert!(ran.out.contains('\u{1b}') && ran.out.split('\u{1b}').skip(1).all(is_colour), "{}", ran.out);
    assert!(!ran.out.contains(['\u{7}', '\u{9b}', '\u{202e}']), "{}", ran.out);
    is_harmless(&shop.run(&["schema", "import", "new.avsc", "--event-type", "org.acme.told.v1"]));
    let settings = format!("[service]\nname = {}\n", Value::from(HOSTILE).to_string().replace('\u{7f}', ""));
    fs::write(shop.0.path().join("more.toml"), settings).unwrap();
    is_harmless(&shop.run(&["--config", "events.toml", "--config", "more.toml", "config", "explain"]));
}

#[test]
fn json_output_preserves_the_text() {
    let shop = Shop::new();
    let out = shop.dlq("list", &["--json"]).succeeded();
    let list: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&list[0]["reason"], &list[0]["id"]), (&Value::from(HOSTILE), &Value::from(HOSTILE)));
}
