//! A dead letter and the headers that describe its failure.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use crate::bus::record::{FailureKind, Record, RecordError};
use crate::envelope::Envelope;
use events_transport::dead_letter::{ATTEMPTS, CAUSE, GROUP, POSITION, PREFIX, REASON, TIME, TOPIC};
use events_transport::{Delivery, Headers, Message, Position, StoredMessage};

/// A message that a consumer gave up.
///
/// The description of the failure may be incomplete, since other programs write dead letters too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    message: Message,
    position: Position,
    stored: SystemTime,
}

impl DeadLetter {
    /// The position in the dead-letter topic.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// When it became a dead letter, according to its headers; otherwise when it was stored.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        let said = self.text(TIME).and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let since = said.and_then(|time| u64::try_from(time.as_nanosecond()).ok()).map(Duration::from_nanos);
        since.map_or(self.stored, |since| SystemTime::UNIX_EPOCH + since)
    }

    /// The reason for the failure.
    #[must_use]
    pub fn reason(&self) -> Option<Cow<'_, str>> {
        self.text(REASON)
    }

    /// The errors behind the reason, outermost first.
    pub fn causes(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.message.headers.get_all(CAUSE).map(|value| String::from_utf8_lossy(value))
    }

    /// The number of deliveries.
    #[must_use]
    pub fn attempts(&self) -> Option<u32> {
        self.text(ATTEMPTS)?.parse().ok()
    }

    /// The event type according to its headers.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        Envelope::event_type_of(&self.message)
    }

    /// The id according to its headers.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        Envelope::id_of(&self.message)
    }

    /// All headers that describe the failure, in order: names without `dlq_`, and values.
    pub fn end(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let headers = self.message.headers.iter();
        headers.filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, String::from_utf8_lossy(value))))
    }

    /// The message as stored in the dead-letter topic.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// The original message: the same key, headers and data.
    #[must_use]
    pub fn original(&self) -> Message {
        original(&self.message)
    }

    /// Whether a message has headers that describe a failure, as every dead letter of this crate has.
    #[must_use]
    pub fn is_described(message: &Message) -> bool {
        message.headers.iter().any(|(name, _)| name.starts_with(PREFIX))
    }

    /// The complete dead letter as one line of JSON, personal data included.
    #[must_use]
    pub fn to_line(&self) -> String {
        let text = |header| self.text(header).map(Cow::into_owned);
        Record {
            logged: jiff::Timestamp::try_from(self.time()).unwrap_or_default().to_string(),
            error: self.reason().into_iter().chain(self.causes()).collect::<Vec<_>>().join(": "),
            group: text(GROUP),
            position: text(POSITION),
            attempt: self.attempts(),
            ..Record::new(FailureKind::DeadLetter, text(TOPIC)).with_message(&self.message)
        }
        .line()
    }

    /// Reads the message of a line, for [`DeadLetters::restore`](super::DeadLetters::restore).
    ///
    /// # Errors
    /// A [`RecordError`] if the line is not an exported dead letter.
    pub fn message_of_line(line: &str) -> Result<Message, RecordError> {
        Record::parse(line.as_bytes())?.into_dead_letter()
    }

    fn text(&self, header: &str) -> Option<Cow<'_, str>> {
        self.message.headers.get(header).map(|value| String::from_utf8_lossy(value))
    }
}

impl From<&Delivery> for DeadLetter {
    fn from(delivery: &Delivery) -> Self {
        Self { message: delivery.message().clone(), position: delivery.position(), stored: delivery.time() }
    }
}

impl From<StoredMessage> for DeadLetter {
    fn from(StoredMessage { message, position, time, .. }: StoredMessage) -> Self {
        Self { message, position, stored: time }
    }
}

/// The message without the headers that were added to the dead letter.
pub(in crate::bus) fn original(message: &Message) -> Message {
    let kept = message.headers.iter().filter(|(name, _)| !name.starts_with(PREFIX));
    let headers: Headers = kept.map(|(name, value)| (name.to_owned(), value.clone())).collect();
    let mut original = message.clone();
    original.headers = headers;
    original
}
