//! The versions of an event: the current one, and the published ones that no Rust type describes any more.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::sample;
use events_core::avro::Compatibility;
use events_core::avro::Form;
use events_core::avro::json::{PersonalData, from_json, to_json};
use events_core::avro::{self, DecodeError, Published, Schema, WriterSchema};
use events_core::hub::Hub;
use events_core::internal::{SignalDescriptor, shown, to_json_resolved};
use events_core::private::{AvroNamed, Profile, Schemas};
use events_core::registry::{Descriptor, Registry};
use events_core::signal::AnyEmission;
use events_core::{Event, EventData, EventMetadata, PublicSignal, Signal};
use events_schema::compat::is_published;
use events_schema::tree::{text_of, tree_of_packed};
use uuid::Uuid;

/// A version of an event, as writer and as reader.
pub(super) struct Version {
    pub(super) minor: u32,
    pub(super) fingerprint: u64,
    pub(super) schema: &'static Schema,
    pub(super) text: &'static str,
    pub(super) is_current: bool,
    writer: WriterSchema,
    /// What a program of this version links.
    pub(super) registry: &'static Registry,
}

/// The versions of an event, oldest first. The last one is that of the code.
pub(super) fn versions<E: PublicSignal>() -> Vec<Version> {
    let form = E::DESCRIPTOR.schemas.form;
    let is_older = |published: &&Published| !is_published(E::SCHEMA, published, form);
    let older = E::PUBLISHED.iter().enumerate().filter(|(_, published)| is_older(published));
    let mut versions: Vec<_> = older.map(|(index, published)| older_version::<E>(index, published)).collect();
    versions.push(Version {
        minor: E::MINOR_VERSION,
        fingerprint: E::FINGERPRINT,
        schema: E::SCHEMA,
        text: E::SCHEMA_JSON,
        is_current: true,
        writer: WriterSchema::parse(E::SCHEMA_JSON).expect("the schema of a definition"),
        registry: registry(Descriptor::of::<E>()),
    });
    versions
}

fn registry(descriptor: Descriptor) -> &'static Registry {
    Box::leak(Box::new(Registry::builder().describe(descriptor).build().expect("one definition")))
}

fn older_version<E: PublicSignal>(index: usize, published: &'static Published) -> Version {
    let minor = published.minor_version;
    let known = Tree::of(published).unwrap_or_else(|| {
        panic!("`{}`: version {minor} can't be simulated: no definition has its schema", E::EVENT_TYPE)
    });
    let descriptor = descriptor::<E>(index, known).unwrap_or_else(|| {
        panic!("`{}`: version {minor} can't be simulated: it is not among the newest {SLOTS}", E::EVENT_TYPE)
    });
    Version {
        minor,
        fingerprint: published.fingerprint,
        schema: known.schema,
        text: known.text,
        is_current: false,
        writer: WriterSchema::of(published),
        registry: registry(Descriptor::new(Box::leak(Box::new(descriptor)))),
    }
}

impl Version {
    /// The datum that a program of this version writes for a sample of the current one.
    pub(super) fn datum<E: PublicSignal>(&self, sample: &E) -> Result<Vec<u8>, String> {
        let current = avro::to_vec(sample).map_err(|error| error.to_string())?;
        if self.is_current {
            return Ok(current);
        }
        let json = json(E::SCHEMA, &current)?;
        let own = sample::fitted(self.schema, &json);
        from_json(self.schema, &own).map_err(|error| error.to_string())
    }

    /// What a program of this version reads from a datum of a writer.
    pub(super) fn read(&self, writer: &Self, datum: &[u8]) -> Result<Value, String> {
        if self.fingerprint == writer.fingerprint {
            return json(self.schema, datum);
        }
        to_json_resolved(self.schema, &writer.writer, datum, PersonalData::Shown)
            .map_err(|error| error.to_string())
    }

    /// Connects a receiver that reports the id and the JSON of each event.
    pub(super) fn connect<E: PublicSignal>(
        &self,
        hub: &Hub,
        report: impl Fn(Uuid, Result<Value, String>) + Send + Sync + 'static,
    ) {
        hub.scope(|| {
            if self.is_current {
                Signal::<E>::new().connect("rolling_upgrade", move |event: &Event<E>| {
                    let json = shown(event.payload(), PersonalData::Shown);
                    report(event.metadata().id(), json.map_err(|error| error.to_string()));
                });
            } else {
                Signal::<Received>::new().connect("rolling_upgrade", move |event: &Event<Received>| {
                    let json = serde_json::from_slice(&event.json);
                    report(event.metadata().id(), json.map_err(|error| error.to_string()));
                });
            }
        });
    }
}

fn json(schema: &'static Schema, datum: &[u8]) -> Result<Value, String> {
    to_json(schema, datum, PersonalData::Shown).map_err(|error| error.to_string())
}

/// A published schema in the form of a definition's.
#[derive(Clone, Copy)]
struct Tree {
    schema: &'static Schema,
    text: &'static str,
    canonical: &'static str,
}

impl Tree {
    /// Made once for each version, since it is never freed.
    fn of(published: &'static Published) -> Option<Self> {
        /// By the address of the packed schema.
        static KNOWN: Mutex<Option<HashMap<usize, Tree>>> = Mutex::new(None);
        let address = published.packed.as_ptr().addr();
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        if let Some(known) = known.get(&address) {
            return Some(*known);
        }
        let schema = tree_of_packed(published.packed)?;
        let canonical = WriterSchema::of(published).canonical_form().to_owned().leak();
        let new = Self { schema, text: text_of(schema).leak(), canonical };
        known.insert(address, new);
        Some(new)
    }
}

/// The number of older versions that can be simulated. The functions of a descriptor have no state, so that there is
/// one instance of them for each version.
const SLOTS: usize = 32;

/// The version at this index of the published ones, counted from the newest.
fn slot<E: PublicSignal, const N: usize>() -> &'static Published {
    E::PUBLISHED.iter().rev().nth(N).expect("descriptors are made of versions")
}

fn tree<E: PublicSignal, const N: usize>() -> Tree {
    Tree::of(slot::<E, N>()).expect("descriptors are made of trees")
}

/// Decodes a datum as a program of the version does, and emits it.
fn emit_datum<E: PublicSignal, const N: usize>(
    hub: &Hub,
    metadata: EventMetadata,
    writer: Option<&WriterSchema>,
    datum: &[u8],
) -> Result<AnyEmission, DecodeError> {
    let schema = tree::<E, N>().schema;
    let json = match writer {
        Some(writer) => to_json_resolved(schema, writer, datum, PersonalData::Shown)?,
        None => to_json(schema, datum, PersonalData::Shown)?,
    };
    let json = json.to_string().into_bytes();
    let received = avro::to_vec(&Received { json }).expect("bytes can be encoded");
    (Received::DESCRIPTOR.emit_datum)(hub, metadata, None, &received)
}

/// The descriptor of an older version; `None` if there are too many versions.
fn descriptor<E: PublicSignal>(index: usize, known: Tree) -> Option<SignalDescriptor> {
    macro_rules! slots {
        ($($slot:literal)*) => {
            match E::PUBLISHED.len() - 1 - index {
                $($slot => Some(SignalDescriptor {
                    minor_version: || slot::<E, $slot>().minor_version,
                    schema: known.schema,
                    schema_json: || tree::<E, $slot>().text,
                    canonical: || tree::<E, $slot>().canonical,
                    fingerprint: || slot::<E, $slot>().fingerprint,
                    key: &[],
                    published: E::PUBLISHED.get(..index).unwrap_or_default(),
                    emit_datum: emit_datum::<E, $slot>,
                    ..*E::DESCRIPTOR
                }),)*
                _ => None,
            }
        };
    }
    slots!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
}

/// What a program of an older version has received.
#[derive(Debug, Clone, PartialEq, EventData)]
#[event(crate = events_core)]
struct Received {
    /// By the version's schema. A datum could not hold variants `#[event(other)]`.
    json: Vec<u8>,
}

/// Written by hand: a derived definition would be linked into every program that contains the simulator.
impl PublicSignal for Received {
    const EVENT_TYPE: &'static str = "org.events.sim.version.received.v1";
    const MINOR_VERSION: u32 = 0;
    const SCHEMA_TEXT: &'static [u8] =
        &avro::write::<{ avro::length(Self::SCHEMA, Form::Json) }>(Self::SCHEMA, Form::Json);
    const CANONICAL_TEXT: &'static [u8] =
        &avro::write::<{ avro::length(Self::SCHEMA, Form::Canonical) }>(Self::SCHEMA, Form::Canonical);
    const DESCRIPTOR: &'static SignalDescriptor = &SignalDescriptor::of::<Self>(
        Self::ORIGIN,
        file!(),
        line!(),
        Profile::Native,
        &[],
        Schemas {
            folder: "schemas",
            next: "org.events.sim.version.received.v2",
            form: Form::Json,
            is_counted: false,
            compatibility: Compatibility::None,
        },
    );
}
