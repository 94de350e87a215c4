//! The errors of waiting for an emission. Each lists all failures with their causes in its text.

use std::error::Error;
use std::fmt;

use super::{Acknowledged, Delivered, Received, SendError, TopicOutcome};
use crate::receiver::{ReceiverError, Response};
use events_support::error_chain::chain;

/// At least one async receiver or topic failed.
///
/// The text lists all failures with their causes. [`Error::source`] is the first failure.
#[derive(Debug)]
pub struct DeliveryError {
    outcome: Delivered,
    /// Built once: an error of a receiver may be a `DeliveryError` too, and so on. Formatting each level anew
    /// would take exponential time.
    text: String,
}

impl DeliveryError {
    /// The responses of all async receivers, including the successful ones.
    pub fn receivers(&self) -> &[Response] {
        self.outcome.receivers()
    }

    /// The outcomes of all topics, including the successful ones.
    pub fn topics(&self) -> &[TopicOutcome] {
        self.outcome.topics()
    }
}

/// At least one broker has not acknowledged the event.
///
/// The text lists the topics with the reasons. [`Error::source`] is the first failure.
#[derive(Debug)]
pub struct AcknowledgementError {
    outcome: Acknowledged,
    text: String,
}

impl AcknowledgementError {
    /// The outcomes of all topics, including the successful ones.
    pub fn topics(&self) -> &[TopicOutcome] {
        self.outcome.topics()
    }
}

/// At least one async receiver failed or has not finished.
///
/// The text lists the receivers with the reasons. [`Error::source`] is the first failure.
#[derive(Debug)]
pub struct ReceptionError {
    outcome: Received,
    text: String,
}

impl ReceptionError {
    /// The responses of all async receivers, including the successful ones.
    pub fn receivers(&self) -> &[Response] {
        self.outcome.receivers()
    }
}

impl Delivered {
    pub(crate) fn into_result(self) -> Result<Self, DeliveryError> {
        let failures: Vec<_> =
            receiver_failures(&self.receivers).chain(topic_failures(&self.topics)).collect();
        match text("the event was not delivered everywhere", &failures) {
            None => Ok(self),
            Some(text) => Err(DeliveryError { outcome: self, text }),
        }
    }
}

impl Acknowledged {
    pub(crate) fn into_result(self) -> Result<Self, AcknowledgementError> {
        let failures: Vec<_> = topic_failures(&self.topics).collect();
        match text("the event was not acknowledged for every topic", &failures) {
            None => Ok(self),
            Some(text) => Err(AcknowledgementError { outcome: self, text }),
        }
    }
}

impl Received {
    pub(crate) fn into_result(self) -> Result<Self, ReceptionError> {
        let failures: Vec<_> = receiver_failures(&self.receivers).collect();
        match text("the event was not handled by every async receiver", &failures) {
            None => Ok(self),
            Some(text) => Err(ReceptionError { outcome: self, text }),
        }
    }
}

/// The text of an error, unless nothing failed.
fn text(summary: &str, failures: &[String]) -> Option<String> {
    (!failures.is_empty()).then(|| format!("{summary}: {}", failures.join("; ")))
}

fn receiver_failures(receivers: &[Response]) -> impl Iterator<Item = String> {
    failed_receivers(receivers).map(|(name, error)| format!("receiver `{name}`: {}", chain(error)))
}

fn topic_failures(topics: &[TopicOutcome]) -> impl Iterator<Item = String> {
    failed_topics(topics).map(|(name, error)| format!("topic `{name}`: {}", chain(error)))
}

fn failed_receivers(receivers: &[Response]) -> impl Iterator<Item = (&str, &ReceiverError)> {
    receivers.iter().filter_map(|response| Some((response.receiver(), response.result().err()?)))
}

fn failed_topics(topics: &[TopicOutcome]) -> impl Iterator<Item = (&str, &SendError)> {
    topics.iter().filter_map(|topic| Some((topic.topic(), topic.result().err()?)))
}

fn first_receiver(receivers: &[Response]) -> Option<&(dyn Error + 'static)> {
    failed_receivers(receivers).next().map(|(_, error)| error as _)
}

fn first_topic(topics: &[TopicOutcome]) -> Option<&(dyn Error + 'static)> {
    failed_topics(topics).next().map(|(_, error)| error as _)
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for AcknowledgementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for ReceptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for DeliveryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        first_receiver(self.receivers()).or_else(|| first_topic(self.topics()))
    }
}

impl Error for AcknowledgementError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        first_topic(self.topics())
    }
}

impl Error for ReceptionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        first_receiver(self.receivers())
    }
}
