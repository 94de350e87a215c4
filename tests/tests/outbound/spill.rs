//! Events that a shutdown could not send are written to a file and sent from there.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, ConsumerGroup, Message, Subscription, Topic, connect};
use serde_json::Value;
use tempfile::TempDir;

use crate::{bus, counted, placed};
use events_tests::gate::State;

const SHORT: Duration = Duration::from_millis(20);

/// A bus whose topics are unavailable, shut down with a spill file in a new folder; the events in the file.
async fn spilled() -> (TempDir, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let ids = spill_into(&folder.path().join("spill.jsonl")).await;
    fs::write(folder.path().join("events.toml"), "[bus]\nurl = \"sqlite://events.db\"\n").expect("written");
    (folder, ids)
}

/// Spills events of two topics; the ids of those of `dev-counts`, in order.
async fn spill_into(path: &Path) -> Vec<String> {
    let (bus, gates) = bus(100).await;
    gates.set("dev-counts", State::Hangs);
    gates.set("dev-audit", State::Away);
    let counts: Vec<_> = (1..=10).map(|number| bus.hub().emit(counted(number))).collect();
    let order = bus.hub().emit(placed(1));
    let events = bus.shutdown_or_spill(SHORT, path).await.expect("it can be written");
    assert_eq!(events, 11, "the order reached one of its two topics");
    order.delivered().await.unwrap_err();
    counts.iter().map(|emission| emission.event().metadata().id().to_string()).collect()
}

struct Produced {
    ok: bool,
    out: Vec<Value>,
    err: String,
}

fn send(folder: &TempDir, more: &[&str]) -> Produced {
    let output = Command::new(env!("CARGO_BIN_EXE_shop_cli"))
        .current_dir(folder.path())
        .args(["produce", "--from-spill", "spill.jsonl", "--json"])
        .args(more)
        .output()
        .expect("it runs");
    let out = String::from_utf8(output.stdout).expect("text");
    Produced {
        ok: output.status.success(),
        out: out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// All messages of a topic in the folder's store.
async fn stored(folder: &TempDir, topic: &str) -> Vec<Message> {
    let url = format!("sqlite://{}", folder.path().join("events.db").display());
    let transport = connect(&url, &ConnectOptions::new()).expect("the store");
    let subscription =
        Subscription::new(Topic::new(topic).expect("a name"), ConsumerGroup::new("reader").expect("a name"));
    let mut consumer = transport.consumer(subscription).await.expect("a consumer");
    let deliveries = consumer.receive(10_000, SHORT).await.expect("messages");
    deliveries.iter().map(|delivery| delivery.message().clone()).collect()
}

fn ids(messages: &[Message]) -> Vec<String> {
    let id = |message: &Message| {
        String::from_utf8(message.headers.get("ce_id").expect("an id").to_vec()).expect("text")
    };
    messages.iter().map(id).collect()
}

#[tokio::test]
async fn spilled_events_are_sent_in_order_with_their_ids_and_then_the_file_is_gone() {
    let (folder, emitted) = spilled().await;
    let ran = send(&folder, &[]);
    assert!(ran.ok, "{}", ran.err);
    assert_eq!(ran.out.len(), 11);
    let counts = stored(&folder, "dev-counts").await;
    assert_eq!(ids(&counts), emitted);
    assert!(counts.iter().all(|message| message.key.as_deref() == Some(b"s1")));
    assert_eq!(stored(&folder, "dev-audit").await.len(), 1);
    assert!(!folder.path().join("spill.jsonl").exists());
    let again = send(&folder, &[]);
    assert!(!again.ok && again.err.contains("no spill file"), "{}", again.err);
}

#[tokio::test]
async fn a_spill_is_the_whole_message_as_it_would_have_been_sent() {
    let (bus, gates) = bus(100).await;
    gates.set("dev-counts", State::Hangs);
    bus.hub().emit(counted(7));
    let error = bus.shutdown(SHORT).await.unwrap_err();
    let expected = error.undelivered()[0].message.clone();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("events.toml"), "[bus]\nurl = \"sqlite://events.db\"\n").expect("written");
    assert_eq!(error.spill(folder.path().join("spill.jsonl")).expect("written"), 1);
    assert!(send(&folder, &[]).ok);
    assert_eq!(stored(&folder, "dev-counts").await, [expected]);
}

#[tokio::test]
async fn a_second_spill_goes_behind_the_first_and_replaces_nothing() {
    let (folder, first) = spilled().await;
    let second = spill_into(&folder.path().join("spill.jsonl")).await;
    assert!(send(&folder, &[]).ok);
    assert_eq!(ids(&stored(&folder, "dev-counts").await), [first, second].concat());
}

#[tokio::test]
async fn an_interrupted_sending_is_repeated_with_the_same_ids() {
    let (folder, emitted) = spilled().await;
    let path = folder.path().join("spill.jsonl");
    let spill = fs::read(&path).expect("the file");
    assert!(send(&folder, &[]).ok);
    // As if the first run had been killed after the last acknowledgement.
    fs::write(&path, &spill).expect("written");
    assert!(send(&folder, &[]).ok);
    assert_eq!(ids(&stored(&folder, "dev-counts").await), [emitted.clone(), emitted].concat());
}

#[tokio::test]
async fn an_unavailable_store_keeps_the_file() {
    let (folder, _) = spilled().await;
    let before = fs::read(folder.path().join("spill.jsonl")).expect("the file");
    fs::write(folder.path().join("events.toml"), "[bus]\nurl = \"sqlite://no/folder.db\"\n")
        .expect("written");
    assert!(!send(&folder, &["--timeout", "100ms"]).ok);
    assert_eq!(fs::read(folder.path().join("spill.jsonl")).expect("kept"), before);
}

#[tokio::test]
async fn an_exceeded_time_limit_keeps_the_file() {
    let (folder, emitted) = spilled().await;
    let before = fs::read(folder.path().join("spill.jsonl")).expect("the file");
    assert!(stored(&folder, "dev-counts").await.is_empty(), "the store is made, and empty");
    let mut other = rusqlite::Connection::open(folder.path().join("events.db")).expect("the store");
    let held = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).expect("the lock");
    let ran = send(&folder, &["--timeout", "100ms"]);
    assert!(!ran.ok);
    assert!(ran.err.contains("run the command again"), "{}", ran.err);
    assert_eq!(fs::read(folder.path().join("spill.jsonl")).expect("kept"), before);
    held.rollback().expect("the lock is given back");
    assert!(send(&folder, &[]).ok);
    assert_eq!(ids(&stored(&folder, "dev-counts").await), emitted);
}

#[tokio::test]
async fn a_truncated_spill_is_reported_and_its_complete_lines_are_sent_on_request() {
    let (folder, emitted) = spilled().await;
    let path = folder.path().join("spill.jsonl");
    let whole = fs::read_to_string(&path).expect("the file");
    // The lines of `dev-counts` are after that of `dev-audit`.
    fs::write(&path, &whole[..whole.len() - 20]).expect("written");
    let ran = send(&folder, &[]);
    assert!(!ran.ok && ran.out.is_empty());
    assert!(ran.err.contains("line 11: cut off") && ran.err.contains("--skip-damaged"), "{}", ran.err);
    assert!(stored(&folder, "dev-counts").await.is_empty(), "nothing is sent by halves unasked");

    let ran = send(&folder, &["--skip-damaged"]);
    assert!(ran.ok, "{}", ran.err);
    assert_eq!(ids(&stored(&folder, "dev-counts").await), emitted[..9]);
    assert!(!path.exists() && folder.path().join("spill.jsonl.damaged").exists());
}

#[tokio::test]
async fn a_spill_that_can_not_be_written_gives_the_events_back() {
    let (bus, gates) = bus(100).await;
    gates.set("dev-counts", State::Hangs);
    bus.hub().emit(counted(1));
    let folder = tempfile::tempdir().expect("a folder");
    let error = bus.shutdown_or_spill(SHORT, folder.path().join("missing/spill.jsonl")).await.unwrap_err();
    assert!(error.to_string().contains("missing/spill.jsonl"), "{error}");
    assert_eq!(error.into_shutdown().spill(folder.path().join("spill.jsonl")).expect("written"), 1);
}

#[tokio::test]
async fn a_shutdown_that_sends_everything_makes_no_file() {
    let (bus, _gates) = bus(100).await;
    bus.hub().emit(counted(1));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spill.jsonl");
    assert_eq!(bus.shutdown_or_spill(Duration::from_secs(20), &path).await.expect("sent"), 0);
    assert!(!path.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_spill_is_made_for_its_owner_alone_and_what_is_there_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = |path: &Path| fs::metadata(path).expect("the file").permissions().mode() & 0o777;
    let (folder, _) = spilled().await;
    let path = folder.path().join("spill.jsonl");
    assert_eq!(mode(&path), 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("changed");
    let link = folder.path().join("link.jsonl");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    for path in [&path, &link] {
        spill_into(path).await;
        assert_eq!(mode(path), 0o640, "a configured mode is kept");
    }
    assert_eq!(fs::read_to_string(&path).expect("the file").lines().count(), 33);
}

/// A spill to a path that is not a regular file.
#[cfg(unix)]
#[tokio::test]
async fn a_spill_to_what_is_no_regular_file_gives_the_events_back_and_changes_nothing() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("/dev/null", &link).expect("a link");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode();
    for path in [Path::new("/dev/null"), &link, &socket, folder.path()] {
        let before = mode(path);
        let (bus, gates) = bus(100).await;
        gates.set("dev-counts", State::Hangs);
        bus.hub().emit(counted(1));
        let error = bus.shutdown_or_spill(SHORT, path).await.unwrap_err();
        assert!(
            events_tests::chain(&error).contains("not a regular file"),
            "{}",
            events_tests::chain(&error)
        );
        assert_eq!(mode(path), before, "{}", path.display());
        assert_eq!(error.into_shutdown().undelivered().len(), 1);
    }
}

#[tokio::test]
async fn a_spill_file_whose_lock_is_held_gives_the_events_back_and_stops_nothing_else() {
    let (bus, gates) = bus(100).await;
    gates.set("dev-counts", State::Hangs);
    bus.hub().emit(counted(1));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spill.jsonl");
    let holder = fs::File::create(&path).expect("made");
    holder.lock().expect("locked");
    // On this one thread, a wait that blocked it would end the other task's.
    let other = tokio::spawn(async {
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let error = bus.shutdown_or_spill(SHORT, &path).await.unwrap_err();
    assert!(other.is_finished(), "the runtime went on");
    assert!(events_tests::chain(&error).contains("another process held its lock"), "{error:?}");
    holder.unlock().expect("unlocked");
    assert_eq!(error.into_shutdown().spill(&path).expect("written"), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_spill_that_is_sent_through_a_link_is_gone_and_is_not_sent_again() {
    let (folder, emitted) = spilled().await;
    let (path, real) = (folder.path().join("spill.jsonl"), folder.path().join("real.jsonl"));
    fs::rename(&path, &real).expect("moved");
    std::os::unix::fs::symlink(&real, &path).expect("a link");
    assert!(send(&folder, &[]).ok);
    assert!(!real.exists());
    let again = send(&folder, &[]);
    assert!(!again.ok && again.err.contains("no spill file"), "{}", again.err);
    assert_eq!(ids(&stored(&folder, "dev-counts").await), emitted);
}

#[tokio::test]
async fn a_damaged_file_that_cannot_be_renamed_is_rejected_before_anything_is_sent() {
    let (folder, emitted) = spilled().await;
    let path = folder.path().join("spill.jsonl");
    let whole = fs::read_to_string(&path).expect("the file");
    fs::write(&path, &whole[..whole.len() - 20]).expect("written");
    let aside = folder.path().join("spill.jsonl.damaged");
    fs::write(&aside, "an earlier one").expect("written");
    let ran = send(&folder, &["--skip-damaged"]);
    assert!(!ran.ok && ran.err.contains("nothing was sent") && ran.err.contains(".damaged"), "{}", ran.err);
    assert!(ran.out.is_empty() && stored(&folder, "dev-counts").await.is_empty());
    fs::remove_file(&aside).expect("moved away");
    assert!(send(&folder, &["--skip-damaged"]).ok);
    assert_eq!(ids(&stored(&folder, "dev-counts").await), emitted[..9]);
}

#[tokio::test]
async fn a_long_spill_is_sent_in_portions_in_order_and_blank_lines_are_nothing() {
    let (folder, _) = spilled().await;
    let path = folder.path().join("spill.jsonl");
    let line = fs::read_to_string(&path).expect("the file").lines().last().expect("a line").to_owned();
    let id = serde_json::from_str::<Value>(&line).expect("JSON");
    let id = id["headers"].as_array().expect("headers").iter().find(|header| header[0] == "ce_id");
    let id = id.expect("an id")[1].as_str().expect("text").to_owned();
    let numbered = |number: u128| uuid::Uuid::from_u128(number).to_string();
    let text: String = (0..2_500).map(|number| line.replace(&id, &numbered(number)) + "\n\n").collect();
    fs::write(&path, text).expect("written");
    let ran = send(&folder, &["--timeout", "60s"]);
    assert!(ran.ok && ran.out.len() == 2_500, "{}", ran.err);
    assert_eq!(ids(&stored(&folder, "dev-counts").await), (0..2_500).map(numbered).collect::<Vec<_>>());
    assert!(!path.exists());
}

#[tokio::test]
async fn byte_order_marks_and_line_endings_are_not_part_of_an_event() {
    let (folder, emitted) = spilled().await;
    let path = folder.path().join("spill.jsonl");
    let text = fs::read_to_string(&path).expect("the file");
    fs::write(&path, format!("\u{feff}{}", text.replace('\n', "\r\n"))).expect("written");
    let ran = send(&folder, &[]);
    assert!(ran.ok, "{}", ran.err);
    assert_eq!(ids(&stored(&folder, "dev-counts").await), emitted);
    assert!(!path.exists());
}

#[tokio::test]
async fn errors_of_a_shutdown_show_no_payload() {
    let (bus, gates) = bus(100).await;
    gates.set("dev-orders", State::Hangs);
    bus.hub().emit(crate::OrderPlaced { number: 1, customer: "bob@foo.example".to_owned() });
    let error = bus.shutdown(SHORT).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("bob@"), "{error:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let error = error.spill(folder.path().join("missing/spill")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("bob@"), "{error:?}");
}
