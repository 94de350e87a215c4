//! Groups the headers of a message.

use events_core::internal::is_trace;
use events_transport::Headers;
use events_transport::headers::{AVRO, CONTENT_TYPE_HEADER, EXTENSION_PREFIX, KNOWN, is_content_type};

use super::EnvelopeError;

/// Headers grouped by meaning.
pub(super) struct Read<'a> {
    known: [Option<&'a str>; KNOWN.len()],
    pub(super) extensions: Vec<(&'a str, &'a str)>,
    pub(super) others: Headers,
    /// Trace context headers that are not text.
    pub(super) ignored: u64,
}

impl<'a> Read<'a> {
    pub(super) fn headers(headers: &'a Headers) -> Result<Self, EnvelopeError> {
        let mut read =
            Self { known: [None; KNOWN.len()], extensions: Vec::new(), others: Headers::new(), ignored: 0 };
        // A header in another case is ignored if the usual spelling is present.
        let any_case = headers.get(CONTENT_TYPE_HEADER).is_none();
        for (name, value) in headers.iter() {
            let name = if any_case && is_content_type(name) { CONTENT_TYPE_HEADER } else { name };
            let as_text =
                || std::str::from_utf8(value).map_err(|_| EnvelopeError::NotText { header: name.to_owned() });
            let known = KNOWN.iter().zip(&mut read.known).find(|(header, _)| **header == name);
            match (known, name.strip_prefix(EXTENSION_PREFIX)) {
                (Some((header, slot)), _) => {
                    if slot.is_some() {
                        return Err(EnvelopeError::Duplicate { header: (*header).to_owned() });
                    }
                    *slot = Some(as_text()?);
                }
                (None, Some(extension)) if is_trace(extension) => match as_text() {
                    Ok(value) => read.extensions.push((extension, value)),
                    Err(_) => read.ignored += 1,
                },
                (None, Some(extension)) if !extension.is_empty() => {
                    read.extensions.push((extension, as_text()?));
                }
                (None, _) => read.others.push(name.to_owned(), value.clone()),
            }
        }
        Ok(read)
    }

    /// The value of a known header; `None` if it is empty.
    pub(super) fn value(&self, header: &str) -> Option<&'a str> {
        let (_, value) = KNOWN.iter().zip(&self.known).find(|(known, _)| **known == header)?;
        value.filter(|value| !value.is_empty())
    }
}

/// Whether a media type is Avro, whatever its parameters.
pub(super) fn is_avro(media_type: &str) -> bool {
    let essence = media_type.split_once(';').map_or(media_type, |(essence, _)| essence);
    essence.trim_matches([' ', '\t']).eq_ignore_ascii_case(AVRO)
}

pub(super) fn fingerprint(found: &str) -> Result<u64, EnvelopeError> {
    let digits = found.len() == 16 && found.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = digits.then(|| u64::from_str_radix(found, 16).ok()).flatten();
    number.ok_or_else(|| EnvelopeError::Fingerprint { found: found.to_owned() })
}
