//! `schema import`: Rust definitions from Avro schema files.
//!
//! A file goes from the top to the bottom of this list:
//! [`read`] makes [`model`] of its JSON, every name in full; [`shape`] makes [`item`]s of that,
//! which are what Rust has (with [`union`] for the enums with data and [`logical`] for the types
//! of other crates); [`default`] compares the defaults with the fields; [`event`] finds out which
//! event the root is. Then all files together get [`name`]s and are [written](mod@write).

mod default;
mod event;
mod item;
mod layout;
mod logical;
mod model;
mod name;
mod read;
mod report;
mod shape;
mod union;
mod write;

use std::collections::HashMap;
use std::path::Path;

use super::args::{Import, Times};
use super::failure::Failure;
use super::output;
use crate::EventType;
use event::Event;
use item::{ItemId, Items};
use layout::Text;
use name::TypeNames;
use report::{Place, Report};
use write::Names;

/// Writes the definitions of all files that can be imported, and says why others can't.
pub(super) fn run(args: &Import) -> Result<(), Failure> {
    if let Some(event_type) = &args.event_type {
        if args.files.len() > 1 {
            return Err(Failure::Usage(
                "`--event-type` names one event: import one file with it, and others by themselves"
                    .to_owned(),
            ));
        }
        EventType::foreign(event_type).map_err(|error| Failure::Usage(error.to_string()))?;
    }
    let mut sources: Vec<Imported> = Vec::new();
    let mut refused = 0;
    for path in &args.files {
        let mut report = Report::default();
        let source = Imported::load(path, args, &sources, &mut report);
        report.lines(&path.display().to_string()).iter().for_each(output::eprint);
        match source {
            Some(source) => sources.push(source),
            None => refused += 1,
        }
    }
    if !sources.is_empty() {
        let text = text(&sources);
        match &args.out {
            Some(out) => std::fs::write(out, text)
                .map_err(|error| Failure::failed(format!("{} can't be written: {error}", out.display())))?,
            None => output::lines(text.trim_end())?,
        }
    }
    match refused {
        0 => Ok(()),
        refused => Err(Failure::failed(format!(
            "{refused} of {} files can't be imported, and nothing is written for them",
            args.files.len()
        ))),
    }
}

/// A file that can be imported.
struct Imported {
    file: String,
    items: Items,
    event: Option<Event>,
}

impl Imported {
    fn load(path: &Path, args: &Import, others: &[Self], report: &mut Report) -> Option<Self> {
        let root = Place::default();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                report.fault(&root, format!("the file can't be read: {error}"));
                return None;
            }
        };
        let source = Self::new(&text, path, args.event_type.as_deref(), args.times, report)?;
        let event_type = source.event_type();
        if let Some(other) =
            others.iter().find(|other| event_type.is_some() && other.event_type() == event_type)
        {
            let what = format!(
                "`{}` is imported from {} already: a program has one definition of an event type, that of the newest minor version",
                event_type.unwrap_or_default(),
                other.file
            );
            report.fault(&root, what);
            return None;
        }
        Some(source)
    }

    fn new(
        text: &str,
        path: &Path,
        event_type: Option<&str>,
        times: Option<Times>,
        report: &mut Report,
    ) -> Option<Self> {
        let source = read::read(text, report)?;
        let mut items = shape::shape(&source, times, report)?;
        default::check(&items, report);
        default::normalize(&mut items);
        let event = event::event(&mut items, path, event_type, report);
        let file = path.file_name().unwrap_or(path.as_os_str()).display().to_string();
        report.is_sound().then_some(Self { file, items, event })
    }

    fn event_type(&self) -> Option<&str> {
        self.event.as_ref().map(|event| event.event_type.as_str())
    }

    fn root_name(&self) -> &str {
        self.items.0.first().map_or("", |root| &root.name)
    }

    /// What the root is called in Rust, in words: its own name, unless others have that too.
    fn words(&self, all: &[Self]) -> String {
        let name = self.root_name();
        let is_shared = all.iter().filter(|other| other.root_name() == name).count() > 1;
        match self.event_type() {
            // Every event of Open edX has this name.
            Some(event_type) if is_shared || name == event::OPENEDX_NAME => name::of_event(event_type),
            _ => name.to_owned(),
        }
    }
}

/// The definitions of several files as one text. What several of them define alike is there once.
fn text(sources: &[Imported]) -> String {
    let mut type_names = TypeNames::new();
    let roots: Vec<_> = sources.iter().map(|source| type_names.take(&source.words(sources))).collect();
    let mut known: HashMap<String, String> = HashMap::new();
    let mut body = Text::default();
    for (source, root) in sources.iter().zip(roots) {
        let mut names = vec![root];
        let mut new: Vec<ItemId> = vec![0];
        for (id, item) in source.items.0.iter().enumerate().skip(1) {
            let name = known.entry(source.items.identity(id)).or_insert_with(|| {
                new.push(id);
                type_names.take(&item.name)
            });
            names.push(name.clone());
        }
        let names = Names { items: &source.items, names: &names };
        for id in new {
            let event = source.event.as_ref().filter(|_| id == 0).map(|event| (event, source.file.as_str()));
            body.line("");
            body.lines(&names.item(id, event));
        }
    }
    head(body.as_str()) + body.as_str()
}

/// The `use` lines of what a text names.
fn head(body: &str) -> String {
    let mut head = String::new();
    if body.contains("BTreeMap<") {
        head.push_str("use std::collections::BTreeMap;\n\n");
    }
    head.push_str(match (body.contains(" EventData)]"), body.contains(" PublicSignal)]")) {
        (true, true) => "use events_runtime::{EventData, PublicSignal};\n",
        (false, true) => "use events_runtime::PublicSignal;\n",
        _ => "use events_runtime::EventData;\n",
    });
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written of events that have the type `org.acme.x.y.event{index}.v1` and these fields.
    fn written(events: &[&str]) -> String {
        let sources: Vec<_> = events
            .iter()
            .enumerate()
            .map(|(index, fields)| {
                let schema = format!(
                    r#"{{"type": "record", "name": "Event{index}", "namespace": "org.acme.x.y.event{index}.v1", "fields": [{fields}]}}"#
                );
                let mut report = Report::default();
                let source = Imported::new(&schema, Path::new("x.avsc"), None, None, &mut report);
                source.unwrap_or_else(|| panic!("{:?}", report.lines("x")))
            })
            .collect();
        text(&sources)
    }

    /// The definitions in a text that are no events.
    fn types(text: &str) -> Vec<&str> {
        let words = text.lines().filter_map(|line| {
            line.strip_prefix("pub struct ")
                .or_else(|| line.strip_prefix("pub enum "))?
                .split_whitespace()
                .next()
        });
        words.filter(|name| !name.starts_with("Event")).collect()
    }

    const LINE: &str = r#"{"name": "line", "type": {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]}}"#;

    #[test]
    fn what_several_events_define_alike_is_written_once() {
        let tree = r#"{"name": "tree", "type": {"type": "record", "name": "Tree", "fields": [
            {"name": "children", "type": {"type": "array", "items": "Tree"}},
            {"name": "owner", "type": ["null", {"type": "record", "name": "Owner", "fields": [
                {"name": "tree", "type": ["null", "Tree"]}]}]}]}}"#;
        let both = format!("{LINE}, {tree}");
        assert_eq!(types(&written(&[&both, &both])), ["Line", "Tree", "Owner"]);
    }

    #[test]
    fn what_differs_in_any_respect_is_written_for_each() {
        for other in [
            LINE.replace("string", "bytes"),
            LINE.replace(r#""fields""#, r#""doc": "A line.", "fields""#),
            LINE.replace(r#""type": "string""#, r#""type": "string", "default": """#),
            LINE.replace(r#""name": "Line""#, r#""name": "Line", "namespace": "org.acme.shared""#),
        ] {
            let text = written(&[LINE, &other]);
            assert_eq!(types(&text), ["Line", "Line2"], "{text}");
            assert!(text.contains(r#"rename = "Line""#) && text.contains("pub line: Line2,"), "{text}");
        }
    }

    #[test]
    fn a_cycle_that_is_entered_elsewhere_is_cut_elsewhere() {
        let folder = r#"{"name": "folder", "type": {"type": "record", "name": "Folder", "fields": [
            {"name": "entries", "type": {"type": "array", "items": {"type": "record", "name": "Entry", "fields": [
                {"name": "folder", "type": ["null", "Folder"]}]}}}]}}"#;
        let entry = r#"{"name": "entry", "type": {"type": "record", "name": "Entry", "fields": [
            {"name": "folder", "type": ["null", {"type": "record", "name": "Folder", "fields": [
                {"name": "entries", "type": {"type": "array", "items": "Entry"}}]}]}]}}"#;
        let text = written(&[folder, entry]);
        assert_eq!(types(&text), ["Folder", "Entry", "Entry2", "Folder2"]);
        assert!(
            text.contains("    #[event(back_ref = Folder)]\n    pub folder: Option<Box<Folder>>,"),
            "{text}"
        );
        assert!(text.contains("    pub folder: Option<Folder2>,"), "{text}");
        assert!(text.contains("    #[event(back_ref = Entry2)]\n    pub entries: Vec<Entry2>,"), "{text}");
    }

    #[test]
    fn only_what_is_used_is_imported() {
        let map = r#"{"name": "map", "type": {"type": "map", "values": "int"}}"#;
        let head = |text: &str| {
            text.lines().take_while(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(head(&written(&[""])), "use events_runtime::PublicSignal;\n");
        assert_eq!(head(&written(&[LINE])), "use events_runtime::{EventData, PublicSignal};\n");
        let expected = "use std::collections::BTreeMap;\n\nuse events_runtime::PublicSignal;\n";
        assert_eq!(head(&written(&[map])), expected);
    }
}
