//! `schema lock`: publishes definitions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::build_script::{self, BuildScript};
use super::home::{Home, Lost};
use super::locked::{Locked, shown};
use super::{enums, export, origin};
use crate::cli::args::Lock;
use crate::cli::context::{Context, descriptor, linked_registry};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::registry::Descriptor;

/// What became of an event.
enum Outcome {
    /// With what its readers will be unable to read later.
    Locked(u32, PathBuf, Vec<String>),
    Unchanged(u32, PathBuf),
    /// It belongs to another repository, and nobody asked for it by name.
    Skipped(Lost),
    Refused(String),
}

/// What became of a crate's build script.
enum Watched {
    Written(PathBuf),
    /// The schemas are published, and yet cargo does not see added ones.
    Incomplete(PathBuf, String),
}

/// Writes the definitions' schemas as their next minor versions, and says so.
///
/// One event that is refused stops no other. A build script that is somebody's own is not touched:
/// its line is told and the command fails, and the schemas are written all the same, because they
/// are right and the line is all that is left to do.
pub(crate) fn lock(context: &Context, args: &Lock) -> Result<(), Failure> {
    let start = args.root.start()?;
    let named = !args.event_types.is_empty();
    let events: Vec<Descriptor> = if named {
        args.event_types.iter().map(|name| descriptor(name)).collect::<Result<_, _>>()?
    } else {
        linked_registry()?.iter().collect()
    };
    let mut crates = BTreeMap::<PathBuf, BTreeSet<String>>::new();
    let mut outcomes = Vec::new();
    for event in events {
        let outcome = match Home::of(event, &start) {
            Err(lost @ Lost::Foreign { .. }) if !named => Outcome::Skipped(lost),
            Err(lost) => Outcome::Refused(lost.to_string()),
            Ok(home) => match Locked::read(event, home) {
                Err(reason) => Outcome::Refused(reason),
                Ok(locked) => {
                    let outcome = publish(&locked)?;
                    if !matches!(outcome, Outcome::Refused(_)) {
                        crates.entry(locked.home.krate).or_default().insert(locked.home.watched);
                    }
                    outcome
                }
            },
        };
        outcomes.push((event.event_type(), outcome));
    }
    let scripts = crates.iter().filter_map(|(krate, watched)| watch(krate, watched).transpose());
    let scripts = scripts.collect::<Result<Vec<_>, _>>()?;
    report(context, &outcomes, &scripts)?;
    let refused = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Refused(_)));
    let incomplete = scripts.iter().any(|script| matches!(script, Watched::Incomplete(..)));
    if refused || incomplete { Err(Failure::Reported) } else { Ok(()) }
}

/// Publishes an event, where that breaks nothing.
fn publish(event: &Locked) -> Result<Outcome, Failure> {
    if let [fault, ..] = event.faults.as_slice() {
        return Ok(Outcome::Refused(fault.to_string()));
    }
    if let Some(elsewhere) = event.elsewhere() {
        return Ok(Outcome::Refused(format!("{}: {}", elsewhere.what, origin::ADVICE)));
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
    // The number was counted from other files.
    if event.is_stale() {
        return Ok(Outcome::Refused(format!(
            "the files in {} are not those that this program was built with: build it again, from clean where the crate has no build script that watches the folder",
            shown(&event.folder)
        )));
    }
    let minor = match next(event) {
        Ok(minor) => minor,
        Err(reason) => return Ok(Outcome::Refused(reason)),
    };
    let path = event.folder.join(format!("{minor}.avsc"));
    match write_new(&path, &export::text(event.descriptor)?) {
        Ok(()) => {
            let advice = "; if it was, remove the file, mend the definition, build and lock again, before the version is in use";
            let questions = event.questions().into_iter().map(|question| question + advice);
            let key = event.changed_key().map(|changed| {
                changed + "; if that is not meant, remove the file, restore the key, build and lock again"
            });
            let warnings =
                enums::warnings(event.descriptor).into_iter().chain(questions).chain(key).collect();
            Ok(Outcome::Locked(minor, path, warnings))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Outcome::Refused(format!(
            "{} was written meanwhile by another run: build this program again",
            shown(&path)
        ))),
        Err(error) => Ok(Outcome::Refused(format!("{} can't be written: {error}", shown(&path)))),
    }
}

/// The number of the version that is to be written.
///
/// A definition that changes in its key alone has the schema of the newest version, and so its number.
fn next(event: &Locked) -> Result<u32, String> {
    let own = event.descriptor.minor_version();
    let Some(newest) = event.newest().filter(|newest| newest.minor >= own && event.has_current_schema())
    else {
        return Ok(own);
    };
    if event.descriptor.get().schemas.is_counted {
        return newest.minor.checked_add(1).ok_or_else(|| "no minor version is left".to_owned());
    }
    let changed = event.changed_key().unwrap_or_default();
    Err(format!(
        "{changed}; version {} is published with the other key: raise `minor_version` to publish this one, or restore the key",
        newest.minor
    ))
}

/// Writes a file that is not there yet, whole or not at all.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    write_new_by(path, text, |draft, path| fs::hard_link(draft, path))
}

/// Writes a draft, and gives it its name by a link: whoever comes first has the number, and whoever
/// looks, even after a crash, finds the whole file or none.
///
/// Some file systems, such as FAT, have no links. There the name is taken by an empty file, which
/// the draft replaces; a crash between the two leaves a file that `schema check` finds.
fn write_new_by(
    path: &Path,
    text: &str,
    link: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    static DRAFTS: AtomicU32 = AtomicU32::new(0);
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    // No `.avsc`, so that nobody takes half a file for a version.
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    let draft = path.with_extension(format!("{}-{number}.tmp", std::process::id()));
    let written = File::create(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| match link(&draft, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => replace_new(&draft, path),
            linked => linked,
        });
    // The file has a name of its own.
    let _ = fs::remove_file(&draft);
    written
}

/// Gives a draft a name that nothing has, without a link.
fn replace_new(draft: &Path, path: &Path) -> io::Result<()> {
    File::create_new(path)?;
    fs::rename(draft, path).inspect_err(|_| drop(fs::remove_file(path)))
}

/// Has a crate's build script watch its schemas.
fn watch(krate: &Path, watched: &BTreeSet<String>) -> Result<Option<Watched>, Failure> {
    let script = BuildScript::of(krate, watched);
    let advice = script.advice(watched).unwrap_or_default();
    Ok(match script {
        BuildScript::Complete => None,
        BuildScript::Absent(path) => {
            build_script::write(&path, watched)
                .map_err(|error| Failure::failed(format!("{} can't be written: {error}", shown(&path))))?;
            Some(Watched::Written(path))
        }
        BuildScript::Lacks(path, _) | BuildScript::Refused(path) => Some(Watched::Incomplete(path, advice)),
    })
}

fn report(context: &Context, outcomes: &[(&str, Outcome)], scripts: &[Watched]) -> Result<(), Failure> {
    if context.json() {
        let events = outcomes.iter().map(|(event_type, outcome)| {
            let warnings = match outcome {
                Outcome::Locked(_, _, warnings) => warnings.as_slice(),
                _ => &[],
            };
            let (word, minor, path, reason) = match outcome {
                Outcome::Locked(minor, path, _) => ("locked", Some(minor), Some(shown(path)), None),
                Outcome::Unchanged(minor, path) => ("unchanged", Some(minor), Some(shown(path)), None),
                Outcome::Skipped(lost) => ("skipped", None, None, Some(lost.to_string())),
                Outcome::Refused(reason) => ("refused", None, None, Some(reason.clone())),
            };
            json!({ "event_type": event_type, "outcome": word, "minor_version": minor, "path": path, "reason": reason, "warnings": warnings })
        });
        let scripts = scripts.iter().map(|script| match script {
            Watched::Written(path) => json!({ "path": shown(path), "outcome": "written" }),
            Watched::Incomplete(path, advice) => {
                json!({ "path": shown(path), "outcome": "incomplete", "reason": advice })
            }
        });
        let (events, scripts) = (events.collect::<Value>(), scripts.collect::<Value>());
        return Ok(output::json_pretty(&json!({ "events": events, "build_scripts": scripts }))?);
    }
    for (event_type, outcome) in outcomes {
        match outcome {
            Outcome::Locked(minor, path, warnings) => {
                output::line(format_args!("locked     {event_type} as version {minor}: {}", shown(path)))?;
                for warning in warnings {
                    output::eprint(format_args!("warning: {event_type}: {warning}"));
                }
            }
            Outcome::Unchanged(minor, _) => {
                output::line(format_args!("unchanged  {event_type} is version {minor}"))?;
            }
            Outcome::Skipped(lost) => output::line(format_args!("skipped    {event_type}: {lost}"))?,
            Outcome::Refused(reason) => {
                output::eprint(format_args!("error: {event_type} is not locked: {reason}"));
            }
        }
    }
    for script in scripts {
        match script {
            Watched::Written(path) => {
                output::line(format_args!("wrote      {}, so that cargo sees added schemas", shown(path)))?;
            }
            Watched::Incomplete(path, advice) => {
                output::eprint(format_args!("error: {}: {advice}", shown(path)));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
