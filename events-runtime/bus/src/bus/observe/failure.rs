//! Reports an event that was not sent or became a dead letter: to the error log as a [`Record`], and as a log
//! event, in which personal data is masked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use tracing::Level;

use super::Observe;
use super::error_log::ERROR_TARGET;
use super::keys::MASK;
use crate::bus::record::{FailureKind, Octets, Record};
use crate::envelope::Envelope;
use events_core::EventMetadata;
use events_core::avro::json::{PersonalData, to_json};
use events_transport::{ConsumerGroup, Headers, Message, Position, Topic, TransportName};

/// A failure of a message.
pub(in crate::bus) struct Failure<'a> {
    pub(in crate::bus) kind: FailureKind,
    pub(in crate::bus) error: String,
    pub(in crate::bus) topic: &'a Topic,
    pub(in crate::bus) transport: &'a TransportName,
    /// For a received message: its group, position and attempt.
    pub(in crate::bus) received: Option<(&'a ConsumerGroup, Position, u32)>,
    /// The text of the log event.
    pub(in crate::bus) text: &'static str,
}

/// The event that failed.
enum Subject<'a> {
    Message(&'a Message),
    /// An event whose payload could not be encoded.
    Unencoded(&'a EventMetadata),
}

impl Observe {
    /// Reports a message that is lost unless it is sent again.
    pub(in crate::bus) fn failed(&self, failure: &Failure<'_>, message: &Message) {
        self.report(failure, &Subject::Message(message));
    }

    /// Reports an event that could not be encoded.
    pub(in crate::bus) fn failed_unencoded(&self, failure: &Failure<'_>, metadata: &EventMetadata) {
        self.report(failure, &Subject::Unencoded(metadata));
    }

    fn report(&self, failure: &Failure<'_>, subject: &Subject<'_>) {
        if let Some(log) = &self.error_log {
            let mut line = self.record(failure, subject, PersonalData::Shown).line();
            line.push('\n');
            log.push(line.into_bytes());
        }
        if !tracing::enabled!(target: ERROR_TARGET, Level::ERROR) {
            return;
        }
        let record = self.record(failure, subject, PersonalData::Masked);
        let (event_type, id) = match subject {
            Subject::Message(message) => {
                (Envelope::event_type_of(message), Envelope::id_of(message).map(str::to_owned))
            }
            Subject::Unencoded(metadata) => {
                (Some(metadata.event_type().as_str()), Some(metadata.id().to_string()))
            }
        };
        tracing::error!(
            target: ERROR_TARGET,
            topic = failure.topic.as_str(),
            transport = failure.transport.named(),
            event_type,
            id = id.as_deref(),
            group = record.group.as_deref(),
            position = record.position.as_deref(),
            attempt = record.attempt,
            error = failure.error.as_str(),
            record = record.line().as_str(),
            "{}", failure.text
        );
    }

    fn record(&self, failure: &Failure<'_>, subject: &Subject<'_>, personal_data: PersonalData) -> Record {
        let mut record = Record {
            logged: jiff::Timestamp::now().to_string(),
            error: failure.error.clone(),
            transport: failure.transport.named().map(str::to_owned),
            group: failure.received.map(|(group, ..)| group.to_string()),
            position: failure.received.map(|(_, position, _)| position.to_string()),
            attempt: failure.received.map(|(.., attempt)| attempt),
            ..Record::new(failure.kind, Some(failure.topic.to_string()))
        };
        match subject {
            Subject::Message(message) => self.describe(&mut record, failure.topic, message, personal_data),
            Subject::Unencoded(metadata) => {
                let mut metadata = (*metadata).clone();
                if personal_data == PersonalData::Masked {
                    record.masked |= Envelope::mask_extensions(&mut metadata, MASK);
                }
                record.metadata = Some(metadata);
            }
        }
        record
    }

    fn describe(&self, record: &mut Record, topic: &Topic, message: &Message, personal_data: PersonalData) {
        let shown = personal_data == PersonalData::Shown;
        record.key = message.key.as_ref().map(Octets::of);
        if !shown && !self.keys.may_be_logged(topic, message) {
            record.key = Some(Octets::of(&Bytes::from_static(MASK.as_bytes())));
            record.masked = true;
        }
        match Envelope::from_message(message) {
            Ok(mut envelope) => {
                record.set_headers(&envelope.headers, shown);
                record.schemafp = envelope.fingerprint.map(|fingerprint| format!("{fingerprint:016x}"));
                record.data = self.data(&envelope, personal_data);
                if !shown && !self.keys.has_no_personal_data(envelope.metadata.event_type()) {
                    record.masked |= record.data != self.data(&envelope, PersonalData::Shown);
                }
                if !shown {
                    record.masked |= Envelope::mask_extensions(&mut envelope.metadata, MASK);
                }
                record.metadata = Some(envelope.metadata);
            }
            Err(_) => record.set_headers(&message.headers, shown),
        }
        if record.data.is_none() {
            if shown {
                record.data_base64 = Some(STANDARD.encode(&message.data));
            } else {
                record.data_bytes = Some(message.data.len());
                record.masked = true;
            }
        }
    }

    /// The data as JSON, if it has this program's schema.
    fn data(&self, envelope: &Envelope, personal_data: PersonalData) -> Option<Value> {
        let descriptor = self.registry?.get(envelope.metadata.event_type())?;
        if envelope.fingerprint.is_some_and(|found| found != descriptor.fingerprint()) {
            return None;
        }
        to_json(descriptor.schema(), &envelope.data, personal_data).ok()
    }
}

impl Record {
    /// Adds the headers. In masked records, only headers known to the envelope keep their values.
    fn set_headers(&mut self, headers: &Headers, shown: bool) {
        for (name, value) in headers.iter() {
            let is_known = shown || Envelope::knows_header(name);
            let value = if is_known { value } else { &Bytes::from_static(MASK.as_bytes()) };
            self.headers.push((name.to_owned(), Octets::of(value)));
            self.masked |= !is_known;
        }
    }
}
