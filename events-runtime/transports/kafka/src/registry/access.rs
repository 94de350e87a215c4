//! The registry for the command line.

use events_schema_registry::{CompatibilityLevel, RegistryErrorKind};
use events_transport::{
    BoxFuture, ErrorKind, KeySchema, RegisteredVersion, SchemaSubjects, SubjectVerdict, Topic, TransportError,
};

use super::Registry;
use super::subjects::SubjectOf;
use crate::framing;

impl SchemaSubjects for Registry {
    fn url(&self) -> String {
        self.client.url()
    }

    fn is_bare(&self, event_type: &str) -> bool {
        self.sends_bare(event_type)
    }

    fn subject(&self, topic: &Topic, event_type: &str, text: &str) -> Result<String, TransportError> {
        self.value_subject(&self.topic_name(topic), event_type, text, topic)
    }

    fn key_subject(&self, topic: &Topic, event_type: &str, key: &KeySchema) -> (String, String) {
        let (topic, record) = (self.topic_name(topic), key.key_type().as_str());
        let of = SubjectOf { topic: &topic, event_type, record, is_key: true };
        (self.settings.subjects.subject(of), framing::key_text(key))
    }

    fn of_type<'a>(
        &'a self,
        topic: &'a Topic,
        event_type: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, TransportError>> {
        Box::pin(async move {
            let found = self.candidates(topic, event_type).await;
            found.map_err(|error| self.failed("list the subjects of", topic, error))
        })
    }

    fn versions<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Vec<RegisteredVersion>, TransportError>> {
        Box::pin(async move {
            let failed = |error| self.failed("read the subject", subject, error);
            let numbers = match self.client.versions(subject).await {
                Ok(numbers) => numbers,
                Err(error) if error.kind() == RegistryErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(failed(error)),
            };
            let mut versions = Vec::with_capacity(numbers.len());
            for number in numbers {
                let version = self.client.version(subject, number).await.map_err(failed)?;
                let text = self.client.full_text(&version.schema).await.map_err(failed)?;
                versions.push(RegisteredVersion::new(version.version, version.id, &*text));
            }
            Ok(versions)
        })
    }

    fn check<'a>(
        &'a self,
        subject: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<SubjectVerdict, TransportError>> {
        Box::pin(async move {
            match self.client.check(subject, text).await {
                Ok(verdict) if verdict.is_compatible => Ok(SubjectVerdict::Accepted),
                Ok(verdict) => Ok(SubjectVerdict::Incompatible(verdict.messages)),
                Err(error) if error.kind() == RegistryErrorKind::InvalidSchema => {
                    Ok(SubjectVerdict::Invalid(error.message().to_owned()))
                }
                Err(error) => Err(self.failed("check a schema of", subject, error)),
            }
        })
    }

    fn register<'a>(&'a self, subject: &'a str, text: &'a str) -> BoxFuture<'a, Result<u32, TransportError>> {
        Box::pin(async move {
            let id = self.client.register(subject, text).await;
            id.map_err(|error| self.failed("register a schema under", subject, error))
        })
    }

    fn level<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Option<String>, TransportError>> {
        Box::pin(async move {
            let level = self.client.level(Some(subject)).await;
            let level = level.map_err(|error| self.failed("read the compatibility of", subject, error))?;
            Ok(level.map(|level| level.as_str().to_owned()))
        })
    }

    fn set_level<'a>(
        &'a self,
        subject: &'a str,
        level: &'a str,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            const OPERATION: &str = "set the compatibility of";
            let level: CompatibilityLevel = level.parse().map_err(|message: String| {
                TransportError::new(ErrorKind::Invalid, OPERATION, subject, message)
            })?;
            let set = self.client.set_level(Some(subject), level).await;
            set.map_err(|error| self.failed(OPERATION, subject, error))
        })
    }
}
