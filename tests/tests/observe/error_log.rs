//! The error log: unsent and rejected events, on a log target and in a file.

use std::fs;
use std::path::Path;
use std::time::Duration;

use events_runtime::bus::{ERROR_TARGET, StartError};
use events_runtime::transport::{Message, Topic};
use events_runtime::{Event, EventBus, Hub};
use events_tests::chain;
use events_tests::spans::{Recorded, Spans};
use serde_json::Value;

use crate::{block_on, bus, config, consume_orders, letter, placed, stuck, till};

pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The settings that name a file in this folder.
pub(crate) fn logs_to(folder: &Path) -> String {
    format!("error_log = \"{}\"", folder.join("errors.jsonl").display())
}

fn recorded(work: impl AsyncFnOnce()) -> Vec<Recorded> {
    let spans = Spans::default();
    tracing::subscriber::with_default(spans.clone(), || block_on(work()));
    spans.events(ERROR_TARGET)
}

#[tokio::test]
async fn an_event_rejected_by_a_full_queue_is_in_the_file_completely() {
    let folder = tempfile::tempdir().expect("a folder");
    let bus = bus("memory:", &format!("queue_capacity = 1\n{}", logs_to(folder.path()))).await;
    // On this single thread, the topic queue drains only after all events are queued.
    let emissions: Vec<_> = (1..=3).map(|_| bus.hub().emit(till("paid"))).collect();
    bus.shutdown(Duration::from_secs(20)).await.expect("nothing waits");
    let lines = lines(&folder.path().join("errors.jsonl"));
    assert_eq!(lines.len(), 2, "{lines:#?}");
    for (line, emission) in lines.iter().zip(&emissions[1..]) {
        let metadata = emission.event().metadata();
        assert_eq!(line["metadata"], serde_json::to_value(metadata).expect("plain"));
        assert_eq!(line["metadata"]["id"], metadata.id().to_string());
        assert!(line["metadata"]["sourcelib"].is_array() && line["metadata"]["minorversion"] == 0, "{line}");
        assert_eq!((&line["topic"], &line["key"]), (&"dev-tills".into(), &"t-1".into()));
        assert_eq!(line["data"], serde_json::json!({ "till": "t-1", "note": "paid" }));
        assert_eq!(line["failure"], "not-sent");
        assert!(line["error"].as_str().is_some_and(|error| error.contains("queue_capacity")), "{line}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_error_log_is_private_and_an_existing_one_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("errors.jsonl");
    let _bus = bus("memory:", &logs_to(folder.path())).await;
    assert_eq!(mode(&path), 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("made readable for a group");
    let full = bus("memory:", &format!("queue_capacity = 1\n{}", logs_to(folder.path()))).await;
    let _ = [full.hub().emit(till("paid")), full.hub().emit(till("open"))];
    full.shutdown(Duration::from_secs(20)).await.expect("nothing waits");
    assert_eq!((mode(&path), lines(&path).len()), (0o640, 1), "the mode is kept");
}

#[cfg(unix)]
#[tokio::test]
async fn an_error_log_that_is_a_special_file_is_a_startup_error_and_is_unchanged() {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = || fs::metadata("/dev/null").expect("there").permissions().mode();
    let before = mode();
    let config = config("memory:", "error_log = \"/dev/null\"");
    let error = EventBus::builder().config(config).hub(Hub::new()).start().await.expect_err("a device");
    assert!(chain(&error).contains("not a regular file"), "{}", chain(&error));
    assert_eq!(mode(), before);
}

#[tokio::test]
async fn a_bus_starts_and_shuts_down_while_another_process_holds_the_error_logs_lock() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("errors.jsonl");
    let holder = fs::File::create(&path).expect("made");
    holder.lock().expect("locked");
    let bus = bus("memory:", &format!("queue_capacity = 1\n{}", logs_to(folder.path()))).await;
    let _ = [bus.hub().emit(till("paid")), bus.hub().emit(till("open"))];
    let shutdown = bus.shutdown(Duration::from_millis(20));
    tokio::time::timeout(Duration::from_secs(8), shutdown).await.expect("it ends").expect("nothing waits");
    holder.unlock().expect("unlocked");
    events_tests::until(async || fs::read_to_string(&path).is_ok_and(|text| text.lines().count() == 1)).await;
}

#[tokio::test]
async fn a_full_error_log_is_rotated_and_one_predecessor_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, moved) = (folder.path().join("errors.jsonl"), folder.path().join("errors.jsonl.1"));
    let settings = format!("queue_capacity = 1\nerror_log_max_bytes = 10\n{}", logs_to(folder.path()));
    for number in 1..=2 {
        let bus = bus("memory:", &settings).await;
        let _ = [bus.hub().emit(till("paid")), bus.hub().emit(till("open"))];
        bus.shutdown(Duration::from_secs(20)).await.expect("nothing waits");
        assert_eq!((lines(&path).len(), moved.exists()), (1, number == 2));
    }
    assert_eq!(lines(&moved).len(), 1);
}

#[tokio::test]
async fn rejected_events_are_in_the_file_with_position_and_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let bus = bus("memory:", &logs_to(folder.path())).await;
    bus.hub().emit(placed(7)).delivered().await.expect("sent");
    consume_orders(&bus, "orders", 2, |_| Err("out of paper".into())).await;
    let lines = lines(&folder.path().join("errors.jsonl"));
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!((&line["failure"], &line["topic"]), (&"rejected".into(), &"dev-orders".into()));
    assert_eq!(
        (&line["group"], &line["position"], &line["attempt"]),
        (&"billing".into(), &"1".into(), &2.into())
    );
    assert_eq!(line["data"]["customer"]["email"], "bob@foo.example");
    assert!(line["error"].as_str().is_some_and(|error| error.contains("out of paper")), "{line}");
}

#[test]
fn the_log_event_masks_personal_data_and_says_that_it_cannot_be_sent_again() {
    let events = recorded(async || {
        let bus = bus("memory:", "").await;
        bus.hub().emit(placed(7)).delivered().await.expect("sent");
        consume_orders(&bus, "orders", 2, |_| Err("out of paper".into())).await;
        let full = EventBus::builder().config(config("memory:", "queue_capacity = 1")).hub(Hub::new());
        let full = full.start().await.expect("starts");
        let _ = [full.hub().emit(till("paid")), full.hub().emit(till("open"))];
        let _ = full.hub().emit(letter(1));
    });
    let records: Vec<Value> =
        events.iter().map(|event| serde_json::from_str(event.field("record")).expect("JSON")).collect();
    assert_eq!(records.len(), 3, "{events:#?}");
    assert!(events.iter().all(|event| !format!("{event:?}").contains("@foo.example")), "{events:#?}");
    assert_eq!(records[0]["data"]["customer"]["email"], "***");
    assert_eq!((&records[0]["masked"], &records[0]["key"]), (&true.into(), &"c-7".into()));
    // It has no personal data, so it is complete.
    assert_eq!((&records[1]["masked"], &records[1]["data"]["note"]), (&Value::Null, &"open".into()));
    assert_eq!((&records[2]["masked"], &records[2]["key"]), (&true.into(), &"***".into()));
}

#[test]
fn the_log_event_names_foreign_headers_and_extensions_and_the_file_has_their_values() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let folder = tempfile::tempdir().expect("a folder");
    let events = recorded(async || {
        let bus = bus("memory:", &logs_to(folder.path())).await;
        let producer = bus.transport().producer().await.expect("a producer");
        let event = Message::new(&b"\x04t1\x02n"[..])
            .with_header("ce_type", "org.acme.observe.till.opened.v1")
            .with_header("ce_id", "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11")
            .with_header("ce_source", "shop")
            .with_header("ce_time", "2023-01-02T03:04:05Z")
            .with_header("ce_traceparent", TRACE)
            .with_header("ce_user", "bob@foo.example")
            .with_header("x-user", "bob@foo.example");
        let none = Message::new("").with_header("x-user", "bob@foo.example").with_header("ce_source", "shop");
        let topic = Topic::new("dev-tills").expect("a name");
        assert!(producer.send(&topic, &[event, none]).await.iter().all(Result::is_ok));
        bus.hub().scope(|| {
            crate::TILL_OPENED.connect("no", |_: &Event<crate::TillOpened>| Err::<(), _>("out of paper"));
        });
        let settled = events_tests::until(|| async {
            let groups = bus.transport().groups(&topic).await.unwrap_or_default();
            groups.iter().any(|status| status.lag == 0)
        });
        let consume = bus.consume("tills").group("billing").run_until(settled);
        consume.await.expect("a normal stop");
        bus.shutdown(Duration::from_secs(20)).await.expect("nothing waits");
    });
    assert!(events.iter().all(|event| !format!("{event:?}").contains("@foo.example")), "{events:#?}");
    let mut logged: Vec<Value> =
        events.iter().map(|event| serde_json::from_str(event.field("record")).expect("JSON")).collect();
    let mut filed = lines(&folder.path().join("errors.jsonl"));
    for records in [&mut logged, &mut filed] {
        records.sort_by_key(|record| record["metadata"].is_null());
        assert_eq!(records.len(), 2, "{records:#?}");
        assert_eq!(records[0]["metadata"]["traceparent"], TRACE);
    }
    for (records, shown) in [(&logged, "***"), (&filed, "bob@foo.example")] {
        assert_eq!(records[0]["metadata"]["user"], shown);
        assert_eq!(records[0]["headers"], serde_json::json!([["x-user", shown]]));
        assert_eq!(records[1]["headers"], serde_json::json!([["x-user", shown], ["ce_source", "shop"]]));
        assert!(records.iter().all(|record| (record["masked"] == true) == (shown == "***")), "{records:#?}");
    }
}

#[tokio::test]
async fn unsent_events_of_a_shutdown_are_in_the_file_unless_spilled() {
    let folder = tempfile::tempdir().expect("a folder");
    for spills in [false, true] {
        let bus = stuck(&logs_to(folder.path()), &["dev-tills"]).await;
        let emission = bus.hub().emit(till("late"));
        let id = emission.event().metadata().id().to_string();
        if spills {
            let spilled =
                bus.shutdown_or_spill(Duration::from_millis(20), folder.path().join("spill.jsonl")).await;
            assert_eq!(spilled.expect("written"), 1);
        } else {
            bus.shutdown(Duration::from_millis(20)).await.expect_err("it is not sent");
            assert_eq!(lines(&folder.path().join("errors.jsonl"))[0]["metadata"]["id"], id);
        }
        assert_eq!(lines(&folder.path().join("errors.jsonl")).len(), 1);
    }
}

#[tokio::test]
async fn an_unwritable_file_is_a_startup_error_that_names_the_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = config("memory:", &logs_to(&folder.path().join("missing")));
    let error = EventBus::builder().config(config).hub(Hub::new()).start().await.expect_err("no folder");
    assert!(matches!(error, StartError::ErrorLog { .. }), "{error}");
    let text = chain(&error);
    assert!(text.starts_with("config:8: bus.error_log: `") && text.contains("missing"), "{text}");
}

#[tokio::test]
async fn a_later_disk_failure_only_changes_a_counter() {
    let folder = tempfile::tempdir().expect("a folder");
    let bus = bus("memory:", &format!("queue_capacity = 1\n{}", logs_to(folder.path()))).await;
    let lost = crate::metrics::global("events_error_log_lost_total{}");
    fs::remove_dir_all(folder.path()).expect("gone");
    let emissions: Vec<_> = (1..=3).map(|_| bus.hub().emit(till("paid"))).collect();
    for (number, emission) in emissions.into_iter().enumerate() {
        let ended = emission.delivered().await;
        match number {
            0 => assert!(ended.is_ok()),
            _ => assert!(chain(&ended.expect_err("the queue is full")).contains("the queue is full")),
        }
    }
    bus.shutdown(Duration::from_secs(20)).await.expect("nothing waits");
    let now = crate::metrics::global("events_error_log_lost_total{}");
    assert!((now - lost - 2.0).abs() < 0.5, "{lost} became {now}");
}
