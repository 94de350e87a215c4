//! Groups the headers of a message.

use events_core::internal::is_trace;
use events_transport::Headers;
use events_transport::headers::{
    AVRO, CONTENT_TYPE_HEADER, DATA_CONTENT_TYPE_HEADER, EXTENSION_PREFIX, FINGERPRINT_HEADER, ID_HEADER,
    MINOR_VERSION_HEADER, SOURCE_HEADER, SOURCE_HOST_HEADER, SOURCE_LIB_HEADER, SPEC_VERSION_HEADER,
    TIME_HEADER, TYPE_HEADER, UNREADABLE_HEADER, is_content_type,
};

use super::EnvelopeError;

/// Headers grouped by meaning.
#[derive(Default)]
pub(super) struct Read<'a> {
    pub(super) spec_version: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) data_content_type: Option<&'a str>,
    pub(super) event_type: Option<&'a str>,
    pub(super) id: Option<&'a str>,
    pub(super) source: Option<&'a str>,
    pub(super) time: Option<&'a str>,
    pub(super) minor_version: Option<&'a str>,
    pub(super) source_host: Option<&'a str>,
    pub(super) source_lib: Option<&'a str>,
    pub(super) fingerprint: Option<&'a str>,
    pub(super) extensions: Vec<(&'a str, &'a str)>,
    pub(super) others: Headers,
    /// The transport could not read the message.
    pub(super) is_unreadable: bool,
    /// Trace context headers that are not text.
    pub(super) ignored: u64,
}

impl<'a> Read<'a> {
    pub(super) fn headers(headers: &'a Headers) -> Result<Self, EnvelopeError> {
        let mut read = Self::default();
        for (name, value) in headers.iter() {
            // A header in another case is ignored if the usual spelling is present.
            let is_in_another_case = name != CONTENT_TYPE_HEADER && is_content_type(name);
            let name = if is_in_another_case && headers.get(CONTENT_TYPE_HEADER).is_none() {
                CONTENT_TYPE_HEADER
            } else {
                name
            };
            let as_text =
                || std::str::from_utf8(value).map_err(|_| EnvelopeError::NotText { header: name.to_owned() });
            if let Some(known) = read.known(name) {
                if known.is_some() {
                    return Err(EnvelopeError::Duplicate { header: name.to_owned() });
                }
                *known = Some(as_text()?);
                continue;
            }
            match name.strip_prefix(EXTENSION_PREFIX) {
                Some(extension) if is_trace(extension) => match as_text() {
                    Ok(value) => read.extensions.push((extension, value)),
                    Err(_) => read.ignored += 1,
                },
                Some(extension) if !extension.is_empty() => read.extensions.push((extension, as_text()?)),
                _ => {
                    read.is_unreadable |= name == UNREADABLE_HEADER;
                    read.others.push(name.to_owned(), value.clone());
                }
            }
        }
        Ok(read)
    }

    /// The place of a header that the envelope knows.
    fn known(&mut self, name: &str) -> Option<&mut Option<&'a str>> {
        Some(match name {
            SPEC_VERSION_HEADER => &mut self.spec_version,
            CONTENT_TYPE_HEADER => &mut self.content_type,
            DATA_CONTENT_TYPE_HEADER => &mut self.data_content_type,
            TYPE_HEADER => &mut self.event_type,
            ID_HEADER => &mut self.id,
            SOURCE_HEADER => &mut self.source,
            TIME_HEADER => &mut self.time,
            MINOR_VERSION_HEADER => &mut self.minor_version,
            SOURCE_HOST_HEADER => &mut self.source_host,
            SOURCE_LIB_HEADER => &mut self.source_lib,
            FINGERPRINT_HEADER => &mut self.fingerprint,
            _ => return None,
        })
    }
}

/// The text of a header; `None` if it is empty.
pub(super) fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// Whether a media type is Avro, whatever its parameters.
pub(super) fn is_avro(media_type: &str) -> bool {
    if media_type == AVRO {
        return true;
    }
    let essence = media_type.split_once(';').map_or(media_type, |(essence, _)| essence);
    essence.trim_matches([' ', '\t']).eq_ignore_ascii_case(AVRO)
}

pub(super) fn fingerprint(found: &str) -> Result<u64, EnvelopeError> {
    let digit = |number: u64, byte: u8| Some(number << 4 | u64::from(char::from(byte).to_digit(16)?));
    let number = (found.len() == 16).then(|| found.bytes().try_fold(0, digit)).flatten();
    number.ok_or_else(|| EnvelopeError::Fingerprint { found: found.to_owned() })
}
