//! The subjects under which schemas are registered.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use events_transport::{Target, TransportError};

/// What a subject is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectOf<'a> {
    /// The name of the topic in Kafka.
    pub topic: &'a str,
    /// The event type.
    pub event_type: &'a str,
    /// The full name of the record, such as `org.acme.orders.order.placed.v1.OrderPlaced`; for a key the name of its
    /// type, such as `string`.
    pub record: &'a str,
    /// Whether it is the schema of keys.
    pub is_key: bool,
}

type Function = Arc<dyn Fn(SubjectOf<'_>) -> String + Send + Sync>;

static FUNCTIONS: LazyLock<Mutex<BTreeMap<String, Function>>> = LazyLock::new(Mutex::default);

/// Registers a function that names subjects, before the transport is opened. The URL names it:
/// `kafka://host:9092?registry=http://host:8081&registry_subjects=corp`. A function of the same name is replaced for
/// transports that are opened later. It must give the same subject for the same schema in all programs.
///
/// ```
/// use events_transport_kafka::register_subjects;
///
/// register_subjects("corp", |of| {
///     let part = if of.is_key { "key" } else { "value" };
///     format!("corp.{}.{part}", of.event_type)
/// });
/// ```
pub fn register_subjects(
    name: impl Into<String>,
    subjects: impl Fn(SubjectOf<'_>) -> String + Send + Sync + 'static,
) {
    let mut functions = FUNCTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    functions.insert(name.into(), Arc::new(subjects));
}

/// How subjects are named.
#[derive(Clone)]
pub(crate) enum Subjects {
    /// `TOPIC-RECORD`, as Open edX's bus.
    TopicRecord,
    /// `TOPIC-value` and `TOPIC-key`.
    Topic,
    /// `RECORD`.
    Record,
    Function(Function),
}

impl fmt::Debug for Subjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TopicRecord => "topic-record",
            Self::Topic => "topic",
            Self::Record => "record",
            Self::Function(_) => "a function",
        })
    }
}

impl Subjects {
    pub(super) fn read(target: &Target<'_>) -> Result<Self, TransportError> {
        Ok(match target.get("registry_subjects") {
            None | Some("topic-record") => Self::TopicRecord,
            Some("topic") => Self::Topic,
            Some("record") => Self::Record,
            Some(name) => {
                let functions = FUNCTIONS.lock().unwrap_or_else(PoisonError::into_inner);
                let expected = "`topic-record`, `topic`, `record`, or the name of a function that was \
                                registered with `register_subjects`";
                let function = functions.get(name).cloned();
                Self::Function(
                    function.ok_or_else(|| target.bad_setting("registry_subjects", name, expected))?,
                )
            }
        })
    }

    pub(crate) fn subject(&self, of: SubjectOf<'_>) -> String {
        let SubjectOf { topic, record, is_key, .. } = of;
        match self {
            Self::TopicRecord => format!("{topic}-{record}"),
            Self::Topic => format!("{topic}-{}", if is_key { "key" } else { "value" }),
            Self::Record => record.to_owned(),
            Self::Function(function) => function(of),
        }
    }
}

/// The full name of a schema's root record.
pub(crate) fn record_name(schema: &str) -> Option<String> {
    let schema: serde_json::Value = serde_json::from_str(schema).ok()?;
    let name = schema.get("name")?.as_str()?;
    match schema.get("namespace").and_then(serde_json::Value::as_str) {
        Some(namespace) if !namespace.is_empty() && !name.contains('.') => {
            Some(format!("{namespace}.{name}"))
        }
        _ => Some(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_named_as_by_the_strategies_of_confluent() {
        let (topic, event_type) = ("dev-login", "org.openedx.learning.auth.session.login.completed.v1");
        let record = format!("{event_type}.CloudEvent");
        let value = SubjectOf { topic, event_type, record: &record, is_key: false };
        let key = SubjectOf { record: "string", is_key: true, ..value };
        for (subjects, of_value, of_key) in [
            (Subjects::TopicRecord, format!("dev-login-{record}"), "dev-login-string"),
            (Subjects::Topic, "dev-login-value".to_owned(), "dev-login-key"),
            (Subjects::Record, record.clone(), "string"),
        ] {
            assert_eq!((subjects.subject(value), subjects.subject(key)), (of_value, of_key.to_owned()));
        }
    }

    #[test]
    fn the_name_of_a_record_is_full() {
        for (schema, name) in [
            (
                r#"{"type":"record","name":"CloudEvent","namespace":"a.b.v1","fields":[]}"#,
                "a.b.v1.CloudEvent",
            ),
            (r#"{"type":"record","name":"a.b.X","namespace":"c","fields":[]}"#, "a.b.X"),
            (r#"{"type":"record","name":"X","namespace":"","fields":[]}"#, "X"),
        ] {
            assert_eq!(record_name(schema).as_deref(), Some(name));
        }
        assert_eq!(record_name(r#""string""#), None);
    }
}
