use super::*;
use events_core::metadata::{Source, SourceLib};

pub(crate) fn sample() -> EventMetadata {
    EventMetadata::new(
        events_core::EventType::new("org.acme.orders.order.placed.v1").unwrap(),
        "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11".parse().unwrap(),
        "2023-01-02T03:04:05.678901Z".parse().unwrap(),
        Source::new("shop").unwrap().with_host("shop-1").with_lib(SourceLib::new([10, 5, 0])),
    )
}

fn envelope() -> Envelope {
    let mut metadata = sample().with_minor_version(3);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    metadata.extensions_mut().insert("traceparent", trace).unwrap();
    let mut envelope = Envelope::new(metadata, Some(0x00ab_cdef_0123_4567), &b"\x06hey"[..]).with_key("c1");
    envelope.headers.push("x-request-id", &b"\xff\x00"[..]);
    envelope
}

#[test]
fn an_envelope_round_trips_through_a_message() {
    let message = envelope().into_message();
    assert_eq!(message.headers.get("ce_schemafp").unwrap(), "00abcdef01234567");
    assert_eq!(message.headers.get("ce_time").unwrap(), "2023-01-02T03:04:05.678901+00:00");
    assert_eq!(message.headers.get("sourcelib").unwrap(), "10.5.0");
    assert_eq!(Envelope::from_message(&message).unwrap(), envelope());
}

/// The same message, whose headers have been written.
fn written(message: &Message) -> Message {
    let mut written = message.clone();
    written.headers = message.headers.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
    written
}

#[test]
fn an_event_that_was_never_written_is_read_as_if_it_had_been() {
    let metadata = |source: Source| {
        let (event_type, id) = (sample().event_type().clone(), sample().id());
        EventMetadata::new(event_type, id, "2023-01-02T03:04:05.000000001Z".parse().unwrap(), source)
    };
    let shop = || Source::new("shop").unwrap();
    let mut traced = sample();
    for (name, value) in [("traceparent", "00-ab"), ("tracestate", ""), ("tenant", "\u{e9} \"a\"")] {
        traced.extensions_mut().insert(name, value).unwrap();
    }
    for metadata in [
        sample().with_minor_version(u32::MAX),
        traced,
        metadata(shop()),
        metadata(shop().with_host("")),
        metadata(shop().with_host("a\u{0}b")),
        metadata(shop().with_lib(SourceLib::new([]))),
        metadata(shop().with_lib(SourceLib::new([0]))),
    ] {
        for fingerprint in [None, Some(0), Some(u64::MAX)] {
            let message = Envelope::new(metadata.clone(), fingerprint, "datum").with_key("").into_message();
            let (read, ignored) = Envelope::read(&message, |_| None).unwrap();
            let of_text = Envelope::read(&written(&message), |_| None).unwrap();
            assert_eq!((&read, ignored), (&of_text.0, of_text.1), "{metadata:?}");
            assert_eq!(message, written(&message));
        }
    }
}

#[test]
fn times_up_to_the_year_9999_are_kept_and_extra_digits_are_cut() {
    for (time, kept) in [
        ("9999-12-31T23:59:59.999999+00:00", "9999-12-31T23:59:59.999999+00:00"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00"),
        ("2023-01-02T03:04:05.1234567890123Z", "2023-01-02T03:04:05.123456789+00:00"),
    ] {
        let mut message = envelope().into_message();
        message.headers.retain(|name, _| name != "ce_time");
        let read = Envelope::from_message(&message.with_header("ce_time", time)).expect(time);
        assert_eq!(read.into_message().headers.get("ce_time").expect("a time"), kept);
    }
}

#[test]
fn headers_have_the_order_of_open_edx() {
    let message = envelope().into_message();
    let names: Vec<_> = message.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names[..10], KNOWN[..10]);
}

#[test]
fn a_missing_required_header_is_named() {
    for (header, field) in
        [("ce_type", "event_type"), ("ce_id", "id"), ("ce_source", "source"), ("ce_time", "time")]
    {
        let mut message = envelope().into_message();
        message.headers.retain(|name, _| name != header);
        let error = Envelope::from_message(&message).unwrap_err();
        let EnvelopeError::Metadata(cause) = &error else { panic!("{header}: {error}") };
        assert!(cause.to_string().contains(field), "{cause}");
    }
}

#[test]
fn a_message_that_its_transport_cannot_read_says_why() {
    let message = envelope().into_message().with_header("events-unreadable", "the frame is cut off");
    let error = Envelope::from_message(&message).unwrap_err();
    assert_eq!(error.to_string(), "the message is not readable: the frame is cut off");
}

#[test]
fn optional_headers_may_be_absent_or_empty() {
    let mut message = envelope().into_message();
    message.headers.retain(|name, _| {
        !["ce_specversion", "content-type", "ce_minorversion", "sourcehost", "sourcelib", "ce_schemafp"]
            .contains(&name)
    });
    message.headers.push("sourcehost", "");
    let envelope = Envelope::from_message(&message).unwrap();
    assert_eq!((envelope.fingerprint, envelope.metadata.minor_version()), (None, 0));
    assert_eq!((envelope.metadata.source_host(), envelope.metadata.source_lib()), (None, None));
}

#[test]
fn a_duplicate_known_header_is_an_error() {
    for header in KNOWN {
        let mut message = envelope().into_message();
        let value = message.headers.get(header).cloned().unwrap_or_default();
        message.headers.push(header, value);
        let error = Envelope::from_message(&message).unwrap_err();
        assert!(
            matches!(error, EnvelopeError::Duplicate { header: ref found } if found == header),
            "{error}"
        );
    }
}

#[test]
fn an_extension_can_not_replace_a_known_header_or_occur_twice() {
    for header in KNOWN {
        let Some(name) = header.strip_prefix(EXTENSION_PREFIX) else { continue };
        let mut metadata = sample();
        assert!(metadata.extensions_mut().insert(name, "x").is_err(), "{name}");
    }
    let mut message = envelope().into_message();
    message.headers.push("ce_tenant", "acme");
    message.headers.push("ce_tenant", "again");
    let error = Envelope::from_message(&message).unwrap_err();
    assert!(error.to_string().contains("`ce_tenant`"), "{error}");
}

#[test]
fn an_invalid_trace_context_never_refuses_an_event() {
    let whole = envelope().into_message();
    for (header, value) in [
        ("ce_traceparent", &b"again"[..]),
        ("ce_traceparent", b"\xff"),
        ("ce_traceparent", b"a\r\n"),
        ("ce_tracestate", b"\xff\xfe"),
        ("ce_tracestate", b"a=\x1b[31m"),
    ] {
        let message = whole.clone().with_header(header, value);
        let (read, ignored) = Envelope::read(&message, |_| None).expect("an event");
        assert_eq!((&read, ignored), (&envelope(), 1), "{header}: {value:?}");
    }
    // The first valid one.
    let mut message = whole;
    message.headers.retain(|name, _| name != "ce_traceparent");
    let message = message.with_header("ce_traceparent", &b"\xff"[..]).with_header("ce_traceparent", "00-ab");
    let (read, ignored) = Envelope::read(&message, |_| None).expect("an event");
    assert_eq!((read.metadata.extensions().get("traceparent"), ignored), (Some("00-ab"), 1));
}

#[test]
fn a_media_type_is_case_insensitive_and_may_have_parameters() {
    for (name, value) in [
        ("content-type", "Application/Avro"),
        ("content-type", "application/avro; charset=utf-8"),
        ("content-type", "APPLICATION/AVRO ;q=\"a;b\""),
        ("content-type", "application/avro;"),
        ("Content-Type", "application/avro"),
        ("CONTENT-TYPE", "application/avro"),
        ("ce_datacontenttype", "Application/Avro; v=1"),
    ] {
        let mut message = envelope().into_message();
        message.headers.retain(|header, _| !header.eq_ignore_ascii_case(name));
        let message = message.with_header(name, value);
        assert_eq!(Envelope::from_message(&message).expect(value), envelope(), "{name}: {value}");
    }
    for (name, value) in [
        ("Content-Type", "application/json"),
        ("content-type", "application/avro+json"),
        ("content-type", "application/avrox"),
        ("content-type", "; application/avro"),
    ] {
        let mut message = envelope().into_message();
        message.headers.retain(|header, _| header != "content-type");
        let error = Envelope::from_message(&message.with_header(name, value)).expect_err(value);
        assert!(matches!(error, EnvelopeError::ContentType { .. }), "{error}");
    }
}

#[test]
fn an_attribute_with_control_characters_is_refused_by_name() {
    for (header, value) in [
        ("ce_tenant", "a\r\n"),
        ("ce_tenant", "\u{9b}31m"),
        ("ce_tenant", "\u{ffff}"),
        ("ce_source", "shop\u{fffe}"),
        ("sourcehost", "shop\0"),
        ("ce_type", "org.acme\n"),
        ("ce_a\nb", "x"),
    ] {
        let mut message = envelope().into_message();
        message.headers.retain(|name, _| name != header);
        let error = Envelope::from_message(&message.with_header(header, value)).expect_err(header);
        assert!(matches!(error, EnvelopeError::Metadata(_)), "{header}: {error}");
    }
}

#[test]
fn wrong_values_are_errors() {
    for (header, value) in [
        ("ce_specversion", &b"0.3"[..]),
        ("content-type", b"application/json"),
        ("ce_schemafp", b"123"),
        ("ce_schemafp", b"+0abcdef01234567"),
        ("ce_id", b"7"),
        ("ce_time", b"yesterday"),
        ("ce_source", b"\xff"),
    ] {
        let mut message = envelope().into_message();
        message.headers.retain(|name, _| name != header);
        message.headers.push(header, value);
        assert!(Envelope::from_message(&message).is_err(), "{header}");
    }
}
