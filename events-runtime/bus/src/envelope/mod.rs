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

mod read;
#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;

use bytes::Bytes;

use events_core::EventMetadata;
use events_core::internal::{is_trace, received};
use events_core::metadata::{MetadataError, MetadataText};
use events_transport::headers::{
    AVRO, CONSTANT, CONTENT_TYPE_HEADER, DATA_CONTENT_TYPE_HEADER, EXTENSION_PREFIX, FINGERPRINT_HEADER,
    ID_HEADER, KNOWN, MINOR_VERSION_HEADER, SOURCE_HEADER, SOURCE_HOST_HEADER, SOURCE_LIB_HEADER,
    SPEC_VERSION, TIME_HEADER, TYPE_HEADER, UNREADABLE_HEADER, is_content_type,
};
use events_transport::{HeaderSource, Headers, Masked, Message};

use read::{Read, fingerprint, is_avro, present};

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
    /// The transport can't read the message.
    #[error("the message is not readable: {reason}")]
    Unreadable {
        /// The reason.
        reason: String,
    },
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
        let attributes = Attributes { metadata: self.metadata, fingerprint: self.fingerprint };
        let mut message = Message::new(self.data);
        message.key = self.key;
        // What the headers would not tell exactly is written at once.
        let is_exact = attributes.metadata.source_lib().is_none_or(|lib| !lib.numbers().is_empty());
        message.headers = if self.headers.is_empty() && is_exact {
            Headers::of(attributes)
        } else {
            attributes.headers().into_iter().chain(self.headers).collect()
        };
        message
    }

    /// Reads the envelope of a message.
    ///
    /// # Errors
    /// An [`EnvelopeError`] that names the invalid header.
    pub fn from_message(message: &Message) -> Result<Self, EnvelopeError> {
        Self::read(message, |_| None).map(|(envelope, _)| envelope)
    }

    /// Like [`from_message`](Self::from_message), with the names of [defined](received) event types. Also returns the
    /// number of ignored trace context headers.
    pub(crate) fn read(
        message: &Message,
        defined: impl FnOnce(&str) -> Option<&'static str>,
    ) -> Result<(Self, u64), EnvelopeError> {
        if let Some(Attributes { metadata, fingerprint }) = message.headers.source() {
            // An event of this process, whose attributes no transport had to write.
            defined(metadata.event_type());
            let mut envelope = Self::new(metadata.clone(), *fingerprint, message.data.clone());
            envelope.key.clone_from(&message.key);
            return Ok((envelope, 0));
        }
        let read = Read::headers(&message.headers);
        // That the transport could not read it comes before any other fault.
        if read.as_ref().map_or(true, |read| read.is_unreadable)
            && let Some(reason) = message.headers.get(UNREADABLE_HEADER)
        {
            return Err(EnvelopeError::Unreadable { reason: String::from_utf8_lossy(reason).into_owned() });
        }
        let read = read?;
        if let Some(found) = present(read.spec_version)
            && found != SPEC_VERSION
        {
            return Err(EnvelopeError::SpecVersion { found: found.to_owned() });
        }
        for (header, found) in
            [(CONTENT_TYPE_HEADER, read.content_type), (DATA_CONTENT_TYPE_HEADER, read.data_content_type)]
        {
            if let Some(found) = present(found)
                && !is_avro(found)
            {
                return Err(EnvelopeError::ContentType { header, found: found.to_owned() });
            }
        }
        let fingerprint = present(read.fingerprint).map(fingerprint).transpose()?;
        let text = MetadataText {
            event_type: read.event_type,
            id: read.id,
            minor_version: read.minor_version,
            source: read.source,
            source_host: read.source_host,
            time: read.time,
            source_lib: read.source_lib,
        };
        let mut metadata = received(text, defined)?;
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
                .is_ok_and(|text| read::fingerprint(text).is_ok_and(|found| found == fingerprint))
        })
    }

    /// The event type and the fingerprint of the schema in a message's headers, if it has both.
    pub(crate) fn schema_of(message: &Message) -> Option<(&str, u64)> {
        let fingerprint = std::str::from_utf8(message.headers.get(FINGERPRINT_HEADER)?).ok()?;
        Some((Self::event_type_of(message)?, read::fingerprint(fingerprint).ok()?))
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

/// What the headers of an event tell.
struct Attributes {
    metadata: EventMetadata,
    fingerprint: Option<u64>,
}

impl HeaderSource for Attributes {
    fn headers(&self) -> Vec<(Cow<'static, str>, Bytes)> {
        let metadata = &self.metadata;
        let mut texts = Texts::of(metadata);
        texts.add(TYPE_HEADER, metadata.event_type());
        texts.add(ID_HEADER, metadata.id().hyphenated());
        texts.add(SOURCE_HEADER, metadata.source());
        texts.add(TIME_HEADER, metadata.time_text());
        texts.add(MINOR_VERSION_HEADER, metadata.minor_version());
        if let Some(host) = metadata.source_host() {
            texts.add(SOURCE_HOST_HEADER, host);
        }
        if let Some(lib) = metadata.source_lib() {
            texts.add(SOURCE_LIB_HEADER, lib);
        }
        if let Some(fingerprint) = self.fingerprint {
            texts.add(FINGERPRINT_HEADER, format_args!("{fingerprint:016x}"));
        }
        for (name, value) in metadata.extensions().iter() {
            texts.add(format!("{EXTENSION_PREFIX}{name}"), value);
        }
        texts.into_headers()
    }
}

/// Headers whose texts share one allocation.
struct Texts {
    bytes: Vec<u8>,
    /// The names, and where the texts end.
    ends: Vec<(Cow<'static, str>, usize)>,
}

impl Texts {
    /// Has room for the texts of an event without extensions.
    fn of(metadata: &EventMetadata) -> Self {
        /// Of the id, the time, the numbers and the fingerprint.
        const OTHERS: usize = 128;
        let host = metadata.source_host().map_or(0, str::len);
        let room = metadata.event_type().len() + metadata.source().len() + host + OTHERS;
        let count = KNOWN.len() + metadata.extensions().len();
        Self { bytes: Vec::with_capacity(room), ends: Vec::with_capacity(count) }
    }

    fn add(&mut self, name: impl Into<Cow<'static, str>>, text: impl fmt::Display) {
        // Memory is all that it can lack.
        let _ = write!(self.bytes, "{text}");
        self.ends.push((name.into(), self.bytes.len()));
    }

    fn into_headers(self) -> Vec<(Cow<'static, str>, Bytes)> {
        let mut rest = Bytes::from(self.bytes);
        let constant = CONSTANT.map(|(name, value)| (name.into(), Bytes::from_static(value.as_bytes())));
        let mut headers = Vec::with_capacity(constant.len() + self.ends.len());
        headers.extend(constant);
        let mut start = 0;
        headers.extend(self.ends.into_iter().map(|(name, end)| {
            let text = rest.split_to(end - start);
            start = end;
            (name, text)
        }));
        headers
    }
}
