//! A complete dead letter as one line of JSON.
//!
//! ```json
//! {"position":"3","key":"Yy0x","headers":[["ce_id","…"],["raw",{"base64":"/w=="}]],"data":"DmMtMQ=="}
//! ```
//! Key and data are base64, as is a header value that is not UTF-8. The position is informational; a
//! restored dead letter gets a new one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::DeadLetter;
use events_transport::Message;

/// A line that is not an exported dead letter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// The line is not JSON.
    #[error("the line is not JSON")]
    Json(#[from] serde_json::Error),
    /// A field is missing or has the wrong type.
    #[error("`{field}` is not {expected}: only lines exported with the complete dead letter can be read")]
    Field {
        /// The field.
        field: &'static str,
        /// The expected value.
        expected: &'static str,
    },
}

impl DeadLetter {
    /// The complete dead letter as one line of JSON, personal data included.
    #[must_use]
    pub fn to_line(&self) -> String {
        let mut line = message(self.message());
        if let Value::Object(fields) = &mut line {
            fields.insert("position".to_owned(), self.position().to_string().into());
        }
        line.to_string()
    }

    /// Reads the message of a line, for [`DeadLetters::restore`](super::DeadLetters::restore).
    ///
    /// # Errors
    /// A [`LineError`] if the line is not an exported dead letter.
    pub fn message_of_line(line: &str) -> Result<Message, LineError> {
        let line: Value = serde_json::from_str(line)?;
        let data = line.get("data").and_then(from_base64);
        let mut message = Message::new(data.ok_or(LineError::Field { field: "data", expected: "base64" })?);
        message.key = match line.get("key") {
            Some(Value::Null) => None,
            key => {
                let key = key.and_then(from_base64);
                Some(key.ok_or(LineError::Field { field: "key", expected: "base64 or null" })?)
            }
        };
        let expected = "a list of names and values";
        let wrong = || LineError::Field { field: "headers", expected };
        for header in line.get("headers").and_then(Value::as_array).ok_or_else(wrong)? {
            let Some([Value::String(name), value]) = header.as_array().map(Vec::as_slice) else {
                return Err(wrong());
            };
            let value = match value {
                Value::String(text) => Bytes::from(text.clone()),
                other => other.get("base64").and_then(from_base64).ok_or_else(wrong)?,
            };
            message.headers.push(name.clone(), value);
        }
        Ok(message)
    }
}

/// The message without its position; equal messages give equal text.
pub(super) fn message(message: &Message) -> Value {
    let headers = message.headers.iter().map(|(name, value)| match std::str::from_utf8(value) {
        Ok(text) => json!([name, text]),
        Err(_) => json!([name, { "base64": STANDARD.encode(value) }]),
    });
    json!({
        "key": message.key.as_ref().map(|key| STANDARD.encode(key)),
        "headers": headers.collect::<Value>(),
        "data": STANDARD.encode(&message.data),
    })
}

fn from_base64(value: &Value) -> Option<Bytes> {
    STANDARD.decode(value.as_str()?).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_round_trips_through_a_line() {
        let messages = [
            Message::new(""),
            Message::new(vec![0, 255]).with_key(""),
            Message::new("data")
                .with_key(vec![254])
                .with_header("b", "1")
                .with_header("a", vec![255])
                .with_header("b", ""),
        ];
        for sent in messages {
            let line = message(&sent).to_string();
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(DeadLetter::message_of_line(&line).unwrap(), sent);
        }
    }

    #[test]
    fn an_invalid_line_is_an_error_that_names_the_field() {
        for (line, said) in [
            ("{", "not JSON"),
            ("{}", "`data`"),
            (r#"{"data": "***"}"#, "`data`"),
            (r#"{"data": ""}"#, "`key`"),
            (r#"{"data": "", "key": null}"#, "`headers`"),
            (r#"{"data": "", "key": null, "headers": [["a", 1]]}"#, "`headers`"),
        ] {
            let error = DeadLetter::message_of_line(line).unwrap_err();
            assert!(error.to_string().contains(said), "{line}: {error}");
        }
    }
}
