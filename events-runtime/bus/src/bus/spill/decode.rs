//! Turns a record of an error log back into its message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::line::Octets;
use super::read::{Unread, transport};
use super::record::{Record, VERSION};
use crate::bus::undelivered::Undelivered;
use crate::envelope::Envelope;
use events_core::avro::json::from_json;
use events_core::registry::Registry;
use events_transport::{Message, Topic};

impl Record {
    /// The event, with the topic of the record.
    ///
    /// # Errors
    /// The reason why it can't be sent, without any content of the record.
    pub(crate) fn into_event(self, registry: &Registry) -> Result<Undelivered, Unread> {
        if self.log != VERSION {
            return Err(
                format!("unsupported version {}; this program reads version {VERSION}", self.log).into()
            );
        }
        if self.masked {
            let reason = "personal data is masked: use the line from the file of `bus.error_log`";
            return Err(reason.to_owned().into());
        }
        let topic = Topic::new(self.topic).map_err(|error| error.to_string())?;
        let transport = transport(self.transport)?;
        let key = self.key.map(Octets::into_bytes).transpose()?;
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
        Ok(Undelivered { topic, transport, message })
    }
}

fn fingerprint(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text, 16).map_err(|_| "`schemafp` is not a fingerprint".to_owned())
}
