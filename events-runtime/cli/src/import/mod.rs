//! `schema import`: generates Rust definitions from Avro schema files.
//!
//! ```text
//! read     JSON ▶ model with full names
//! shape    model ▶ Rust items (union: enums with data; logical: types of other crates)
//! default  checks the defaults against the fields
//! event    determines the event of the root
//! name     Rust names for the items of all files
//! write    items ▶ Rust code (layout: formatting)
//! report   errors and notes of each step
//! ```

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
use super::output::{self, counted};
use event::Event;
use events_core::EventType;
use item::{ItemId, Items};
use layout::Code;
use name::TypeNames;
use report::{Report, SchemaPath};
use write::ItemWriter;

/// Writes the definitions of all valid files, and reports the errors of the others.
pub(super) fn run(args: &Import) -> Result<(), Failure> {
    if let Some(event_type) = &args.event_type {
        if args.files.len() > 1 {
            return Err(Failure::Usage(
                "`--event-type` applies to one file: import the files one at a time".to_owned(),
            ));
        }
        EventType::foreign(event_type).map_err(|error| Failure::Usage(error.to_string()))?;
    }
    let mut sources: Vec<Imported> = Vec::new();
    let mut failed = 0;
    for path in &args.files {
        let mut report = Report::default();
        let source = Imported::load(path, args, &sources, &mut report);
        report.lines(&path.display().to_string()).iter().for_each(output::eprint);
        match source {
            Some(source) => sources.push(source),
            None => failed += 1,
        }
    }
    if !sources.is_empty() {
        let code = generate(&sources);
        match &args.out {
            Some(out) => std::fs::write(out, code)
                .map_err(|error| Failure::failed(format!("cannot write {}: {error}", out.display())))?,
            None => output::lines(code.trim_end())?,
        }
    }
    match failed {
        0 => Ok(()),
        failed => {
            let files = counted(args.files.len(), "file");
            Err(Failure::failed(format!("failed to import {failed} of {files}")))
        }
    }
}

/// A successfully read file.
struct Imported {
    file: String,
    items: Items,
    event: Option<Event>,
}

impl Imported {
    fn load(path: &Path, args: &Import, others: &[Self], report: &mut Report) -> Option<Self> {
        let root = SchemaPath::default();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                report.error(&root, format!("cannot read the file: {error}"));
                return None;
            }
        };
        let source = Self::new(&text, path, args.event_type.as_deref(), args.times, report)?;
        let event_type = source.event_type();
        if let Some(other) =
            others.iter().find(|other| event_type.is_some() && other.event_type() == event_type)
        {
            let what = format!(
                "`{}` was already imported from {}: import only the newest minor version of an event type",
                event_type.unwrap_or_default(),
                other.file
            );
            report.error(&root, what);
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
        report.is_ok().then_some(Self { file, items, event })
    }

    fn event_type(&self) -> Option<&str> {
        self.event.as_ref().map(|event| event.event_type.as_str())
    }

    fn root_name(&self) -> &str {
        self.items.0.first().map_or("", |root| &root.name)
    }

    /// The base of the root's Rust name: its Avro name, or the event type's name if others share it.
    fn base_name(&self, all: &[Self]) -> String {
        let name = self.root_name();
        let is_shared = all.iter().filter(|other| other.root_name() == name).count() > 1;
        match self.event_type() {
            // All Open edX events have the same name.
            Some(event_type) if is_shared || name == event::OPENEDX_NAME => name::event_name(event_type),
            _ => name.to_owned(),
        }
    }
}

/// Generates the code of all files. Equal definitions in several files are generated once.
fn generate(sources: &[Imported]) -> String {
    let mut type_names = TypeNames::new();
    let roots: Vec<_> =
        sources.iter().map(|source| type_names.allocate(&source.base_name(sources))).collect();
    let mut generated: HashMap<String, String> = HashMap::new();
    let mut body = Code::default();
    for (source, root) in sources.iter().zip(roots) {
        let mut names = vec![root];
        let mut new: Vec<ItemId> = vec![0];
        for (id, item) in source.items.0.iter().enumerate().skip(1) {
            let name = generated.entry(source.items.identity(id)).or_insert_with(|| {
                new.push(id);
                type_names.allocate(&item.name)
            });
            names.push(name.clone());
        }
        let writer = ItemWriter { items: &source.items, names: &names };
        for id in new {
            let event = source.event.as_ref().filter(|_| id == 0).map(|event| (event, source.file.as_str()));
            body.line("");
            body.lines(&writer.item(id, event));
        }
    }
    imports(body.as_str()) + body.as_str()
}

/// The `use` items that the code needs.
fn imports(body: &str) -> String {
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

    /// The code for events with the type `org.acme.x.y.event{index}.v1` and these fields.
    fn generated(events: &[&str]) -> String {
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
        generate(&sources)
    }

    /// The names of the defined types except events.
    fn types(code: &str) -> Vec<&str> {
        let names = code.lines().filter_map(|line| {
            line.strip_prefix("pub struct ")
                .or_else(|| line.strip_prefix("pub enum "))?
                .split_whitespace()
                .next()
        });
        names.filter(|name| !name.starts_with("Event")).collect()
    }

    const LINE: &str = r#"{"name": "line", "type": {"type": "record", "name": "Line", "fields": [{"name": "sku", "type": "string"}]}}"#;

    #[test]
    fn equal_types_of_several_events_are_generated_once() {
        let tree = r#"{"name": "tree", "type": {"type": "record", "name": "Tree", "fields": [
            {"name": "children", "type": {"type": "array", "items": "Tree"}},
            {"name": "owner", "type": ["null", {"type": "record", "name": "Owner", "fields": [
                {"name": "tree", "type": ["null", "Tree"]}]}]}]}}"#;
        let both = format!("{LINE}, {tree}");
        assert_eq!(types(&generated(&[&both, &both])), ["Line", "Tree", "Owner"]);
    }

    #[test]
    fn different_types_of_the_same_name_are_numbered() {
        for other in [
            LINE.replace("string", "bytes"),
            LINE.replace(r#""fields""#, r#""doc": "A line.", "fields""#),
            LINE.replace(r#""type": "string""#, r#""type": "string", "default": """#),
            LINE.replace(r#""name": "Line""#, r#""name": "Line", "namespace": "org.acme.shared""#),
        ] {
            let text = generated(&[LINE, &other]);
            assert_eq!(types(&text), ["Line", "Line2"], "{text}");
            assert!(text.contains(r#"rename = "Line""#) && text.contains("pub line: Line2,"), "{text}");
        }
    }

    #[test]
    fn cycle_is_cut_where_it_is_entered() {
        let folder = r#"{"name": "folder", "type": {"type": "record", "name": "Folder", "fields": [
            {"name": "entries", "type": {"type": "array", "items": {"type": "record", "name": "Entry", "fields": [
                {"name": "folder", "type": ["null", "Folder"]}]}}}]}}"#;
        let entry = r#"{"name": "entry", "type": {"type": "record", "name": "Entry", "fields": [
            {"name": "folder", "type": ["null", {"type": "record", "name": "Folder", "fields": [
                {"name": "entries", "type": {"type": "array", "items": "Entry"}}]}]}]}}"#;
        let text = generated(&[folder, entry]);
        assert_eq!(types(&text), ["Folder", "Entry", "Entry2", "Folder2"]);
        assert!(
            text.contains("    #[event(back_ref = Folder)]\n    pub folder: Option<Box<Folder>>,"),
            "{text}"
        );
        assert!(text.contains("    pub folder: Option<Folder2>,"), "{text}");
        assert!(text.contains("    #[event(back_ref = Entry2)]\n    pub entries: Vec<Entry2>,"), "{text}");
    }

    #[test]
    fn only_used_items_are_imported() {
        let map = r#"{"name": "map", "type": {"type": "map", "values": "int"}}"#;
        let head = |code: &str| {
            code.lines().take_while(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(head(&generated(&[""])), "use events_runtime::PublicSignal;\n");
        assert_eq!(head(&generated(&[LINE])), "use events_runtime::{EventData, PublicSignal};\n");
        let expected = "use std::collections::BTreeMap;\n\nuse events_runtime::PublicSignal;\n";
        assert_eq!(head(&generated(&[map])), expected);
    }
}
