//! `replay` and the start of new groups on a Kafka broker, run as a program that has receivers.

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use events_server_tests::KafkaServer;
use events_server_tests::kafka::create_topic;
use events_tests::sandbox::{CommandOutput, Sandbox};
use serde_json::{Value, json};

const PLACED: &str = "org.acme.cli.order.placed.v1";
const PARTITIONS: i32 = 3;
/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(2 * 60);

/// A program with a receiver of orders, and the topic `orders` with three partitions.
struct Shop {
    server: KafkaServer,
    sandbox: Sandbox,
}

impl Shop {
    async fn start() -> Self {
        let server = KafkaServer::start();
        create_topic(&server, "orders", PARTITIONS).await;
        let config = format!(
            "[service]\nname = 'shop'\n\
             [bus]\nurl = '{}?create_topics=true'\nretry = {{ initial = '1ms', max = '2ms', max_attempts = 2 }}\n\
             [routes.'{PLACED}']\norders = {{}}\n[consumers.orders.late]\nstart = 'latest'\n",
            server.url()
        );
        let sandbox = Sandbox::with_config(env!("CARGO_BIN_EXE_kafka_shop"), &config);
        let taken = sandbox.path().join("taken.txt");
        Self { server, sandbox: sandbox.env("SHOP_TAKEN", taken) }
    }

    /// Sends orders with these numbers, each of another customer, and returns their ids.
    fn orders(&self, numbers: RangeInclusive<u8>) -> BTreeSet<(u8, String)> {
        self.send(numbers, |number| format!("c-{number}"))
    }

    fn send(&self, numbers: RangeInclusive<u8>, customer: fn(u8) -> String) -> BTreeSet<(u8, String)> {
        let send = |number: u8| {
            let customer = json!({"customer_id": customer(number), "email": "e"});
            let data = json!({"number": number, "customer": customer, "lines": []});
            let sent = self.sandbox.json(&["produce", "--type", PLACED, "--data", &data.to_string()]);
            (number, sent["id"].as_str().expect("an id").to_owned())
        };
        numbers.map(send).collect()
    }

    /// The numbers and ids that the receiver handled, in their order.
    fn taken(&self) -> Vec<(u8, String)> {
        let text = fs::read_to_string(self.sandbox.path().join("taken.txt")).unwrap_or_default();
        let line = |line: &str| {
            let (number, id) = line.split_once(' ')?;
            Some((number.parse().ok()?, id.to_owned()))
        };
        text.lines().filter_map(line).collect()
    }

    fn replay(&self, more: &[&str]) -> Value {
        self.sandbox.json(&[&["replay", "--topic", "orders"], more].concat())
    }

    fn groups(&self) -> Value {
        self.sandbox.json(&["offsets", "list", "--topic", "orders"])
    }

    /// The positions that a group gets and acknowledges.
    fn consume(&self, group: &str, more: &[&str]) -> BTreeSet<String> {
        let base =
            ["consume", "--topic", "orders", "--group", group, "--acknowledge", "--idle", "5s", "--json"];
        let out = self.sandbox.out(&[&base[..], more].concat());
        let position = |line| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            line["position"].as_str().expect("a position").to_owned()
        };
        out.lines().map(position).collect()
    }
}

#[tokio::test]
async fn a_replay_emits_the_events_of_all_partitions_again_with_their_ids_and_leaves_no_group() {
    let shop = Shop::start().await;
    let sent = shop.orders(1..=9);
    assert_eq!(shop.taken(), [], "nothing was consumed");
    let replayed = shop.replay(&["--group", "look"]);
    assert_eq!((&replayed["emitted"], &replayed["finished"]), (&json!(9), &json!(true)), "{replayed}");
    assert_eq!(replayed["from"], "0:0,1:0,2:0", "{replayed}");
    let taken = shop.taken();
    assert_eq!((taken.len(), &taken.into_iter().collect()), (9, &sent));
    assert_eq!(shop.groups(), json!([]));

    let since = shop.replay(&["--group", "look", "--from", "2020-01-01T00:00:00+02:00"]);
    assert_eq!(since["emitted"], 9, "{since}");
    let future = shop.replay(&["--group", "look", "--from", "2999-01-01T00:00:00Z"]);
    assert_eq!(future["emitted"], 0, "{future}");
    // The other partitions are replayed from their first message.
    let first = shop.replay(&["--group", "look", "--from", "0:1"]);
    assert_eq!(first["emitted"], 8, "{first}");
    assert_eq!(shop.groups(), json!([]));
    assert_eq!(shop.consume("reader", &[]).len(), 9, "the topic is as it was");
    drop(shop.server);
}

#[tokio::test]
async fn a_replay_that_is_interrupted_goes_on_with_the_same_command() {
    let shop = Shop::start().await;
    // Events of one key are received one after another.
    let sent = shop.send(1..=9, |_| "c-1".to_owned());
    let command = ["replay", "--topic", "orders", "--group", "look"];
    let mut slow = shop.sandbox.command(&command);
    // What it has received is handled before it ends.
    slow.env("EVENTS_BUS__CONSUMER__BATCH_SIZE", "1")
        .env("SHOP_PAUSE", "300")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = slow.spawn().expect("it runs");
    let since = Instant::now();
    while shop.taken().is_empty() {
        assert!(since.elapsed() < PATIENCE, "no order was taken");
        std::thread::sleep(Duration::from_millis(2));
    }
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(told.expect("`kill` runs").success());
    let first = CommandOutput::from(child.wait_with_output().expect("it ends"));
    assert!(first.code == 1 && first.err.contains("run the same command again to continue"), "{first:?}");
    let before = shop.taken().len();
    assert!(before < 9, "it ended early: {before} orders");
    assert_eq!(shop.groups()[0]["group"], "look.replay");

    let second = shop.sandbox.json(&command);
    assert_eq!((&second["resumed"], &second["finished"]), (&json!(true), &json!(true)), "{second}");
    let taken = shop.taken();
    assert_eq!((taken.len(), taken.into_iter().collect()), (9, sent), "none is lost and none comes twice");
    assert_eq!(shop.groups(), json!([]));
}

#[tokio::test]
async fn a_failing_event_of_a_replay_is_a_dead_letter_that_is_listed_and_retried() {
    let shop = Shop::start().await;
    shop.orders(12..=14);
    let replayed = shop.replay(&["--group", "look"]);
    let counts = ["emitted", "retried", "dead_lettered"].map(|name| replayed[name].clone());
    assert_eq!(counts, [2, 1, 1].map(Value::from), "{replayed}");
    let letters = ["--topic", "orders", "--group", "look.replay"];
    let listed = shop.sandbox.json(&[&["dlq", "list"][..], &letters].concat());
    assert!(listed[0]["reason"].as_str().is_some_and(|reason| reason.contains("thirteen")), "{listed}");
    let retried = shop.sandbox.run(&[&["dlq", "retry", "--all"][..], &letters].concat());
    assert_eq!(retried.code, 0, "{retried:?}");
    // The replay has removed its group, so that nothing is left of it.
    let listed = shop.sandbox.run(&[&["dlq", "list"][..], &letters].concat());
    assert!(listed.code == 1 && listed.err.contains("no dead letters of it"), "{listed:?}");
}

#[tokio::test]
async fn a_replay_in_place_ends_at_the_position_of_the_group() {
    let shop = Shop::start().await;
    let sent = shop.orders(1..=6);
    assert_eq!(shop.consume("billing", &[]).len(), 6);
    let before = shop.groups();
    let replayed = shop.replay(&["--group", "billing", "--in-place"]);
    assert_eq!((&replayed["group"], &replayed["emitted"]), (&json!("billing"), &json!(6)), "{replayed}");
    assert_eq!(shop.taken().into_iter().collect::<BTreeSet<_>>(), sent);
    assert_eq!(shop.groups(), before);
}

#[tokio::test]
async fn a_new_group_starts_where_the_command_line_or_the_configuration_says() {
    let shop = Shop::start().await;
    shop.orders(1..=9);
    let all = shop.consume("usual", &[]);
    assert_eq!(all.len(), 9);
    assert_eq!(shop.consume("late", &[]).len(), 0, "`latest`, by the configuration");
    assert_eq!(shop.consume("earliest", &["--start", "earliest"]), all);
    assert_eq!(shop.consume("latest", &["--start", "latest"]).len(), 0);
    assert_eq!(shop.consume("timed", &["--start", "2020-01-01T00:00:00Z"]), all);
    assert_eq!(shop.consume("none", &["--start", "2999-01-01T00:00:00Z"]).len(), 0);
    let mut placed = all.clone();
    assert!(placed.remove("0:0") && placed.remove("2:0"), "{all:?}");
    assert_eq!(shop.consume("placed", &["--start", "0:1,2:1"]), placed);
    assert_eq!(shop.consume("placed", &["--start", "earliest"]).len(), 0, "it counts only once");
    let wrong = ["consume", "--topic", "orders", "--group", "x", "--start", "9:0"];
    let wrong = shop.sandbox.run(&wrong);
    assert!(wrong.code == 1 && wrong.err.contains("is not a position in its partitions"), "{wrong:?}");
}
