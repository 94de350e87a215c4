//! A topic that does not exist, and the topics that may be meant.

use std::fmt;

use events_support::nearest::similar;
use events_transport::{ErrorKind, Topic, TopicPrefix, TopicStatus, Transport, TransportError};

/// The maximum number of suggestions.
const SUGGESTIONS: usize = 5;

/// A topic that does not exist, with the existing topics of similar names.
///
/// Names are shown without the configured prefix, as the configuration and the command line have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingTopic {
    topic: Topic,
    base: Topic,
    url: String,
    similar: Vec<Topic>,
    is_without_prefix: Option<TopicPrefix>,
}

impl MissingTopic {
    /// Looks for a topic by its name without the prefix. `None` if it exists. Creates nothing.
    ///
    /// # Errors
    /// A [`TransportError`] if the store can't be read, or if the full name is too long.
    pub async fn check(
        transport: &dyn Transport,
        base: &Topic,
        prefix: Option<&TopicPrefix>,
    ) -> Result<Option<Self>, TransportError> {
        let topic = base.with_prefix(prefix).map_err(|source| {
            TransportError::new(ErrorKind::Invalid, "look for", base, "the full name is invalid")
                .with_source(source)
        })?;
        match transport.groups(&topic).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            groups => return groups.map(|_| None),
        }
        let topics = transport.topics().await?;
        Ok(Some(Self::among(&topics, topic, base.clone(), prefix, transport.url().to_owned())))
    }

    fn among(
        topics: &[TopicStatus],
        topic: Topic,
        base: Topic,
        prefix: Option<&TopicPrefix>,
        url: String,
    ) -> Self {
        let others: Vec<_> = topics.iter().filter_map(|status| status.topic.without_prefix(prefix)).collect();
        // The name may include the configured prefix by mistake.
        let stripped = prefix.and_then(|_| base.without_prefix(prefix));
        let stripped = stripped.filter(|stripped| others.contains(stripped));
        let similar = similar(base.as_str(), others.iter().map(Topic::as_str));
        let names = stripped.iter().map(Topic::as_str).chain(similar).take(SUGGESTIONS);
        let similar = names.filter_map(|name| others.iter().find(|other| other.as_str() == name));
        let is_unprefixed = stripped.is_none() && topics.iter().any(|status| status.topic == base);
        Self {
            similar: similar.cloned().collect(),
            is_without_prefix: prefix.filter(|_| is_unprefixed).cloned(),
            topic,
            base,
            url,
        }
    }

    /// The topic by its full name.
    #[must_use]
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Whether an existing topic may be meant.
    #[must_use]
    pub const fn has_suggestion(&self) -> bool {
        !self.similar.is_empty() || self.is_without_prefix.is_some()
    }

    /// The existing topics of similar names without the prefix, most similar first; at most five.
    #[must_use]
    pub fn similar(&self) -> &[Topic] {
        &self.similar
    }
}

impl fmt::Display for MissingTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, base, url, similar, is_without_prefix } = self;
        write!(f, "no topic `{base}`")?;
        if topic != base {
            write!(f, " (`{topic}` with the prefix)")?;
        }
        write!(f, " in `{url}`: ")?;
        if let Some(prefix) = is_without_prefix {
            return write!(
                f,
                "`{base}` exists without the prefix, change `service.topic_prefix`, which is `{prefix}`, to use it"
            );
        }
        match similar.as_slice() {
            [] => f.write_str(
                "no other topic has a similar name; the first send to a topic, or its first consumer, creates it",
            ),
            [one] => write!(f, "did you mean `{one}`?"),
            [some @ .., last] => {
                let some: Vec<_> = some.iter().map(|topic| format!("`{topic}`")).collect();
                write!(f, "did you mean {} or `{last}`?", some.join(", "))
            }
        }
    }
}

impl std::error::Error for MissingTopic {}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(name: &str, prefix: Option<&str>) -> String {
        let topics = ["dev-orders", "dev-orders2", "dev-mail", "parcels"];
        let topics =
            topics.map(|name| TopicStatus::new(Topic::new(name).expect("a valid name"), 0, None, None));
        let prefix = prefix.map(|prefix| TopicPrefix::new(prefix).expect("a valid prefix"));
        let base = Topic::new(name).expect("a valid name");
        let topic = base.with_prefix(prefix.as_ref()).expect("a valid name");
        MissingTopic::among(&topics, topic, base, prefix.as_ref(), "memory:".to_owned()).to_string()
    }

    #[test]
    fn similar_names_are_suggested_without_the_prefix() {
        assert_eq!(
            missing("ordres", Some("dev")),
            "no topic `ordres` (`dev-ordres` with the prefix) in `memory:`: did you mean `orders` or `orders2`?"
        );
        assert_eq!(missing("parcel", None), "no topic `parcel` in `memory:`: did you mean `parcels`?");
        assert!(missing("stock", None).contains("no other topic has a similar name"));
    }

    #[test]
    fn a_prefix_that_is_written_twice_or_missing_is_recognized() {
        assert!(missing("dev-mail", Some("dev")).ends_with("did you mean `mail`?"));
        assert!(missing("parcels", Some("dev")).contains("`parcels` exists without the prefix"));
    }
}
