//! Metadata that an emitter can set.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::metadata::{Extensions, MetadataError, Source, whole_micros};

/// Metadata of an emission, in place of the hub's defaults.
///
/// ```
/// # use events_runtime::EmitOptions;
/// let options = EmitOptions::new()
///     .time("2023-01-02T03:04:05Z".parse().unwrap())
///     .extension("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
/// # Ok::<(), events_runtime::metadata::MetadataError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct EmitOptions {
    pub(crate) time: Option<Timestamp>,
    pub(crate) id: Option<Uuid>,
    pub(crate) source: Option<Arc<Source>>,
    pub(crate) extensions: Extensions,
}

impl EmitOptions {
    /// The hub's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time of the event, instead of now. The part below a microsecond is cut off, because the wire
    /// format can't hold it.
    #[must_use]
    pub fn time(mut self, time: Timestamp) -> Self {
        self.time = Some(whole_micros(time));
        self
    }

    /// The event's id, instead of a new one. Consumers recognize duplicates by it.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    /// The source of the event, instead of the hub's service.
    #[must_use]
    pub fn source(mut self, source: impl Into<Arc<Source>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sets a further attribute, such as `traceparent`.
    ///
    /// # Errors
    /// [`MetadataError::ExtensionName`] if some transport can't carry the name.
    pub fn extension(mut self, name: &str, value: impl Into<String>) -> Result<Self, MetadataError> {
        self.extensions.insert(name, value)?;
        Ok(self)
    }

    /// Replaces all further attributes.
    #[must_use]
    pub fn extensions(mut self, extensions: Extensions) -> Self {
        self.extensions = extensions;
        self
    }
}
