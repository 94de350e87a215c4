//! `peek`, `consume` and `offsets list --watch`: looking at topics without taking events from others.

use std::io::{BufRead as _, BufReader, Read as _};
use std::ops::Deref;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use events_runtime::avro::WriterSchema;
use events_runtime::transport::{
    ConsumerGroup, GroupStatus, Message, SchemaId, Subscription, Topic, TopicStatus,
};
use events_tests::sandbox::{CommandOutput, Sandbox};
use serde_json::{Value, json};

const PLACED: &str = "org.acme.cli.order.placed.v1";
const CANCELLED: &str = "org.acme.cli.order.cancelled.v1";
const LONG: Duration = Duration::from_secs(30);

struct Shop(Sandbox);

impl Deref for Shop {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Shop {
    fn new() -> Self {
        let config = format!(
            "[service]\nname = 'shop'\ntopic_prefix = 'dev'\n[bus]\nurl = 'sqlite://events.db'\n\
             [routes.'{PLACED}']\norders = {{}}\n[routes.'{CANCELLED}']\norders = {{}}\n\
             [consumers.orders.late]\nstart = 'latest'\n"
        );
        Self(Sandbox::with_config(env!("CARGO_BIN_EXE_shop_cli"), &config))
    }

    fn place(&self, number: u8) -> String {
        let data = json!({
            "number": number, "customer": {"customer_id": format!("c-{}", number % 2), "email": "e"}, "lines": [],
        });
        let sent = self.json(&["produce", "--type", PLACED, "--data", &data.to_string()]);
        sent["id"].as_str().unwrap().to_owned()
    }

    /// The lines of JSON that a command prints.
    #[track_caller]
    fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let out = self.out(&[arguments, &["--topic", "orders", "--json"]].concat());
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[track_caller]
    fn positions(&self, arguments: &[&str]) -> Vec<String> {
        let position = |line: &Value| line["position"].as_str().unwrap().to_owned();
        self.lines(arguments).iter().map(position).collect()
    }

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

    fn groups(&self) -> Vec<String> {
        self.state()
            .into_iter()
            .flat_map(|(_, groups)| groups)
            .map(|status| status.group.to_string())
            .collect()
    }

    /// Has `billing` reject an event, release one and leave the rest.
    fn fail(&self) {
        self.with_transport(async |transport| {
            let topic = Topic::new("dev-orders").unwrap();
            let billing = Subscription::new(topic, ConsumerGroup::new("billing").unwrap());
            let mut consumer = transport.consumer(billing).await.unwrap();
            let deliveries = consumer.receive(2, Duration::ZERO).await.unwrap();
            let [rejected, _dropped]: [_; 2] = deliveries.try_into().unwrap();
            rejected.reject("no such customer").await.unwrap();
        });
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// The output of a program that ends by itself.
fn finish(mut child: Child) -> CommandOutput {
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > LONG {
            child.kill().unwrap();
            panic!("it did not end: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap().into()
}

/// Waits until a program prints a line with this text to its standard output, and returns what follows.
fn read_until(child: &mut Child, text: &str) -> BufReader<std::process::ChildStdout> {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    loop {
        let mut line = String::new();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "no {text:?}");
        if line.contains(text) {
            return out;
        }
    }
}

#[test]
fn peek_prints_what_is_stored_and_changes_nothing() {
    let shop = Shop::new();
    let ids: Vec<_> = (1..=6).map(|number| shop.place(number)).collect();
    let _cancelled = shop.json(&["produce", "--type", CANCELLED, "--data", r#"{"number": 1}"#]);
    shop.fail();
    let before = shop.state();

    assert_eq!(shop.positions(&["peek"]), ["1", "2", "3", "4", "5", "6", "7"]);
    let all = shop.lines(&["peek", "--show-pii"]);
    assert_eq!((&all[0]["metadata"]["id"], &all[0]["key"]), (&json!(ids[0]), &json!("c-1")));
    assert_eq!(all[1]["data"]["number"], 2);
    assert_eq!(all[1].get("attempt"), None, "a peek is no delivery");
    assert!(all[1]["stored"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    let text = shop.out(&["peek", "--topic", "orders", "-n", "1"]);
    assert!(text.contains("stored") && text.contains(r#""number": 1"#), "{text}");

    let masked = shop.out(&["peek", "--topic", "orders.billing.dlq"]);
    assert!(masked.contains("dlq reason") && masked.contains("no such customer"), "{masked}");
    let dead: Value =
        serde_json::from_str(&shop.out(&["peek", "--topic", "orders.billing.dlq", "--json"])).unwrap();
    assert_eq!(dead["dead_letter"]["reason"], "no such customer");
    assert_eq!(dead["metadata"]["id"], json!(ids[0]));
    assert_eq!(shop.state(), before);
}

#[test]
fn peek_selects_by_target_number_type_and_key() {
    let shop = Shop::new();
    let ids: Vec<_> = (1..=3).map(|number| shop.place(number)).collect();
    std::thread::sleep(Duration::from_millis(20));
    let time = jiff::Timestamp::try_from(SystemTime::now()).unwrap().to_string();
    std::thread::sleep(Duration::from_millis(20));
    let _cancelled = shop.json(&["produce", "--type", CANCELLED, "--data", r#"{"number": 1}"#]);
    shop.place(5);
    for (arguments, expected) in [
        (&["--from", "earliest", "--max", "2"][..], &["1", "2"][..]),
        (&["--from", "3"], &["3", "4", "5"]),
        (&["--from", &ids[1], "--limit", "2"], &["2", "3"]),
        (&["--from", &time], &["4", "5"]),
        (&["--last", "2"], &["4", "5"]),
        (&["--last", "9"], &["1", "2", "3", "4", "5"]),
        (&["--type", CANCELLED], &["4"]),
        (&["--last", "1", "--type", PLACED, "--key", "c-0"], &["2"]),
        (&["--key", "c-1", "-n", "2"], &["1", "3"]),
        (&["--from", "latest"], &[]),
    ] {
        assert_eq!(shop.positions(&[&["peek"], arguments].concat()), expected, "{arguments:?}");
    }
    let none = shop.run(&["peek", "--topic", "orders", "--key", "c-9"]);
    assert_eq!((none.code, none.out.as_str()), (0, ""));
    assert!(none.err.contains("no matching messages"), "{}", none.err);
    for (from, said) in
        [("0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11", "no event has the id"), ("7-1", "has the form of `1`")]
    {
        let ran = shop.run(&["peek", "--topic", "orders", "--from", from]);
        assert!(ran.code == 1 && ran.err.contains(said), "{}", ran.err);
    }
    assert_eq!(shop.run(&["peek", "--topic", "orders", "--from", "1", "--last", "1"]).code, 2);
}

#[test]
fn peek_shows_the_size_of_what_it_cannot_decode() {
    let shop = Shop::new();
    shop.store(
        "dev-orders",
        &[Message::new(&b"\x02\x04"[..]).with_header("ce_type", "org.acme.unheard.of.v1")],
    );
    let [masked] = &shop.lines(&["peek"])[..] else { panic!("one message") };
    assert_eq!((&masked["data_bytes"], &masked["data_base64"]), (&json!(2), &Value::Null));
    let [shown] = &shop.lines(&["peek", "--show-pii"])[..] else { panic!("one message") };
    assert_eq!(shown["data_base64"], "AgQ=");
}

/// A message of a schema that this program does not know.
fn written_by(schema: &str, event_type: &'static str, data: &'static [u8]) -> (SchemaId, Message) {
    let fingerprint = WriterSchema::parse(schema).unwrap().fingerprint();
    let message = Message::new(data)
        .with_header("ce_type", event_type)
        .with_header("ce_id", "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11")
        .with_header("ce_source", "elsewhere")
        .with_header("ce_time", "2026-01-02T03:04:05+00:00")
        .with_header("ce_schemafp", format!("{fingerprint:016x}"));
    (SchemaId::new(event_type, fingerprint), message)
}

#[test]
fn payloads_are_decoded_with_the_schemas_that_are_stored_beside_the_topic() {
    let shop = Shop::new();
    let newer = format!(
        r#"{{"type":"record","name":"OrderCancelled","namespace":"{CANCELLED}","fields":[
            {{"name":"number","type":"long"}},{{"name":"by","type":"string"}}]}}"#
    );
    let foreign = r#"{"type":"record","name":"Moved","namespace":"org.other.stock.moved.v1","fields":[
        {"name":"item","type":"string"},{"name":"counts","type":{"type":"array","items":"long"}}]}"#;
    let (newer_id, newer_message) = written_by(&newer, CANCELLED, b"\x0e\x04me");
    let (foreign_id, foreign_message) =
        written_by(foreign, "org.other.stock.moved.v1", b"\x06nut\x04\x02\x04\x00");
    let messages = [newer_message, foreign_message];
    shop.store("dev-orders", &messages);
    let dead = messages.map(|message| message.with_header("dlq_topic", "dev-orders"));
    shop.store("dev-orders.billing.dlq", &dead);
    let before = shop.lines(&["peek"]);
    assert!(before[0]["error"].as_str().unwrap().contains("no program has stored it"), "{}", before[0]);

    shop.with_transport(async |transport| {
        let topic = Topic::new("dev-orders").unwrap();
        transport.store_schema(&topic, &newer_id, &newer).await.unwrap();
        transport.store_schema(&topic, &foreign_id, foreign).await.unwrap();
    });
    for (command, topic) in [("peek", "orders"), ("peek", "orders.billing.dlq"), ("consume", "orders")] {
        let run = |more: &[&str]| -> Vec<Value> {
            let idle = if command == "consume" { &["--idle", "200ms"][..] } else { &[] };
            let out = shop.out(&[&[command, "--topic", topic, "--json"], more, idle].concat());
            out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let masked = run(&[]);
        assert_eq!(masked[0]["data"], json!({"number": 7}), "as the linked definition reads it");
        let error = masked[1]["error"].as_str().unwrap();
        assert!(error.contains("not linked") && error.contains("`--show-pii`"), "{error}");
        assert_eq!(run(&["--show-pii"])[1]["data"], json!({"item": "nut", "counts": [1, 2]}));
    }
    let command = ["dlq", "show", "--topic", "orders", "--group", "billing", "1", "--json"];
    let shown: Value = serde_json::from_str(&shop.out(&command)).unwrap();
    assert_eq!(shown["data"], json!({"number": 7}));

    // Another program may overwrite the text.
    shop.with_transport(async |transport| {
        let topic = Topic::new("dev-orders").unwrap();
        transport.store_schema(&topic, &newer_id, foreign).await.unwrap();
    });
    let overwritten = shop.lines(&["peek"]);
    assert!(overwritten[0]["error"].as_str().unwrap().contains("has the fingerprint"), "{}", overwritten[0]);
}

#[cfg(unix)]
#[test]
fn peek_follows_until_it_is_interrupted() {
    let shop = Shop::new();
    shop.place(1);
    let before = shop.groups();
    let mut child = shop.start(&["peek", "--topic", "orders", "--follow", "--json"]);
    let out = read_until(&mut child, r#""position":"1""#);
    let id = shop.place(2);
    let mut lines = out.lines().map(Result::unwrap);
    assert!(lines.next().unwrap().contains(&id));
    signal(&child, "-INT");
    assert_eq!(lines.next(), None);
    assert_eq!(finish(child).code, 0);
    assert_eq!(shop.groups(), before);
}

#[test]
fn consume_leaves_no_group_and_takes_no_event_from_others() {
    let shop = Shop::new();
    for number in 1..=3 {
        shop.place(number);
    }
    shop.fail();
    let before = shop.state();
    let idle = ["consume", "--idle", "200ms"];
    for _ in 0..2 {
        assert_eq!(shop.positions(&idle), ["1", "2", "3"], "each run is a group of its own");
    }
    assert_eq!(shop.positions(&["consume", "-n", "2"]), ["1", "2"]);
    assert_eq!(shop.positions(&[&idle[..], &["--group", "late"]].concat()), [] as [&str; 0], "its start");
    assert_eq!(shop.positions(&[&idle[..], &["--group", "new"]].concat()), ["1", "2", "3"]);
    assert_eq!(shop.state(), before);
}

#[test]
fn consume_refuses_a_group_that_exists_unless_it_is_told_to_acknowledge() {
    let shop = Shop::new();
    for number in 1..=3 {
        shop.place(number);
    }
    shop.fail();
    let before = shop.state();
    let billing = ["consume", "--topic", "orders", "--group", "billing", "--idle", "200ms", "--json"];
    let refused = shop.run(&billing);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    for part in [
        "group `billing` exists on `dev-orders`, with 2 unsettled messages",
        "`peek --topic orders`",
        "`--acknowledge`",
    ] {
        assert!(refused.err.contains(part), "no {part:?} in {}", refused.err);
    }
    assert_eq!(shop.state(), before);
    let taken = shop.out(&[&billing[..], &["--acknowledge"]].concat());
    assert_eq!(taken.lines().count(), 2, "{taken}");
    let settled = shop.run(&billing);
    assert!(settled.code == 1 && settled.err.contains("with 0 unsettled messages"), "{}", settled.err);
    assert!(shop.groups().contains(&"billing".to_owned()), "it is kept");
    assert_eq!(shop.run(&["consume", "--topic", "orders", "--acknowledge"]).code, 2, "which group?");
}

#[cfg(unix)]
#[test]
fn consume_removes_its_group_when_it_is_interrupted_or_fails() {
    let shop = Shop::new();
    shop.place(1);
    for end in ["-INT", "-TERM"] {
        let mut child = shop.start(&["consume", "--topic", "orders", "--json"]);
        let out = read_until(&mut child, r#""position":"1""#);
        let [group] = &shop.groups()[..] else { panic!("one group") };
        assert!(group.starts_with("consume."), "{group}");
        signal(&child, end);
        assert_eq!(finish(child).code, 0, "{end}");
        drop(out);
        assert_eq!(shop.groups(), [] as [&str; 0], "{end}");
    }
    // A reader that ends, as `head` does.
    for number in 2..=9 {
        shop.place(number);
    }
    let mut child = shop.start(&["consume", "--topic", "orders", "--json"]);
    drop(read_until(&mut child, r#""position":"1""#));
    shop.place(10);
    assert_eq!(finish(child).code, 0);
    assert_eq!(shop.groups(), [] as [&str; 0]);
    // An error before the first event.
    let wrong = shop.run(&["consume", "--topic", "orders", "--start", "7-1"]);
    assert_eq!(wrong.code, 1, "{}", wrong.err);
    assert_eq!(shop.groups(), [] as [&str; 0]);
}

#[cfg(unix)]
#[test]
fn a_killed_consume_leaves_a_group_that_is_recognized_by_its_name_and_can_be_removed() {
    let shop = Shop::new();
    shop.place(1);
    let mut child = shop.start(&["consume", "--topic", "orders", "--json"]);
    drop(read_until(&mut child, r#""position":"1""#));
    child.kill().unwrap();
    child.wait().unwrap();
    let [group] = &shop.groups()[..] else { panic!("one group") };
    assert!(group.starts_with("consume."), "{group}");
    shop.out(&["offsets", "remove", "--topic", "orders", "--group", group, "--yes"]);
    assert_eq!(shop.groups(), [] as [&str; 0]);
}

#[test]
fn groups_are_listed_with_their_waiting_dead_letters() {
    let shop = Shop::new();
    for number in 1..=3 {
        shop.place(number);
    }
    shop.fail();
    let list = shop.json(&["offsets", "list", "--topic", "orders"]);
    assert_eq!(list[0]["dead_letters"], 1);
    assert_eq!(list[0]["lag"], 2);
    let text = shop.out(&["offsets", "list", "--topic", "orders"]);
    assert!(text.contains("DEAD LETTERS"), "{text}");
    shop.out(&["dlq", "drop", "--topic", "orders", "--group", "billing", "--all", "--yes"]);
    let list = shop.json(&["offsets", "list", "--topic", "orders"]);
    assert_eq!(list[0]["dead_letters"], 0, "it was dropped, though it is still stored");
}

#[cfg(unix)]
#[test]
fn a_watch_without_a_terminal_prints_lines_until_it_is_interrupted() {
    let shop = Shop::new();
    for number in 1..=3 {
        shop.place(number);
    }
    shop.fail();
    let before = shop.state();
    let arguments = ["offsets", "list", "--topic", "orders", "--watch=50ms"];
    let mut child = shop.start(&arguments);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    for _ in 0..3 {
        let line = lines.next().unwrap();
        let expected = " dev-orders / billing: next 2, 2 unsettled, 0 in flight, 1 waiting, 1 dead letter";
        assert!(line.ends_with(expected), "{line:?}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
    signal(&child, "-INT");
    drop(lines);
    assert_eq!(finish(child).code, 0);

    let mut child = shop.start(&[&arguments[..], &["--json"]].concat());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    for _ in 0..3 {
        let document: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
        assert_eq!(document["topic"], "dev-orders");
        assert_eq!(document["groups"][0]["lag"], 2);
        assert_eq!(document["groups"][0]["dead_letters"], 1);
        assert!(document["time"].is_string());
    }
    signal(&child, "-TERM");
    drop(lines);
    assert_eq!(finish(child).code, 0);
    assert_eq!(shop.state(), before, "a watch changes nothing");
}

#[cfg(unix)]
#[test]
fn a_watch_reports_an_outage_and_continues() {
    let shop = Shop::new();
    shop.place(1);
    let [file, moved] = ["events.db", "away.db"].map(|name| shop.path().join(name));
    for more in [&[][..], &["--json"]] {
        let arguments = ["offsets", "list", "--topic", "orders", "--watch=20ms"];
        let mut child = shop.start(&[&arguments[..], more].concat());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let works = |line: String| line.contains("no groups") || line.contains(r#""groups":[]"#);
        assert!(works(lines.next().unwrap()));
        std::fs::rename(&file, &moved).unwrap();
        if more.is_empty() {
            let said = errors.next().unwrap();
            assert!(said.starts_with("warning: ") && said.contains("trying again every 20ms"), "{said}");
        } else {
            assert!(lines.any(|line| line.contains(r#""error":""#)));
        }
        std::fs::rename(&moved, &file).unwrap();
        if more.is_empty() {
            assert_eq!(errors.next().unwrap(), "sqlite://events.db answers again");
        }
        assert!(works(lines.find(|line| !line.contains(r#""error":""#)).unwrap()));
        signal(&child, "-INT");
        let ended = (lines.by_ref().last(), errors.by_ref().last(), finish(child).code);
        assert_eq!((ended.1, ended.2), (None, 0), "{:?}", ended.0);
    }
}

#[test]
fn an_interval_of_zero_is_a_usage_error() {
    let ran = Shop::new().run(&["offsets", "list", "--topic", "orders", "--watch=0s"]);
    assert!(ran.code == 2 && ran.err.contains("longer than zero"), "{}", ran.err);
}

#[cfg(target_os = "linux")]
#[test]
fn a_watch_redraws_a_terminal_and_ends_with_success_on_ctrl_c() {
    let shop = Shop::new();
    for number in 1..=3 {
        shop.place(number);
    }
    shop.fail();
    // `script` runs a program in a pseudo-terminal, and passes what it reads to it as typed text. The program
    // replaces the shell, which Ctrl-C would end as well: `script` would return its status.
    let program = format!("exec {} offsets list --topic orders --watch=50ms", env!("CARGO_BIN_EXE_shop_cli"));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &program, "/dev/null"]).current_dir(shop.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut keyboard = child.stdin.take().unwrap();
    let mut out = child.stdout.take().unwrap();
    let (mut screen, mut part) = (String::new(), [0; 4096]);
    let since = Instant::now();
    while screen.matches("\u{1b}[H").count() < 4 {
        assert!(since.elapsed() < LONG, "{screen:?}");
        let read = out.read(&mut part).unwrap();
        assert_ne!(read, 0, "{screen:?}");
        screen.push_str(&String::from_utf8_lossy(&part[..read]));
    }
    assert!(screen.contains("\u{1b}[2J"), "it starts with an empty screen: {screen:?}");
    let frame = screen.split("\u{1b}[H").nth(2).unwrap();
    for part in [
        "groups of `dev-orders` in sqlite://events.db, every 50ms",
        "press Ctrl-C",
        "DEAD LETTERS",
        "billing",
    ] {
        assert!(frame.contains(part), "no {part:?} in {frame:?}");
    }
    assert!(frame.trim_end().ends_with("\u{1b}[J"), "nothing of an earlier frame stays: {frame:?}");
    std::io::Write::write_all(&mut keyboard, b"\x03").unwrap();
    std::io::copy(&mut out, &mut std::io::sink()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
