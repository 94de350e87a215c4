//! An event that was not sent or became a dead letter, as a line of JSON from which it can be sent again.
//!
//! ```json
//! {"log":1,"logged":"2026-02-28T13:05:00Z","failure":"not-sent","error":"…","topic":"dev-orders",
//!  "key":"c1","metadata":{"event_type":"…","id":"…","minorversion":0,"source":"shop","time":"…"},
//!  "schemafp":"00abcdef01234567","data":{"number":7}}
//! ```
//!
//! The topic is its full name. Metadata has the JSON form of Open edX logs. Data that this program's schema
//! can't read, such as that of another version, is `data_base64`. A message that is not an event has
//! `headers` instead of `metadata`. The log event, unlike the file, shows the values of unknown headers and
//! extensions as `***`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::Level;

use super::Observe;
use super::error_log::ERROR_TARGET;
use super::keys::MASK;
use crate::EventMetadata;
use crate::avro::json::{PersonalData, to_json};
use crate::bus::spill::Octets;
use crate::envelope::Envelope;
use crate::transport::{ConsumerGroup, Headers, Message, Position, Topic};

/// The version of the format that is written.
pub(crate) const VERSION: u32 = 1;

/// The [`Failure::kind`] of an event that was not sent.
pub(in crate::bus) const NOT_SENT: &str = "not-sent";
/// The [`Failure::kind`] of an event that became a dead letter.
pub(in crate::bus) const GIVEN_UP: &str = "given-up";

/// A line of [`VERSION`] 1. Unknown fields are an error, because they would be lost.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    log: u32,
    #[serde(default)]
    logged: String,
    #[serde(default)]
    failure: String,
    #[serde(default)]
    error: String,
    topic: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    key: Option<Octets>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<EventMetadata>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, Octets)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schemafp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
    /// The length of masked data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data_bytes: Option<usize>,
    /// Whether any part is masked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    masked: bool,
}

/// A failure of a message.
pub(in crate::bus) struct Failure<'a> {
    pub(in crate::bus) kind: &'static str,
    pub(in crate::bus) error: String,
    pub(in crate::bus) topic: &'a Topic,
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
        self.tell(failure, &Subject::Message(message));
    }

    /// Reports an event that could not be encoded.
    pub(in crate::bus) fn failed_unencoded(&self, failure: &Failure<'_>, metadata: &EventMetadata) {
        self.tell(failure, &Subject::Unencoded(metadata));
    }

    fn tell(&self, failure: &Failure<'_>, subject: &Subject<'_>) {
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
            log: VERSION,
            logged: jiff::Timestamp::now().to_string(),
            failure: failure.kind.to_owned(),
            error: failure.error.clone(),
            topic: failure.topic.to_string(),
            group: failure.received.map(|(group, ..)| group.to_string()),
            position: failure.received.map(|(_, position, _)| position.to_string()),
            attempt: failure.received.map(|(.., attempt)| attempt),
            key: None,
            metadata: None,
            headers: Vec::new(),
            schemafp: None,
            data: None,
            data_base64: None,
            data_bytes: None,
            masked: false,
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
        if !shown && !self.keys.may_show(topic, message) {
            record.key = Some(Octets::of(&Bytes::from_static(MASK.as_bytes())));
            record.masked = true;
        }
        match Envelope::from_message(message) {
            Ok(mut envelope) => {
                record.set_headers(&envelope.headers, shown);
                record.schemafp = envelope.fingerprint.map(|fingerprint| format!("{fingerprint:016x}"));
                record.data = self.data(&envelope, personal_data);
                if !shown && !self.keys.is_impersonal(envelope.metadata.event_type()) {
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
            let is_open = shown || Envelope::knows_header(name);
            let value = if is_open { value } else { &Bytes::from_static(MASK.as_bytes()) };
            self.headers.push((name.to_owned(), Octets::of(value)));
            self.masked |= !is_open;
        }
    }

    fn line(&self) -> String {
        // Every field can be serialized.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(feature = "cli")]
mod again {
    //! Turns a line back into its message.

    use super::{Envelope, Message, Record, STANDARD, VERSION};
    use crate::avro::json::from_json;
    use crate::bus::Undelivered;
    use crate::bus::spill::Unread;
    use crate::registry::Registry;
    use crate::transport::Topic;
    use base64::Engine as _;

    impl Record {
        /// The event, with the topic of the record.
        ///
        /// # Errors
        /// The reason why it can't be sent, without any content of the record.
        pub(crate) fn into_event(self, registry: &Registry) -> Result<Undelivered, Unread> {
            if self.log != VERSION {
                return Err(format!(
                    "unsupported version {}; this program reads version {VERSION}",
                    self.log
                )
                .into());
            }
            if self.masked {
                let reason = "personal data is masked: use the line from the file of `bus.error_log`";
                return Err(reason.to_owned().into());
            }
            let topic = Topic::new(self.topic).map_err(|error| error.to_string())?;
            let key = self.key.map(crate::bus::spill::Octets::into_bytes).transpose()?;
            let bytes =
                |text: String| STANDARD.decode(text).map_err(|_| "`data_base64` is not Base64".to_owned());
            let mut message = match (self.metadata, self.data, self.data_base64) {
                (_, None, None) => {
                    return Err(Unread::Unsendable("no data: the payload could not be encoded".to_owned()));
                }
                (_, Some(_), Some(_)) => {
                    return Err("both `data` and `data_base64` are set".to_owned().into());
                }
                (None, Some(_), None) => return Err("`data` is set without `metadata`".to_owned().into()),
                (None, None, Some(data)) => Message::new(bytes(data)?),
                (Some(metadata), None, Some(data)) => {
                    let fingerprint = self.schemafp.as_deref().map(fingerprint).transpose()?;
                    Envelope::new(metadata, fingerprint, bytes(data)?).into_message()
                }
                (Some(mut metadata), Some(data), None) => {
                    let event_type = metadata.event_type().to_string();
                    let descriptor = registry.get(&event_type).ok_or_else(|| {
                        format!("the event type `{event_type}` is not linked into this program")
                    })?;
                    let own = descriptor.fingerprint();
                    let written = self.schemafp.as_deref().map(fingerprint).transpose()?;
                    // The definition has changed since: the event is sent with the new version.
                    if written.is_some_and(|written| written != own) {
                        metadata = metadata.with_minor_version(descriptor.minor_version());
                    }
                    let datum = from_json(descriptor.schema(), &data).map_err(|faults| {
                        let at = faults.faults().iter().map(|fault| format!("`{}`", fault.path()));
                        let at = at.collect::<Vec<_>>().join(", ");
                        format!("the data does not match `{}` at {at}", descriptor.rust_type())
                    })?;
                    Envelope::new(metadata, written.map(|_| own), datum).into_message()
                }
            };
            message.key = key;
            for (name, value) in self.headers {
                message.headers.push(name, value.into_bytes()?);
            }
            Ok(Undelivered { topic, message })
        }
    }

    fn fingerprint(text: &str) -> Result<u64, String> {
        u64::from_str_radix(text, 16).map_err(|_| "`schemafp` is not a fingerprint".to_owned())
    }
}
