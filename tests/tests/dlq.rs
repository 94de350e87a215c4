//! `dlq` as its users meet it: a real program over a real file.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, Message, Position, Subscription, Topic, Transport, connect,
};
use events_tests::ran::Ran;
use serde_json::{Value, json};
use tempfile::TempDir;

const PLACED: &str = "org.acme.cli.order.placed.v1";
const CANCELLED: &str = "org.acme.cli.order.cancelled.v1";
const BILLING: [&str; 4] = ["--topic", "orders", "--group", "billing"];
const LONG: Duration = Duration::from_secs(20);

/// A folder with a configuration, where the program runs.
struct Shop(TempDir);

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "[service]\nname = \"shop\"\ntopic_prefix = \"dev\"\n\
             [bus]\nurl = \"sqlite://events.db\"\n[bus.consumer]\nlease = \"500ms\"\n\
             [routes.\"{PLACED}\"]\norders = {{}}\n[routes.\"{CANCELLED}\"]\norders = {{}}\n"
        );
        fs::write(folder.path().join("events.toml"), config).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn url(&self) -> String {
        format!("sqlite://{}/events.db", self.path().display())
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop_cli"));
        Ran::of(command.current_dir(self.path()).args(arguments))
    }

    /// What `dlq` does with the letters of `billing` on `orders`.
    fn dlq(&self, command: &str, more: &[&str]) -> Ran {
        self.run(&[&["dlq", command][..], &BILLING, more].concat())
    }

    /// What a `dlq` command that succeeds prints for programs.
    fn json(&self, command: &str, more: &[&str]) -> Value {
        let out = self.dlq(command, &[more, &["--json"]].concat()).succeeded();
        serde_json::from_str(&out).unwrap()
    }

    fn list(&self) -> Vec<Value> {
        self.json("list", &[]).as_array().unwrap().clone()
    }

    /// Sends an order and gives its id.
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
        let ran = self.run(&["produce", "--type", event_type, "--data", &data.to_string(), "--json"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let sent: Value = serde_json::from_str(&ran.out).unwrap();
        sent["id"].as_str().unwrap().to_owned()
    }

    /// Has `billing` give up the next events of the topic, one for each reason.
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

    /// The messages of the topic, as a group of its own gets them.
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

    fn with_transport(&self, work: impl AsyncFnOnce(&dyn Transport)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let transport = connect(&self.url(), &ConnectOptions::new()).unwrap();
            work(&*transport).await;
        });
    }
}

fn values<'a>(list: &'a [Value], field: &str) -> Vec<&'a str> {
    list.iter().map(|entry| entry[field].as_str().unwrap()).collect()
}

#[test]
fn list_tells_every_letter_and_its_end_as_often_as_it_is_asked() {
    let shop = Shop::new();
    let ids = [shop.order(1, "a@foo.example"), shop.cancel(2)];
    shop.give_up(&["the card was refused", "no such\norder"]);
    let list = shop.list();
    assert_eq!(values(&list, "id"), ids);
    assert_eq!(values(&list, "event_type"), [PLACED, CANCELLED]);
    assert_eq!(values(&list, "reason"), ["the card was refused", "no such\norder"]);
    assert_eq!(values(&list, "position"), ["1", "2"]);
    assert_eq!((&list[0]["attempts"], &list[0]["key"]), (&json!(1), &json!("*** (3 bytes)")));
    assert_eq!(shop.json("list", &["--show-pii"])[0]["key"], "c-1");
    assert_eq!(shop.list(), list);
    assert_eq!(values(shop.json("list", &["--type", CANCELLED]).as_array().unwrap(), "id"), ids[1..]);

    let text = shop.dlq("list", &[]);
    assert_eq!((text.code, text.err.as_str(), text.out.lines().count()), (0, "", 3), "{}", text.out);
    assert!(text.out.contains(&ids[0]) && text.out.contains("no such order"), "{}", text.out);
}

#[test]
fn list_leaves_letters_without_delay_for_the_next_command() {
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
fn show_reads_the_payload_and_masks_personal_data_unless_it_is_asked_for() {
    let shop = Shop::new();
    let id = shop.order(7, "bob@foo.example");
    shop.give_up(&["the card was refused"]);
    for which in [id.as_str(), "1"] {
        let letter = shop.json("show", &[which]);
        assert_eq!(letter["metadata"]["id"], id);
        assert_eq!(letter["data"]["number"], 7);
        assert_eq!(letter["data"]["customer"]["email"], "***");
        let end = &letter["dead_letter"];
        assert_eq!((&end["reason"], &end["attempts"]), (&json!("the card was refused"), &json!(1)));
        assert_eq!((&end["topic"], &end["group"]), (&json!("dev-orders"), &json!("billing")));
    }
    let shown = shop.json("show", &["1", "--show-pii"]);
    assert_eq!(shown["data"]["customer"]["email"], "bob@foo.example");
    let text = shop.dlq("show", &["1"]).out;
    assert!(text.contains("the card was refused") && !text.contains("bob@"), "{text}");

    let absent = shop.dlq("show", &["1", "9"]);
    assert_eq!(absent.code, 1);
    assert!(absent.err.contains("no dead letter `9`") && absent.out.is_empty(), "{}", absent.err);
}

#[test]
fn bytes_that_are_no_event_are_dead_letters_like_others() {
    let shop = Shop::new();
    shop.with_transport(async |transport| {
        let producer = transport.producer().await.unwrap();
        let sent = producer.send(&Topic::new("dev-orders").unwrap(), &[Message::new("secret")]).await;
        assert!(sent.iter().all(Result::is_ok));
    });
    shop.give_up(&["no envelope"]);
    let letter = shop.json("show", &["1"]);
    assert_eq!((&letter["data_bytes"], &letter["dead_letter"]["reason"]), (&json!(6), &json!("no envelope")));
    assert_eq!(shop.json("retry", &["1"])["done"][0]["position"], "1");
    assert_eq!(shop.messages(2)[1].1, Message::new("secret"));
}

#[test]
fn retry_sends_the_event_again_with_its_id_and_no_more_than_was_selected() {
    let shop = Shop::new();
    let ids = [shop.order(1, "a@foo.example"), shop.order(2, "b@foo.example"), shop.cancel(3)];
    shop.give_up(&["the card was refused", "timeout", "timeout"]);
    let preview = shop.json("retry", &["--reason", "card", "--dry-run"]);
    assert_eq!(values(preview.as_array().unwrap(), "id"), ids[..1]);
    assert_eq!(shop.list().len(), 3);

    let handled = shop.json("retry", &["--reason", "card"]);
    assert_eq!((&handled["done"][0]["id"], &handled["kept"]), (&json!(ids[0]), &json!(2)));
    assert_eq!(values(&shop.list(), "id"), ids[1..]);
    let both = ["--type", CANCELLED, "--reason", "timeout"];
    assert_eq!(shop.json("retry", &both)["done"][0]["id"], *ids[2]);
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
fn drop_wants_a_yes_and_drops_no_more_than_was_selected() {
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
    let dropped = shop.json("drop", &["--yes", "1"]);
    assert_eq!((&dropped["done"][0]["id"], &dropped["kept"]), (&json!(ids[0]), &json!(1)));
    assert_eq!(values(&shop.list(), "id"), ids[1..]);
    let all = shop.dlq("drop", &["--all", "--yes"]);
    assert!(all.code == 0 && all.out.contains("1 dropped, 0 left"), "{}", all.out);
    assert_eq!(shop.list(), [] as [Value; 0]);
    assert_eq!(shop.messages(2).len(), 2, "nothing was sent");
}

#[test]
fn export_is_masked_and_raw_holds_what_import_brings_back() {
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
    assert_eq!(shop.json("drop", &["--all", "--yes"])["kept"], 0);
    assert_eq!(shop.json("import", &["raw.jsonl"]), json!({"stored": 2, "present": 0, "failed": 0}));
    assert_eq!(shop.json("import", &["raw.jsonl"]), json!({"stored": 0, "present": 2, "failed": 0}));
    let after = shop.list();
    for field in ["id", "reason", "time", "event_type"] {
        assert_eq!(values(&after, field), values(&before, field));
    }
    assert_eq!(shop.json("retry", &["--all"])["done"][0]["id"], id);
    let messages = shop.messages(4);
    assert_eq!(messages[2].1, messages[0].1);
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
    // SIGKILL: it says good-bye to nobody.
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
fn wrong_names_and_selections_are_told() {
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
