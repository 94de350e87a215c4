//! Metadata of an event: its id, type, source, time and extensions.
//!
//! The attributes are those of [CloudEvents](https://cloudevents.io) and of Open edX's
//! `EventsMetadata`; the text forms are the ones that both Python's packages and this one write:
//!
//! | attribute | text | JSON key and value |
//! |---|---|---|
//! | event type | as it is | `event_type`, string |
//! | id | canonical lower-case UUID | `id`, string |
//! | minor version | decimal | `minorversion`, integer |
//! | source | as it is, such as `shop` or `openedx/lms/web` | `source`, string |
//! | source host | as it is | `sourcehost`, string |
//! | time | `2023-01-02T03:04:05.678901+00:00` | `time`, string |
//! | source lib | `10.5.0` | `sourcelib`, array of integers |
//! | extension | as it is | its name, string |
//!
//! Texts are strings of CloudEvents' type system: without control characters and noncharacters. A received
//! event with other texts is refused. Only an invalid trace context is left out instead.

mod error;
pub(crate) mod extensions;
pub(crate) mod id;
mod json;
mod source;
mod string;
pub(crate) mod text;
mod time;

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::EventType;

pub use error::MetadataError;
pub use extensions::Extensions;
pub(crate) use id::{new_id, new_openedx_id};
pub use source::{Source, SourceLib};
pub use text::MetadataText;
pub use time::TimeText;
pub(crate) use time::{now, whole_micros};

/// The metadata of an event.
///
/// Cheap to clone: the source is shared, and without extensions nothing is allocated.
///
/// ```
/// use events_runtime::EventMetadata;
///
/// let json = r#"{
///     "event_type": "org.acme.orders.order.placed.v1",
///     "id": "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11",
///     "minorversion": 0,
///     "source": "shop",
///     "sourcehost": "shop-1",
///     "time": "2023-01-02T03:04:05.678901+00:00",
///     "sourcelib": [0, 1, 0]
/// }"#;
/// let metadata: EventMetadata = serde_json::from_str(json)?;
/// assert_eq!(metadata.source(), "shop");
/// assert_eq!(metadata.time().to_string(), "2023-01-02T03:04:05.678901Z");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMetadata {
    pub(crate) event_type: EventType,
    pub(crate) id: Uuid,
    pub(crate) minor_version: u32,
    pub(crate) time: TimeText,
    pub(crate) source: Arc<Source>,
    pub(crate) extensions: Extensions,
}

impl EventMetadata {
    /// Metadata with minor version 0 and without extensions.
    pub fn new(event_type: EventType, id: Uuid, time: Timestamp, source: impl Into<Arc<Source>>) -> Self {
        let time = TimeText::new(time);
        Self { event_type, id, minor_version: 0, time, source: source.into(), extensions: Extensions::new() }
    }

    /// Sets the minor version.
    #[must_use]
    pub fn with_minor_version(mut self, minor_version: u32) -> Self {
        self.minor_version = minor_version;
        self
    }

    /// Sets the extensions.
    #[must_use]
    pub fn with_extensions(mut self, extensions: Extensions) -> Self {
        self.extensions = extensions;
        self
    }

    /// The event type, such as `org.acme.orders.order.placed.v1`.
    pub fn event_type(&self) -> &EventType {
        &self.event_type
    }

    /// The event's id; redeliveries keep it.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The minor version of the emitter's definition.
    pub fn minor_version(&self) -> u32 {
        self.minor_version
    }

    /// When the event was emitted. A `Timestamp` can't represent the last day of the year 9999, which becomes
    /// [`Timestamp::MAX`] here; [`time_text`](Self::time_text) is exact.
    pub fn time(&self) -> Timestamp {
        self.time.timestamp()
    }

    /// When the event was emitted, in the form `2023-01-02T03:04:05.678901+00:00`.
    pub fn time_text(&self) -> TimeText {
        self.time
    }

    /// The emitting service, such as `shop` or `openedx/lms/web`.
    pub fn source(&self) -> &str {
        self.source.name()
    }

    /// The host on which the event was emitted, if known.
    pub fn source_host(&self) -> Option<&str> {
        self.source.host()
    }

    /// The version of the library that emitted the event, if known.
    pub fn source_lib(&self) -> Option<&SourceLib> {
        self.source.lib()
    }

    /// Further attributes, such as `traceparent`.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Mutable access to the further attributes.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> EventMetadata {
        EventMetadata::new(
            EventType::defined("org.acme.orders.order.placed.v1"),
            "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11".parse().expect("a UUID"),
            "2023-01-02T03:04:05.678901Z".parse().expect("a time"),
            Source::new("shop").expect("a source").with_host("shop-1").with_lib(SourceLib::new([10, 5, 0])),
        )
    }

    #[test]
    fn clone_shares_the_source() {
        let metadata = sample();
        assert!(Arc::ptr_eq(&metadata.source, &metadata.clone().source));
    }
}
