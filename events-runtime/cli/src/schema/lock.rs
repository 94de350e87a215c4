//! `schema lock`: publishes definitions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::build_script::{self, BuildScript};
use super::crate_dir::{CrateDir, LocateError};
use super::locked::{LockedEvent, REBUILD, relative_display};
use super::{enums, export, origin};
use crate::args::Lock;
use crate::context::{Context, descriptor, linked_registry};
use crate::failure::Failure;
use crate::output;
use events_core::registry::Descriptor;

/// The result of locking an event.
enum Outcome {
    /// Minor version, file and warnings.
    Locked(u32, PathBuf, Vec<String>),
    Unchanged(u32, PathBuf),
    /// The event belongs to another repository and was not requested by name.
    Skipped(LocateError),
    Refused(String),
}

/// The result of updating a crate's build script.
enum ScriptOutcome {
    Written(PathBuf),
    /// The existing script does not watch the schemas. Holds the advice.
    Incomplete(PathBuf, String),
}

/// Writes the next minor version of each definition.
///
/// A refused event does not stop the others. An existing build script is not modified: the command
/// prints the missing line and fails. The schemas are written anyway, since they are valid and only
/// the line is missing.
pub(crate) fn lock(context: &Context, args: &Lock) -> Result<(), Failure> {
    let start = args.root.start()?;
    let by_name = !args.event_types.is_empty();
    let events: Vec<Descriptor> = if by_name {
        args.event_types.iter().map(|name| descriptor(name)).collect::<Result<_, _>>()?
    } else {
        linked_registry()?.iter().collect()
    };
    let mut crates = BTreeMap::<PathBuf, BTreeSet<String>>::new();
    let mut outcomes = Vec::new();
    for event in events {
        let outcome = match CrateDir::of(event, &start) {
            Err(error @ LocateError::Foreign { .. }) if !by_name => Outcome::Skipped(error),
            Err(error) => Outcome::Refused(error.to_string()),
            Ok(crate_dir) => match LockedEvent::read(event, crate_dir) {
                Err(reason) => Outcome::Refused(reason),
                Ok(locked) => {
                    let outcome = publish(&locked)?;
                    if !matches!(outcome, Outcome::Refused(_)) {
                        let CrateDir { path, schemas_relative, .. } = locked.crate_dir;
                        crates.entry(path).or_default().insert(schemas_relative);
                    }
                    outcome
                }
            },
        };
        outcomes.push((event.event_type(), outcome));
    }
    let scripts =
        crates.iter().filter_map(|(crate_dir, watched)| update_script(crate_dir, watched).transpose());
    let scripts = scripts.collect::<Result<Vec<_>, _>>()?;
    report(context, &outcomes, &scripts)?;
    let refused = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Refused(_)));
    let incomplete = scripts.iter().any(|script| matches!(script, ScriptOutcome::Incomplete(..)));
    if refused || incomplete { Err(Failure::Reported) } else { Ok(()) }
}

/// Writes the next version of an event, unless it would break compatibility.
fn publish(event: &LockedEvent) -> Result<Outcome, Failure> {
    if let [fault, ..] = event.faults.as_slice() {
        return Ok(Outcome::Refused(fault.to_string()));
    }
    if let Some(mismatch) = event.source_mismatch() {
        return Ok(Outcome::Refused(format!("{}: {}", mismatch.problem, origin::ADVICE)));
    }
    if event.is_current()
        && let Some(newest) = event.newest()
    {
        return Ok(Outcome::Unchanged(newest.minor, newest.path.clone()));
    }
    let breaks = event.breaks();
    if !breaks.is_empty() {
        return Ok(Outcome::Refused(breaks.join("\n")));
    }
    // The compiled version number was counted from other files.
    if event.is_stale() {
        return Ok(Outcome::Refused(format!(
            "this program was built with other files than those in {}: {REBUILD}",
            relative_display(&event.folder)
        )));
    }
    let minor = match next_minor(event) {
        Ok(minor) => minor,
        Err(reason) => return Ok(Outcome::Refused(reason)),
    };
    let path = event.folder.join(format!("{minor}.avsc"));
    match write_new(&path, &export::file_text(event.descriptor)?) {
        Ok(()) => {
            let advice = "; then remove the file, rebuild and lock again before the version is in use";
            let questions = event.questions().into_iter().map(|question| question + advice);
            let key = event.changed_key().map(|changed| {
                changed
                    + "; if this is not intended, remove the file, restore the key, rebuild and lock again"
            });
            let warnings =
                enums::warnings(event.descriptor).into_iter().chain(questions).chain(key).collect();
            Ok(Outcome::Locked(minor, path, warnings))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Outcome::Refused(format!(
            "{} was written by another process in the meantime: rebuild this program",
            relative_display(&path)
        ))),
        Err(error) => Ok(Outcome::Refused(format!("cannot write {}: {error}", relative_display(&path)))),
    }
}

/// The minor version to write.
///
/// If only the key changes, the definition has the schema of the newest version, and so its number.
fn next_minor(event: &LockedEvent) -> Result<u32, String> {
    let own = event.descriptor.minor_version();
    let Some(newest) = event.newest().filter(|newest| newest.minor >= own && event.has_current_schema())
    else {
        return Ok(own);
    };
    if event.descriptor.get().schemas.is_counted {
        return newest.minor.checked_add(1).ok_or_else(|| "minor versions are exhausted".to_owned());
    }
    let changed = event.changed_key().unwrap_or_default();
    Err(format!(
        "{changed}; version {} is published with the old key: raise `minor_version` to publish the new key, or restore the old one",
        newest.minor
    ))
}

/// Creates a file atomically; fails if it exists.
pub(super) fn write_new(path: &Path, text: &str) -> io::Result<()> {
    write_new_with(path, text, |draft, path| fs::hard_link(draft, path))
}

/// Writes a draft and hard-links it to its final name. The first of several writers wins, and even
/// after a crash the file is either complete or missing.
///
/// Some file systems, such as FAT, have no hard links. There an empty file reserves the name and the
/// draft replaces it. A crash in between leaves an empty file, which `schema check` reports.
fn write_new_with(
    path: &Path,
    text: &str,
    link: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    static DRAFTS: AtomicU32 = AtomicU32::new(0);
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    // Not named `.avsc`, so that a partial file is never read as a version.
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let draft = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
    let written = File::create(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| match link(&draft, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => replace_new(&draft, path),
            linked => linked,
        });
    // The linked file remains.
    let _ = fs::remove_file(&draft);
    written
}

/// Renames a draft to a name that must be free, without a hard link.
fn replace_new(draft: &Path, path: &Path) -> io::Result<()> {
    File::create_new(path)?;
    fs::rename(draft, path).inspect_err(|_| drop(fs::remove_file(path)))
}

/// Creates a crate's build script if it has none.
fn update_script(crate_dir: &Path, watched: &BTreeSet<String>) -> Result<Option<ScriptOutcome>, Failure> {
    let script = BuildScript::inspect(crate_dir, watched);
    let advice = script.advice(watched).unwrap_or_default();
    Ok(match script {
        BuildScript::Complete => None,
        BuildScript::Missing(path) => {
            build_script::write(&path, watched).map_err(|error| {
                Failure::failed(format!("cannot write {}: {error}", relative_display(&path)))
            })?;
            Some(ScriptOutcome::Written(path))
        }
        BuildScript::Incomplete(path, _) | BuildScript::Disabled(path) => {
            Some(ScriptOutcome::Incomplete(path, advice))
        }
    })
}

fn report(context: &Context, outcomes: &[(&str, Outcome)], scripts: &[ScriptOutcome]) -> Result<(), Failure> {
    if context.json() {
        let events = outcomes.iter().map(|(event_type, outcome)| {
            let warnings = match outcome {
                Outcome::Locked(_, _, warnings) => warnings.as_slice(),
                _ => &[],
            };
            let (label, minor, path, reason) = match outcome {
                Outcome::Locked(minor, path, _) => {
                    ("locked", Some(minor), Some(relative_display(path)), None)
                }
                Outcome::Unchanged(minor, path) => {
                    ("unchanged", Some(minor), Some(relative_display(path)), None)
                }
                Outcome::Skipped(error) => ("skipped", None, None, Some(error.to_string())),
                Outcome::Refused(reason) => ("refused", None, None, Some(reason.clone())),
            };
            json!({ "event_type": event_type, "outcome": label, "minor_version": minor, "path": path, "reason": reason, "warnings": warnings })
        });
        let scripts = scripts.iter().map(|script| match script {
            ScriptOutcome::Written(path) => {
                json!({ "path": relative_display(path), "outcome": "written" })
            }
            ScriptOutcome::Incomplete(path, advice) => {
                json!({ "path": relative_display(path), "outcome": "incomplete", "reason": advice })
            }
        });
        let (events, scripts) = (events.collect::<Value>(), scripts.collect::<Value>());
        return Ok(output::json_pretty(&json!({ "events": events, "build_scripts": scripts }))?);
    }
    for (event_type, outcome) in outcomes {
        match outcome {
            Outcome::Locked(minor, path, warnings) => {
                let path = relative_display(path);
                output::line(format_args!("locked     {event_type} as version {minor}: {path}"))?;
                for warning in warnings {
                    output::eprint(format_args!("warning: {event_type}: {warning}"));
                }
            }
            Outcome::Unchanged(minor, _) => {
                output::line(format_args!("unchanged  {event_type} is version {minor}"))?;
            }
            Outcome::Skipped(error) => output::line(format_args!("skipped    {event_type}: {error}"))?,
            Outcome::Refused(reason) => {
                output::eprint(format_args!("error: {event_type} was not locked: {reason}"));
            }
        }
    }
    for script in scripts {
        match script {
            ScriptOutcome::Written(path) => {
                let path = relative_display(path);
                output::line(format_args!("wrote      {path}, so that cargo detects new schema files"))?;
            }
            ScriptOutcome::Incomplete(path, advice) => {
                output::eprint(format_args!("error: {}: {advice}", relative_display(path)));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
