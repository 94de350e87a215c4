//! Sending events again from the error log.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, ConsumerGroup, Message, Subscription, Topic, connect};
use events_runtime::{EmitOptions, EventBus};
use serde_json::Value;

use crate::error_log::{lines, logs_to};
use crate::{bus, consume_orders, placed, stuck};

fn produce(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shop_cli"))
        .current_dir(folder)
        .args(["produce", "--json"])
        .args(arguments)
        .output()
        .expect("it runs")
}

#[track_caller]
fn sent(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let out = String::from_utf8(output.stdout.clone()).expect("text");
    out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// All messages of a topic in the folder's store.
async fn stored(folder: &Path, topic: &str) -> Vec<Message> {
    let url = format!("sqlite://{}", folder.join("events.db").display());
    let transport = connect(&url, &ConnectOptions::new()).expect("the store");
    let group = ConsumerGroup::new("reader").expect("a name");
    let mut consumer = transport
        .consumer(Subscription::new(Topic::new(topic).expect("a name"), group))
        .await
        .expect("a consumer");
    let deliveries = consumer.receive(1000, Duration::from_millis(50)).await.expect("messages");
    deliveries.iter().map(|delivery| delivery.message().clone()).collect()
}

/// A folder whose error log has this number of orders rejected by a full queue, and the messages that would
/// have been sent.
async fn logged(count: u8) -> (tempfile::TempDir, Vec<Message>) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("events.toml"), "[bus]\nurl = \"sqlite://events.db\"\n").expect("written");
    let options = |number: u8| {
        let options = EmitOptions::new().id(uuid::Uuid::from_u128(number.into()));
        let options = options.time("2023-01-02T03:04:05.678901Z".parse().expect("a time"));
        options
            .extension("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
            .expect("a name")
    };
    let emit = |bus: &EventBus| {
        for number in 1..=count {
            bus.hub().emit_with(placed(number), options(number));
        }
    };
    let whole = bus("memory:", "").await;
    emit(&whole);
    whole.flush(Duration::from_secs(20)).await.expect("sent");
    let topic = Topic::new("dev-orders").expect("a name");
    let group = ConsumerGroup::new("reader").expect("a name");
    let mut consumer = whole.transport().consumer(Subscription::new(topic, group)).await.expect("a consumer");
    let expected = consumer.receive(100, Duration::from_secs(20)).await.expect("messages");
    let expected = expected.iter().map(|delivery| delivery.message().clone()).collect();

    let bus = stuck(&logs_to(folder.path()), &["dev-orders"]).await;
    emit(&bus);
    bus.shutdown(Duration::from_millis(20)).await.expect_err("none is sent");
    assert_eq!(lines(&folder.path().join("errors.jsonl")).len(), usize::from(count));
    (folder, expected)
}

#[tokio::test]
async fn an_error_log_is_sent_again_in_order_and_removed() {
    let (folder, expected) = logged(5).await;
    let report = sent(&produce(folder.path(), &["--from-log", "errors.jsonl"]));
    assert_eq!(report.len(), 5);
    let found = stored(folder.path(), "dev-orders").await;
    // Key, headers with id, time and source, and the datum, to the byte.
    assert_eq!(found, expected);
    assert!(!folder.path().join("errors.jsonl").exists());
}

#[tokio::test]
async fn an_unencoded_event_is_reported_and_blocks_no_other() {
    let (folder, expected) = logged(3).await;
    let path = folder.path().join("errors.jsonl");
    let text = fs::read_to_string(&path).expect("the log");
    let mut records = lines(&path);
    records[1].as_object_mut().expect("a record").remove("data").expect("it had data");
    let text = format!(
        "{}\n{}\n\n{}\n",
        text.lines().next().expect("one"),
        records[1],
        text.lines().nth(2).expect("three")
    );
    fs::write(&path, text).expect("written");
    let output = produce(folder.path(), &["--from-log", "errors.jsonl"]);
    assert_eq!(sent(&output).len(), 2);
    let err = String::from_utf8(output.stderr).expect("text");
    assert!(err.contains("line 2: no data") && err.contains("errors.jsonl.damaged"), "{err}");
    let found = stored(folder.path(), "dev-orders").await;
    assert_eq!(found, [expected[0].clone(), expected[2].clone()]);
    assert!(!path.exists() && folder.path().join("errors.jsonl.damaged").exists());
}

#[tokio::test]
async fn a_pasted_line_is_sent_with_its_id_time_and_source() {
    let (folder, expected) = logged(2).await;
    let lines = fs::read_to_string(folder.path().join("errors.jsonl")).expect("the log");
    let line = lines.lines().nth(1).expect("two lines");
    sent(&produce(folder.path(), &["--event", line]));
    sent(&produce(folder.path(), &["--event", line, "--topic", "elsewhere"]));
    assert_eq!(stored(folder.path(), "dev-orders").await, expected[1..]);
    assert_eq!(stored(folder.path(), "elsewhere").await, expected[1..]);
}

#[tokio::test]
async fn a_masked_or_invalid_line_is_rejected_and_never_quoted() {
    let (folder, _) = logged(1).await;
    let line = fs::read_to_string(folder.path().join("errors.jsonl")).expect("the log");
    for (wrong, said) in [
        (line.replace("\"data\"", "\"masked\":true,\"data\""), "masked"),
        (line.replace("\"record\":2", "\"record\":9"), "version 9"),
        (line.replace("\"number\":1", "\"number\":\"bob@foo.example\""), "`number`"),
        (line.replace("\"data\"", "\"date\""), "column"),
        ("{}".to_owned(), "`record` is missing"),
    ] {
        assert_ne!(wrong, line);
        let output = produce(folder.path(), &["--event", &wrong]);
        let err = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(said) && !err.contains("foo.example"), "{err}");
    }
    assert!(stored(folder.path(), "dev-orders").await.is_empty());
}

#[tokio::test]
async fn a_dead_letter_of_undecodable_data_is_sent_again_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("events.toml"), "[bus]\nurl = \"sqlite://events.db\"\n").expect("written");
    // An unknown schema is not waited for.
    let settings = format!("{}\nconsumer.unknown_schema = {{ wait = '0s' }}", logs_to(folder.path()));
    let bus = bus("memory:", &settings).await;
    let producer = bus.transport().producer().await.expect("a producer");
    let headers = |message: Message| {
        message
            .with_header("ce_specversion", "1.0")
            .with_header("content-type", "application/avro")
            .with_header("ce_datacontenttype", "application/avro")
            .with_header("ce_type", crate::PLACED)
            .with_header("ce_id", "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11")
            .with_header("ce_source", "shop")
            .with_header("ce_time", "2023-01-02T03:04:05+00:00")
            .with_header("ce_minorversion", "1")
    };
    let batch = [
        headers(Message::new(vec![0xff, 0xff]).with_key(vec![0xfe])).with_header("x-own", vec![0x80]),
        headers(Message::new("other")).with_header("ce_schemafp", "00abcdef01234567"),
        Message::new("no event").with_header("x", "y"),
    ];
    let results = producer.send(&Topic::new("dev-orders").expect("a name"), &batch).await;
    assert!(results.iter().all(Result::is_ok));
    bus.hub().emit(placed(1)).delivered().await.expect("sent");
    consume_orders(&bus, "orders", 1, |_| Ok(())).await;
    let lines = lines(&folder.path().join("errors.jsonl"));
    assert!(lines.iter().all(|line| line["data_base64"].is_string()), "{lines:#?}");
    assert_eq!(sent(&produce(folder.path(), &["--from-log", "errors.jsonl"])).len(), 3);
    assert_eq!(stored(folder.path(), "dev-orders").await, batch);
}
