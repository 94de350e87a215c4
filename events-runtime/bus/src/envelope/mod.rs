//! The envelope: an event's datum with its metadata. Only this module knows the header names.
//!
//! The headers are those of CloudEvents' [binary mode over Kafka][binding], which Open edX's Kafka bus also
//! writes, and one of this project:
//!
//! | header | value | when missing |
//! |---|---|---|
//! | `ce_specversion` | `1.0` | 1.0 |
//! | `content-type`, `ce_datacontenttype` | `application/avro` | Avro |
//! | `ce_type` | the event type | an error |
//! | `ce_id` | the id, a UUID | an error: ids are never invented |
//! | `ce_source` | the emitting service | an error |
//! | `ce_time` | RFC 3339 | an error |
//! | `ce_minorversion` | decimal | 0 |
//! | `sourcehost` | the emitting host | unknown |
//! | `sourcelib` | `10.5.0` | unknown |
//! | `ce_schemafp` | the schema's CRC-64-AVRO, 16 hexadecimal digits | the reader's own schema |
//! | `ce_<name>` | an extension, such as `ce_traceparent` | |
//!
//! `content-type` is an HTTP header: its name and value are case-insensitive, and parameters of the media
//! type are ignored ([RFC 9110]). Attribute names are lower case only. A duplicated trace context header,
//! or one that is not text, is never an error: the first valid one is used. Other headers are kept
//! unchanged.
//!
//! [RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1
//!
//! [binding]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md#32-binary-content-mode

use std::fmt;

use bytes::Bytes;

use events_core::EventMetadata;
use events_core::internal::is_trace;
use events_core::metadata::{MetadataError, MetadataText};
use events_transport::headers::{
    AVRO, CONTENT_TYPE_HEADER, DATA_CONTENT_TYPE_HEADER, EXTENSION_PREFIX, FINGERPRINT_HEADER, ID_HEADER,
    KNOWN, MINOR_VERSION_HEADER, SOURCE_HEADER, SOURCE_HOST_HEADER, SOURCE_LIB_HEADER, SPEC_VERSION,
    SPEC_VERSION_HEADER, TIME_HEADER, TYPE_HEADER, is_content_type,
};
use events_transport::{Headers, Masked, Message};

/// An encoded event with its metadata.
#[doc(alias = "CloudEvent")]
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Envelope {
    /// The emitter, time and id of the event, among others.
    pub metadata: EventMetadata,
    /// CRC-64-AVRO of the datum's schema, if the sender set it.
    pub fingerprint: Option<u64>,
    /// The key; events with the same key keep their order.
    pub key: Option<Bytes>,
    /// Unknown headers, in order.
    pub headers: Headers,
    /// The payload, an Avro datum.
    pub data: Bytes,
}

/// Shows only the lengths of key and data, which may hold personal data.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("metadata", &self.metadata)
            .field("fingerprint", &self.fingerprint)
            .field("key", &self.key.as_ref().map(Masked))
            .field("headers", &self.headers)
            .field("data", &Masked(&self.data))
            .finish()
    }
}

/// The message is not an event: a header is missing or invalid.
///
/// A retry does not help, since the same bytes give the same error.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// A header that may occur once occurs twice.
    #[error("the header `{header}` occurs more than once")]
    Duplicate {
        /// The header's name.
        header: String,
    },
    /// A header is not text.
    #[error("the header `{header}` is not UTF-8")]
    NotText {
        /// The header's name.
        header: String,
    },
    /// The version of CloudEvents is not supported.
    #[error("the header `ce_specversion` is {found:?}; only {SPEC_VERSION:?} is supported")]
    SpecVersion {
        /// The header's value.
        found: String,
    },
    /// The payload is not Avro.
    #[error("the header `{header}` is {found:?}; only {AVRO:?} is supported")]
    ContentType {
        /// The header's name.
        header: &'static str,
        /// The header's value.
        found: String,
    },
    /// The fingerprint is invalid.
    #[error("the header `ce_schemafp` is {found:?}, not 16 hexadecimal digits")]
    Fingerprint {
        /// The header's value.
        found: String,
    },
    /// An attribute is missing or invalid.
    #[error("a header of the event is missing or invalid")]
    Metadata(#[from] MetadataError),
}

impl Envelope {
    /// An encoded event. `fingerprint` is that of the schema with which the datum was written.
    pub fn new(metadata: EventMetadata, fingerprint: Option<u64>, data: impl Into<Bytes>) -> Self {
        Self { metadata, fingerprint, key: None, headers: Headers::new(), data: data.into() }
    }

    /// Sets the key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Bytes>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The message that a transport stores.
    #[must_use]
    pub fn into_message(self) -> Message {
        let metadata = &self.metadata;
        let mut headers =
            Headers::with_capacity(KNOWN.len() + metadata.extensions().len() + self.headers.len());
        headers.push(SPEC_VERSION_HEADER, SPEC_VERSION);
        headers.push(CONTENT_TYPE_HEADER, AVRO);
        headers.push(DATA_CONTENT_TYPE_HEADER, AVRO);
        headers.push(TYPE_HEADER, text(metadata.event_type()));
        headers.push(ID_HEADER, metadata.id().to_string());
        headers.push(SOURCE_HEADER, text(metadata.source()));
        headers.push(TIME_HEADER, metadata.time_text().to_string());
        headers.push(MINOR_VERSION_HEADER, metadata.minor_version().to_string());
        if let Some(host) = metadata.source_host() {
            headers.push(SOURCE_HOST_HEADER, text(host));
        }
        if let Some(lib) = metadata.source_lib() {
            headers.push(SOURCE_LIB_HEADER, lib.to_string());
        }
        if let Some(fingerprint) = self.fingerprint {
            headers.push(FINGERPRINT_HEADER, format!("{fingerprint:016x}"));
        }
        for (name, value) in metadata.extensions().iter() {
            headers.push(format!("{EXTENSION_PREFIX}{name}"), text(value));
        }
        for (name, value) in self.headers {
            headers.push(name, value);
        }
        let mut message = Message::new(self.data);
        (message.key, message.headers) = (self.key, headers);
        message
    }

    /// Reads the envelope of a message.
    ///
    /// # Errors
    /// An [`EnvelopeError`] that names the invalid header.
    pub fn from_message(message: &Message) -> Result<Self, EnvelopeError> {
        Self::read(message).map(|(envelope, _)| envelope)
    }

    /// Like [`from_message`](Self::from_message). Also returns the number of ignored trace context headers.
    pub(crate) fn read(message: &Message) -> Result<(Self, u64), EnvelopeError> {
        let read = Read::headers(&message.headers)?;
        if let Some(found) = read.value(SPEC_VERSION_HEADER)
            && found != SPEC_VERSION
        {
            return Err(EnvelopeError::SpecVersion { found: found.to_owned() });
        }
        for header in [CONTENT_TYPE_HEADER, DATA_CONTENT_TYPE_HEADER] {
            if let Some(found) = read.value(header)
                && !is_avro(found)
            {
                return Err(EnvelopeError::ContentType { header, found: found.to_owned() });
            }
        }
        let fingerprint = read.value(FINGERPRINT_HEADER).map(fingerprint).transpose()?;
        let mut metadata = EventMetadata::try_from(MetadataText {
            event_type: read.value(TYPE_HEADER),
            id: read.value(ID_HEADER),
            minor_version: read.value(MINOR_VERSION_HEADER),
            source: read.value(SOURCE_HEADER),
            source_host: read.value(SOURCE_HOST_HEADER),
            time: read.value(TIME_HEADER),
            source_lib: read.value(SOURCE_LIB_HEADER),
        })?;
        let mut ignored = read.ignored;
        for (name, value) in read.extensions {
            if is_trace(name) {
                ignored += u64::from(!metadata.extensions_mut().keep_trace(name, value));
            } else if metadata.extensions_mut().keep(name, value)?.is_some() {
                return Err(EnvelopeError::Duplicate { header: format!("{EXTENSION_PREFIX}{name}") });
            }
        }
        let (key, data) = (message.key.clone(), message.data.clone());
        Ok((Self { metadata, fingerprint, key, headers: read.others, data }, ignored))
    }

    /// The event type in a message's headers, also if the message is not a valid event.
    #[must_use]
    pub fn event_type_of(message: &Message) -> Option<&str> {
        std::str::from_utf8(message.headers.get(TYPE_HEADER)?).ok()
    }

    /// Whether the header's meaning is known and excludes personal data.
    pub(crate) fn knows_header(name: &str) -> bool {
        KNOWN.contains(&name)
            || is_content_type(name)
            || name.strip_prefix(EXTENSION_PREFIX).is_some_and(is_trace)
    }

    /// Masks the extensions of unknown meaning. Returns whether there are any.
    pub(crate) fn mask_extensions(metadata: &mut EventMetadata, mask: &str) -> bool {
        metadata.extensions_mut().mask(|name| !is_trace(name), mask)
    }

    /// Whether the message's datum has the schema with this fingerprint, according to its headers.
    pub(crate) fn is_of_schema(message: &Message, fingerprint: u64) -> bool {
        message.headers.get(FINGERPRINT_HEADER).filter(|text| !text.is_empty()).is_none_or(|text| {
            std::str::from_utf8(text)
                .is_ok_and(|text| self::fingerprint(text).is_ok_and(|found| found == fingerprint))
        })
    }

    /// The emitting service in a message's headers, also if the message is not a valid event.
    #[must_use]
    pub fn source_of(message: &Message) -> Option<&str> {
        std::str::from_utf8(message.headers.get(SOURCE_HEADER)?).ok()
    }

    /// The id in a message's headers, also if the message is not a valid event.
    #[must_use]
    pub fn id_of(message: &Message) -> Option<&str> {
        std::str::from_utf8(message.headers.get(ID_HEADER)?).ok()
    }
}

/// Headers grouped by meaning.
struct Read<'a> {
    known: [Option<&'a str>; KNOWN.len()],
    extensions: Vec<(&'a str, &'a str)>,
    others: Headers,
    /// Trace context headers that are not text.
    ignored: u64,
}

impl<'a> Read<'a> {
    fn headers(headers: &'a Headers) -> Result<Self, EnvelopeError> {
        let mut read =
            Self { known: [None; KNOWN.len()], extensions: Vec::new(), others: Headers::new(), ignored: 0 };
        // A header in another case is ignored if the usual spelling is present.
        let any_case = headers.get(CONTENT_TYPE_HEADER).is_none();
        for (name, value) in headers.iter() {
            let name = if any_case && is_content_type(name) { CONTENT_TYPE_HEADER } else { name };
            let as_text =
                || std::str::from_utf8(value).map_err(|_| EnvelopeError::NotText { header: name.to_owned() });
            let known = KNOWN.iter().zip(&mut read.known).find(|(header, _)| **header == name);
            match (known, name.strip_prefix(EXTENSION_PREFIX)) {
                (Some((header, slot)), _) => {
                    if slot.is_some() {
                        return Err(EnvelopeError::Duplicate { header: (*header).to_owned() });
                    }
                    *slot = Some(as_text()?);
                }
                (None, Some(extension)) if is_trace(extension) => match as_text() {
                    Ok(value) => read.extensions.push((extension, value)),
                    Err(_) => read.ignored += 1,
                },
                (None, Some(extension)) if !extension.is_empty() => {
                    read.extensions.push((extension, as_text()?));
                }
                (None, _) => read.others.push(name.to_owned(), value.clone()),
            }
        }
        Ok(read)
    }

    /// The value of a known header; `None` if it is empty.
    fn value(&self, header: &str) -> Option<&'a str> {
        let (_, value) = KNOWN.iter().zip(&self.known).find(|(known, _)| **known == header)?;
        value.filter(|value| !value.is_empty())
    }
}

/// Whether a media type is Avro, whatever its parameters.
fn is_avro(media_type: &str) -> bool {
    let essence = media_type.split_once(';').map_or(media_type, |(essence, _)| essence);
    essence.trim_matches([' ', '\t']).eq_ignore_ascii_case(AVRO)
}

fn fingerprint(found: &str) -> Result<u64, EnvelopeError> {
    let digits = found.len() == 16 && found.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = digits.then(|| u64::from_str_radix(found, 16).ok()).flatten();
    number.ok_or_else(|| EnvelopeError::Fingerprint { found: found.to_owned() })
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[cfg(test)]
pub(crate) mod tests {
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
        let mut envelope =
            Envelope::new(metadata, Some(0x00ab_cdef_0123_4567), &b"\x06hey"[..]).with_key("c1");
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
            let (read, ignored) = Envelope::read(&message).expect("an event");
            assert_eq!((&read, ignored), (&envelope(), 1), "{header}: {value:?}");
        }
        // The first valid one.
        let mut message = whole;
        message.headers.retain(|name, _| name != "ce_traceparent");
        let message =
            message.with_header("ce_traceparent", &b"\xff"[..]).with_header("ce_traceparent", "00-ab");
        let (read, ignored) = Envelope::read(&message).expect("an event");
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
}
