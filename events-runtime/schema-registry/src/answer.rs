//! The JSON of a registry's answers. Fields that only some products send are optional.

use std::sync::Arc;

use serde::Deserialize;

use crate::{Reference, RegisteredSchema, SubjectVersion};

/// The body of an answer that is no success.
#[derive(Deserialize, Default)]
pub(crate) struct Refusal {
    #[serde(default)]
    pub(crate) error_code: Option<i64>,
    #[serde(default)]
    pub(crate) message: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Id {
    pub(crate) id: u32,
}

#[derive(Deserialize)]
pub(crate) struct SchemaAnswer {
    schema: String,
    #[serde(default)]
    references: Option<Vec<Reference>>,
    #[serde(default, rename = "schemaType")]
    schema_type: Option<String>,
}

impl SchemaAnswer {
    /// The Avro schema; otherwise the name of the other format.
    pub(crate) fn into_schema(self) -> Result<RegisteredSchema, String> {
        match self.schema_type {
            // Confluent's registry leaves it out for Avro.
            Some(other) if !other.is_empty() && other != "AVRO" => Err(other),
            _ => Ok(RegisteredSchema {
                text: Arc::from(self.schema),
                references: self.references.unwrap_or_default(),
            }),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct VersionAnswer {
    subject: String,
    version: u32,
    id: u32,
    #[serde(flatten)]
    schema: SchemaAnswer,
}

impl VersionAnswer {
    pub(crate) fn into_version(self) -> Result<SubjectVersion, String> {
        let Self { subject, version, id, schema } = self;
        Ok(SubjectVersion { subject, version, id, schema: schema.into_schema()? })
    }
}

#[derive(Deserialize)]
pub(crate) struct Use {
    pub(crate) subject: String,
    pub(crate) version: u32,
}

/// A `GET` answers with one name, a `PUT` with the other; Apicurio 3.0 uses one for both.
#[derive(Deserialize)]
pub(crate) struct Level {
    #[serde(alias = "compatibility", rename = "compatibilityLevel")]
    pub(crate) level: String,
}

#[derive(Deserialize)]
pub(crate) struct Verdict {
    pub(crate) is_compatible: bool,
    #[serde(default)]
    pub(crate) messages: Option<Vec<String>>,
}
