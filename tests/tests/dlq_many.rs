//! `dlq` with many dead letters: concurrent and interrupted commands, and large files.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::ops::Deref;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use events_runtime::bus::DeadLetters;
use events_runtime::transport::{ConsumerGroup, Message, Subscription, Topic};
use events_tests::sandbox::{CommandOutput, Sandbox};
use serde_json::{Value, json};

const BILLING: [&str; 4] = ["--topic", "orders", "--group", "billing"];
const LONG: Duration = Duration::from_secs(60);

/// A shop with dead letters of `billing` on `orders`.
struct Shop(Sandbox);

impl Deref for Shop {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.0
    }
}

impl Shop {
    fn new(letters: usize) -> Self {
        let config = "[service]\nname = 'shop'\n[bus]\nurl = 'sqlite://events.db'\n";
        let shop = Self(Sandbox::with_config(env!("CARGO_BIN_EXE_shop_cli"), config));
        let letter = |number: usize| {
            Message::new(number.to_string())
                .with_key(format!("k{}", number % 7))
                .with_header("ce_id", format!("id-{number}"))
                .with_header("dlq_reason", "timeout")
        };
        let batch: Vec<_> = (0..letters).map(letter).collect();
        shop.with_transport(async |transport| {
            let billing = Subscription::new(topic("orders"), ConsumerGroup::new("billing").unwrap());
            drop(transport.consumer(billing).await.unwrap());
        });
        shop.store("orders.billing.dlq", &batch);
        shop
    }

    fn dlq_command(&self, command: &str, more: &[&str]) -> Command {
        self.command(&[&["dlq", command][..], &BILLING, more].concat())
    }

    fn dlq(&self, command: &str, more: &[&str]) -> CommandOutput {
        CommandOutput::of(&mut self.dlq_command(command, more))
    }

    /// Starts a command whose output is read later.
    fn start(&self, command: &str, more: &[&str]) -> Child {
        self.dlq_command(command, more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn count(&self) -> usize {
        let out = self.dlq("list", &["--json"]).succeeded();
        serde_json::from_str::<Value>(&out).unwrap().as_array().unwrap().len()
    }

    /// The ids in the topic, in order.
    fn sent(&self) -> Vec<String> {
        let mut ids = Vec::new();
        self.with_transport(async |transport| {
            let group = ConsumerGroup::new("look").unwrap();
            loop {
                let after = ids.last().map(|(position, _)| *position);
                let found = transport.unsettled(&topic("orders"), &group, after, 1000).await.unwrap();
                if found.is_empty() {
                    break;
                }
                let id = |message: &Message| {
                    String::from_utf8_lossy(message.headers.get("ce_id").unwrap()).into_owned()
                };
                ids.extend(found.iter().map(|stored| (stored.position, id(&stored.message))));
            }
        });
        ids.into_iter().map(|(_, id)| id).collect()
    }
}

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

/// Asserts that each id occurs once.
#[track_caller]
fn assert_once(mut ids: Vec<String>, count: usize) {
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), all), (count, count), "none is lost and none comes twice");
}

#[test]
fn list_does_not_disturb_a_concurrent_retry() {
    let shop = Shop::new(2000);
    let listings: Vec<_> = (0..2).map(|_| shop.start("list", &["--json"])).collect();
    let retry = shop.dlq("retry", &["--all"]);
    assert_eq!((retry.code, retry.err.as_str()), (0, ""), "{}", retry.out.len());
    assert!(retry.out.ends_with("2000 resent, 0 left\n"), "{}", retry.out.lines().last().unwrap());
    for listing in listings {
        assert_eq!(CommandOutput::from(listing.wait_with_output().unwrap()).code, 0);
    }
    assert_eq!(shop.count(), 0);
    assert_once(shop.sent(), 2000);
}

#[test]
fn concurrent_retries_send_each_dead_letter_once_and_report_leased_ones() {
    let shop = Shop::new(1000);
    let runs = [shop.start("retry", &["--all", "--json"]), shop.start("retry", &["--all", "--json"])];
    for child in runs {
        let ran = CommandOutput::from(child.wait_with_output().unwrap());
        let handled: Value = serde_json::from_str(&ran.out).unwrap();
        let left = handled["elsewhere"].as_u64().unwrap() + handled["untried"].as_u64().unwrap();
        assert_eq!(handled["failed"], json!([]), "{}", ran.err);
        assert_eq!(ran.code, i32::from(left > 0), "{left} left: {}", ran.err);
    }
    assert_eq!(shop.dlq("retry", &["--all"]).code, 0);
    assert_eq!(shop.count(), 0);
    assert_once(shop.sent(), 1000);
}

#[test]
fn dead_letters_leased_by_another_program_are_listed_and_fail_a_command() {
    let shop = Shop::new(20);
    let shop = &shop;
    shop.with_transport(async |transport| {
        let tool = ConsumerGroup::new(DeadLetters::GROUP).unwrap();
        let subscription = Subscription::new(topic("orders.billing.dlq"), tool);
        let mut other = transport.consumer(subscription).await.unwrap();
        let mut held = other.receive(1, LONG).await.unwrap();
        assert_eq!(shop.count(), 20, "what is held is listed too");
        let dropped = shop.dlq("drop", &["1", "--yes"]);
        assert_eq!((dropped.code, dropped.out.as_str()), (1, "0 dropped, 20 left\n"));
        assert!(dropped.err.contains("1 dead letter selected but leased by another"), "{}", dropped.err);
        assert_eq!(shop.dlq("export", &["--raw", "all.jsonl"]).code, 0);
        assert_eq!(fs::read_to_string(shop.path().join("all.jsonl")).unwrap().lines().count(), 20);
        held.remove(0).release().await.unwrap();
        other.close().await.unwrap();
    });
    let dropped = shop.dlq("drop", &["1", "--yes"]);
    assert_eq!((dropped.code, dropped.err.as_str()), (0, ""), "{}", dropped.out);
    assert!(dropped.out.ends_with("1 dropped, 19 left\n"), "{}", dropped.out);
}

#[test]
fn interrupted_retry_loses_nothing_and_can_be_continued() {
    // More output than a pipe buffers: the program blocks until it is read.
    const COUNT: usize = 6000;
    let shop = Shop::new(COUNT);
    let mut child = shop.start("retry", &["--all"]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("resent "), "{line}");
    interrupt(&child);
    out.read_to_string(&mut line).unwrap();
    let first = CommandOutput::from(child.wait_with_output().unwrap());
    assert_eq!(first.code, 1, "{}", first.err);
    assert!(first.err.contains("interrupted: run the same command again"), "{}", first.err);
    let done = line.lines().filter(|line| line.starts_with("resent ")).count();
    let left = shop.count();
    assert!(left > 0 && done + left == COUNT, "{done} and {left}");
    assert!(line.ends_with(&format!("{done} resent, {left} left\n")), "{:?}", line.lines().last());
    let second = shop.dlq("retry", &["--all"]);
    assert_eq!((second.code, second.err.as_str()), (0, ""));
    assert_once(shop.sent(), COUNT);
}

#[cfg(unix)]
#[test]
fn interrupted_import_can_be_continued() {
    let shop = Shop::new(600);
    assert_eq!(shop.dlq("export", &["--raw", "all.jsonl"]).code, 0);
    assert_eq!(shop.dlq("drop", &["--all", "--yes"]).code, 0);
    let text = fs::read_to_string(shop.path().join("all.jsonl")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    // From a pipe, the program reads the available lines and waits for more.
    let pipe = shop.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let child = shop.start("import", &["pipe"]);
    let mut writer = fs::File::options().write(true).open(&pipe).unwrap();
    writeln!(writer, "{}", lines[..256].join("\n")).unwrap();
    let since = Instant::now();
    while shop.count() < 256 {
        assert!(since.elapsed() < LONG, "the first lines are not stored before the last is read");
    }
    interrupt(&child);
    // The program may end before it reads all lines.
    let _ = writeln!(writer, "{}", lines[256..].join("\n"));
    drop(writer);
    let ran = CommandOutput::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    // After the first batch, or after the second if it was already waiting for that.
    let said =
        |stored: u32| format!("interrupted after line {stored}: run the same command again to continue");
    let stored = [256, 512].into_iter().find(|stored| ran.err.contains(&said(*stored)));
    let stored = stored.unwrap_or_else(|| panic!("{}", ran.err));
    assert_eq!(ran.out, format!("{stored} stored, 0 already present\n"));
    let again = shop.dlq("import", &["all.jsonl"]).succeeded();
    assert_eq!(again, format!("{} stored, {stored} already present\n", 600 - stored));
}

#[test]
fn blank_lines_are_skipped_by_an_import() {
    let shop = Shop::new(3);
    assert_eq!(shop.dlq("export", &["--raw", "all.jsonl"]).code, 0);
    assert_eq!(shop.dlq("drop", &["--all", "--yes"]).code, 0);
    let path = shop.path().join("all.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("\n  \r\n{}\n\n\t\n", text.replace('\n', "\r\n\n"))).unwrap();
    assert_eq!(shop.dlq("import", &["all.jsonl"]).succeeded(), "3 stored, 0 already present\n");
    fs::write(&path, format!("{text}\n\nnonsense\n")).unwrap();
    let wrong = shop.dlq("import", &["all.jsonl"]);
    assert!(wrong.code == 1 && wrong.err.contains("line 6 of `all.jsonl`"), "{}", wrong.err);
    assert_eq!(wrong.out, "", "all lines are read before the first is stored");
}

#[test]
fn byte_order_mark_is_ignored() {
    let shop = Shop::new(3);
    assert_eq!(shop.dlq("export", &["--raw", "all.jsonl"]).code, 0);
    assert_eq!(shop.dlq("drop", &["--all", "--yes"]).code, 0);
    let path = shop.path().join("all.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("\u{feff}{text}")).unwrap();
    assert_eq!(shop.dlq("import", &["all.jsonl"]).succeeded(), "3 stored, 0 already present\n");
}

#[test]
fn overlong_line_is_refused_without_being_read_into_memory() {
    let shop = Shop::new(1);
    let file = fs::File::create(shop.path().join("endless.jsonl")).unwrap();
    file.set_len(1 << 30).unwrap();
    let ran = shop.dlq("import", &["endless.jsonl"]);
    assert!(ran.code == 1 && ran.err.contains("line 1 of `endless.jsonl`"), "{}", ran.err);
    assert!(ran.err.contains("longer than 256 MiB"), "{}", ran.err);
}

#[test]
fn empty_file_imports_nothing() {
    let shop = Shop::new(1);
    for text in ["", "\n\n"] {
        fs::write(shop.path().join("none.jsonl"), text).unwrap();
        assert_eq!(shop.dlq("import", &["none.jsonl"]).succeeded(), "0 stored, 0 already present\n");
    }
}

#[cfg(unix)]
#[test]
fn an_exported_file_is_readable_by_its_owner_at_most() {
    use std::os::unix::fs::PermissionsExt as _;

    let shop = Shop::new(1);
    let mode = |name: &str| fs::metadata(shop.path().join(name)).unwrap().permissions().mode() & 0o777;
    for (name, more) in [("raw", &["--raw"][..]), ("shown", &["--show-pii"]), ("masked", &[])] {
        assert_eq!(shop.dlq("export", &[&[name], more].concat()).code, 0);
        assert_eq!(mode(name), 0o600, "{name}");
    }
    let mut stricter = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_shop_cli");
    let line =
        format!("umask 0277 && exec '{program}' dlq export --topic orders --group billing strict --raw");
    assert_eq!(CommandOutput::of(stricter.current_dir(shop.path()).args(["-c", &line])).code, 0);
    assert_eq!(mode("strict"), 0o400);
}

#[test]
fn failed_export_leaves_no_file() {
    let shop = Shop::new(0);
    let export = ["dlq", "export", "--topic", "orders", "--group", "biling", "all.jsonl", "--raw"];
    let ran = shop.run(&export);
    assert_eq!(ran.code, 1, "there is no such group: {}", ran.err);
    assert!(!shop.path().join("all.jsonl").exists());
}
