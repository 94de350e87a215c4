//! `schema check`: checks linked events against their published versions, for CI.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::build_script::BuildScript;
use super::crate_dir::{CrateDir, LocateError};
use super::locked::{LockedEvent, REBUILD, relative_display};
use super::{docs, origin};
use crate::args::Check;
use crate::context::{Context, linked_registry};
use crate::failure::Failure;
use crate::output;
use crate::output::counted;
use events_core::avro::Compatibility;
use events_core::registry::Descriptor;
use events_schema::compat::is_published;
use events_schema::parse::without_bom;
use events_schema::versions::Version;
use events_schema::view::{Shape, View};

/// Whether a finding fails the check.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Failed,
    Warning,
}

struct Finding {
    level: Level,
    /// An event type or a file.
    subject: String,
    problem: String,
    /// A file, with or without a line.
    location: String,
    advice: String,
}

/// The state of the check.
#[derive(Default)]
struct Checker {
    findings: Vec<Finding>,
    /// The folders that each crate's build script has to watch.
    watched: BTreeMap<PathBuf, BTreeSet<String>>,
    /// The folders with published schemas, and the linked event types in each.
    folders: BTreeMap<PathBuf, BTreeSet<&'static str>>,
}

/// Checks the linked events against their published versions.
///
/// An event with compatibility `none` makes no promise and may stay unlocked. Once it is locked, it
/// is checked like any other, because consumers rely on the files.
pub(crate) fn check(context: &Context, args: &Check) -> Result<(), Failure> {
    let start = args.root.start()?;
    let registry = linked_registry()?;
    let mut checker = Checker::default();
    for event in registry {
        match CrateDir::of(event, &start) {
            Ok(crate_dir) => match LockedEvent::read(event, crate_dir) {
                Ok(locked) => checker.check_event(&locked),
                Err(_) if may_stay_unlocked(event) => {}
                Err(reason) => {
                    let advice =
                        "set `compatibility = \"none\"` with a reason, since the event can't be locked";
                    checker.fail(event, reason, definition(event), advice);
                }
            },
            Err(error) => checker.check_unlocated(event, &error),
        }
    }
    checker.check_build_scripts();
    checker.check_unlinked();
    report(context, registry.len(), &checker.findings)?;
    let failed = checker.findings.iter().any(|finding| finding.level == Level::Failed);
    if failed { Err(Failure::Reported) } else { Ok(()) }
}

impl Checker {
    fn fail(
        &mut self,
        event: Descriptor,
        problem: impl Into<String>,
        location: String,
        advice: impl Into<String>,
    ) {
        let subject = event.event_type().to_owned();
        let (problem, advice) = (problem.into(), advice.into());
        self.findings.push(Finding { level: Level::Failed, subject, problem, location, advice });
    }

    fn warn(&mut self, event: Descriptor, problem: String, location: String, advice: &str) {
        let (subject, advice) = (event.event_type().to_owned(), advice.to_owned());
        self.findings.push(Finding { level: Level::Warning, subject, problem, location, advice });
    }

    /// Checks an event whose crate was not found. One from another repository is checked against the
    /// versions that it was compiled with.
    fn check_unlocated(&mut self, event: Descriptor, error: &LocateError) {
        if !matches!(error, LocateError::Foreign { .. }) {
            let advice = "or run the check in the repository that defines the event";
            self.fail(event, error.to_string(), definition(event), advice);
            return;
        }
        let locked = event
            .published()
            .last()
            .is_some_and(|newest| is_published(event.schema(), newest, event.get().schemas.form));
        if !locked && !may_stay_unlocked(event) {
            let problem = "is not locked in its own repository".to_owned();
            let advice = "ask its owners to lock it: its next version may break this program";
            self.warn(event, problem, definition(event), advice);
        }
    }

    fn check_event(&mut self, event: &LockedEvent) {
        let descriptor = event.descriptor;
        self.folders.entry(event.crate_dir.schemas.clone()).or_default().insert(descriptor.event_type());
        if let Some(mismatch) = event.source_mismatch() {
            self.fail(descriptor, mismatch.problem, mismatch.location, origin::ADVICE);
        }
        for fault in &event.faults {
            let advice = "restore the file, or remove it if it is not a published schema";
            self.fail(descriptor, &fault.what, relative_display(&fault.path), advice);
        }
        let Some(newest) = event.newest() else {
            if event.faults.is_empty() && !may_stay_unlocked(descriptor) {
                let advice = format!("publish it with `schema lock {}`", descriptor.event_type());
                self.fail(descriptor, "is not locked", definition(descriptor), advice);
            }
            return;
        };
        self.watched
            .entry(event.crate_dir.path.clone())
            .or_default()
            .insert(event.crate_dir.schemas_relative.clone());
        for version in &event.versions {
            self.check_record_name(event, version);
        }
        for (version, text) in event.broken_versions() {
            let advice = "published versions must not change: restore the file that was edited";
            self.fail(descriptor, text, relative_display(&version.path), advice);
        }
        self.check_gaps(event);
        self.check_newest(event, newest);
        if event.is_stale() {
            let problem = "this program was built with different schema files";
            let advice = REBUILD;
            self.fail(descriptor, problem, relative_display(&event.folder), advice);
        }
    }

    /// Checks that the newest version has the schema and the number of the definition.
    fn check_newest(&mut self, event: &LockedEvent, newest: &Version) {
        let descriptor = event.descriptor;
        let event_type = descriptor.event_type();
        let changed_key = event.changed_key();
        if let Some(changed) = changed_key.clone().filter(|_| event.has_current_schema()) {
            let problem = format!("has a different key than locked version {}: {changed}", newest.minor);
            let advice = format!(
                "restore the key, or publish the change with `schema lock {event_type}` (raise `minor_version` first if the definition sets it)"
            );
            self.fail(descriptor, problem, definition(descriptor), advice);
        } else if !event.is_current() {
            let problem = format!("differs from version {}, the newest locked version", newest.minor);
            let advice = format!(
                "see `schema diff {event_type}`, then publish the next version with `schema lock {event_type}`"
            );
            self.fail(descriptor, problem, definition(descriptor), advice);
            for question in event.questions() {
                let advice = "decide before locking: published versions must not change";
                self.warn(descriptor, question, definition(descriptor), advice);
            }
            if let Some(changed) = changed_key {
                let advice = "if this is not intended, restore the key before locking";
                self.warn(descriptor, changed, definition(descriptor), advice);
            }
        } else if !event.is_stale() && descriptor.minor_version() != newest.minor {
            let problem = format!(
                "has minor version {}, but its schema is locked as version {}",
                descriptor.minor_version(),
                newest.minor
            );
            let advice =
                "remove `minor_version` from the definition, so that versions are counted automatically";
            self.fail(descriptor, problem, definition(descriptor), advice);
        }
        if event.has_current_schema() {
            self.check_docs(event, newest);
        }
    }

    /// Compares the documentation of the newest version and of the definition. Older versions can't be
    /// checked: their original text is only in version control.
    fn check_docs(&mut self, event: &LockedEvent, newest: &Version) {
        let parse = |text: &str| serde_json::from_str::<Value>(without_bom(text)).unwrap_or_default();
        let published = fs::read_to_string(&newest.path).unwrap_or_default();
        let paths = docs::differences(&parse(&published), &parse(event.descriptor.schema_json()));
        if paths.is_empty() {
            return;
        }
        let paths: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
        self.warn(
            event.descriptor,
            format!("the documentation of {} differs from the definition", paths.join(", ")),
            relative_display(&newest.path),
            "published versions must not change: restore the file if it was edited; new documentation is published with the next version",
        );
    }

    /// Checks for missing version numbers. Numbers set by hand may have gaps; otherwise a file was
    /// removed.
    fn check_gaps(&mut self, event: &LockedEvent) {
        let descriptor = event.descriptor;
        let is_counted = descriptor.get().schemas.is_counted;
        let mut next = if is_counted { 0 } else { event.versions.first().map_or(0, |oldest| oldest.minor) };
        for version in &event.versions {
            if version.minor > next {
                let last = version.minor - 1;
                let problem = if last == next {
                    format!("version {next} is missing: the next file is version {}", version.minor)
                } else {
                    format!(
                        "versions {next} to {last} are missing: the next file is version {}",
                        version.minor
                    )
                };
                let location = relative_display(&event.folder);
                if is_counted {
                    let advice = "restore the file, since missing versions are not checked; if versions are numbered by hand, set `minor_version = …` in the definition";
                    self.fail(descriptor, problem, location, advice);
                } else {
                    let advice = "restore the file if it existed, since missing versions are not checked";
                    self.warn(descriptor, problem, location, advice);
                }
            }
            next = version.minor.saturating_add(1);
        }
    }

    /// Checks that a version defines the event's record.
    fn check_record_name(&mut self, event: &LockedEvent, version: &Version) {
        let descriptor = event.descriptor;
        let Shape::Record(own) = View::tree(descriptor.schema()).shape() else { return };
        let problem = match View::packed(&version.schema.bytes).shape() {
            Shape::Record(record) if own.name.is(&record.name) || own.name.has_alias(&record.name) => return,
            Shape::Record(record) => format!(
                "defines the record `{}.{}`, but the event's record is `{}.{}`",
                String::from_utf8_lossy(record.name.namespace),
                String::from_utf8_lossy(record.name.base),
                String::from_utf8_lossy(own.name.namespace),
                String::from_utf8_lossy(own.name.base),
            ),
            _ => "is not a record, but every event is one".to_owned(),
        };
        let advice = "restore the file, or set the event's previous name with `#[public_signal(name = \"…\", namespace = \"…\")]`";
        self.fail(descriptor, problem, relative_display(&version.path), advice);
    }

    fn check_build_scripts(&mut self) {
        for (crate_dir, watched) in &self.watched {
            let script = BuildScript::inspect(crate_dir, watched);
            let Some(advice) = script.advice(watched) else { continue };
            let (problem, path) = match script {
                BuildScript::Complete => continue,
                BuildScript::Missing(path) => ("the build script is missing", path),
                BuildScript::Incomplete(path, _) => ("does not watch the published schemas", path),
                BuildScript::Disabled(path) => ("`package.build` is `false`", path),
            };
            let subject = relative_display(&path);
            let (problem, location) = (problem.to_owned(), relative_display(crate_dir));
            self.findings.push(Finding { level: Level::Failed, subject, problem, location, advice });
        }
    }

    /// Reports published event types that no linked crate defines.
    fn check_unlinked(&mut self) {
        for (folder, linked) in &self.folders {
            for path in subfolders(folder) {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                let Some(name) = name.filter(|name| !linked.contains(name.as_str())) else { continue };
                self.findings.push(Finding {
                    level: Level::Warning,
                    subject: name,
                    problem: "is published, but no linked crate defines it".to_owned(),
                    location: relative_display(&path),
                    advice: "link its crate with `events_runtime::link!`, or remove the folder if the event is retired"
                        .to_owned(),
                });
            }
        }
    }
}

fn may_stay_unlocked(event: Descriptor) -> bool {
    event.compatibility() == Compatibility::None
}

fn definition(event: Descriptor) -> String {
    format!("{}:{}", event.file(), event.line())
}

fn subfolders(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn report(context: &Context, events: usize, findings: &[Finding]) -> Result<(), Failure> {
    let label = |level| match level {
        Level::Failed => "failed",
        Level::Warning => "warning",
    };
    if context.json() {
        let findings = findings.iter().map(|finding| {
            json!({
                "level": label(finding.level),
                "subject": finding.subject,
                "what": finding.problem,
                "place": finding.location,
                "advice": finding.advice,
            })
        });
        let findings = findings.collect::<Value>();
        return Ok(output::json_pretty(&json!({ "events": events, "findings": findings }))?);
    }
    for finding in findings {
        output::line(format_args!("{:8} {}", label(finding.level), finding.subject))?;
        let text = format!("{}\nat {}\n{}", finding.problem, finding.location, finding.advice);
        text.lines().try_for_each(|line| output::line(format_args!("           {line}")))?;
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (events, failed, warnings) = (
        counted(events, "event type"),
        counted(count(Level::Failed), "failure"),
        counted(count(Level::Warning), "warning"),
    );
    Ok(output::line(format_args!("{events}, {failed}, {warnings}"))?)
}
