//! Kafka with a schema registry: values and keys have Confluent's frames, and the registry has the schemas.
//!
//! | step | module |
//! |---|---|
//! | the settings of the URL | `settings` |
//! | the name of a subject | `subjects` |
//! | a producer stores its schemas, and frames messages with their ids | `outbound` |
//! | a consumer takes the frames off, and finds schemas by id | `inbound` |
//! | which id is which schema | `known` |
//! | the command line pushes and pulls schemas | `access` |
//! | errors of the registry as errors of the transport | `error` |
//!
//! Framing itself needs no call to the registry: `outbound` uses ids that were obtained before, and `inbound` writes a
//! fingerprint that [stands in](SchemaId::stand_in) for an id that is new. The bus then asks
//! [`Transport::schema`](events_transport::Transport::schema), and its messages wait as for any unknown schema, so that
//! a registry that is down delays no others.

mod access;
mod error;
mod inbound;
mod known;
mod outbound;
mod settings;
mod subjects;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use events_schema_registry::{CompatibilityLevel, RegistryErrorKind, SchemaRegistry};
use events_transport::{SchemaId, Target, Topic, TransportError};

use self::known::Known;
pub(crate) use self::settings::{RegistrySettings, SETTINGS};
pub use self::subjects::{SubjectOf, register_subjects};
use crate::namespace::Namespace;

/// The header of a framed message of this transport: the id in its frame, in decimal. A value that begins like a frame
/// is thereby no bare datum.
pub(crate) const ID_HEADER: &str = "ce_schemaid";

/// The schema registry of a transport.
pub(crate) struct Registry {
    client: SchemaRegistry,
    settings: RegistrySettings,
    namespace: Namespace,
    known: Mutex<Known>,
    /// Whether the registry has answered.
    reached: AtomicBool,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registry").field(&self.client.url()).finish()
    }
}

impl Registry {
    /// The registry of a URL; `None` if it has none. It is contacted by [`ready`](Self::ready).
    pub(crate) fn open(
        target: &Target<'_>,
        namespace: &Namespace,
        client_id: &str,
    ) -> Result<Option<Self>, TransportError> {
        let Some(mut settings) = RegistrySettings::read(target)? else { return Ok(None) };
        if target.get("registry_user_agent").is_none() {
            let agent = format!("events-runtime/{} ({client_id})", env!("CARGO_PKG_VERSION"));
            settings.client = settings.client.user_agent(agent);
        }
        let client = SchemaRegistry::new(settings.client.clone())
            .map_err(|error| target.invalid(format!("`registry`: {}", error.message())).with_source(error))?;
        let known = Mutex::default();
        let reached = AtomicBool::new(false);
        Ok(Some(Self { client, settings, namespace: namespace.clone(), known, reached }))
    }

    /// Checks the registry before the first producer or consumer. One that can't be reached is an error only if it is
    /// required; one that refuses the credentials always is.
    pub(crate) async fn ready(&self) -> Result<(), TransportError> {
        if self.reached.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.client.ping().await {
            Ok(()) => {
                self.reached.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if error.kind() == RegistryErrorKind::Unavailable && !self.settings.required => {
                let error = events_support::error_chain::chain(&error);
                tracing::warn!(
                    error,
                    "starting without the schema registry, which is unavailable: only schemas that it is not asked for can be used until it is back"
                );
                Ok(())
            }
            Err(error) => Err(self.failed("connect to", self.client.url(), error)),
        }
    }

    /// Whether events of a type are sent without a frame, so that their schemas are stored beside the topic.
    pub(crate) fn has_bare_types(&self) -> bool {
        !self.settings.bare.is_empty()
    }

    pub(crate) fn sends_bare(&self, event_type: &str) -> bool {
        self.settings.bare.contains(event_type)
    }

    /// Checks the registry, for `doctor`. Returns what it found.
    pub(crate) async fn check(&self) -> Result<String, TransportError> {
        let url = self.client.url();
        match self.client.level(None).await {
            Ok(level) => {
                let level = level.map_or("none", CompatibilityLevel::as_str);
                Ok(format!("{url}, compatibility {level} unless a subject has its own"))
            }
            Err(error) => Err(self.failed("check", url, error)),
        }
    }

    fn failed(
        &self,
        operation: &'static str,
        subject: impl fmt::Display,
        error: events_schema_registry::RegistryError,
    ) -> TransportError {
        error::convert(operation, subject, self.settings.registers, error)
    }

    fn topic_name(&self, topic: &Topic) -> String {
        self.namespace.kafka_topic(topic)
    }

    /// A poisoned lock is safe to use: no critical section leaves the maps inconsistent.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The event type and the fingerprint of a message; a header that is not text counts as missing.
fn event_type(message: &events_transport::Message) -> Option<&str> {
    std::str::from_utf8(message.headers.get(events_transport::headers::TYPE_HEADER)?).ok()
}

fn fingerprint(message: &events_transport::Message) -> Option<u64> {
    let text = message.headers.get(events_transport::headers::FINGERPRINT_HEADER)?;
    let text = std::str::from_utf8(text).ok()?;
    SchemaId::from_text("", &text.to_ascii_lowercase()).map(|id| id.fingerprint())
}
