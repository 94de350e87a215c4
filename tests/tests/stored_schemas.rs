//! `schema list --bus` and `schema pull --bus`, run as a program on an SQLite file.

use std::fs;
use std::ops::Deref;
use std::path::Path;

use events_runtime::avro::WriterSchema;
use events_runtime::transport::{SchemaId, Topic};
use events_tests::sandbox::{CommandOutput, Sandbox};
use serde_json::{Value, json};

const PLACED: &str = "org.acme.cli.order.placed.v1";
const CANCELLED: &str = "org.acme.cli.order.cancelled.v1";
const FOREIGN: &str = "org.other.stock.moved.v1";
const CONFIG: &str = r#"
[service]
name = "shop"
topic_prefix = "dev"
[bus]
url = "sqlite://events.db"
[routes."org.acme.cli.order.cancelled.v1"]
orders = {}
"#;

struct Shop(Sandbox);

impl Deref for Shop {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

/// A cancelled order of another version: with these fields after the number.
fn cancelled(more: &str) -> String {
    format!(
        r#"{{"type":"record","name":"OrderCancelled","namespace":"{CANCELLED}","fields":[{{"name":"number","type":"long"}}{more}]}}"#
    )
}

const REASON: &str = r#",{"name":"reason","type":["null","string"],"default":null}"#;
const BY: &str = r#",{"name":"by","type":"string"}"#;

fn foreign() -> String {
    r#"{"type":"record","name":"StockMoved","namespace":"org.other.stock.moved.v1","fields":[{"name":"item","type":"string"}]}"#
        .to_owned()
}

fn fingerprint(text: &str) -> u64 {
    WriterSchema::parse(text).unwrap().fingerprint()
}

fn hex(text: &str) -> String {
    format!("{:016x}", fingerprint(text))
}

impl Shop {
    /// A shop whose topic exists.
    fn new() -> Self {
        let shop = Self(Sandbox::with_config(env!("CARGO_BIN_EXE_shop_cli"), CONFIG));
        let _ = shop.json(&["produce", "--type", CANCELLED, "--data", r#"{"number": 7}"#]);
        shop
    }

    fn store(&self, topic: &str, event_type: &str, fingerprint: u64, text: &str) {
        self.with_transport(async |transport| {
            let id = SchemaId::new(event_type, fingerprint);
            transport.store_schema(&Topic::new(topic).unwrap(), &id, text).await.unwrap();
        });
    }

    /// Stores a text under its own fingerprint.
    fn store_right(&self, event_type: &str, text: &str) {
        self.store("dev-orders", event_type, fingerprint(text), text);
    }

    /// The listed schemas of an event type besides the definition's, which the producer may have stored.
    fn listed(&self, event_type: &str) -> Vec<Value> {
        let list = self.json(&["schema", "list", "--bus", "--event-type", event_type]);
        let others = list.as_array().unwrap().iter().filter(|row| row["known_as"] != "definition");
        others.cloned().collect()
    }

    fn pull(&self, more: &[&str]) -> CommandOutput {
        self.run(&[&["schema", "pull", "--bus", "--into", "pulled"], more].concat())
    }

    fn pulled(&self, path: impl AsRef<Path>) -> String {
        fs::read_to_string(self.path().join("pulled").join(path)).unwrap()
    }
}

#[test]
fn list_shows_what_is_known_here_and_who_reads_whom() {
    let shop = Shop::new();
    let own = shop.out(&["schema", "show", CANCELLED]);
    shop.store_right(CANCELLED, &own);
    shop.store_right(CANCELLED, &cancelled(REASON));
    shop.store_right(CANCELLED, &cancelled(BY));
    shop.store_right(FOREIGN, &foreign());

    let list = shop.json(&["schema", "list", "--bus", "--topic", "orders"]);
    let row = |fingerprint: String| {
        let rows = list.as_array().unwrap();
        rows.iter().find(|row| row["fingerprint"] == fingerprint).unwrap_or_else(|| panic!("{list}")).clone()
    };
    let expected = |event_type: &str,
                    fingerprint: String,
                    known: &str,
                    minor: Value,
                    compatible: [Value; 2]| {
        let [here, ours] = compatible;
        json!({
            "topic": "orders", "event_type": event_type, "fingerprint": fingerprint, "known_as": known,
            "minor_version": minor, "read_here": here, "reads_ours": ours, "verified": true, "problem": null,
        })
    };
    let both = || [json!(true), json!(true)];
    for (event_type, text, known, minor, compatible) in [
        (CANCELLED, own.clone(), "definition", json!(0), both()),
        (CANCELLED, cancelled(REASON), "unknown", Value::Null, both()),
        (CANCELLED, cancelled(BY), "unknown", Value::Null, [json!(true), json!(false)]),
        (FOREIGN, foreign(), "not linked", Value::Null, [Value::Null, Value::Null]),
    ] {
        let fingerprint = hex(&text);
        assert_eq!(row(fingerprint.clone()), expected(event_type, fingerprint, known, minor, compatible));
    }
    let table = shop.out(&["schema", "list", "--bus"]);
    let line = table.lines().find(|line| line.contains(&hex(&cancelled(BY)))).unwrap();
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words, ["orders", CANCELLED, &hex(&cancelled(BY)), "unknown", "yes", "no", "verified"]);
    assert!(table.contains("definition, version 0"), "{table}");
}

#[test]
fn list_knows_the_files_of_consumers() {
    let shop = Shop::new();
    shop.store_right(CANCELLED, &cancelled(REASON));
    assert_eq!(shop.listed(CANCELLED)[0]["known_as"], "unknown");
    let _ = shop.pull(&["--event-type", CANCELLED]).succeeded();
    let config = CONFIG.replace("[routes", "[bus.consumer]\nschemas = \"pulled\"\n[routes");
    fs::write(shop.path().join("events.toml"), config).unwrap();
    assert_eq!(shop.listed(CANCELLED)[0]["known_as"], "file");
}

#[test]
fn pull_writes_verified_schemas_as_versions_and_replaces_no_file() {
    let shop = Shop::new();
    shop.store_right(CANCELLED, &cancelled(REASON));
    let folder = shop.path().join("pulled").join(CANCELLED);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("0.avsc"), cancelled(BY)).unwrap();

    let out = shop.pull(&["--topic", "orders", "--event-type", CANCELLED]).succeeded();
    let written = format!("`{CANCELLED}` with fingerprint {} as version ", hex(&cancelled(REASON)));
    let line = out.lines().find(|line| line.contains(&written)).unwrap_or_else(|| panic!("{out}"));
    let path = line.rsplit_once(": ").unwrap().1;
    let text = fs::read_to_string(shop.path().join(path)).unwrap();
    assert_eq!(fingerprint(&text), fingerprint(&cancelled(REASON)));
    assert!(text.lines().count() > 10, "in the layout of `schema lock`: {text}");
    assert_eq!(shop.pulled(format!("{CANCELLED}/0.avsc")), cancelled(BY), "it is as it was");

    let again = shop.pull(&["--event-type", CANCELLED]).succeeded();
    assert!(again.lines().all(|line| line.starts_with("present  ")), "{again}");
    let files = fs::read_dir(&folder).unwrap().count();
    let json = shop.json(&["schema", "pull", "--bus", "--into", "pulled", "--event-type", CANCELLED]);
    assert!(json.as_array().unwrap().iter().all(|row| row["outcome"] == "present"), "{json}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), files);
}

#[test]
fn pulled_versions_are_numbered_from_the_oldest() {
    let shop = Shop::new();
    let first = foreign();
    let second = first.replace("}]}", "},{\"name\":\"note\",\"type\":\"string\",\"default\":\"\"}]}");
    let third = second.replace("]}", ",{\"name\":\"by\",\"type\":\"long\",\"default\":0}]}");
    for text in [&third, &first, &second] {
        shop.store_right(FOREIGN, text);
    }
    let _ = shop.pull(&["--event-type", FOREIGN]).succeeded();
    for (minor, text) in [&first, &second, &third].into_iter().enumerate() {
        let file = shop.pulled(format!("{FOREIGN}/{minor}.avsc"));
        assert_eq!(fingerprint(&file), fingerprint(text), "version {minor}: {file}");
    }
}

#[test]
fn text_that_does_not_verify_is_listed_with_the_reason_and_never_written() {
    const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2Jerror: all is lost\u{9b}31m\u{202e}";
    let shop = Shop::new();
    let text = foreign();
    let deep = format!("{}\"long\"{}", "{\"type\":\"array\",\"items\":".repeat(2_000), "}".repeat(2_000));
    for (event_type, fingerprint, text) in [
        ("org.other.wrong.fingerprint.v1", 7, text.as_str()),
        ("org.other.no.schema.v1", 8, HOSTILE),
        ("org.other.too.deep.v1", 9, &deep),
        ("org.other.no.record.v1", fingerprint("\"string\""), "\"string\""),
        (PLACED, fingerprint(&text), &text),
        ("../../outside", fingerprint(&text), &text),
        ("/tmp/outside.v1", fingerprint(&text), &text),
        ("..", fingerprint(&text), &text),
        (HOSTILE, fingerprint(&text), &text),
    ] {
        shop.store("dev-orders", event_type, fingerprint, text);
    }
    shop.store_right(FOREIGN, &text);
    let list = shop.json(&["schema", "list", "--bus"]);
    let problem = |event_type: &str| {
        let rows = list.as_array().unwrap();
        rows.iter().find(|row| row["event_type"] == event_type).unwrap()["problem"].clone()
    };
    let says = |event_type: &str, part: &str| {
        let problem = problem(event_type);
        assert!(problem.as_str().is_some_and(|problem| problem.contains(part)), "{event_type}: {problem}");
    };
    says("org.other.wrong.fingerprint.v1", &format!("has the fingerprint {}", hex(&text)));
    says("org.other.no.schema.v1", "not an Avro schema");
    says("org.other.too.deep.v1", "not an Avro schema");
    says("org.other.no.record.v1", "not the schema of a record");

    says(PLACED, "not a record with the name of");

    let ran = shop.pull(&[]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.err.matches(" was not written: ").count(), 9, "{}", ran.err);
    assert_eq!(ran.err.matches("can't be used as a folder name").count(), 4, "{}", ran.err);
    let listed = shop.run(&["schema", "list", "--bus"]);
    for text in [&ran.out, &ran.err, &listed.out, &listed.err] {
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{text:?}");
    }
    let mut written: Vec<_> = fs::read_dir(shop.path().join("pulled"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    written.retain(|name| name != CANCELLED);
    assert_eq!(written, [FOREIGN], "only what verifies, and nothing outside of the folder");
    assert!(!Path::new("/tmp/outside.v1").exists());
}

#[test]
fn both_say_where_nothing_is_stored() {
    let shop = Shop::new();
    for command in ["list", "pull"] {
        let ran = shop.run(&["schema", command, "--bus", "--topic", "mail", "--event-type", PLACED]);
        let expected =
            format!("no schema of `{PLACED}` is stored beside topic `mail` in sqlite://events.db\n");
        assert_eq!((ran.code, ran.out.as_str(), ran.err), (0, "", expected), "{command}");
        let ran = shop.run(&["schema", command]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains("--bus"), "{}", ran.err);
    }
}

/// A record whose last types refer to the earlier ones twice each: a naive comparison takes 2⁴⁰⁰ steps.
fn entangled(name: &str, more: &str) -> String {
    let types = (1..400).map(|level| {
        let before = level - 1;
        format!(
            r#",{{"name":"f{level}","type":{{"type":"record","name":"R{level}","fields":[{{"name":"a","type":"R{before}"}},{{"name":"b","type":"R{before}"}}]}}}}"#
        )
    });
    let types: String = types.collect();
    format!(
        r#"{{"type":"record","name":"{name}","fields":[{{"name":"f0","type":{{"type":"record","name":"R0","fields":[{{"name":"n","type":"long"}}]}}}}{types}{more}]}}"#
    )
}

#[test]
fn schemas_that_are_made_to_be_slow_or_many_are_bounded() {
    let shop = Shop::new();
    for more in ["", r#",{"name":"x","type":"long"}"#] {
        shop.store_right(FOREIGN, &entangled("org.other.Entangled", more));
        shop.store_right(CANCELLED, &entangled(&format!("{CANCELLED}.OrderCancelled"), more));
    }
    let list = shop.listed(CANCELLED);
    assert_eq!(list.len(), 2, "{list:?}");
    for row in list {
        assert_eq!(
            (&row["verified"], &row["read_here"]),
            (&json!(true), &Value::Null),
            "not compared: {row}"
        );
    }
    let ran = shop.pull(&["--event-type", FOREIGN]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 2), "{}", ran.err);

    let many = "org.other.many.made.v1";
    for number in 0..103 {
        let text = foreign().replace("\"item\"", &format!("\"item{number}\""));
        shop.store_right(many, &text);
    }
    let ran = shop.pull(&["--event-type", many]);
    assert_eq!((ran.code, ran.out.lines().count()), (1, 100), "{}", ran.err);
    assert_eq!(ran.err.matches("more than 100 schemas").count(), 3, "{}", ran.err);
}
