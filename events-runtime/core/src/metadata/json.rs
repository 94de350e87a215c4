//! Metadata as JSON: the log form.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::extensions::is_trace;
use super::{EventMetadata, Extensions, MetadataError, MetadataText, Source, SourceLib};

impl Serialize for EventMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event_type", self.event_type().as_str())?;
        map.serialize_entry("id", &format_args!("{}", self.id().as_hyphenated()))?;
        map.serialize_entry("minorversion", &self.minor_version())?;
        map.serialize_entry("source", self.source())?;
        if let Some(host) = self.source_host() {
            map.serialize_entry("sourcehost", host)?;
        }
        map.serialize_entry("time", &format_args!("{}", self.time_text()))?;
        if let Some(lib) = self.source_lib() {
            map.serialize_entry("sourcelib", lib.numbers())?;
        }
        for (name, value) in self.extensions().iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for EventMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields::default())
    }
}

#[derive(Default)]
struct Fields {
    event_type: Option<String>,
    id: Option<String>,
    minor_version: Option<u32>,
    source: Option<String>,
    source_host: Option<String>,
    time: Option<String>,
    source_lib: Option<Vec<u32>>,
    extensions: Extensions,
}

impl<'de> Visitor<'de> for Fields {
    type Value = EventMetadata;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event's metadata as an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<EventMetadata, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "event_type" => set(&mut self.event_type, &mut map, "event_type")?,
                "id" => set(&mut self.id, &mut map, "id")?,
                "minorversion" => set(&mut self.minor_version, &mut map, "minorversion")?,
                "source" => set(&mut self.source, &mut map, "source")?,
                "sourcehost" => set(&mut self.source_host, &mut map, "sourcehost")?,
                "time" => set(&mut self.time, &mut map, "time")?,
                "sourcelib" => set(&mut self.source_lib, &mut map, "sourcelib")?,
                name if is_trace(name) => {
                    if let TraceValue::Text(value) = map.next_value()? {
                        self.extensions.keep_trace(name, &value);
                    }
                }
                _ => {
                    let value = map
                        .next_value::<ExtensionValue>()
                        .map_err(|error| A::Error::custom(format_args!("`{key}`: {error}")))?;
                    let old = self.extensions.keep(&key, value.0).map_err(A::Error::custom)?;
                    if old.is_some() {
                        return Err(A::Error::custom(format_args!("metadata: `{key}` occurs twice")));
                    }
                }
            }
        }
        self.finish().map_err(|error| {
            // serde keeps no sources, so the text must include the cause.
            match std::error::Error::source(&error) {
                None => A::Error::custom(&error),
                Some(cause) => A::Error::custom(format_args!("{error}: {cause}")),
            }
        })
    }
}

impl Fields {
    fn finish(self) -> Result<EventMetadata, MetadataError> {
        let mut metadata = EventMetadata::try_from(MetadataText {
            event_type: self.event_type.as_deref(),
            id: self.id.as_deref(),
            source: self.source.as_deref(),
            source_host: self.source_host.as_deref(),
            time: self.time.as_deref(),
            ..MetadataText::default()
        })?;
        if let Some(numbers) = self.source_lib {
            let source = Source::clone(&metadata.source).with_lib(SourceLib::new(numbers));
            metadata.source = Arc::new(source);
        }
        metadata.minor_version = self.minor_version.unwrap_or_default();
        metadata.extensions = self.extensions;
        Ok(metadata)
    }
}

fn set<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    map: &mut A,
    field: &'static str,
) -> Result<(), A::Error> {
    if slot.is_some() {
        return Err(A::Error::custom(format_args!("metadata: `{field}` occurs twice")));
    }
    let value =
        map.next_value().map_err(|error| A::Error::custom(format_args!("metadata: `{field}`: {error}")))?;
    *slot = Some(value);
    Ok(())
}

/// A trace context. Another value is ignored, not an error.
#[derive(Deserialize)]
#[serde(untagged)]
enum TraceValue {
    Text(String),
    Other(IgnoredAny),
}

/// An extension's value in its CloudEvents text form.
struct ExtensionValue(String);

impl<'de> Deserialize<'de> for ExtensionValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;

        impl Visitor<'_> for Scalar {
            type Value = ExtensionValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a boolean or an integer")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<ExtensionValue, E> {
                Ok(ExtensionValue(value.to_owned()))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<ExtensionValue, E> {
                Ok(ExtensionValue(value.to_string()))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<ExtensionValue, E> {
                Ok(ExtensionValue(value.to_string()))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<ExtensionValue, E> {
                Ok(ExtensionValue(value.to_string()))
            }
        }

        deserializer.deserialize_any(Scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::tests::sample;

    const JSON: &str = r#"{"event_type":"org.acme.orders.order.placed.v1","id":"0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11","minorversion":3,"source":"shop","sourcehost":"shop-1","time":"2023-01-02T03:04:05.678901+00:00","sourcelib":[10,5,0],"traceparent":"00-ab","tenant":"acme"}"#;

    fn error_of(json: &str) -> String {
        serde_json::from_str::<EventMetadata>(json).expect_err(json).to_string()
    }

    #[test]
    fn json_goes_in_and_out_without_loss() {
        let metadata: EventMetadata = serde_json::from_str(JSON).expect("valid");
        assert_eq!(serde_json::to_string(&metadata).expect("plain"), JSON);
        let mut expected = sample().with_minor_version(3);
        for (name, value) in [("traceparent", "00-ab"), ("tenant", "acme")] {
            expected.extensions_mut().insert(name, value).expect("regular");
        }
        assert_eq!(metadata, expected);
    }

    #[test]
    fn attributes_that_are_absent_stay_absent() {
        let json = r#"{"event_type":"a","id":"0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11","minorversion":0,"source":"shop","time":"2023-01-02T03:04:05+00:00"}"#;
        let metadata: EventMetadata = serde_json::from_str(json).expect("valid");
        assert_eq!(serde_json::to_string(&metadata).expect("plain"), json);
    }

    #[test]
    fn json_value_of_any_order_reads_too() {
        let value: serde_json::Value = serde_json::from_str(JSON).expect("valid");
        let metadata: EventMetadata = serde_json::from_value(value).expect("valid");
        assert_eq!(metadata.minor_version(), 3);
    }

    #[test]
    fn each_fault_names_its_key() {
        for (key, broken) in [
            ("event_type", JSON.replace("event_type", "eventtype")),
            ("event_type", JSON.replace("org.acme", "org acme")),
            ("id", JSON.replace("0190a6d2", "0190a6dx")),
            ("id", JSON.replace("\"id\"", "\"identity\"")),
            ("minorversion", JSON.replace(":3,", ":-3,")),
            ("minorversion", JSON.replace(":3,", ":\"3\",")),
            ("source", JSON.replace("\"shop\"", "\"\"")),
            ("sourcehost", JSON.replace("\"shop-1\"", "7")),
            ("time", JSON.replace("+00:00", "")),
            ("time", JSON.replace("\"time\"", "\"clock\"")),
            ("sourcelib", JSON.replace("[10,5,0]", "\"10.5.0\"")),
            ("tenant", JSON.replace("\"acme\"", "{}")),
            ("tenant", JSON.replace("\"acme\"", "\"a\\u0000\"")),
            ("sourcehost", JSON.replace("\"shop-1\"", "\"shop\\u009b\"")),
            ("tenant", JSON.replace("traceparent", "tenant")),
            ("id", JSON.replace("\"source\"", "\"id\"")),
        ] {
            let error = error_of(&broken);
            assert!(error.contains(&format!("`{key}`")), "{key}: {error}");
        }
    }

    #[test]
    fn a_wrong_trace_context_is_left_out_and_of_two_the_first_is_taken() {
        for (wrong, kept) in [
            (r#""traceparent":"00-ab","traceparent":"00-cd""#, Some("00-ab")),
            (r#""traceparent":"00-ab\n""#, None),
            (r#""traceparent":{"version":[0]}"#, None),
            (r#""traceparent":null"#, None),
        ] {
            let json = JSON.replace(r#""traceparent":"00-ab""#, wrong);
            let metadata: EventMetadata = serde_json::from_str(&json).expect(&json);
            assert_eq!(metadata.extensions().get("traceparent"), kept, "{json}");
            assert_eq!(metadata.extensions().get("tenant"), Some("acme"));
        }
    }

    #[test]
    fn a_time_of_the_last_day_of_the_year_9999_goes_in_and_out_without_loss() {
        let json = JSON.replace("2023-01-02T03:04:05.678901", "9999-12-31T23:59:59.999999");
        let metadata: EventMetadata = serde_json::from_str(&json).expect("valid");
        assert_eq!(serde_json::to_string(&metadata).expect("plain"), json);
    }

    #[test]
    fn scalar_extensions_become_their_text() {
        let json = JSON.replace("\"acme\"", "42");
        let metadata: EventMetadata = serde_json::from_str(&json).expect("valid");
        assert_eq!(metadata.extensions().get("tenant"), Some("42"));
    }

    #[test]
    fn reserved_names_are_not_extensions() {
        assert!(error_of(&JSON.replace("tenant", "specversion")).contains("specversion"));
    }
}
