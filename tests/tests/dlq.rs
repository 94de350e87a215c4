//! `dlq`, run as a program on an SQLite file.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::ops::Deref;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use events_runtime::transport::{ConsumerGroup, Message, Position, Subscription, Topic};
use events_tests::sandbox::{CommandOutput, Sandbox};
use serde_json::{Value, json};

const PLACED: &str = "org.acme.cli.order.placed.v1";
const CANCELLED: &str = "org.acme.cli.order.cancelled.v1";
const BILLING: [&str; 4] = ["--topic", "orders", "--group", "billing"];
const LONG: Duration = Duration::from_secs(20);

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
            "[service]\nname = \"shop\"\ntopic_prefix = \"dev\"\n\
             [bus]\nurl = \"sqlite://events.db\"\n[bus.consumer]\nlease = \"500ms\"\n\
             [routes.\"{PLACED}\"]\norders = {{}}\n[routes.\"{CANCELLED}\"]\norders = {{}}\n"
        );
        Self(Sandbox::with_config(env!("CARGO_BIN_EXE_shop_cli"), &config))
    }

    /// Runs `dlq` on the dead letters of `billing` on `orders`.
    fn dlq(&self, command: &str, more: &[&str]) -> CommandOutput {
        self.run(&[&["dlq", command][..], &BILLING, more].concat())
    }

    /// The JSON of a `dlq` command that succeeds.
    fn dlq_json(&self, command: &str, more: &[&str]) -> Value {
        let out = self.dlq(command, &[more, &["--json"]].concat()).succeeded();
        serde_json::from_str(&out).unwrap()
    }

    fn list(&self) -> Vec<Value> {
        self.dlq_json("list", &[]).as_array().unwrap().clone()
    }

    /// Sends an order and returns its id.
    fn order(&self, number: u8, email: &str) -> String {
        let data = json!({
            "number": number, "customer": {"customer_id": "c-1", "email": email}, "lines": [{"sku": "a"}],
        });
        self.produce(PLACED, &data)
    }

    fn cancel(&self, number: u8) -> String {
        self.produce(CANCELLED, &json!({ "number": number }))
    }

    fn produce(&self, event_type: &str, data: &Value) -> String {
        let sent = self.json(&["produce", "--type", event_type, "--data", &data.to_string()]);
        sent["id"].as_str().unwrap().to_owned()
    }

    /// Rejects the next events of the topic as `billing`, one for each reason.
    fn give_up(&self, reasons: &[&str]) {
        self.with_transport(async |transport| {
            let (topic, group) = (Topic::new("dev-orders").unwrap(), ConsumerGroup::new("billing").unwrap());
            let mut consumer = transport.consumer(Subscription::new(topic, group)).await.unwrap();
            for reason in reasons {
                let delivery = consumer.receive(1, LONG).await.unwrap().remove(0);
                delivery.reject(*reason).await.unwrap();
            }
            consumer.close().await.unwrap();
        });
    }

    /// All messages of the topic.
    fn messages(&self, count: usize) -> Vec<(Position, Message)> {
        let mut messages = Vec::new();
        self.with_transport(async |transport| {
            let (topic, group) = (Topic::new("dev-orders").unwrap(), ConsumerGroup::new("look").unwrap());
            let mut consumer = transport.consumer(Subscription::new(topic, group)).await.unwrap();
            while messages.len() < count {
                let deliveries = consumer.receive(count + 1, LONG).await.unwrap();
                messages.extend(deliveries.iter().map(|it| (it.position(), it.message().clone())));
                for acked in events_runtime::transport::ack_all(deliveries).await {
                    acked.unwrap();
                }
            }
            assert!(consumer.receive(1, Duration::ZERO).await.unwrap().is_empty(), "more than {count} came");
        });
        messages
    }
}

fn values<'a>(list: &'a [Value], field: &str) -> Vec<&'a str> {
    list.iter().map(|entry| entry[field].as_str().unwrap()).collect()
}

#[test]
fn list_prints_every_dead_letter_and_can_be_repeated() {
    let shop = Shop::new();
    let ids = [shop.order(1, "a@foo.example"), shop.cancel(2)];
    shop.give_up(&["the card was refused", "no such\norder"]);
    let list = shop.list();
    assert_eq!(values(&list, "id"), ids);
    assert_eq!(values(&list, "event_type"), [PLACED, CANCELLED]);
    assert_eq!(values(&list, "reason"), ["the card was refused", "no such\norder"]);
    assert_eq!(values(&list, "position"), ["1", "2"]);
    assert_eq!((&list[0]["attempts"], &list[0]["key"]), (&json!(1), &json!("*** (3 bytes)")));
    assert_eq!(shop.dlq_json("list", &["--show-pii"])[0]["key"], "c-1");
    assert_eq!(shop.list(), list);
    assert_eq!(values(shop.dlq_json("list", &["--type", CANCELLED]).as_array().unwrap(), "id"), ids[1..]);

    let text = shop.dlq("list", &[]);
    assert_eq!((text.code, text.err.as_str(), text.out.lines().count()), (0, "", 3), "{}", text.out);
    assert!(text.out.contains(&ids[0]) && text.out.contains("no such order"), "{}", text.out);
}

#[test]
fn list_does_not_delay_the_next_command() {
    let shop = Shop::new();
    for number in 0..20 {
        shop.order(number, "a@foo.example");
    }
    shop.give_up(&["no"; 20]);
    for _ in 0..3 {
        assert_eq!(shop.list().len(), 20);
    }
}

#[test]
fn show_decodes_the_payload_and_masks_personal_data_by_default() {
    let shop = Shop::new();
    let id = shop.order(7, "bob@foo.example");
    shop.give_up(&["the card was refused"]);
    for which in [id.as_str(), "1"] {
        let letter = shop.dlq_json("show", &[which]);
        assert_eq!(letter["metadata"]["id"], id);
        assert_eq!(letter["data"]["number"], 7);
        assert_eq!(letter["data"]["customer"]["email"], "***");
        let end = &letter["dead_letter"];
        assert_eq!((&end["reason"], &end["attempts"]), (&json!("the card was refused"), &json!(1)));
        assert_eq!((&end["topic"], &end["group"]), (&json!("dev-orders"), &json!("billing")));
    }
    let shown = shop.dlq_json("show", &["1", "--show-pii"]);
    assert_eq!(shown["data"]["customer"]["email"], "bob@foo.example");
    let text = shop.dlq("show", &["1"]).out;
    assert!(text.contains("the card was refused") && !text.contains("bob@"), "{text}");

    let absent = shop.dlq("show", &["1", "9"]);
    assert_eq!(absent.code, 1);
    assert!(absent.err.contains("no dead letter `9`") && absent.out.is_empty(), "{}", absent.err);
}

#[test]
fn message_that_is_not_an_event_can_be_a_dead_letter() {
    let shop = Shop::new();
    shop.store("dev-orders", &[Message::new("secret")]);
    shop.give_up(&["no envelope"]);
    let letter = shop.dlq_json("show", &["1"]);
    assert_eq!((&letter["data_bytes"], &letter["dead_letter"]["reason"]), (&json!(6), &json!("no envelope")));
    assert_eq!(shop.dlq_json("retry", &["1"])["done"][0]["position"], "1");
    assert_eq!(shop.messages(2)[1].1, Message::new("secret"));
}

#[test]
fn retry_sends_only_selected_events_with_the_same_id() {
    let shop = Shop::new();
    let ids = [shop.order(1, "a@foo.example"), shop.order(2, "b@foo.example"), shop.cancel(3)];
    shop.give_up(&["the card was refused", "timeout", "timeout"]);
    let preview = shop.dlq_json("retry", &["--reason", "card", "--dry-run"]);
    assert_eq!(values(preview.as_array().unwrap(), "id"), ids[..1]);
    assert_eq!(shop.list().len(), 3);

    let handled = shop.dlq_json("retry", &["--reason", "card"]);
    assert_eq!((&handled["done"][0]["id"], &handled["kept"]), (&json!(ids[0]), &json!(2)));
    assert_eq!(values(&shop.list(), "id"), ids[1..]);
    let both = ["--type", CANCELLED, "--reason", "timeout"];
    assert_eq!(shop.dlq_json("retry", &both)["done"][0]["id"], *ids[2]);
    let last = shop.dlq("retry", &[&ids[1]]);
    assert_eq!((last.code, last.err.as_str()), (0, ""));
    assert!(last.out.contains(&format!("resent {}", ids[1])), "{}", last.out);

    assert_eq!(shop.list(), [] as [Value; 0]);
    let messages = shop.messages(6);
    for (again, original) in [(3, 0), (4, 2), (5, 1)] {
        assert_eq!(messages[again].1, messages[original].1, "byte for byte, and nothing of its end");
    }
}

#[test]
fn drop_requires_yes_and_drops_only_selected_dead_letters() {
    let shop = Shop::new();
    let ids = [shop.order(1, "a@foo.example"), shop.cancel(2)];
    shop.give_up(&["no", "no"]);
    let asked = shop.dlq("drop", &["--all"]);
    assert_eq!(asked.code, 2);
    assert!(
        asked.err.contains("2 dead letters would be dropped") && asked.err.contains("--yes"),
        "{}",
        asked.err
    );
    assert_eq!(shop.list().len(), 2);

    let wrong = shop.dlq("drop", &["--yes", "1", "7"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (1, ""), "none is dropped where one is not there");
    let dropped = shop.dlq_json("drop", &["--yes", "1"]);
    assert_eq!((&dropped["done"][0]["id"], &dropped["kept"]), (&json!(ids[0]), &json!(1)));
    assert_eq!(values(&shop.list(), "id"), ids[1..]);
    let all = shop.dlq("drop", &["--all", "--yes"]);
    assert!(all.code == 0 && all.out.contains("1 dropped, 0 left"), "{}", all.out);
    assert_eq!(shop.list(), [] as [Value; 0]);
    assert_eq!(shop.messages(2).len(), 2, "nothing was sent");
}

#[test]
fn export_is_masked_and_a_raw_export_can_be_imported() {
    let shop = Shop::new();
    let id = shop.order(1, "bob@foo.example");
    shop.order(2, "bob@foo.example");
    shop.give_up(&["first", "second"]);
    let exported = shop.dlq("export", &["letters.jsonl"]);
    assert_eq!(exported.code, 0, "{}", exported.err);
    let masked = fs::read_to_string(shop.path().join("letters.jsonl")).unwrap();
    assert!(masked.lines().count() == 2 && !masked.contains("bob@"), "{masked}");
    let first: Value = serde_json::from_str(masked.lines().next().unwrap()).unwrap();
    assert_eq!((&first["metadata"]["id"], &first["dead_letter"]["reason"]), (&json!(id), &json!("first")));

    let again = shop.dlq("export", &["--raw", "letters.jsonl"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("`letters.jsonl`") && again.err.contains("already exists"), "{}", again.err);
    assert_eq!(fs::read_to_string(shop.path().join("letters.jsonl")).unwrap(), masked);
    let refused = shop.dlq("import", &["letters.jsonl"]);
    assert!(refused.code == 1 && refused.err.contains("line 1 of `letters.jsonl`"), "{}", refused.err);

    let before = shop.list();
    assert_eq!(shop.dlq("export", &["--raw", "raw.jsonl"]).code, 0);
    assert_eq!(shop.dlq_json("drop", &["--all", "--yes"])["kept"], 0);
    assert_eq!(shop.dlq_json("import", &["raw.jsonl"]), json!({"stored": 2, "present": 0, "failed": 0}));
    assert_eq!(shop.dlq_json("import", &["raw.jsonl"]), json!({"stored": 0, "present": 2, "failed": 0}));
    let after = shop.list();
    for field in ["id", "reason", "time", "event_type"] {
        assert_eq!(values(&after, field), values(&before, field));
    }
    assert_eq!(shop.dlq_json("retry", &["--all"])["done"][0]["id"], id);
    let messages = shop.messages(4);
    assert_eq!(messages[2].1, messages[0].1);
}

#[test]
fn a_raw_export_can_be_sent_like_an_error_log() {
    let shop = Shop::new();
    let id = shop.order(1, "bob@foo.example");
    shop.order(2, "bob@foo.example");
    shop.give_up(&["first", "second"]);
    assert_eq!(shop.dlq("export", &["--raw", "raw.jsonl"]).code, 0);
    let raw = fs::read_to_string(shop.path().join("raw.jsonl")).unwrap();
    let first = raw.lines().next().unwrap();
    assert!(first.starts_with(r#"{"record":2,"#) && first.contains(r#""failure":"dead-letter""#), "{first}");
    assert_eq!(shop.json(&["produce", "--event", first])["id"], id);
    assert_eq!(shop.run(&["produce", "--from-log", "raw.jsonl"]).code, 0);
    assert!(!shop.path().join("raw.jsonl").exists());
    let messages: Vec<_> = shop.messages(5).into_iter().map(|(_, message)| message).collect();
    assert_eq!(messages[2..], [&messages[..1], &messages[..2]].concat());
}

#[test]
fn an_import_refuses_records_that_are_not_dead_letters() {
    let shop = Shop::new();
    for failure in ["not-sent", "rejected"] {
        let line = format!(
            r#"{{"record":2,"failure":"{failure}","topic":"dev-orders","key":null,"headers":[],"data_base64":""}}"#
        );
        fs::write(shop.path().join("errors.jsonl"), line).unwrap();
        let refused = shop.dlq("import", &["errors.jsonl"]);
        assert!(refused.code == 1 && refused.err.contains("not a dead letter"), "{}", refused.err);
    }
}

#[test]
fn a_retry_killed_between_send_and_removal_makes_a_duplicate_and_no_loss() {
    let shop = Shop::new();
    let id = shop.order(1, "a@foo.example");
    shop.give_up(&["no"]);
    let mut peer = Command::new(env!("CARGO_BIN_EXE_bus_peer"))
        .args(["retry", &shop.url(), "dev-orders", "billing", "500"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(peer.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "sent\n");
    // SIGKILL: the process can't clean up.
    peer.kill().unwrap();
    peer.wait().unwrap();

    let killed = Instant::now();
    let handled = loop {
        assert!(killed.elapsed() < LONG, "the letter does not come back");
        let ran = shop.dlq("retry", &["--all", "--json"]);
        let handled: Value = serde_json::from_str(&ran.out).unwrap();
        if handled["elsewhere"] == 0 {
            assert_eq!(ran.code, 0, "{}", ran.err);
            break handled;
        }
        assert_eq!((ran.code, &handled["elsewhere"]), (1, &json!(1)), "it is held, and not done: {handled}");
        assert_eq!(shop.list().len(), 1, "looking takes nothing, and shows what is held");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(handled["done"][0]["id"], id);
    assert_eq!(shop.list(), [] as [Value; 0]);
    let messages = shop.messages(3);
    assert!(messages.iter().all(|(_, message)| *message == messages[0].1), "the same event, with its id");
}

#[test]
fn wrong_names_and_selections_are_errors() {
    let shop = Shop::new();
    for wrong in [&["dlq"][..], &["dlq", "list"], &["dlq", "nonsense"]] {
        assert_eq!(shop.run(wrong).code, 2, "{wrong:?}");
    }
    assert_eq!(shop.dlq("retry", &[]).code, 2, "never everything by default");
    assert_eq!(shop.dlq("drop", &["--yes"]).code, 2);
    assert_eq!(shop.dlq("retry", &["1", "--all"]).code, 2);
    assert_eq!(shop.dlq("retry", &["--type", PLACED, "--all"]).code, 2);
    assert_eq!(shop.run(&["dlq", "list", "--topic", "or ders", "--group", "billing"]).code, 2);

    let none = shop.dlq("list", &[]);
    assert!(none.code == 1 && none.err.contains("dev-orders"), "no such topic: {}", none.err);
    shop.order(1, "a@foo.example");
    shop.give_up(&[]);
    let typo = shop.run(&["dlq", "list", "--topic", "orders", "--group", "biling"]);
    assert!(typo.code == 1 && typo.err.contains("`billing`"), "the groups are named: {}", typo.err);
    let empty = shop.dlq("list", &[]);
    assert!(empty.code == 0 && empty.err.contains("no matching dead letters"), "{}", empty.err);
    assert_eq!(shop.list(), [] as [Value; 0]);
}
