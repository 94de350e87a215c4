//! A client for schema registries with Confluent's REST API, such as Confluent Schema Registry, Karapace and
//! Apicurio Registry (at its path `/apis/ccompat/v7`).
//!
//! A [`SchemaRegistry`] registers schemas under subjects and reads them by id. It knows nothing of events or
//! of Kafka.
//!
//! | property | how |
//! |---|---|
//! | caches | the schema of an id and the id of a registered text never change, so both are kept, bounded in number and bytes |
//! | concurrent calls | calls for the same id or text share one request |
//! | cancel safety | a request runs to its end if the caller's future is dropped; the result is cached |
//! | executors | requests run on a thread of the client, so the futures work on any executor |
//! | several addresses | a request goes to the address that answered last, then to the others |
//! | retries | while no address is available, with backoff and jitter, up to [`RegistryConfig::retry_for`] |
//! | limits | an answer of more than 8 MiB is refused; each attempt has a [`RegistryConfig::timeout`] |
//! | redirects | not followed, so that credentials stay with the configured addresses |
//!
//! # Differences between registries
//! The HTTP status decides the [kind](RegistryErrorKind) of an error first, then the `error_code` of the body:
//! codes differ between products, and a proxy answers without one. Differences that a caller may notice:
//!
//! | point | Confluent | Apicurio 3.0 | Apicurio 3.3 |
//! |---|---|---|---|
//! | default compatibility | `BACKWARD` | `NONE` | `NONE` |
//! | text of a schema | as Java Avro writes it | as registered | as Java Avro writes it |
//! | the same schema with other whitespace | same id | new id | same id |
//! | level `NONE` of a subject under another global level | used | ignored | used |
//! | reasons of a failed compatibility check | yes | none | none |
//! | [schemas by GUID](SchemaRegistry::schema_by_guid) | yes | no | no |
//! | an empty text as a schema | refused | accepted; refused by this client | accepted; refused by this client |

mod answer;
mod api;
mod cache;
mod config;
mod error;
mod flight;
mod http;
mod level;
mod references;
mod thread;

pub use api::SchemaRegistry;
pub use cache::SchemaKey;
pub use config::RegistryConfig;
pub use error::{RegistryError, RegistryErrorKind};
pub use level::CompatibilityLevel;

use std::sync::Arc;

/// A registered schema.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegisteredSchema {
    /// The Avro schema as the registry returns it. Names of [`references`](Self::references) are not defined in
    /// it, see [`SchemaRegistry::full_text`].
    pub text: Arc<str>,
    /// The schemas that define names of this one.
    pub references: Vec<Reference>,
}

/// A reference of a schema to a version of another subject, which defines a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Deserialize)]
#[non_exhaustive]
pub struct Reference {
    /// The full name of the type.
    pub name: String,
    /// The subject that defines it.
    pub subject: String,
    /// The version of the subject.
    pub version: u32,
}

/// A version of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectVersion {
    /// The subject.
    pub subject: String,
    /// The number of the version.
    pub version: u32,
    /// The id of its schema.
    pub id: u32,
    /// The schema.
    pub schema: RegisteredSchema,
}

/// What a registry says of a schema that is not registered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompatibilityVerdict {
    /// Whether the registry would accept the schema.
    pub is_compatible: bool,
    /// The reasons, if the registry gives any.
    pub messages: Vec<String>,
}
