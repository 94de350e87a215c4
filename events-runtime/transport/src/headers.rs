//! The names of an event's headers. A transport may store these headers in its own form.
//!
//! They are those of CloudEvents' [binary mode over Kafka][binding], which Open edX's Kafka bus writes too.
//!
//! [binding]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md#32-binary-content-mode

/// The media type of an Avro datum.
pub const AVRO: &str = "application/avro";
/// The version of CloudEvents.
pub const SPEC_VERSION: &str = "1.0";

/// The version of CloudEvents.
pub const SPEC_VERSION_HEADER: &str = "ce_specversion";
/// The media type.
pub const CONTENT_TYPE_HEADER: &str = "content-type";
/// The media type, as an attribute of CloudEvents.
pub const DATA_CONTENT_TYPE_HEADER: &str = "ce_datacontenttype";
/// The event type.
pub const TYPE_HEADER: &str = "ce_type";
/// The event ID.
pub const ID_HEADER: &str = "ce_id";
/// The emitting service.
pub const SOURCE_HEADER: &str = "ce_source";
/// The time of emission, RFC 3339.
pub const TIME_HEADER: &str = "ce_time";
/// The minor version, decimal.
pub const MINOR_VERSION_HEADER: &str = "ce_minorversion";
/// The emitting host.
pub const SOURCE_HOST_HEADER: &str = "sourcehost";
/// The version of the emitting library.
pub const SOURCE_LIB_HEADER: &str = "sourcelib";
/// CRC-64-AVRO of the datum's schema, 16 hexadecimal digits.
pub const FINGERPRINT_HEADER: &str = "ce_schemafp";
/// The reason why a transport can't read a message that another program stored. A transport sets it on a received
/// message; the bus makes such a message a dead letter with this reason.
pub const UNREADABLE_HEADER: &str = "events-unreadable";
/// The prefix of attribute headers.
pub const EXTENSION_PREFIX: &str = "ce_";

/// The headers that describe attributes and occur at most once.
pub const KNOWN: [&str; 11] = [
    SPEC_VERSION_HEADER,
    CONTENT_TYPE_HEADER,
    DATA_CONTENT_TYPE_HEADER,
    TYPE_HEADER,
    ID_HEADER,
    SOURCE_HEADER,
    TIME_HEADER,
    MINOR_VERSION_HEADER,
    SOURCE_HOST_HEADER,
    SOURCE_LIB_HEADER,
    FINGERPRINT_HEADER,
];

/// The headers that are the same for every event, and their values.
pub const CONSTANT: [(&str, &str); 3] =
    [(SPEC_VERSION_HEADER, SPEC_VERSION), (CONTENT_TYPE_HEADER, AVRO), (DATA_CONTENT_TYPE_HEADER, AVRO)];

/// The headers of an event's attributes, in order, with their names in Open edX's Redis bus.
pub const ATTRIBUTES: [(&str, &str); 7] = [
    (TYPE_HEADER, "type"),
    (ID_HEADER, "id"),
    (SOURCE_HEADER, "source"),
    (TIME_HEADER, "time"),
    (MINOR_VERSION_HEADER, "minorversion"),
    (SOURCE_HOST_HEADER, "sourcehost"),
    (SOURCE_LIB_HEADER, "sourcelib"),
];

/// The static name of a known header, so that a transport need not allocate one per message.
pub fn known_header(name: &str) -> Option<&'static str> {
    KNOWN.into_iter().find(|known| *known == name)
}

/// Whether this is the content type header. HTTP header names are case-insensitive.
pub fn is_content_type(name: &str) -> bool {
    name.eq_ignore_ascii_case(CONTENT_TYPE_HEADER)
}
