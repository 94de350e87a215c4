//! Determines the event of a file's root: its type, version and profile.

use std::path::Path;

use super::item::{Item, ItemKind, Items, Type};
use super::model::Primitive;
use super::model::is_avro_name;
use super::report::{Report, SchemaPath};
use events_core::EventType;

/// The `doc` of the root in every schema that Open edX writes.
const OPENEDX_DOC: &str = "Avro Event Format for CloudEvents created with openedx_events/schema";
/// The name of the root in every schema that Open edX writes.
pub(super) const OPENEDX_NAME: &str = "CloudEvent";

/// The options of `#[public_signal(…)]`.
#[allow(clippy::struct_field_names, reason = "`event_type` is a term of this library")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) event_type: String,
    pub(super) minor_version: u32,
    /// The namespace if it differs from the event type.
    pub(super) namespace: Option<String>,
    pub(super) is_openedx: bool,
    /// Whether the event type breaks the naming rule.
    pub(super) is_foreign: bool,
}

/// Determines the event of a file. `None` if its type is unknown, which is a note, or if the root can't
/// be an event. Removes from the root's item what the event already says.
pub(super) fn event(
    items: &mut Items,
    file: &Path,
    given: Option<&str>,
    report: &mut Report,
) -> Option<Event> {
    let path = SchemaPath::default();
    let is_openedx = items.0.first().is_some_and(is_openedx_root);
    let unsupported = unsupported_by_openedx(items);
    let root = items.0.first_mut()?;
    let namespace = root.namespace.clone().unwrap_or_default();
    let from_folder =
        || event_type_of_path(file).filter(|name| EventType::new(name).is_ok() || *name == namespace);
    let from_namespace = || {
        let is_one = if is_openedx { EventType::foreign(&namespace) } else { EventType::new(&namespace) };
        is_one.is_ok().then_some(namespace.as_str())
    };
    let Some(event_type) = given.or_else(from_folder).or_else(from_namespace) else {
        if !is_namespace(&namespace) && !namespace.is_empty() {
            let what = format!("the namespace `{namespace}` contains invalid Avro names: rename it");
            report.error(&path, what);
        }
        report.note(
            &path,
            format!(
                "`{}` is imported as data since its event type is unknown: to import an event, move the file to `<event type>/<minor version>.avsc`, or pass `--event-type TYPE`",
                root.name
            ),
        );
        return None;
    };
    if namespace.is_empty() {
        let what = format!(
            "the record `{}` has no namespace, but an event needs one: add `\"namespace\": \"{event_type}\"`, which changes the schema",
            root.name
        );
        report.error(&path, what);
        return None;
    }
    if namespace != event_type && !is_namespace(&namespace) {
        let what = format!("the namespace `{namespace}` contains invalid Avro names: rename it");
        report.error(&path, what);
        return None;
    }
    let mut openedx = is_openedx && namespace == event_type;
    if let (true, Some(reason)) = (openedx, unsupported) {
        report.note(
            &path,
            format!("looks like an Open edX event, but is not: {reason}; the profile is not set"),
        );
        openedx = false;
    }
    root.namespace = None;
    if openedx {
        // The profile generates it.
        root.doc = None;
    }
    Some(Event {
        minor_version: stem(file).and_then(|stem| stem.parse().ok()).unwrap_or_default(),
        namespace: (namespace != event_type).then(|| namespace.clone()),
        is_openedx: openedx,
        is_foreign: !openedx && EventType::new(event_type).is_err(),
        event_type: event_type.to_owned(),
    })
}

fn is_namespace(text: &str) -> bool {
    text.split('.').all(is_avro_name)
}

fn stem(file: &Path) -> Option<&str> {
    file.file_stem()?.to_str()
}

/// The event type in a path `<event type>/<minor version>.avsc`.
fn event_type_of_path(file: &Path) -> Option<&str> {
    stem(file)?.parse::<u32>().ok()?;
    file.parent()?.file_name()?.to_str()
}

fn is_openedx_root(root: &Item) -> bool {
    root.name == OPENEDX_NAME && root.doc.as_deref() == Some(OPENEDX_DOC) && root.aliases.is_empty()
}

/// The first feature of a schema that Open edX events never use.
fn unsupported_by_openedx(items: &Items) -> Option<String> {
    fn unsupported(ty: &Type) -> Option<&'static str> {
        match ty {
            Type::External { avro: Primitive::Int, .. } => Some("an `int`"),
            Type::External { avro: Primitive::Float, .. } => Some("a `float`"),
            Type::External { avro: Primitive::String, rust } if *rust != "String" => Some("a logical type"),
            Type::Vec(inner) | Type::Map(inner) | Type::Option(inner) => unsupported(inner),
            Type::External { .. } | Type::Item { .. } => None,
        }
    }
    let root = items.0.first()?;
    if let Some(member) = root.members().find(|member| matches!(member.ty, Type::Option(_))) {
        return Some(format!("its field `{}` is a union", member.attributes.name));
    }
    items.0.iter().find_map(|item| {
        if !matches!(item.kind, ItemKind::Struct(_)) {
            return Some(format!("`{}` is an enum or a union of records", item.name));
        }
        item.members().find_map(|member| {
            let what = if member.with.is_some() { Some("a logical type") } else { unsupported(&member.ty) };
            what.map(|what| format!("`{}.{}` is {what}", item.name, member.attributes.name))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::{read::read, shape::shape};
    use super::*;

    fn found(schema: &str, file: &str, given: Option<&str>) -> (Option<Event>, Vec<String>) {
        let mut report = Report::default();
        let source = read(schema, &mut report).expect(schema);
        let mut items = shape(&source, None, &mut report).expect(schema);
        let event = event(&mut items, Path::new(file), given, &mut report);
        (event, report.lines("x"))
    }

    fn record(head: &str, ty: &str) -> String {
        format!(r#"{{"type": "record", {head}, "fields": [{{"name": "a", "type": {ty}}}]}}"#)
    }

    const TYPE: &str = "org.acme.orders.order.placed.v1";

    fn event_of(event_type: &str) -> Event {
        Event {
            event_type: event_type.to_owned(),
            minor_version: 0,
            namespace: None,
            is_openedx: false,
            is_foreign: false,
        }
    }

    #[test]
    fn event_type_comes_from_the_option_the_folder_or_the_namespace() {
        let named =
            |namespace: &str| record(&format!(r#""name": "A", "namespace": "{namespace}""#), "\"int\"");
        let (event, notes) = found(&named(TYPE), "any.avsc", None);
        assert_eq!((event, notes), (Some(event_of(TYPE)), vec![]));
        let (event, _) = found(&named("org.acme"), "schemas/org.acme.orders.order.placed.v2/3.avsc", None);
        let expected = Event {
            minor_version: 3,
            namespace: Some("org.acme".to_owned()),
            ..event_of("org.acme.orders.order.placed.v2")
        };
        assert_eq!(event, Some(expected));
        let (event, _) = found(&named(TYPE), "7.avsc", Some("orders.placed"));
        let expected = Event {
            minor_version: 7,
            namespace: Some(TYPE.to_owned()),
            is_foreign: true,
            ..event_of("orders.placed")
        };
        assert_eq!(event, Some(expected));
    }

    #[test]
    fn file_without_an_event_type_is_data() {
        let (event, notes) = found(&record(r#""name": "A""#, "\"int\""), "folder/0.avsc", None);
        assert_eq!(event, None);
        assert!(notes[0].starts_with("note: x: the root: `A` is imported as data"), "{notes:?}");
        assert!(notes[0].contains("--event-type TYPE"), "{notes:?}");
    }

    #[test]
    fn event_requires_a_namespace() {
        let (event, errors) = found(&record(r#""name": "A""#, "\"int\""), "x.avsc", Some(TYPE));
        assert_eq!(event, None);
        assert!(errors[0].starts_with("error: x: the root: the record `A` has no namespace"), "{errors:?}");
    }

    #[test]
    fn openedx_schema_gets_the_openedx_profile() {
        let hyphen = "org.openedx.enterprise.subsidy.redemption-reversed.v1";
        let head = format!(r#""name": "CloudEvent", "namespace": "{hyphen}", "doc": "{OPENEDX_DOC}""#);
        let (event, notes) = found(&record(&head, "\"long\""), "any.avsc", None);
        assert_eq!(event, Some(Event { is_openedx: true, ..event_of(hyphen) }));
        assert_eq!(notes, [] as [String; 0]);
        for (ty, reason) in [
            (r#""int""#, "`CloudEvent.a` is an `int`"),
            (r#"{"type": "array", "items": "float"}"#, "`CloudEvent.a` is a `float`"),
            (r#"["null", "long"]"#, "its field `a` is a union"),
            (r#"{"type": "string", "logicalType": "uuid"}"#, "`CloudEvent.a` is a logical type"),
            (r#"{"type": "enum", "name": "E", "symbols": ["S"]}"#, "`E` is an enum"),
        ] {
            let (event, notes) = found(&record(&head, ty), "any.avsc", None);
            assert_eq!(event, Some(Event { is_foreign: true, ..event_of(hyphen) }));
            assert!(notes.iter().any(|note| note.contains(reason)), "{notes:?}");
        }
    }
}
