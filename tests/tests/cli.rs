//! The command line as its users meet it: a real program over a real file.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use events_tests::ran::Ran;
use serde_json::{Value, json};
use tempfile::TempDir;

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

/// A folder with a configuration, where the program runs.
struct Shop(TempDir);

impl Shop {
    fn new() -> Self {
        Self::with(CONFIG)
    }

    fn with(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("events.toml"), config).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop_cli"));
        command.current_dir(self.path()).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// What a command that succeeds prints.
    #[track_caller]
    fn out(&self, arguments: &[&str]) -> String {
        self.run(arguments).succeeded()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.out(&[arguments, &["--json"]].concat())).unwrap()
    }

    fn produce(&self, data: &str, more: &[&str]) -> Value {
        self.json(&[&["produce", "--type", PLACED, "--data", data], more].concat())
    }

    /// The events of a topic, as a new or old group gets them.
    fn consume(&self, topic: &str, group: &str, more: &[&str]) -> Vec<Value> {
        let base = ["consume", "--topic", topic, "--group", group, "--idle", "200ms", "--json"];
        let out = self.out(&[&base[..], more].concat());
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What `consume` says of a topic that is not there yet, where nothing comes.
    fn consume_absent(&self, topic: &str) -> String {
        let base = ["consume", "--topic", topic, "--group", "reader", "--idle", "200ms", "--json"];
        let ran = self.run(&base);
        assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
        ran.err
    }
}

#[test]
fn list_names_every_linked_event_type() {
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
fn schema_show_prints_what_an_avro_tool_reads() {
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
fn an_unknown_event_type_is_a_usage_error_with_the_nearest_one() {
    let ran = Shop::new().run(&["schema", "show", "org.acme.cli.order.placd.v1"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains(PLACED), "{}", ran.err);
}

#[test]
fn what_is_produced_is_consumed_with_its_whole_envelope() {
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
fn consume_says_that_it_made_a_topic_and_which_others_there_are() {
    let shop = Shop::new();
    for topic in ["orders", "orders2", "mail"] {
        shop.produce(ORDER, &["--topic", topic]);
    }
    let made = |topic: &str, meant: &str| {
        format!("warning: topic `{topic}` did not exist and was created in sqlite://events.db; {meant}\n")
    };
    assert_eq!(shop.consume_absent("ordres"), made("ordres", "did you mean `orders` or `orders2`?"));
    assert_eq!(
        shop.consume_absent("dev-mail"),
        made("dev-mail", "did you mean `mail`?"),
        "the prefix is not said"
    );
    let none = "no other topic has a similar name";
    assert_eq!(shop.consume_absent("parcels"), made("parcels", none));
    assert_eq!(shop.consume_absent("parcels"), "", "now it is there");
    assert_eq!(shop.consume("orders", "reader", &[]).len(), 1);
}

/// The store of a program that just started is empty.
#[test]
fn consume_says_of_memory_too_that_it_made_a_topic_and_tells_no_password() {
    let shop = Shop::with("[service]\nname = 'shop'\n[bus]\nurl = 'memory://user:s3cret@host'\n");
    let said = shop.consume_absent("orders");
    assert!(said.starts_with("warning: topic `orders` did not exist and was created in memory:"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

/// It is said before the waiting: who sees that can stop it.
#[test]
fn consume_says_it_before_it_waits() {
    let shop = Shop::new();
    let arguments = ["consume", "--topic", "ordres", "--group", "reader"];
    let mut child = shop
        .command(&arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let said: Vec<_> = lines.take_while(|line| !line.starts_with("waiting for events")).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.iter().any(|line| line.contains("topic `ordres` did not exist")), "{said:?}");
}

#[test]
fn personal_data_is_masked_unless_it_is_asked_for() {
    let shop = Shop::new();
    shop.produce(ORDER, &[]);
    let base = ["consume", "--topic", "orders", "--idle", "200ms", "--group"];
    for more in [&["people"][..], &["programs", "--json"]] {
        let out = shop.out(&[&base[..], more].concat());
        assert!(out.contains("***") && !out.contains("bob@foo.example"), "{out}");
        assert!(out.contains("*** (3 bytes)"), "the key may be personal data: {out}");
    }
    let out = shop.out(&[&base[..], &["auditors", "--show-pii"]].concat());
    assert!(out.contains("bob@foo.example"), "{out}");
}

#[test]
fn consume_takes_no_more_than_it_is_told_to() {
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
fn json_that_does_not_fit_is_refused_with_every_fault_and_nothing_is_sent() {
    let shop = Shop::new();
    let data =
        r#"{"number": "x", "customer": {"customer_id": 1, "emial": "e"}, "lines": [{"sku": "a"}, {}]}"#;
    let ran = shop.run(&["produce", "--type", PLACED, "--data", data]);
    assert_eq!(ran.code, 2);
    for part in [
        "number: expected a whole number",
        "customer.customer_id: expected a string",
        "customer.email: is missing",
        "customer.emial: unknown field",
        "lines[1].sku: is missing",
    ] {
        assert!(ran.err.contains(part), "no {part:?} in {}", ran.err);
    }
    let too_wide = ORDER.replace("\"number\": 7", "\"number\": 300");
    let ran = shop.run(&["produce", "--type", PLACED, "--data", &too_wide]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("field `number`: 300 is out of range"), "{}", ran.err);
    let ran = shop.run(&["produce", "--type", PLACED, "--data", "{"]);
    assert!(ran.code == 2 && ran.err.contains("not valid JSON"), "{}", ran.err);
    assert!(shop.consume_absent("orders").contains("did not exist"));
}

#[test]
fn data_is_read_from_a_file_too() {
    let shop = Shop::new();
    fs::write(shop.path().join("order.json"), ORDER).unwrap();
    shop.produce("@order.json", &[]);
    assert_eq!(shop.consume("orders", "reader", &[]).len(), 1);
    let ran = shop.run(&["produce", "--type", PLACED, "--data", "@absent.json"]);
    assert!(ran.code == 1 && ran.err.contains("cannot read `absent.json`"), "{}", ran.err);
}

#[test]
fn a_topic_of_the_command_line_takes_the_place_of_the_configured_ones() {
    let shop = Shop::new();
    let sent = shop.produce(ORDER, &["--topic", "elsewhere"]);
    assert_eq!(sent["topics"], json!([{"topic": "elsewhere", "position": "1"}]));
    assert!(shop.consume_absent("orders").contains("did not exist"));
    assert_eq!(shop.consume("elsewhere", "reader", &[]).len(), 1);
}

#[test]
fn a_topic_that_can_not_be_is_a_wrong_command_line() {
    let ran = Shop::new().run(&["produce", "--type", PLACED, "--data", ORDER, "--topic", "a b"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("error: the topic `a b` holds ' '"), "{}", ran.err);
}

#[test]
fn an_event_without_a_route_is_not_dropped_silently() {
    let ran = Shop::new().run(&["produce", "--type", CANCELLED, "--data", r#"{"number": 1}"#]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("--topic") && ran.err.contains("[routes."), "{}", ran.err);
}

#[test]
fn config_explain_shows_files_and_variables_and_no_password() {
    let shop = Shop::new();
    fs::write(shop.path().join("local.toml"), "[bus]\nlinger = '5ms'").unwrap();
    let mut command =
        shop.command(&["config", "explain", "--config", "events.toml", "--config", "local.toml"]);
    let ran = Ran::of(command.env("EVENTS_BUS__URL", "memory://user:s3cret@host"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let line = |key: &str| ran.out.lines().find(|line| line.starts_with(key)).unwrap();
    assert!(line("bus.linger").ends_with("local.toml:2"));
    assert!(line("bus.url").ends_with("environment variable EVENTS_BUS__URL"));
    assert!(line("service.name").ends_with("events.toml:3"));
    assert!(line("bus.batch_size").ends_with("default"));
    assert!(!ran.out.contains("s3cret"));
}

#[test]
fn config_explain_and_doctor_show_where_a_relative_file_is() {
    let shop = Shop::new();
    let file = shop.path().canonicalize().unwrap().join("events.db").display().to_string();
    for command in [&["config", "explain"][..], &["config", "explain", "--json"], &["doctor"]] {
        let out = shop.out(command);
        assert!(out.contains(&format!("relative to the working directory: {file}")), "{out}");
    }
}

#[test]
fn what_is_no_setting_is_a_warning_once_and_slips_are_errors() {
    let shop = Shop::new();
    let mut command = shop.command(&["doctor"]);
    let ran = Ran::of(command.env("EVENTS_SERVICE_HOST", "10.0.0.1").env("EVENTS_FOO", "1"));
    assert_eq!(ran.code, 0, "{} {}", ran.out, ran.err);
    for variable in ["EVENTS_SERVICE_HOST", "EVENTS_FOO"] {
        assert_eq!(ran.out.matches(variable).count(), 1, "{}", ran.out);
    }
    let mut command = shop.command(&["doctor"]);
    let ran = Ran::of(command.env("EVENTS_BUS_URL", "redis:u:s3cret@host"));
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("did you mean `EVENTS_BUS__URL`?"), "{}", ran.out);
    assert!(!format!("{} {}", ran.out, ran.err).contains("s3cret"));
}

#[test]
fn every_command_tells_the_variables_that_it_does_not_read_once() {
    let shop = Shop::new();
    for arguments in [
        &["config", "explain"][..],
        &["produce", "--type", PLACED, "--data", ORDER, "--topic", "elsewhere", "--json"],
        &["consume", "--topic", "elsewhere", "--group", "reader", "--idle", "1ms"],
        &["dlq", "list", "--topic", "elsewhere", "--group", "reader"],
    ] {
        let mut command = shop.command(arguments);
        command.env("EVENTS_BUS", "2").env("events_bus__linger", "1s");
        let ran = Ran::of(command.env("EVENTS_PORT", "tcp://h:1").env("EVENTS_BUS_PORT", "tcp://h:1"));
        assert_eq!(ran.code, 0, "{}", ran.err);
        for part in ["EVENTS_BUS:", "events_bus__linger:", "_PORT:", "(and 1 more:"] {
            assert_eq!(ran.err.matches(part).count(), 1, "{part} in {}", ran.err);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_configuration_may_come_through_a_pipe() {
    let shop = Shop::new();
    let arguments = ["--config", "/dev/stdin", "produce", "--type", PLACED, "--data", ORDER, "--topic", "x"];
    let mut command = shop.command(&arguments);
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writer, CONFIG.as_bytes()).unwrap();
    drop(writer);
    let ran = Ran::from(command.stdin(reader).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("to x at 1"), "{}", ran.out);
}

#[test]
fn a_wrong_configuration_is_told_with_every_problem() {
    let shop = Shop::with("[bus]\nulr = 'memory:'\nlinger = 'soon'\n");
    let ran = shop.run(&["config", "explain"]);
    assert_eq!(ran.code, 1);
    for part in ["bus.url: is missing", "events.toml:2: bus.ulr", "events.toml:3: bus.linger"] {
        assert!(ran.err.contains(part), "no {part:?} in {}", ran.err);
    }
}

#[test]
fn doctor_is_content_with_a_sound_installation() {
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
fn doctor_warns_where_durability_is_off_and_fails_only_when_strict() {
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
fn doctor_warns_where_dead_letters_wait() {
    use events_runtime::transport::{ConnectOptions, Message, Topic, connect};

    let shop = Shop::new();
    shop.produce(ORDER, &[]);
    shop.consume("orders", "reader", &[]);
    let url = format!("sqlite://{}", shop.path().join("events.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let transport = connect(&url, &ConnectOptions::new()).unwrap();
        let producer = transport.producer().await.unwrap();
        for letters in ["dev-orders.reader.dlq", "dev-mail.reader.dlq"] {
            for sent in producer.send(&Topic::new(letters).unwrap(), &[Message::new("x")]).await {
                sent.unwrap();
            }
        }
    });
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
fn doctor_finds_what_is_wrong_and_says_what_to_do() {
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
fn bytes_that_are_no_known_event_are_shown_and_passed() {
    use events_runtime::transport::{ConnectOptions, Message, Topic, connect};

    let shop = Shop::new();
    let url = format!("sqlite://{}", shop.path().join("events.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let transport = connect(&url, &ConnectOptions::new()).unwrap();
        let stranger = Message::new(&b"\x02"[..])
            .with_header("ce_type", "org.acme.unheard.of.v1")
            .with_header("ce_id", "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11")
            .with_header("ce_source", "elsewhere")
            .with_header("ce_time", "2023-01-02T03:04:05+00:00");
        let truncated = Message::new(&b"\x0e"[..]).with_header("ce_type", PLACED);
        let batch = [stranger, truncated];
        let producer = transport.producer().await.unwrap();
        for sent in producer.send(&Topic::new("dev-orders").unwrap(), &batch).await {
            sent.unwrap();
        }
    });
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
fn a_wrong_command_line_is_exit_code_2_and_help_is_0() {
    let shop = Shop::new();
    assert_eq!(shop.run(&["produce"]).code, 2);
    assert_eq!(shop.run(&["nonsense"]).code, 2);
    assert_eq!(shop.run(&["consume", "--topic", "or ders", "--group", "g"]).code, 2);
    let help = shop.run(&["--help"]);
    assert_eq!(help.code, 0);
    for command in ["list", "schema", "produce", "consume", "config", "doctor", "Exit codes"] {
        assert!(help.out.contains(command), "no {command} in {}", help.out);
    }
}
