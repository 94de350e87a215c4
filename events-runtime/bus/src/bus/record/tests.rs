use std::time::SystemTime;

use super::*;
use crate::bus::dead_letters::DeadLetter;
use crate::bus::spill;
use crate::bus::undelivered::Undelivered;
use events_core::registry::Registry;
use events_transport::{Position, StoredMessage, Topic, TransportName, dead_letter};

fn event(line: &str) -> Result<Undelivered, RecordError> {
    event_of_line(line, &Registry::builder().build().unwrap())
}

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

fn messages() -> [Message; 3] {
    [
        Message::new(""),
        Message::new(vec![0, 255]).with_key(""),
        Message::new("data")
            .with_key(vec![254])
            .with_header("b", "\"quoted\" \n ü")
            .with_header("a", vec![255])
            .with_header("b", ""),
    ]
}

fn dead(message: Message) -> DeadLetter {
    StoredMessage::new(message, Position::Sequence(3), SystemTime::UNIX_EPOCH).into()
}

#[test]
fn a_spilled_message_comes_back_unchanged() {
    for message in messages() {
        let sent = Undelivered { topic: topic("dev-orders"), transport: TransportName::default(), message };
        let lines = spill::encode(std::slice::from_ref(&sent));
        assert_eq!(lines.matches('\n').count(), 1, "{lines}");
        assert_eq!(event(&lines), Ok(sent));
    }
}

#[test]
fn a_dead_letter_comes_back_unchanged() {
    for message in messages() {
        let line = dead(message.clone()).to_line();
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(DeadLetter::message_of_line(&line), Ok(message));
    }
}

#[test]
fn the_original_message_of_a_dead_letter_can_be_sent() {
    let original = Message::new("data").with_key("k").with_header("ce_id", "1");
    let stored = original
        .clone()
        .with_header(dead_letter::REASON, "out of paper")
        .with_header(dead_letter::CAUSE, "jam")
        .with_header(dead_letter::TOPIC, "dev-orders")
        .with_header(dead_letter::GROUP, "billing")
        .with_header(dead_letter::POSITION, "17")
        .with_header(dead_letter::ATTEMPTS, "3")
        .with_header(dead_letter::TIME, "2026-02-28T13:05:00Z");
    let line = dead(stored).to_line();
    let expected = r#"{"record":2,"logged":"2026-02-28T13:05:00Z","failure":"dead-letter","error":"out of paper: jam","topic":"dev-orders","group":"billing","position":"17","attempt":3,"key":"k","headers":[["#;
    assert!(line.starts_with(expected), "{line}");
    assert_eq!(
        event(&line),
        Ok(Undelivered {
            topic: topic("dev-orders"),
            transport: TransportName::default(),
            message: original
        })
    );
    let without = dead(Message::new("")).to_line();
    assert_eq!(event(&without).unwrap_err().to_string(), "`topic` is missing");
}

#[test]
fn only_an_exported_dead_letter_can_be_restored() {
    let spilled = spill::encode(&[Undelivered {
        topic: topic("orders"),
        transport: TransportName::default(),
        message: Message::new(""),
    }]);
    let rejected = Record::new(FailureKind::Rejected, Some("orders".to_owned()));
    let rejected = rejected.with_message(&Message::new("")).line();
    let version_1 = r#"{"log":1,"failure":"given-up","topic":"t","key":null,"headers":[],"data_base64":""}"#;
    for line in [spilled.trim(), &rejected, version_1] {
        assert_eq!(DeadLetter::message_of_line(line), Err(RecordError::NotDeadLetter), "{line}");
    }
}

#[test]
fn a_spill_line_of_version_1_is_still_read() {
    let line = r#"{"spill":1,"topic":"dev-orders","key":"c1","headers":[["ce_id","0190"],["raw",{"base64":"/w=="}]],"data_base64":"DgJj"}"#;
    let message = Message::new(&b"\x0e\x02c"[..]).with_key("c1").with_header("ce_id", "0190");
    let message = message.with_header("raw", vec![0xff]);
    assert_eq!(
        event(line),
        Ok(Undelivered { topic: topic("dev-orders"), transport: TransportName::default(), message })
    );
    let line = r#"{"spill":1,"topic":"dev-orders","key":{"base64":"/g=="},"headers":[],"data_base64":""}"#;
    let message = Message::new("").with_key(vec![0xfe]);
    assert_eq!(
        event(line),
        Ok(Undelivered { topic: topic("dev-orders"), transport: TransportName::default(), message })
    );
}

#[test]
fn an_error_log_line_of_version_1_is_still_read() {
    let line = r#"{"log":1,"logged":"2026-02-28T13:05:00Z","failure":"given-up","error":"e","topic":"dev-orders","group":"billing","position":"17","attempt":3,"key":"c1","metadata":{"event_type":"org.acme.orders.order.placed.v1","id":"0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11","minorversion":1,"source":"shop","time":"2023-01-02T03:04:05+00:00"},"headers":[["x-own","y"]],"schemafp":"00abcdef01234567","data_base64":"DgJj"}"#;
    let message = event(line).unwrap().message;
    let header = |name| message.headers.get(name).map(|value| String::from_utf8_lossy(value));
    assert_eq!((header("ce_schemafp"), header("x-own")), (Some("00abcdef01234567".into()), Some("y".into())));
    assert_eq!(header("ce_id"), Some("0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11".into()));
    assert_eq!((message.key.as_deref(), &message.data[..]), (Some(&b"c1"[..]), &b"\x0e\x02c"[..]));

    let no_event = r#"{"log":1,"logged":"2026-02-28T13:05:00Z","failure":"not-sent","error":"e","topic":"dev-orders","key":null,"headers":[["x","y"]],"data_base64":"bm8="}"#;
    assert_eq!(event(no_event).unwrap().message, Message::new("no").with_header("x", "y"));
    let unencoded = r#"{"log":1,"logged":"2026-02-28T13:05:00Z","failure":"not-sent","error":"e","topic":"dev-orders","key":null,"metadata":{"event_type":"org.acme.orders.order.placed.v1","id":"0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11","minorversion":1,"source":"shop","time":"2023-01-02T03:04:05+00:00"}}"#;
    assert_eq!(event(unencoded), Err(RecordError::NoData));
}

#[test]
fn an_exported_dead_letter_without_a_version_is_still_read() {
    let line = r#"{"data":"DgJj","headers":[["ce_id","0190"],["raw",{"base64":"/w=="}],["dlq_topic","dev-orders"]],"key":"Yy0x","position":"3"}"#;
    let original = Message::new(&b"\x0e\x02c"[..]).with_key("c-1").with_header("ce_id", "0190");
    let original = original.with_header("raw", vec![0xff]);
    let stored = original.clone().with_header("dlq_topic", "dev-orders");
    assert_eq!(DeadLetter::message_of_line(line), Ok(stored));
    assert_eq!(
        event(line),
        Ok(Undelivered {
            topic: topic("dev-orders"),
            transport: TransportName::default(),
            message: original
        })
    );
    let line = r#"{"data":"","headers":[],"key":null,"position":"3"}"#;
    assert_eq!(DeadLetter::message_of_line(line), Ok(Message::new("")));
}

#[test]
fn a_line_of_a_newer_version_is_an_error_that_says_so() {
    for line in [r#"{"record":3,"topic":"secret"}"#, r#"{"spill":3}"#, r#"{"log":3,"new":{}}"#] {
        let error = event(line).unwrap_err();
        assert_eq!(error, RecordError::Version { found: 3 });
        assert!(error.to_string().contains("has version 3"), "{error}");
        assert_eq!(DeadLetter::message_of_line(line), Err(error));
    }
}

#[test]
fn an_invalid_line_is_an_error_that_does_not_quote_it() {
    let whole = r#"{"record":2,"failure":"not-sent","topic":"orders","key":null,"data_base64":"AA=="}"#;
    assert!(event(whole).is_ok());
    for (line, said) in [
        (r#"{"record":2,"topic":"secret"#.to_owned(), "cut off"),
        ("secret".to_owned(), "column 1"),
        ("{}".to_owned(), "`record` is missing"),
        (r#"{"key":"secret","headers":[]}"#.to_owned(), "`record` is missing"),
        (r#"{"position":"3","headers":[],"data":""}"#.to_owned(), "`record` is missing"),
        (r#"{"position":"3","key":"secret!","headers":[],"data":""}"#.to_owned(), "Base64"),
        (r#"{"position":"3","key":null,"headers":[["a",1]],"data":""}"#.to_owned(), "`record` is missing"),
        (whole.replace("\"record\"", "\"spill\":1,\"record\""), "column"),
        (whole.replace("\"key\"", "\"secret\":1,\"key\""), "column"),
        (whole.replace("not-sent", "secret"), "column"),
        (whole.replace("AA==", "secret!"), "Base64"),
        (whole.replace("\"topic\":\"orders\",", ""), "`topic` is missing"),
        (whole.replace(",\"data_base64\":\"AA==\"", ""), "`data_base64` is missing"),
        (whole.replace("\"key\"", "\"masked\":true,\"key\""), "masked"),
    ] {
        let told = event(&line).unwrap_err().to_string();
        assert!(told.contains(said) && !told.contains("secret"), "{line}: {told}");
    }
}
