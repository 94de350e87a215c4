//! `replay`, `offsets` and start positions, run as a program on an SQLite file.

use std::fs;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use events_tests::sandbox::{CommandOutput, Sandbox};
use serde_json::{Value, json};

const PLACED: &str = "org.acme.cli.order.placed.v1";
const ORDERS: [&str; 2] = ["--topic", "orders"];
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
            "[service]\nname = \"shop\"\ntopic_prefix = \"dev\"\n\
             [bus]\nurl = \"sqlite://events.db\"\nretry = {{ initial = \"1ms\", max = \"2ms\", max_attempts = 2 }}\n\
             [bus.consumer]\nlease = \"500ms\"\n[routes.\"{PLACED}\"]\norders = {{}}\n\
             [consumers.orders.late]\nstart = \"latest\"\n"
        );
        let sandbox = Sandbox::with_config(env!("CARGO_BIN_EXE_shop_cli"), &config);
        let taken = sandbox.path().join("taken.txt");
        Self(sandbox.env("SHOP_TAKEN", taken))
    }

    fn taken_file(&self) -> PathBuf {
        self.path().join("taken.txt")
    }

    /// Sends orders with these numbers and returns their ids.
    fn orders(&self, numbers: &[u8]) -> Vec<String> {
        let send = |number: &u8| {
            let data = json!({
                "number": number, "customer": {"customer_id": "c-1", "email": "e"}, "lines": [],
            });
            let sent = self.json(&["produce", "--type", PLACED, "--data", &data.to_string()]);
            sent["id"].as_str().unwrap().to_owned()
        };
        numbers.iter().map(send).collect()
    }

    /// The positions that a group gets and acknowledges.
    fn consume(&self, group: &str, more: &[&str]) -> Vec<String> {
        let base =
            ["consume", "--topic", "orders", "--group", group, "--acknowledge", "--idle", "200ms", "--json"];
        let out = self.run(&[&base[..], more].concat()).succeeded();
        let position =
            |line| serde_json::from_str::<Value>(line).unwrap()["position"].as_str().unwrap().to_owned();
        out.lines().map(position).collect()
    }

    /// The numbers and ids that the program's receiver handled.
    fn taken(&self) -> Vec<(u8, String)> {
        let text = fs::read_to_string(self.taken_file()).unwrap_or_default();
        let line = |line: &str| {
            let (number, id) = line.split_once(' ')?;
            Some((number.parse().ok()?, id.to_owned()))
        };
        text.lines().filter_map(line).collect()
    }

    fn numbers(&self) -> Vec<u8> {
        self.taken().iter().map(|(number, _)| *number).collect()
    }

    /// Starts a replay with a slow receiver, and waits until it has handled this number of events.
    fn slowly(&self, arguments: &[&str], count: usize) -> Child {
        let mut command = self.command(arguments);
        command.env("SHOP_PAUSE", "50").stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let since = Instant::now();
        while self.taken().len() < count {
            assert!(since.elapsed() < LONG, "{count} were not taken in time");
            std::thread::sleep(Duration::from_millis(2));
        }
        child
    }

    fn groups(&self) -> Value {
        self.json(&[&["offsets", "list"][..], &ORDERS].concat())
    }

    fn reset(&self, to: &str, more: &[&str]) -> CommandOutput {
        self.run(&[&["offsets", "reset", "--group", "billing", "--to", to][..], &ORDERS, more].concat())
    }
}

#[test]
fn a_replay_emits_the_events_between_again_with_their_ids_and_leaves_no_group() {
    let shop = Shop::new();
    let ids = shop.orders(&[1, 2, 3, 4, 5]);
    assert!(shop.taken().is_empty(), "nothing was consumed");
    let base = ["replay", "--topic", "orders", "--group", "look"];
    let replayed = shop.json(&[&base[..], &["--from", "2", "--to", &ids[3]]].concat());
    let expected = json!({
        "topic": "orders", "group": "look.replay", "from": "2", "to": "4", "resumed": false, "finished": true,
        "emitted": 2, "skipped": 0, "retried": 0, "dead_lettered": 0, "unreceived": {}, "unknown": {},
    });
    assert_eq!(replayed, expected);
    assert_eq!(shop.taken(), [(2, ids[1].clone()), (3, ids[2].clone())]);
    assert_eq!(shop.groups(), json!([]));
    let ran = shop.run(&base);
    assert!(
        ran.code == 0 && ran.out.starts_with("replayed 5 events of `orders`, 1 to 6"),
        "{}{}",
        ran.out,
        ran.err
    );
    let future = shop.json(&[&base[..], &["--from", "2999-01-01T00:00:00Z"]].concat());
    assert_eq!(future["emitted"], 0, "nothing was stored that late");
    let past = shop.json(&[&base[..], &["--from", "2020-01-01T00:00:00+02:00", "--to", "3"]].concat());
    assert_eq!(past["emitted"], 2);
    assert_eq!(shop.consume("reader", &[]), ["1", "2", "3", "4", "5"], "the topic is as it was");
}

#[test]
fn an_invalid_replay_is_an_error_and_changes_nothing() {
    let shop = Shop::new();
    shop.orders(&[1, 2, 3]);
    shop.consume("billing", &["--max", "1"]);
    let before = shop.groups();
    let base = ["replay", "--topic", "orders"];
    for (more, code, said) in [
        (&["--group", "look", "--from", "yesterday"][..], 2, "a time with its offset"),
        (&[][..], 2, "--group"),
        (&["--group", "look", "--from", "3", "--to", "1"][..], 1, "before its start"),
        // Neither exists yet.
        (&["--group", "look", "--from", "9", "--to", "8"][..], 1, "before its start"),
        (&["--group", "look", "--from", "latest", "--to", "earliest"][..], 1, "before its start"),
        (
            &["--group", "look", "--from", "2126-01-02T00:00:00Z", "--to", "2126-01-01T00:00:00Z"][..],
            1,
            "before its start",
        ),
        (&["--group", "billing", "--in-place", "--from", "3"][..], 1, "would lose the events in between"),
        (&["--group", "biling", "--in-place"][..], 1, "existing groups: `billing`"),
        (&["--group", "look", "--from", "7-1"][..], 1, "has the form of `1`"),
        (&["--group", "look", "--to", "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11"][..], 1, "no event has the id"),
    ] {
        let ran = shop.run(&[&base[..], more].concat());
        assert_eq!(ran.code, code, "{more:?}: {}", ran.err);
        assert!(ran.err.contains(said), "no {said:?} in {}", ran.err);
    }
    let absent = shop.run(&["replay", "--topic", "absent", "--group", "look"]);
    assert!(absent.code == 1 && absent.err.contains("no topic `absent`"), "{}", absent.err);
    let off = shop
        .command(&["replay", "--topic", "orders", "--group", "look"])
        .env("EVENTS_BUS__CONSUMER__ENABLED", "false")
        .output();
    assert!(CommandOutput::from(off.unwrap()).err.contains("bus.consumer.enabled"));
    assert_eq!(shop.groups(), before);
    assert!(shop.taken().is_empty());
}

#[test]
fn a_replay_that_no_receiver_takes_fails_and_says_what_to_link() {
    let shop = Shop::new();
    shop.orders(&[1]);
    let cancelled = "org.acme.cli.order.cancelled.v1";
    let produce = ["produce", "--type", cancelled, "--topic", "orders", "--data", r#"{"number": 2}"#];
    assert_eq!(shop.run(&produce).code, 0);
    let base = ["replay", "--topic", "orders", "--group", "look"];
    let ran = shop.run(&base);
    assert_eq!(ran.code, 1, "{}", ran.out);
    let said = format!("no receiver of this program takes the event of type `{cancelled}`");
    assert!(ran.err.contains(&said) && ran.err.contains("events_runtime::link!"), "{}", ran.err);
    assert_eq!(shop.numbers(), [1], "it stops there");
    assert_eq!(shop.groups()[0]["group"], "look.replay", "it continues there once the crate is linked");
    let allowed = shop.run(&[&base[..], &["--allow-untaken", "--json"]].concat());
    assert_eq!(allowed.code, 0, "{}", allowed.err);
    let replayed: Value = serde_json::from_str(&allowed.out).unwrap();
    assert_eq!(replayed["unreceived"], json!({cancelled: 1}));
    assert_eq!((&replayed["emitted"], &replayed["skipped"]), (&json!(0), &json!(1)));
    assert!(allowed.err.contains("warning: 1 event of"), "{}", allowed.err);
}

#[test]
fn a_failing_event_of_a_replay_is_tried_again_and_then_a_dead_letter() {
    let shop = Shop::new();
    shop.orders(&[1, 13, 2]);
    let ran = shop.run(&["replay", "--topic", "orders", "--group", "look"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("replayed 2 events") && ran.out.contains("1 retried, 1 dead-lettered"),
        "{}",
        ran.out
    );
    assert_eq!(shop.numbers(), [1, 13, 13, 2], "in the order of their key");
    let letters = shop.json(&["dlq", "list", "--topic", "orders", "--group", "look.replay"]);
    assert_eq!(letters.as_array().unwrap().len(), 1);
    assert!(letters[0]["reason"].as_str().unwrap().contains("thirteen"), "{letters}");
}

#[test]
fn a_replay_that_is_interrupted_or_terminated_goes_on_with_the_same_command() {
    for signal in ["-INT", "-TERM"] {
        let shop = Shop::new();
        shop.orders(&[1, 2, 3, 4, 5, 6]);
        let command = ["replay", "--topic", "orders", "--group", "look"];
        let child = shop.slowly(&command, 2);
        let told = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(told.success());
        let first = CommandOutput::from(child.wait_with_output().unwrap());
        assert_eq!(first.code, 1, "{}{}", first.out, first.err);
        assert!(first.err.contains("run the same command again to continue"), "{}", first.err);
        assert_eq!(shop.groups()[0]["group"], "look.replay");
        let second = shop.json(&command);
        assert_eq!((&second["resumed"], &second["finished"]), (&json!(true), &json!(true)));
        assert_eq!(shop.numbers(), [1, 2, 3, 4, 5, 6], "none is lost and none comes twice");
        assert_eq!(shop.groups(), json!([]));
    }
}

#[test]
fn a_replay_in_place_ends_at_the_position_of_the_group() {
    let shop = Shop::new();
    shop.orders(&[1, 2, 3, 4, 5, 6]);
    shop.consume("billing", &["--max", "4"]);
    let base = ["replay", "--topic", "orders", "--group", "billing", "--in-place"];
    let replayed = shop.json(&[&base[..], &["--from", "1", "--to", "3"]].concat());
    assert_eq!((&replayed["group"], &replayed["emitted"]), (&json!("billing"), &json!(2)));
    assert_eq!(shop.numbers(), [1, 2]);
    assert_eq!(shop.groups()[0]["next"], "5");
    assert_eq!(shop.consume("billing", &[]), ["5", "6"]);
}

#[test]
fn a_replay_in_place_that_is_killed_loses_nothing_and_one_that_is_interrupted_puts_the_group_back() {
    let shop = Shop::new();
    shop.orders(&[1, 2, 3, 4, 5, 6, 7, 8]);
    shop.consume("billing", &["--max", "6"]);
    let command = ["replay", "--topic", "orders", "--group", "billing", "--in-place", "--to", "5"];
    let mut child = shop.slowly(&command, 2);
    child.kill().unwrap();
    child.wait().unwrap();
    // Its deliveries in flight are redelivered when the lease expires.
    let since = Instant::now();
    let mut came = Vec::new();
    while !(came.contains(&"7".to_owned()) && came.contains(&"8".to_owned())) {
        assert!(since.elapsed() < LONG, "7 and 8 were not settled before: {came:?}");
        came.extend(shop.consume("billing", &[]));
    }

    shop.orders(&[9]);
    let begun = shop.taken().len();
    let child = shop.slowly(&command, begun + 2);
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let interrupted = CommandOutput::from(child.wait_with_output().unwrap());
    assert!(interrupted.err.contains("back at its position before the replay"), "{}", interrupted.err);
    assert_eq!(shop.groups()[0]["next"], "9");
    assert_eq!(shop.consume("billing", &[]), ["9"]);
}

#[test]
fn a_reset_prints_its_plan_and_needs_confirmation() {
    let shop = Shop::new();
    shop.orders(&[1, 2, 3, 4, 5]);
    shop.consume("billing", &["--max", "3"]);
    let before = shop.groups();
    let back = shop.reset("2", &["--dry-run"]);
    assert_eq!(back.code, 0, "{}", back.err);
    assert_eq!(
        back.out,
        "group `billing` on `dev-orders`: from 4 to 2\nredelivers 2 settled messages\ndry run: nothing was changed\n"
    );
    let forward = shop.reset("latest", &["--dry-run"]);
    let warning = "WARNING: permanently skips 2 unsettled messages\n";
    assert!(forward.out.contains(warning), "{}", forward.out);
    let refused = shop.reset("latest", &[]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains(warning) && refused.err.contains("cannot ask for confirmation"),
        "{}",
        refused.err
    );
    assert_eq!(shop.groups(), before, "nothing was changed");

    let done = shop.reset("5", &["--yes", "--json"]);
    let expected = json!({
        "group": "billing", "from": "4", "to": "5", "again": 0, "passed_over": 1, "in_flight": 0, "exact": true,
        "done": true,
    });
    assert_eq!(serde_json::from_str::<Value>(&done.out).unwrap(), expected);
    assert_eq!(shop.consume("billing", &[]), ["5"]);
    assert_eq!(shop.reset("2020-01-01T00:00:00Z", &["--yes"]).code, 0);
    assert_eq!(shop.consume("billing", &[]), ["1", "2", "3", "4", "5"], "from a time on");
    let typo = shop
        .run(&["offsets", "reset", "--topic", "orders", "--group", "biling", "--to", "earliest", "--yes"]);
    assert!(typo.code == 1 && typo.err.contains("existing groups: `billing`"), "{}", typo.err);
}

#[test]
fn groups_are_listed_with_their_positions_and_removed_on_confirmation() {
    let shop = Shop::new();
    shop.orders(&[1, 2, 3]);
    shop.consume("audit", &[]);
    shop.consume("billing", &["--max", "1"]);
    let entry = |group: &str, next: Value, lag: u64| {
        json!({
            "group": group, "next": next, "lag": lag, "in_flight": 0, "waiting": 0, "dead_letters": 0, "partitions": [],
        })
    };
    assert_eq!(shop.groups(), json!([entry("audit", Value::Null, 0), entry("billing", json!("2"), 2)]));
    let text = shop.run(&["offsets", "list", "--topic", "orders"]).out;
    assert!(text.contains("UNSETTLED") && text.contains("the end"), "{text}");

    let base = ["offsets", "remove", "--topic", "orders", "--group", "billing"];
    let refused = shop.run(&base);
    assert!(refused.code == 2 && refused.err.contains("2 unsettled messages"), "{}", refused.err);
    assert!(!refused.err.contains("removed"), "nothing was removed: {}", refused.err);
    assert_eq!(shop.json(&[&base[..], &["--yes"]].concat())["unsettled"], 2);
    assert_eq!(shop.groups(), json!([entry("audit", Value::Null, 0)]));
    assert_eq!(shop.consume("billing", &[]), ["1", "2", "3"], "it comes back as new");
}

#[test]
fn a_new_group_starts_where_the_command_line_or_the_configuration_says() {
    let shop = Shop::new();
    shop.orders(&[1, 2, 3]);
    assert!(shop.consume("late", &[]).is_empty(), "`latest`, by the configuration");
    assert_eq!(shop.consume("usual", &[]), ["1", "2", "3"]);
    assert_eq!(shop.consume("second", &["--start", "2"]), ["2", "3"]);
    assert!(shop.consume("second", &["--start", "earliest"]).is_empty(), "it counts only once");
    assert_eq!(shop.consume("timed", &["--start", "2020-01-01T00:00:00Z"]), ["1", "2", "3"]);
    assert!(shop.consume("none", &["--start", "2999-01-01T00:00:00Z"]).is_empty());
    let wrong = shop.run(&["consume", "--topic", "orders", "--group", "x", "--start", "soon"]);
    assert!(wrong.code == 2 && wrong.err.contains("`earliest`, `latest`"), "{}", wrong.err);
}
