//! The subjects of a schema registry that a transport uses.

use super::{BoxFuture, KeySchema, Topic, TransportError};

/// The schema registry of a transport, for the command line: which subjects the schemas of a topic have, and what is
/// registered under them.
///
/// A transport that uses one returns it from [`Transport::subjects`](super::Transport::subjects). Compatibility levels
/// have the names of Confluent's API, such as `FULL_TRANSITIVE`.
pub trait SchemaSubjects: Send + Sync {
    /// The addresses of the registry without secrets.
    fn url(&self) -> String;

    /// Whether events of a type are sent without naming a schema of the registry, so that they need no subject.
    fn is_bare(&self, event_type: &str) -> bool;

    /// The subject of the schema with this text.
    ///
    /// # Errors
    /// A [`TransportError`] if the text is not the schema of a record.
    fn subject(&self, topic: &Topic, event_type: &str, text: &str) -> Result<String, TransportError>;

    /// The subject and the text of the schema of keys.
    fn key_subject(&self, topic: &Topic, event_type: &str, key: &KeySchema) -> (String, String);

    /// The subjects that the schemas of an event type in a topic have; several if the type's record was renamed.
    ///
    /// # Errors
    /// A [`TransportError`] if the registry can't be asked.
    fn of_type<'a>(
        &'a self,
        topic: &'a Topic,
        event_type: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, TransportError>>;

    /// The versions of a subject, oldest first; none if there is no such subject.
    ///
    /// # Errors
    /// A [`TransportError`] if the registry can't be asked.
    fn versions<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Vec<RegisteredVersion>, TransportError>>;

    /// What the registry says of a schema that is not registered yet.
    ///
    /// # Errors
    /// A [`TransportError`] if the registry can't be asked.
    fn check<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<SubjectVerdict, TransportError>>;

    /// Registers a schema, and returns its id.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`Refused`](super::ErrorKind::Refused) if the registry refuses the schema.
    fn register<'a>(&'a self, subject: &'a str, text: &'a str) -> BoxFuture<'a, Result<u32, TransportError>>;

    /// The compatibility level of a subject; `None` if it has none of its own.
    ///
    /// # Errors
    /// A [`TransportError`] if the registry can't be asked.
    fn level<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Option<String>, TransportError>>;

    /// Sets the compatibility level of a subject.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`Invalid`](super::ErrorKind::Invalid) if there is no such level.
    fn set_level<'a>(&'a self, subject: &'a str, level: &'a str)
    -> BoxFuture<'a, Result<(), TransportError>>;
}

/// A version of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegisteredVersion {
    /// The number of the version.
    pub version: u32,
    /// The id of its schema.
    pub id: u32,
    /// The schema, with the types of its references in it.
    pub text: String,
}

impl RegisteredVersion {
    /// A version; for transports.
    pub fn new(version: u32, id: u32, text: impl Into<String>) -> Self {
        Self { version, id, text: text.into() }
    }
}

/// What a registry says of a schema that is not registered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectVerdict {
    /// It would be registered.
    Accepted,
    /// It is not compatible with a registered version; the reasons, if the registry gives any.
    Incompatible(Vec<String>),
    /// The registry does not accept it as a schema, and why.
    Invalid(String),
}
