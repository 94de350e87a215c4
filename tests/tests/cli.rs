//! The command line, run as a program on an SQLite file.

use std::fs;
use std::ops::Deref;

use events_runtime::transport::{GroupStatus, Message, TopicStatus};
use events_tests::sandbox::{CommandOutput, Sandbox};
use serde_json::{Value, json};

const PLACED: &str = "org.acme.cli.order.placed.v1";
const CANCELLED: &str = "org.acme.cli.order.cancelled.v1";
const ORDER: &str = r#"{"number": 7, "customer": {"customer_id": "c-1", "email": "bob@foo.example"}, "lines": [{"sku": "a"}]}"#;
const CONFIG: &str = r#"
[service]
name = "shop"
topic_prefix = "dev"
[bus]
url = "sqlite://events.db"
[routes."org.acme.cli.order.placed.v1"]
orders = {}
mail = { key = "customer.email", enabled = false }
"#;

struct Shop(Sandbox);

impl Deref for Shop {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Shop {
    fn new() -> Self {
        Self::with(CONFIG)
    }

    fn with(config: &str) -> Self {
        Self(Sandbox::with_config(env!("CARGO_BIN_EXE_shop_cli"), config))
    }

    fn produce(&self, data: &str, more: &[&str]) -> Value {
        self.json(&[&["produce", "--type", PLACED, "--data", data], more].concat())
    }

    /// The events that a group receives from a topic, and acknowledges.
    fn consume(&self, topic: &str, group: &str, more: &[&str]) -> Vec<Value> {
        let base =
            ["consume", "--topic", topic, "--group", group, "--acknowledge", "--idle", "200ms", "--json"];
        let out = self.out(&[&base[..], more].concat());
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The error of a command whose topic does not exist.
    #[track_caller]
    fn missing(&self, arguments: &[&str], topic: &str) -> String {
        let ran = self.run(&[arguments, &["--topic", topic]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}: {}", ran.err);
        ran.err
    }

    /// The topics and groups of the store.
    fn state(&self) -> Vec<(TopicStatus, Vec<GroupStatus>)> {
        let mut state = Vec::new();
        self.with_transport(async |transport| {
            for status in transport.topics().await.unwrap() {
                let groups = transport.groups(&status.topic).await.unwrap();
                state.push((status, groups));
            }
        });
        state
    }
}

#[test]
fn list_prints_every_linked_event_type() {
    let shop = Shop::new();
    let list = shop.json(&["list"]);
    let types: Vec<_> = list.as_array().unwrap().iter().map(|entry| &entry["event_type"]).collect();
    assert_eq!(types, [CANCELLED, PLACED]);
    assert_eq!(list[1]["minor_version"], 2);
    assert_eq!(list[1]["key"], "customer.id");
    let text = shop.out(&["list"]);
    assert!(text.lines().count() == 3 && text.contains(PLACED), "{text}");
}

#[test]
fn schema_show_prints_a_valid_avro_schema() {
    let shop = Shop::new();
    let text = shop.out(&["schema", "show", PLACED]);
    let schema = apache_avro::Schema::parse_str(&text).unwrap();
    assert_eq!(shop.out(&["schema", "show", PLACED, "--canonical"]).trim_end(), schema.canonical_form());
    let (first, last) = (text.find("\"number\"").unwrap(), text.find("\"note\"").unwrap());
    assert!(text.lines().count() > 10 && first < last, "several lines, in the order of the fields: {text}");
}

#[test]
fn schema_export_writes_a_file_for_each_event() {
    let shop = Shop::new();
    shop.out(&["schema", "export", "schemas"]);
    for file in [format!("{PLACED}/2.avsc"), format!("{CANCELLED}/0.avsc")] {
        let text = fs::read_to_string(shop.path().join("schemas").join(&file)).unwrap();
        apache_avro::Schema::parse_str(&text).unwrap();
    }
}

#[test]
fn unknown_event_type_is_a_usage_error_with_a_suggestion() {
    let ran = Shop::new().run(&["schema", "show", "org.acme.cli.order.placd.v1"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains(PLACED), "{}", ran.err);
}

#[test]
fn produced_event_is_consumed_with_its_metadata() {
    let shop = Shop::new();
    let id = "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11";
    let sent = shop.produce(ORDER, &["--id", id]);
    assert_eq!(sent, json!({"id": id, "topics": [{"topic": "orders", "position": "1"}]}));

    let events = shop.consume("orders", "reader", &["--show-pii"]);
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event["position"], "1");
    assert_eq!(event["key"], "c-1", "the definition's key");
    assert_eq!(event["metadata"]["event_type"], PLACED);
    assert_eq!(event["metadata"]["id"], id);
    assert_eq!(event["metadata"]["minorversion"], 2);
    assert_eq!(event["metadata"]["source"], "shop");
    let mut expected: Value = serde_json::from_str(ORDER).unwrap();
    expected["note"] = Value::Null;
    assert_eq!(event["data"], expected);
    assert_eq!(shop.consume("orders", "reader", &[]), [] as [Value; 0], "it was acknowledged");
}

#[test]
fn a_topic_that_does_not_exist_is_named_with_its_nearest_names_and_not_created() {
    let shop = Shop::new();
    for topic in ["orders", "orders2", "mail"] {
        shop.produce(ORDER, &["--topic", topic]);
    }
    let before = shop.state();
    for command in [
        &["consume"][..],
        &["consume", "--group", "reader", "--acknowledge"],
        &["peek"],
        &["peek", "--follow"],
        &["replay", "--group", "look"],
        &["offsets", "list"],
        &["offsets", "list", "--watch"],
        &["offsets", "reset", "--group", "reader", "--to", "earliest", "--yes"],
        &["offsets", "remove", "--group", "reader", "--yes"],
        &["dlq", "list", "--group", "reader"],
        &["dlq", "show", "--group", "reader", "1"],
        &["dlq", "export", "--group", "reader", "-"],
    ] {
        let error = |topic: &str, meant: &str| {
            format!(
                "error: no topic `{topic}` (`dev-{topic}` with the prefix) in `sqlite://events.db`: {meant}\n"
            )
        };
        let meant = "did you mean `orders` or `orders2`?";
        assert_eq!(shop.missing(command, "ordres"), error("ordres", meant), "{command:?}");
        let meant = "did you mean `mail`?";
        assert_eq!(shop.missing(command, "dev-mail"), error("dev-mail", meant), "the prefix is not said");
        let unknown = shop.missing(command, "parcels");
        assert!(unknown.contains("no other topic has a similar name"), "{unknown}");
    }
    assert_eq!(shop.state(), before);
}

/// A `memory:` store is empty in every process.
#[test]
fn the_error_of_a_missing_topic_hides_the_password_of_the_url() {
    let shop = Shop::with("[service]\nname = 'shop'\n[bus]\nurl = 'memory://user:s3cret@host'\n");
    for command in ["consume", "peek"] {
        let error = shop.missing(&[command], "orders");
        assert!(error.starts_with("error: no topic `orders` in `memory:"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn personal_data_is_masked_by_default() {
    let shop = Shop::new();
    shop.produce(ORDER, &[]);
    let base = ["consume", "--topic", "orders", "--idle", "200ms", "--group"];
    for arguments in [
        [&base[..], &["people"]].concat(),
        [&base[..], &["programs", "--json"]].concat(),
        vec!["peek", "--topic", "orders"],
        vec!["peek", "--topic", "orders", "--json"],
    ] {
        let out = shop.out(&arguments);
        assert!(out.contains("***") && !out.contains("bob@foo.example"), "{out}");
        assert!(out.contains("*** (3 bytes)"), "the key may be personal data: {out}");
    }
    for arguments in [&base[..], &["peek", "--topic", "orders"]] {
        let more = if arguments[0] == "consume" { &["auditors", "--show-pii"][..] } else { &["--show-pii"] };
        let out = shop.out(&[arguments, more].concat());
        assert!(out.contains("bob@foo.example"), "{out}");
    }
}

#[test]
fn consume_stops_after_max_events() {
    let shop = Shop::new();
    for _ in 0..3 {
        shop.produce(ORDER, &[]);
    }
    let positions = |events: Vec<Value>| -> Vec<_> {
        events.iter().map(|event| event["position"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(positions(shop.consume("orders", "reader", &["--max", "2"])), ["1", "2"]);
    assert_eq!(positions(shop.consume("orders", "reader", &[])), ["3"]);
    assert_eq!(positions(shop.consume("orders", "latecomer", &["--from", "latest"])), [] as [&str; 0]);
}

#[test]
fn invalid_json_is_refused_with_all_errors_and_not_sent() {
    let shop = Shop::new();
    let data =
        r#"{"number": "x", "customer": {"customer_id": 1, "emial": "e"}, "lines": [{"sku": "a"}, {}]}"#;
    let ran = shop.run(&["produce", "--type", PLACED, "--data", data]);
    assert_eq!(ran.code, 2);
    for part in [
        "number: expected a whole number",
        "customer.customer_id: expected a string",
        "customer.email: missing",
        "customer.emial: unknown field",
        "lines[1].sku: missing",
    ] {
        assert!(ran.err.contains(part), "no {part:?} in {}", ran.err);
    }
    let too_wide = ORDER.replace("\"number\": 7", "\"number\": 300");
    let ran = shop.run(&["produce", "--type", PLACED, "--data", &too_wide]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("field `number`: 300 is out of range"), "{}", ran.err);
    let ran = shop.run(&["produce", "--type", PLACED, "--data", "{"]);
    assert!(ran.code == 2 && ran.err.contains("not valid JSON"), "{}", ran.err);
    assert_eq!(shop.state(), []);
}

#[test]
fn data_can_be_read_from_a_file() {
    let shop = Shop::new();
    fs::write(shop.path().join("order.json"), ORDER).unwrap();
    shop.produce("@order.json", &[]);
    assert_eq!(shop.consume("orders", "reader", &[]).len(), 1);
    let ran = shop.run(&["produce", "--type", PLACED, "--data", "@absent.json"]);
    assert!(ran.code == 1 && ran.err.contains("cannot read `absent.json`"), "{}", ran.err);
}

#[test]
fn topic_option_overrides_the_configured_topics() {
    let shop = Shop::new();
    let sent = shop.produce(ORDER, &["--topic", "elsewhere"]);
    assert_eq!(sent["topics"], json!([{"topic": "elsewhere", "position": "1"}]));
    assert!(shop.missing(&["consume"], "orders").contains("no topic `orders`"));
    assert_eq!(shop.consume("elsewhere", "reader", &[]).len(), 1);
}

#[test]
fn invalid_topic_name_is_a_usage_error() {
    let ran = Shop::new().run(&["produce", "--type", PLACED, "--data", ORDER, "--topic", "a b"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("error: the topic `a b` contains ' '"), "{}", ran.err);
}

#[test]
fn event_without_a_route_is_an_error() {
    let ran = Shop::new().run(&["produce", "--type", CANCELLED, "--data", r#"{"number": 1}"#]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("--topic") && ran.err.contains("[routes."), "{}", ran.err);
}

#[test]
fn config_explain_shows_sources_and_hides_passwords() {
    let shop = Shop::new();
    fs::write(shop.path().join("local.toml"), "[bus]\nlinger = '5ms'").unwrap();
    let mut command =
        shop.command(&["config", "explain", "--config", "events.toml", "--config", "local.toml"]);
    let ran = CommandOutput::of(command.env("EVENTS_BUS__URL", "memory://user:s3cret@host"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let line = |key: &str| ran.out.lines().find(|line| line.starts_with(key)).unwrap();
    assert!(line("bus.linger").ends_with("local.toml:2"));
    assert!(line("bus.url").ends_with("environment variable EVENTS_BUS__URL"));
    assert!(line("service.name").ends_with("events.toml:3"));
    assert!(line("bus.batch_size").ends_with("default"));
    assert!(!ran.out.contains("s3cret"));
}

#[test]
fn config_explain_and_doctor_show_the_absolute_path_of_a_relative_file() {
    let shop = Shop::new();
    let file = shop.path().canonicalize().unwrap().join("events.db").display().to_string();
    for command in [&["config", "explain"][..], &["config", "explain", "--json"], &["doctor"]] {
        let out = shop.out(command);
        assert!(out.contains(&format!("relative to the working directory: {file}")), "{out}");
    }
}

#[test]
fn unknown_variables_are_warnings_and_misspelled_settings_are_errors() {
    let shop = Shop::new();
    let mut command = shop.command(&["doctor"]);
    let ran = CommandOutput::of(command.env("EVENTS_SERVICE_HOST", "10.0.0.1").env("EVENTS_FOO", "1"));
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    for variable in ["EVENTS_SERVICE_HOST", "EVENTS_FOO"] {
        assert_eq!(ran.out.matches(variable).count(), 1, "{}", ran.out);
    }
    let mut command = shop.command(&["doctor"]);
    let ran = CommandOutput::of(command.env("EVENTS_BUS_URL", "redis:u:s3cret@host"));
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("did you mean `EVENTS_BUS__URL`?"), "{}", ran.out);
    assert!(!format!("{} {}", ran.out, ran.err).contains("s3cret"));
}

#[test]
fn every_command_warns_of_unknown_variables_once() {
    let shop = Shop::new();
    for arguments in [
        &["config", "explain"][..],
        &["produce", "--type", PLACED, "--data", ORDER, "--topic", "elsewhere", "--json"],
        &["consume", "--topic", "elsewhere", "--group", "reader", "--acknowledge", "--idle", "1ms"],
        &["dlq", "list", "--topic", "elsewhere", "--group", "reader"],
    ] {
        let mut command = shop.command(arguments);
        command.env("EVENTS_BUS", "2").env("events_bus__linger", "1s");
        let ran =
            CommandOutput::of(command.env("EVENTS_PORT", "tcp://h:1").env("EVENTS_BUS_PORT", "tcp://h:1"));
        assert_eq!(ran.code, 0, "{}", ran.err);
        for part in ["EVENTS_BUS:", "events_bus__linger:", "_PORT:", "(and 1 more:"] {
            assert_eq!(ran.err.matches(part).count(), 1, "{part} in {}", ran.err);
        }
    }
}

#[cfg(unix)]
#[test]
fn configuration_can_be_read_from_a_pipe() {
    let shop = Shop::new();
    let arguments = ["--config", "/dev/stdin", "produce", "--type", PLACED, "--data", ORDER, "--topic", "x"];
    let mut command = shop.command(&arguments);
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writer, CONFIG.as_bytes()).unwrap();
    drop(writer);
    let ran = CommandOutput::from(command.stdin(reader).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("to x at 1"), "{}", ran.out);
}

#[test]
fn invalid_configuration_is_reported_with_all_errors() {
    let shop = Shop::with("[bus]\nulr = 'memory:'\nlinger = 'soon'\n");
    let ran = shop.run(&["config", "explain"]);
    assert_eq!(ran.code, 1);
    for part in ["bus.url: is missing", "events.toml:2: bus.ulr", "events.toml:3: bus.linger"] {
        assert!(ran.err.contains(part), "no {part:?} in {}", ran.err);
    }
}

#[test]
fn doctor_reports_a_healthy_installation_as_ok() {
    let shop = Shop::new();
    shop.produce(ORDER, &[]);
    shop.consume("orders", "reader", &[]);
    let checks = shop.json(&["doctor"]);
    let verdicts: Vec<_> = checks.as_array().unwrap().iter().map(|check| &check["verdict"]).collect();
    assert_eq!(verdicts, ["ok"; 5], "{checks:#}");
    let text = shop.out(&["doctor"]);
    assert!(text.contains("dev-orders / reader: 0 unsettled"), "{text}");
}

#[test]
fn doctor_warns_of_reduced_durability_and_fails_only_when_strict() {
    let off = CONFIG.replace("events.db", "events.db?synchronous=off");
    for config in [off, CONFIG.replace("sqlite://events.db", "memory:")] {
        let shop = Shop::with(&config);
        let ran = shop.run(&["doctor"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
        assert!(ran.out.contains("warning  durability\n           durability: "), "{}", ran.out);
        assert_eq!(shop.run(&["doctor", "--strict"]).code, 1);
    }
    assert_eq!(Shop::new().run(&["doctor", "--strict"]).code, 0, "nothing to warn of");
}

#[test]
fn doctor_warns_of_dead_letters() {
    let shop = Shop::new();
    shop.produce(ORDER, &[]);
    shop.consume("orders", "reader", &[]);
    for topic in ["dev-orders.reader.dlq", "dev-mail.reader.dlq"] {
        shop.store(topic, &[Message::new("x")]);
    }
    let ran = shop.run(&["doctor"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let said = "dev-orders.reader.dlq: 1 dead letter; list with `dlq list --topic orders --group reader`";
    assert!(ran.out.contains("warning  dead letters") && ran.out.contains(said), "{}", ran.out);
    assert_eq!(shop.run(&["doctor", "--strict"]).code, 1);
    for of in [["orders", "reader"], ["mail", "reader"]] {
        let [topic, group] = of;
        let dropped = ["dlq", "drop", "--topic", topic, "--group", group, "--all", "--yes"];
        assert_eq!(shop.run(&dropped).code, 0);
    }
    assert_eq!(shop.run(&["doctor", "--strict"]).code, 0, "{}", shop.run(&["doctor"]).out);
}

#[test]
fn doctor_reports_errors_with_advice() {
    let shop = Shop::with(&format!("{CONFIG}\n[routes.\"org.acme.cli.order.placd.v1\"]\norders = {{}}\n"));
    let ran = shop.run(&["doctor"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains(&format!("did you mean `{PLACED}`?")), "{}", ran.out);

    let shop = Shop::new();
    fs::write(shop.path().join("events.db"), "this is no database, and never was one").unwrap();
    let ran = shop.run(&["doctor"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("failed   transport"), "{}", ran.out);
    assert!(ran.out.contains("move the store away"), "{}", ran.out);

    let shop = Shop::with("nonsense = 1");
    let ran = shop.run(&["doctor"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("skipped  transport"), "{}", ran.out);
}

#[test]
fn unknown_and_undecodable_events_are_printed() {
    let shop = Shop::new();
    let unknown = Message::new(&b"\x02"[..])
        .with_header("ce_type", "org.acme.unheard.of.v1")
        .with_header("ce_id", "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11")
        .with_header("ce_source", "elsewhere")
        .with_header("ce_time", "2023-01-02T03:04:05+00:00");
    let truncated = Message::new(&b"\x0e"[..]).with_header("ce_type", PLACED);
    shop.store("dev-orders", &[unknown, truncated]);
    let masked = shop.consume("orders", "masked", &[]);
    assert_eq!((&masked[0]["data_bytes"], &masked[0]["data_base64"]), (&json!(1), &Value::Null));
    let events = shop.consume("orders", "reader", &["--show-pii"]);
    assert_eq!(events.len(), 2);
    assert!(events[0]["error"].as_str().unwrap().contains("org.acme.unheard.of.v1"));
    assert_eq!(events[0]["data_base64"], "Ag==");
    assert_eq!(events[0]["metadata"]["source"], "elsewhere");
    assert!(events[1]["error"].is_string(), "{}", events[1]);
}

#[test]
fn invalid_command_line_has_exit_code_2_and_help_0() {
    let shop = Shop::new();
    assert_eq!(shop.run(&["produce"]).code, 2);
    assert_eq!(shop.run(&["nonsense"]).code, 2);
    assert_eq!(shop.run(&["consume", "--topic", "or ders", "--group", "g"]).code, 2);
    let help = shop.run(&["--help"]);
    assert_eq!(help.code, 0);
    for command in ["list", "schema", "produce", "peek", "consume", "config", "doctor", "Exit codes"] {
        assert!(help.out.contains(command), "no {command} in {}", help.out);
    }
}
