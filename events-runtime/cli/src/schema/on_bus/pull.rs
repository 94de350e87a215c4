//! `schema pull --bus`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Store, is_comparable, verified};
use crate::args::Pull;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::schema::crate_dir::CrateDir;
use crate::schema::lock::write_new;
use crate::schema::locked::relative_display;
use events_core::EventType;
use events_core::registry::Registry;
use events_schema::compat::reads;
use events_schema::parse::{PackedSchema, pack, without_bom};
use events_schema::versions::{self, names_a_folder};
use events_schema::view::View;
use events_transport::{SchemaId, Topic};

/// The maximum number of versions of an event. Another program may have stored any number.
const MAX_VERSIONS: usize = 100;
/// The maximum number of named types in schemas that are compared with each other.
const MAX_TYPES: usize = 16;
/// The folder of events whose crate is not known.
const DEFAULT_FOLDER: &str = "schemas";

/// What became of a stored schema.
enum Outcome {
    Written(u32, PathBuf),
    Present(u32, PathBuf),
    Refused(String),
}

/// A stored schema whose text is verified.
struct Verified {
    fingerprint: u64,
    text: String,
    schema: PackedSchema,
}

/// Writes the schemas that are stored beside topics as published versions.
///
/// A refused schema does not stop the others.
pub(crate) async fn pull(context: &Context, args: &Pull) -> Result<(), Failure> {
    let config = context.config()?;
    let registry = Registry::linked()?;
    let store = Store::open(&config, &args.bus).await?;
    let mut stored = BTreeMap::<String, Vec<(&Topic, SchemaId)>>::new();
    for topic in &store.topics {
        for id in store.schemas(topic).await? {
            stored.entry(id.event_type().to_owned()).or_default().push((topic, id));
        }
    }
    let mut outcomes = Vec::new();
    for (event_type, stored) in stored {
        let folder = folder(&event_type, registry, args);
        let descriptor = registry.get(&event_type);
        let mut schemas = Vec::<Verified>::new();
        for (topic, id) in stored {
            if schemas.len() >= MAX_VERSIONS {
                let reason = format!("more than {MAX_VERSIONS} schemas of the event type are stored");
                outcomes.push((id, Outcome::Refused(reason)));
                continue;
            }
            let text = store.text(topic, &id).await?;
            match (verified(&id, text.as_deref(), descriptor), text) {
                // The schema of an event type is stored beside each of its topics.
                (Ok(schema), _) if schemas.iter().any(|other| other.schema.bytes == schema.bytes) => {}
                (Ok(schema), text) => {
                    let text = text.unwrap_or_default();
                    schemas.push(Verified { fingerprint: id.fingerprint(), text, schema });
                }
                (Err(reason), _) => {
                    let reason = format!("{reason} (beside topic `{}`)", store.base(topic));
                    outcomes.push((id, Outcome::Refused(reason)));
                }
            }
        }
        let order = store.registered(&event_type).await?;
        for schema in oldest_first(schemas, &order) {
            let id = SchemaId::new(event_type.as_str(), schema.fingerprint);
            let outcome = match &folder {
                Ok(folder) => publish(folder, &schema),
                Err(reason) => Outcome::Refused(reason.clone()),
            };
            outcomes.push((id, outcome));
        }
    }
    if outcomes.is_empty() && !context.json() {
        output::eprint(store.describe_empty());
        return Ok(());
    }
    report(context, &outcomes)?;
    let refused = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Refused(_)));
    if refused { Err(Failure::Reported) } else { Ok(()) }
}

/// The folder of an event type's versions: in `--into`, or where the crate of a linked event has them.
fn folder(event_type: &str, registry: &Registry, args: &Pull) -> Result<PathBuf, String> {
    if EventType::foreign(event_type).is_err() || !names_a_folder(event_type) {
        return Err("the event type can't be used as a folder name".to_owned());
    }
    let schemas = match &args.into {
        Some(folder) => folder.clone(),
        None => crate_folder(event_type, registry, args)?.unwrap_or_else(|| DEFAULT_FOLDER.into()),
    };
    std::path::absolute(schemas.join(event_type)).map_err(|error| error.to_string())
}

/// The schemas of the crate that defines a linked event; `None` for an event that is not linked.
fn crate_folder(event_type: &str, registry: &Registry, args: &Pull) -> Result<Option<PathBuf>, String> {
    let Some(descriptor) = registry.get(event_type) else { return Ok(None) };
    let start = args.root.start().map_err(|error| error.to_string())?;
    match CrateDir::of(descriptor, &start) {
        Ok(found) => Ok(Some(found.schemas)),
        Err(error) => Err(format!("{error}; or pass a folder with `--into`")),
    }
}

/// Sorts the versions of an event. A schema registry numbers them, and `registered` has their fingerprints in that
/// order. Otherwise they are stored without a number: a later one reads more of the others.
fn oldest_first(schemas: Vec<Verified>, registered: &[u64]) -> Vec<Verified> {
    let comparable: Vec<_> =
        schemas.iter().map(|of| &of.schema).filter(|schema| is_comparable(schema, MAX_TYPES)).collect();
    let rank = |of: &Verified| {
        let view = View::packed(&of.schema.bytes);
        let is_compared = is_comparable(&of.schema, MAX_TYPES);
        let others = || comparable.iter().filter(|_| is_compared).map(|other| View::packed(&other.bytes));
        let reads_others = others().filter(|other| reads(view, *other)).count();
        let is_read = others().filter(|other| reads(*other, view)).count();
        let number = registered.iter().position(|fingerprint| *fingerprint == of.fingerprint);
        (number.unwrap_or(usize::MAX), reads_others, usize::MAX - is_read, of.text.len(), of.fingerprint)
    };
    let ranks: Vec<_> = schemas.iter().map(rank).collect();
    let mut ranked: Vec<_> = ranks.into_iter().zip(schemas).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, schema)| schema).collect()
}

/// Writes a schema as the next version in a folder, unless it is there.
fn publish(folder: &Path, stored: &Verified) -> Outcome {
    let (versions, faults) = versions::read(folder);
    if let [fault, ..] = faults.as_slice() {
        return Outcome::Refused(fault.to_string());
    }
    if let Some(version) = versions.iter().find(|version| version.schema.canonical == stored.schema.canonical)
    {
        return if version.schema.bytes == stored.schema.bytes {
            Outcome::Present(version.minor, version.path.clone())
        } else {
            Outcome::Refused(format!(
                "version {} in {} has the same fingerprint, but other logical types, defaults or aliases",
                version.minor,
                relative_display(&version.path)
            ))
        };
    }
    let Some(minor) = versions.last().map_or(Some(0), |newest| newest.minor.checked_add(1)) else {
        return Outcome::Refused("minor versions are exhausted".to_owned());
    };
    let path = folder.join(format!("{minor}.avsc"));
    let written = file_text(stored).and_then(|text| {
        write_new(&path, &text).map_err(|error| format!("cannot write {}: {error}", relative_display(&path)))
    });
    match written {
        Ok(()) => Outcome::Written(minor, path),
        Err(reason) => Outcome::Refused(reason),
    }
}

/// The content of the file: the stored text in the layout of `schema lock`.
fn file_text(stored: &Verified) -> Result<String, String> {
    let invalid = |reason: &dyn std::fmt::Display| format!("the text can't be written as a file: {reason}");
    let schema: Value = serde_json::from_str(without_bom(&stored.text)).map_err(|error| invalid(&error))?;
    let text = format!("{schema:#}\n");
    // JSON that two parsers read differently, such as an object with a repeated name.
    match pack(&text) {
        Ok(written) if written.bytes == stored.schema.bytes => Ok(text),
        _ => Err(invalid(&"its JSON is ambiguous")),
    }
}

fn report(context: &Context, outcomes: &[(SchemaId, Outcome)]) -> Result<(), Failure> {
    if context.json() {
        let rows = outcomes.iter().map(|(id, outcome)| {
            let (label, minor, path, reason) = match outcome {
                Outcome::Written(minor, path) => ("written", Some(minor), Some(relative_display(path)), None),
                Outcome::Present(minor, path) => ("present", Some(minor), Some(relative_display(path)), None),
                Outcome::Refused(reason) => ("refused", None, None, Some(reason)),
            };
            json!({
                "event_type": id.event_type(),
                "fingerprint": format!("{:016x}", id.fingerprint()),
                "outcome": label,
                "minor_version": minor,
                "path": path,
                "reason": reason,
            })
        });
        return Ok(output::json_pretty(&rows.collect())?);
    }
    for (id, outcome) in outcomes {
        match outcome {
            Outcome::Written(minor, path) => {
                let path = relative_display(path);
                output::line(format_args!("written  {id} as version {minor}: {path}"))?;
            }
            Outcome::Present(minor, path) => {
                let path = relative_display(path);
                output::line(format_args!("present  {id} is version {minor}: {path}"))?;
            }
            Outcome::Refused(reason) => {
                output::eprint(format_args!("error: {} was not written: {reason}", output::one_line(id)));
            }
        }
    }
    Ok(())
}
