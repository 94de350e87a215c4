//! Framing and unframing without a registry: what is decided by the bytes and headers alone.

use bytes::Bytes;
use events_schema_registry::SchemaKey;
use events_transport::{ConnectOptions, ErrorKind, KeyType, Message, SchemaId, Target, Topic};

use super::Registry;
use super::known::{KeyForm, KeyFrame, Writer};
use crate::config::Config;
use crate::framing::frame;
use crate::namespace::Namespace;

const TYPE: &str = "org.acme.orders.order.placed.v1";

fn registry(settings: &str) -> Registry {
    let url = format!("kafka://localhost?registry=http://127.0.0.1:1{settings}");
    let target = Target::parse(&url).expect("a URL");
    Registry::open(&target, &Namespace::default(), "shop").expect("valid settings").expect("a registry")
}

fn topic() -> Topic {
    Topic::new("orders").expect("a name")
}

fn event(data: impl Into<Bytes>) -> Message {
    Message::new(data).with_header("ce_type", TYPE)
}

fn header(message: &Message, name: &str) -> Option<String> {
    message.headers.get(name).map(|value| String::from_utf8(value.to_vec()).expect("text"))
}

#[test]
fn a_framed_message_comes_back_as_it_was_sent() {
    let registry = registry("");
    let schema = SchemaId::new(TYPE, 0xabc);
    registry.known().set_value("orders", &schema, 7);
    registry.known().set_key("orders", TYPE, KeyFrame { id: 3, key_type: KeyType::Long });
    // A datum that begins as a frame does.
    let message =
        event(&b"\0\0\0\0\x09x"[..]).with_key("12").with_header("ce_schemafp", schema.fingerprint_text());
    let framed = registry.frame(&topic(), &message).expect("its ids are known");
    assert_eq!(framed.data, frame(7, b"\0\0\0\0\x09x"));
    assert_eq!(framed.key, Some(frame(3, b"\x18")));
    assert_eq!(registry.unframe(framed), message);
}

#[test]
fn a_message_of_open_edx_gets_the_fingerprint_of_its_id() {
    let registry = registry("");
    registry.known().learn(SchemaKey::Id(7), Writer::Fingerprint(0xabc));
    registry.known().set_key_form(SchemaKey::Id(3), KeyForm::Text(KeyType::String));
    let message = event(frame(7, b"datum")).with_key(frame(3, b"\x04c1"));
    let unframed = registry.unframe(message);
    assert_eq!((unframed.key.as_deref(), &*unframed.data), (Some(&b"c1"[..]), &b"datum"[..]));
    assert_eq!(header(&unframed, "ce_schemafp").as_deref(), Some("0000000000000abc"));
}

#[test]
fn a_new_id_gets_a_stand_in_and_goes_back_with_the_same_frame() {
    let registry = registry("");
    let guid = [[1].as_slice(), &[9; 16], b"datum"].concat();
    for data in [frame(7, b"datum"), guid.into()] {
        let message = event(data);
        let unframed = registry.unframe(message.clone());
        assert_eq!(&*unframed.data, b"datum");
        let fingerprint = super::fingerprint(&unframed).expect("a fingerprint");
        assert!(SchemaId::stands_for(fingerprint).is_some(), "{fingerprint:016x}");
        assert_eq!(registry.frame(&topic(), &unframed).expect("the id is known"), message);
    }
}

/// A dead letter may be stored before the registry has answered.
#[test]
fn a_key_of_a_new_id_goes_back_with_the_same_frame() {
    let registry = registry("");
    for (event_type, keys) in [
        ("org.acme.a.b.v1", [&b"\x04c1"[..], b"\0", b"\x02\x35"]),
        ("org.acme.a.c.v1", [b"\x0a", b"\0", b"\xf6\x01"]),
        ("org.acme.a.d.v1", [b"\0", b"\x01", b"\0"]),
        // A record whose only field is a string, and one that is no text.
        ("org.acme.a.e.v1", [b"\x04c1", b"\x04c1\x04c2", b"\x04c2"]),
    ] {
        for key in keys {
            let message = Message::new(frame(7, b"datum")).with_header("ce_type", event_type.to_owned());
            let message = message.with_key(frame(3, key));
            let unframed = registry.unframe(message.clone());
            assert_eq!(registry.frame(&topic(), &unframed).expect("the id is known"), message);
        }
    }
}

/// The registry's answer may arrive between a message and its dead letter.
#[test]
fn a_key_that_was_guessed_goes_back_with_the_same_frame_after_its_schema_is_known() {
    for (key_type, key) in [
        (KeyType::Long, &b"\0"[..]),
        (KeyType::Int, b"\0"),
        (KeyType::Boolean, b"\0"),
        (KeyType::Boolean, b"\x01"),
    ] {
        let registry = registry("");
        let message = event(frame(7, b"datum")).with_key(frame(3, key));
        let unframed = registry.unframe(message.clone());
        registry.known().set_key("", TYPE, KeyFrame { id: 3, key_type });
        assert_eq!(
            registry.frame(&topic(), &unframed).expect("the id is known"),
            message,
            "{key_type:?} {key:?}"
        );
    }
}

#[test]
fn the_own_fingerprint_wins_over_the_id() {
    let registry = registry("");
    registry.known().learn(SchemaKey::Id(7), Writer::Fingerprint(1));
    let message = event(frame(7, b"datum"))
        .with_header("ce_schemafp", "0000000000000abc")
        .with_header("ce_schemaid", "7");
    let unframed = registry.unframe(message);
    assert_eq!(
        (header(&unframed, "ce_schemafp").as_deref(), &*unframed.data),
        (Some("0000000000000abc"), &b"datum"[..])
    );
}

#[test]
fn a_value_without_a_frame_is_read_by_its_fingerprint_and_otherwise_refused_with_the_reason() {
    let registry = registry("");
    let bare = event(&b"\0\0\0\0\x07x"[..]).with_header("ce_schemafp", "0000000000000abc");
    assert_eq!(registry.unframe(bare.clone()), bare);
    for (data, reason) in [
        (&b"\x34course"[..], "first byte 52"),
        (b"", "no bytes"),
        (b"\0\0\0", "ends within the frame"),
        (b"\x01short", "ends within the frame"),
        (b"\xc3\x01avro-single-object", "first byte 195"),
    ] {
        let message = event(data).with_key("c1");
        let unframed = registry.unframe(message.clone());
        let said = header(&unframed, "events-unreadable").expect("a reason");
        assert!(said.contains(reason), "{said}");
        assert_eq!((&unframed.key, &unframed.data), (&message.key, &message.data));
        assert_eq!(registry.frame(&topic(), &unframed).expect("sent again as it is"), message);
    }
    let damaged = event(frame(8, b"x")).with_header("ce_schemaid", "7");
    assert!(
        header(&registry.unframe(damaged), "events-unreadable").expect("a reason").contains("ce_schemaid")
    );
    let forged = event(frame(8, b"x")).with_header("events-unreadable", "forged");
    assert_eq!(header(&registry.unframe(forged), "events-unreadable"), None);
}

#[test]
fn frames_in_headers_are_read() {
    let registry = registry("");
    registry.known().learn(SchemaKey::Guid([9; 16]), Writer::Fingerprint(0xabc));
    let guid = [[1].as_slice(), &[9; 16]].concat();
    let message = event("datum")
        .with_key(&b"\x04c1"[..])
        .with_header("__value_schema_id", guid.clone())
        .with_header("__key_schema_id", guid);
    let unframed = registry.unframe(message);
    assert_eq!((unframed.key.as_deref(), &*unframed.data), (Some(&b"c1"[..]), &b"datum"[..]));
    assert_eq!(header(&unframed, "ce_schemafp").as_deref(), Some("0000000000000abc"));
    assert_eq!(unframed.headers.len(), 2);
}

#[test]
fn a_guid_that_the_registry_cannot_read_is_refused_with_the_reason() {
    let registry = registry("");
    registry.known().learn(SchemaKey::Guid([9; 16]), Writer::Unreadable("no guids here".to_owned()));
    let message = event([[1].as_slice(), &[9; 16], b"x"].concat());
    assert_eq!(header(&registry.unframe(message), "events-unreadable").as_deref(), Some("no guids here"));
}

#[test]
fn a_key_without_a_form_as_text_keeps_its_frame() {
    let registry = registry("");
    registry.known().set_key_form(SchemaKey::Id(3), KeyForm::Framed);
    registry.known().set_value("orders", &SchemaId::new(TYPE, 0xabc), 7);
    let key = frame(3, b"record");
    let message = event("x").with_key(key.clone()).with_header("ce_schemafp", "0000000000000abc");
    let unframed = registry.unframe(message);
    assert_eq!(unframed.key, Some(key.clone()));
    assert_eq!(registry.frame(&topic(), &unframed).expect("a known id").key, Some(key));
}

#[test]
fn a_message_that_is_no_event_and_a_bare_type_pass_unchanged() {
    let other = Message::new(&b"\0\0\0\0\x07x"[..]).with_key("k");
    assert_eq!(registry("").unframe(other.clone()), other);
    assert_eq!(registry("").frame(&topic(), &other).expect("sent"), other);
    let bare = event("x").with_key("k").with_header("ce_schemafp", "0000000000000abc");
    let registry = registry(&format!("&registry_bare=a.b.c.d.v1,{TYPE}"));
    assert_eq!(registry.frame(&topic(), &bare).expect("sent"), bare);
}

#[test]
fn a_message_whose_schema_is_not_stored_is_not_sent() {
    let registry = registry("");
    let message = event("x").with_header("ce_schemafp", "0000000000000abc");
    let error = registry.frame(&topic(), &message).expect_err("no id");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(registry.frame(&topic(), &event("x")).expect_err("no schema").kind(), ErrorKind::Refused);
    registry.known().set_value("orders", &SchemaId::new(TYPE, 0xabc), 7);
    registry.known().set_key("orders", TYPE, KeyFrame { id: 3, key_type: KeyType::Long });
    let error = registry.frame(&topic(), &message.with_key("twelve")).expect_err("no number");
    assert!(error.to_string().contains("is no long"), "{error}");
}

#[test]
fn wrong_settings_are_refused_without_secrets() {
    for (settings, expected) in [
        ("registry_user=u", "set `registry=http://host:8081`"),
        ("registry=http://u:hunter2@h", ""),
        ("registry=http://u:hunter2%40h@h", ""),
        ("registry=nonsense", "malformed"),
        ("registry=http://h&registry_user=u", "belong together"),
        ("registry=http://h&registry_password=hunter2", "belong together"),
        ("registry=http://h&registry_user=u&registry_password=hunter2&registry_token=hunter2", "write one"),
        ("registry=http://h&registry_password_file=/none", "check its path"),
        ("registry=https://h&registry_ca=/none", "check its path"),
        ("registry=https://h&registry_key=/dev/null", "set both"),
        ("registry=http://h&registry_register=maybe", "`true` or `false`"),
        ("registry=http://h&registry_subjects=nobody", "register_subjects"),
        ("registry=http://h&registry_timeout=5", "a duration"),
    ] {
        let url = format!("kafka://localhost?{settings}");
        let error = Target::parse(&url).and_then(|target| Config::read(&target, &ConnectOptions::new()));
        let error = error.expect_err(settings);
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error:?}");
        assert!(error.to_string().contains(expected) || settings.contains('@'), "{error}");
    }
}
