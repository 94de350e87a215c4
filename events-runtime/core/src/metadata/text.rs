//! Metadata from the texts of an envelope's headers.

use super::error::shortened;
use super::{EventMetadata, Extensions, MetadataError, Source, time};
use crate::EventType;

/// The attributes as the texts of an envelope's headers; `None` and an empty text are absent.
///
/// The event type, id, source and time are required. A missing id is not replaced by a new one, because each
/// redelivery would then look like a new event.
#[derive(Debug, Clone, Copy, Default)]
pub struct MetadataText<'a> {
    /// The event type.
    pub event_type: Option<&'a str>,
    /// A UUID of any version.
    pub id: Option<&'a str>,
    /// A decimal number; absent means 0.
    pub minor_version: Option<&'a str>,
    /// The emitting service.
    pub source: Option<&'a str>,
    /// The emitting host.
    pub source_host: Option<&'a str>,
    /// A time with an offset.
    pub time: Option<&'a str>,
    /// Whole numbers joined by dots.
    pub source_lib: Option<&'a str>,
}

impl TryFrom<MetadataText<'_>> for EventMetadata {
    type Error = MetadataError;

    fn try_from(text: MetadataText<'_>) -> Result<Self, MetadataError> {
        received(text, |_| None)
    }
}

/// The metadata of texts. `defined` returns the event type of a definition, which needs no check and no copy.
///
/// # Errors
/// A text is missing or invalid.
pub fn received(
    text: MetadataText<'_>,
    defined: impl FnOnce(&str) -> Option<&'static str>,
) -> Result<EventMetadata, MetadataError> {
    let event_type = required("event_type", text.event_type)?;
    let event_type = match defined(event_type) {
        Some(event_type) => EventType::defined(event_type),
        None => EventType::foreign(event_type)?,
    };
    let id = required("id", text.id)?;
    let id = id.parse().map_err(|source| MetadataError::Id { found: shortened(id), source })?;
    let name = required("source", text.source)?;
    let source = Source::received(name, present(text.source_host), present(text.source_lib))?;
    let time = time::parse(required("time", text.time)?)?;
    let minor_version = match present(text.minor_version) {
        None => 0,
        Some(number) => number
            .parse()
            .map_err(|source| MetadataError::MinorVersion { found: shortened(number), source })?,
    };
    Ok(EventMetadata { event_type, id, minor_version, time, source, extensions: Extensions::new() })
}

fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn required<'a>(field: &'static str, text: Option<&'a str>) -> Result<&'a str, MetadataError> {
    present(text).ok_or(MetadataError::Missing { field })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::tests::sample;

    const TEXT: MetadataText<'static> = MetadataText {
        event_type: Some("org.acme.orders.order.placed.v1"),
        id: Some("0190A6D2-5D2E-7C3A-8F59-1B1F0D8E8F11"),
        minor_version: Some("0"),
        source: Some("shop"),
        source_host: Some("shop-1"),
        time: Some("2023-01-02T03:04:05.678901+00:00"),
        source_lib: Some("10.5.0"),
    };

    #[test]
    fn texts_of_headers_become_metadata() {
        assert_eq!(EventMetadata::try_from(TEXT).expect("complete"), sample());
    }

    #[test]
    fn absent_and_empty_optional_attributes_stay_absent() {
        for absent in [None, Some("")] {
            let metadata = EventMetadata::try_from(MetadataText {
                minor_version: absent,
                source_host: absent,
                source_lib: absent,
                ..TEXT
            })
            .expect("the required ones are there");
            assert_eq!(metadata.minor_version(), 0);
            assert_eq!(metadata.source_host(), None);
            assert_eq!(metadata.source_lib(), None);
        }
    }

    #[test]
    fn each_error_names_its_field() {
        let bad = Some("\u{1}x");
        let cases = [
            ("event_type", MetadataText { event_type: None, ..TEXT }),
            ("event_type", MetadataText { event_type: Some("a b"), ..TEXT }),
            ("id", MetadataText { id: Some(""), ..TEXT }),
            ("id", MetadataText { id: bad, ..TEXT }),
            ("source", MetadataText { source: None, ..TEXT }),
            ("source", MetadataText { source: bad, ..TEXT }),
            ("sourcehost", MetadataText { source_host: Some("shop\n1"), ..TEXT }),
            ("time", MetadataText { time: None, ..TEXT }),
            ("time", MetadataText { time: Some("2023-01-02T03:04:05"), ..TEXT }),
            ("minorversion", MetadataText { minor_version: Some("-1"), ..TEXT }),
            ("sourcelib", MetadataText { source_lib: Some("10.5.0rc1"), ..TEXT }),
        ];
        for (field, text) in cases {
            let error = EventMetadata::try_from(text).expect_err(field);
            assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
        }
    }

    #[test]
    fn foreign_event_types_are_kept() {
        let metadata = EventMetadata::try_from(MetadataText {
            event_type: Some("org.openedx.authz.role_assignment.created"),
            ..TEXT
        })
        .expect("a foreign type");
        assert_eq!(metadata.event_type(), &"org.openedx.authz.role_assignment.created");
    }
}
