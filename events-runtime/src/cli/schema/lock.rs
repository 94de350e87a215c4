//! `schema lock`: publishes definitions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::build_script::{self, BuildScript};
use super::export;
use super::home::{Home, Lost};
use super::locked::{Locked, shown};
use crate::cli::args::Lock;
use crate::cli::context::{Context, descriptor, linked};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::registry::Descriptor;

/// What became of an event.
enum Outcome {
    Locked(u32, PathBuf),
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
        linked()?.iter().collect()
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
    if refused || incomplete { Err(Failure::Said) } else { Ok(()) }
}

/// Publishes an event, where that breaks nothing.
fn publish(event: &Locked) -> Result<Outcome, Failure> {
    if let [fault, ..] = event.faults.as_slice() {
        return Ok(Outcome::Refused(fault.to_string()));
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
    let minor = event.descriptor.minor_version();
    let path = event.folder.join(format!("{minor}.avsc"));
    match write_new(&path, &export::text(event.descriptor)?) {
        Ok(()) => Ok(Outcome::Locked(minor, path)),
        Err(error) => Ok(Outcome::Refused(format!("{} can't be written: {error}", shown(&path)))),
    }
}

/// Writes a file that is not there yet, whole or not at all.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    // No `.avsc`, so that nobody takes half a file for a version.
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::write(&draft, text)
        // Whoever makes the file first has the number, and fills it in one step.
        .and_then(|()| File::create_new(path).map(drop))
        .and_then(|()| fs::rename(&draft, path).inspect_err(|_| drop(fs::remove_file(path))));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
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
            let (word, minor, path, reason) = match outcome {
                Outcome::Locked(minor, path) => ("locked", Some(minor), Some(shown(path)), None),
                Outcome::Unchanged(minor, path) => ("unchanged", Some(minor), Some(shown(path)), None),
                Outcome::Skipped(lost) => ("skipped", None, None, Some(lost.to_string())),
                Outcome::Refused(reason) => ("refused", None, None, Some(reason.clone())),
            };
            json!({ "event_type": event_type, "outcome": word, "minor_version": minor, "path": path, "reason": reason })
        });
        let scripts = scripts.iter().map(|script| match script {
            Watched::Written(path) => json!({ "path": shown(path), "outcome": "written" }),
            Watched::Incomplete(path, advice) => {
                json!({ "path": shown(path), "outcome": "incomplete", "reason": advice })
            }
        });
        let (events, scripts) = (events.collect::<Value>(), scripts.collect::<Value>());
        return Ok(output::pretty(&json!({ "events": events, "build_scripts": scripts }))?);
    }
    for (event_type, outcome) in outcomes {
        match outcome {
            Outcome::Locked(minor, path) => {
                output::line(format_args!("locked     {event_type} as version {minor}: {}", shown(path)))?;
            }
            Outcome::Unchanged(minor, _) => {
                output::line(format_args!("unchanged  {event_type} is version {minor}"))?;
            }
            Outcome::Skipped(lost) => output::line(format_args!("skipped    {event_type}: {lost}"))?,
            Outcome::Refused(reason) => eprintln!("error: {event_type} is not locked: {reason}"),
        }
    }
    for script in scripts {
        match script {
            Watched::Written(path) => {
                output::line(format_args!("wrote      {}, so that cargo sees added schemas", shown(path)))?;
            }
            Watched::Incomplete(path, advice) => eprintln!("error: {}: {advice}", shown(path)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_written_whole_and_never_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("org.acme.order.placed.v1/0.avsc");
        write_new(&path, "first").unwrap();
        assert_eq!(write_new(&path, "second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        let files = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1, "no draft is left");
    }
}
