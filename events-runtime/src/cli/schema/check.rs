//! `schema check`: whether all that is linked is published, for CI.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::build_script::BuildScript;
use super::home::{Home, Lost};
use super::locked::{Locked, shown};
use super::{docs, origin};
use crate::avro::Compatibility;
use crate::cli::args::Check;
use crate::cli::context::{Context, linked};
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::registry::Descriptor;
use events_schema::compat::is_published;
use events_schema::packed::json::without_bom;
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
    /// An event type, or a file.
    subject: String,
    what: String,
    /// A file and a line, or a file.
    place: String,
    advice: String,
}

/// What the check has seen so far.
#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
    /// The folders that each crate's build script has to watch.
    watched: BTreeMap<PathBuf, BTreeSet<String>>,
    /// The folders with published schemas, and the event types that are linked of each.
    folders: BTreeMap<PathBuf, BTreeSet<&'static str>>,
}

/// Checks what is linked against what is published.
///
/// An event whose compatibility is `none` promises nothing, so it need not be locked; once it was,
/// it is held to it like any other, because consumers rely on the files.
pub(crate) fn check(context: &Context, args: &Check) -> Result<(), Failure> {
    let start = args.root.start()?;
    let registry = linked()?;
    let mut found = Found::default();
    for event in registry {
        match Home::of(event, &start) {
            Ok(home) => match Locked::read(event, home) {
                Ok(locked) => found.event(&locked),
                Err(_) if is_free(event) => {}
                Err(reason) => {
                    let advice = "write `compatibility = \"none\"` with a reason, for it can't be locked";
                    found.fail(event, reason, definition(event), advice);
                }
            },
            Err(lost) => found.lost(event, &lost),
        }
    }
    found.build_scripts();
    found.leftovers();
    report(context, registry.len(), &found.findings)?;
    let failed = found.findings.iter().any(|finding| finding.level == Level::Failed);
    if failed { Err(Failure::Said) } else { Ok(()) }
}

impl Found {
    fn fail(&mut self, event: Descriptor, what: impl Into<String>, place: String, advice: impl Into<String>) {
        let subject = event.event_type().to_owned();
        let (what, advice) = (what.into(), advice.into());
        self.findings.push(Finding { level: Level::Failed, subject, what, place, advice });
    }

    fn warn(&mut self, event: Descriptor, what: String, place: String, advice: &str) {
        let (subject, advice) = (event.event_type().to_owned(), advice.to_owned());
        self.findings.push(Finding { level: Level::Warning, subject, what, place, advice });
    }

    /// An event whose files have no place here. That of another repository is held to what it was
    /// compiled with.
    fn lost(&mut self, event: Descriptor, lost: &Lost) {
        if !matches!(lost, Lost::Foreign { .. }) {
            self.fail(event, lost.to_string(), definition(event), "or check it where it is defined");
            return;
        }
        let locked = event
            .published()
            .last()
            .is_some_and(|newest| is_published(event.schema(), newest, event.get().schemas.form));
        if !locked && !is_free(event) {
            let what = "is not locked where it comes from".to_owned();
            let advice = "ask for it there: its next version may break this program";
            self.warn(event, what, definition(event), advice);
        }
    }

    fn event(&mut self, event: &Locked) {
        let descriptor = event.descriptor;
        self.folders.entry(event.home.folder.clone()).or_default().insert(descriptor.event_type());
        if let Some(elsewhere) = event.elsewhere() {
            self.fail(descriptor, elsewhere.what, elsewhere.place, origin::ADVICE);
        }
        for fault in &event.faults {
            let advice = "restore it, or remove what is no published schema";
            self.fail(descriptor, &fault.what, shown(&fault.path), advice);
        }
        let Some(newest) = event.newest() else {
            if event.faults.is_empty() && !is_free(descriptor) {
                let advice = format!("`schema lock {}` publishes it", descriptor.event_type());
                self.fail(descriptor, "is not locked", definition(descriptor), advice);
            }
            return;
        };
        self.watched.entry(event.home.krate.clone()).or_default().insert(event.home.watched.clone());
        for version in &event.versions {
            self.name(event, version);
        }
        for (version, text) in event.broken_versions() {
            let advice = "a published version stays as it is: restore the one that was edited";
            self.fail(descriptor, text, shown(&version.path), advice);
        }
        self.gaps(event);
        self.newest(event, newest);
        if event.is_stale() {
            let advice =
                "build it again, from clean where the crate has no build script that watches the folder";
            let what = "this program was built with other files than there are now";
            self.fail(descriptor, what, shown(&event.folder), advice);
        }
    }

    /// Whether the newest version is the definition, by schema and by number.
    fn newest(&mut self, event: &Locked, newest: &Version) {
        let descriptor = event.descriptor;
        let event_type = descriptor.event_type();
        let changed_key = event.changed_key();
        if let Some(changed) = changed_key.clone().filter(|_| event.has_current_schema()) {
            let what = format!(
                "has another key than version {}, the newest that is locked: {changed}",
                newest.minor
            );
            let advice = format!(
                "restore the key, or publish it as the next version with `schema lock {event_type}`, after raising `minor_version` where the definition has one"
            );
            self.fail(descriptor, what, definition(descriptor), advice);
        } else if !event.is_current() {
            let what = format!("differs from version {}, the newest that is locked", newest.minor);
            let advice = format!(
                "`schema diff {event_type}` shows how, `schema lock {event_type}` publishes it as the next version"
            );
            self.fail(descriptor, what, definition(descriptor), advice);
            for question in event.questions() {
                let advice = "before it is locked, for a published version stays as it is";
                self.warn(descriptor, question, definition(descriptor), advice);
            }
            if let Some(changed) = changed_key {
                let advice = "restore the key before the definition is locked, if that is not meant";
                self.warn(descriptor, changed, definition(descriptor), advice);
            }
        } else if !event.is_stale() && descriptor.minor_version() != newest.minor {
            let what = format!(
                "counts itself as version {}, and its schema is locked as version {}",
                descriptor.minor_version(),
                newest.minor
            );
            let advice = "leave `minor_version` out of the definition, which counts by itself";
            self.fail(descriptor, what, definition(descriptor), advice);
        }
        if event.has_current_schema() {
            self.docs(event, newest);
        }
    }

    /// Whether the newest version is documented as the definition is. Of an older one only the version
    /// control knows what it said.
    fn docs(&mut self, event: &Locked, newest: &Version) {
        let text = |text: &str| serde_json::from_str::<Value>(without_bom(text)).unwrap_or_default();
        let published = fs::read_to_string(&newest.path).unwrap_or_default();
        let paths = docs::differences(&text(&published), &text(event.descriptor.schema_json()));
        if paths.is_empty() {
            return;
        }
        let paths: Vec<_> = paths.iter().map(|path| format!("`{path}`")).collect();
        self.warn(
            event.descriptor,
            format!("documents {} in other words than the definition does", paths.join(", ")),
            shown(&newest.path),
            "a published version stays as it is: restore the file if it was edited; the definition's words are published with its next version",
        );
    }

    /// Numbers that have no file. Who gives the numbers may leave some out; else one was removed.
    fn gaps(&mut self, event: &Locked) {
        let descriptor = event.descriptor;
        let is_counted = descriptor.get().schemas.is_counted;
        let mut next = if is_counted { 0 } else { event.versions.first().map_or(0, |oldest| oldest.minor) };
        for version in &event.versions {
            if version.minor > next {
                let last = version.minor - 1;
                let what = if last == next {
                    format!("version {next} is missing: the next file is version {}", version.minor)
                } else {
                    format!(
                        "versions {next} to {last} are missing: the next file is version {}",
                        version.minor
                    )
                };
                let place = shown(&event.folder);
                if is_counted {
                    let advice = "a published version stays: restore its file, for nothing is checked against what is not there; where the numbers are given by hand, write `minor_version = …` in the definition";
                    self.fail(descriptor, what, place, advice);
                } else {
                    let advice = "a published version stays: restore its file if there was one, for nothing is checked against what is not there";
                    self.warn(descriptor, what, place, advice);
                }
            }
            next = version.minor.saturating_add(1);
        }
    }

    /// Whether a version is of the event's own record.
    fn name(&mut self, event: &Locked, version: &Version) {
        let descriptor = event.descriptor;
        let Shape::Record(own) = View::tree(descriptor.schema()).shape() else { return };
        let what = match View::packed(&version.schema.bytes).shape() {
            Shape::Record(record) if own.name.is(&record.name) || own.name.has_alias(&record.name) => return,
            Shape::Record(record) => format!(
                "is of the record `{}.{}`, and the event's is `{}.{}`",
                String::from_utf8_lossy(record.name.namespace),
                String::from_utf8_lossy(record.name.base),
                String::from_utf8_lossy(own.name.namespace),
                String::from_utf8_lossy(own.name.base),
            ),
            _ => "is no record, and every event is one".to_owned(),
        };
        let advice = "restore the file, or keep the event's name and namespace with `#[public_signal(name = \"…\", namespace = \"…\")]`";
        self.fail(descriptor, what, shown(&version.path), advice);
    }

    fn build_scripts(&mut self) {
        for (krate, watched) in &self.watched {
            let script = BuildScript::of(krate, watched);
            let Some(advice) = script.advice(watched) else { continue };
            let (what, path) = match script {
                BuildScript::Complete => continue,
                BuildScript::Absent(path) => ("there is no build script", path),
                BuildScript::Lacks(path, _) => ("does not watch the published schemas", path),
                BuildScript::Refused(path) => ("`package.build` is `false`", path),
            };
            let subject = shown(&path);
            let (what, place) = (what.to_owned(), shown(krate));
            self.findings.push(Finding { level: Level::Failed, subject, what, place, advice });
        }
    }

    /// Folders of event types that nothing linked defines.
    fn leftovers(&mut self) {
        for (folder, known) in &self.folders {
            for path in folders(folder) {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                let Some(name) = name.filter(|name| !known.contains(name.as_str())) else { continue };
                self.findings.push(Finding {
                    level: Level::Warning,
                    subject: name,
                    what: "is published, and nothing that is linked defines it".to_owned(),
                    place: shown(&path),
                    advice: "link its crate into this program with `events_runtime::link!`; a retired event's folder may go".to_owned(),
                });
            }
        }
    }
}

/// Whether an event may stay unlocked.
fn is_free(event: Descriptor) -> bool {
    event.compatibility() == Compatibility::None
}

fn definition(event: Descriptor) -> String {
    format!("{}:{}", event.file(), event.line())
}

/// The folders in a folder, in order.
fn folders(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn report(context: &Context, events: usize, findings: &[Finding]) -> Result<(), Failure> {
    let word = |level| match level {
        Level::Failed => "failed",
        Level::Warning => "warning",
    };
    if context.json() {
        let findings = findings.iter().map(|finding| {
            json!({
                "level": word(finding.level),
                "subject": finding.subject,
                "what": finding.what,
                "place": finding.place,
                "advice": finding.advice,
            })
        });
        let findings = findings.collect::<Value>();
        return Ok(output::pretty(&json!({ "events": events, "findings": findings }))?);
    }
    for finding in findings {
        output::line(format_args!("{:8} {}", word(finding.level), finding.subject))?;
        let text = format!("{}\nat {}\n{}", finding.what, finding.place, finding.advice);
        text.lines().try_for_each(|line| output::line(format_args!("           {line}")))?;
    }
    let all = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (events, failed, warnings) = (
        counted(events, "event type"),
        counted(all(Level::Failed), "failure"),
        counted(all(Level::Warning), "warning"),
    );
    Ok(output::line(format_args!("{events}, {failed}, {warnings}"))?)
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
