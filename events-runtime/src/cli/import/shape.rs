//! Avro definitions into Rust items: what is an `Option`, what an enum, what leads back to itself.
//!
//! The walk goes through the schema in the order of its text, as the walks over a definition's
//! tree do. A name that is met inside of its own definition closes a cycle: it stands by name in
//! our schema too, and in a `Box` where nothing else does. Cutting the cycles where such a walk
//! meets them cuts them all, and never before the definition that is referred to.

use std::collections::{HashMap, HashSet};

use super::item::{Branch, Item, ItemId, ItemKind, Items, Member, Type};
use super::logical::{Depth, plain};
use super::model::{Definition, Field, FullName, Kind, Primitive, Schema, is_avro_name};
use super::read::Source;
use super::report::{Place, Report};
use super::union;
use crate::cli::args::Times;

/// The most named types that an event can have.
const MAX_ITEMS: usize = 256;

/// The most arrays and maps around each other: the compiler follows types to a depth of 128, and takes
/// several steps for each of these.
const MAX_NESTED: usize = 24;

/// The items of a file; `None` where events can't hold it, and the report has the reasons.
pub(super) fn shape(source: &Source, times: Option<Times>, report: &mut Report) -> Option<Items> {
    let root = Place::default();
    let Schema::Named(name) = &source.root else {
        report.fault(&root, "an event is a record, and this is none: make it a field of one");
        return None;
    };
    let definitions = source.definitions.iter().map(|it| (&it.name, it)).collect();
    let mut walk = Walk {
        definitions,
        times,
        report,
        items: Vec::new(),
        roles: HashMap::new(),
        unions: HashMap::new(),
        lone: union::lone(&source.definitions),
        stack: Vec::new(),
    };
    walk.definition(name, None, &root);
    if walk.roles.len() > MAX_ITEMS {
        let what = format!("{} named types, and an event has at most {MAX_ITEMS}", walk.roles.len());
        walk.report.fault(&root, what);
    }
    let Walk { items, report, .. } = walk;
    let is_record = items
        .first()
        .is_some_and(|it| it.item.as_ref().is_some_and(|it| matches!(it.kind, ItemKind::Struct(_))));
    if report.is_sound() && !is_record {
        report.fault(&root, "an event is a record, and this is an enum: make it a field of one");
    }
    let finished = items.into_iter().enumerate().map(|(id, draft)| draft.finish(id == 0, report));
    let items: Option<Vec<_>> = finished.collect();
    let items = items.filter(|_| report.is_sound()).map(Items)?;
    if let Some(endless) = items.endless() {
        let what = format!(
            "no value of `{}` has an end, for each holds another one: make the field that leads back a `[\"null\", …]` or an array",
            endless.name
        );
        report.fault(&root, what);
    }
    report.is_sound().then_some(items)
}

/// An item, which is there before its definition has been walked through.
struct Draft {
    item: Option<Item>,
    namespace: String,
    /// Whether everything that holds it is in its namespace.
    inherits: bool,
    place: Place,
}

impl Draft {
    /// The item with its namespace, where that must be written.
    ///
    /// Nothing holds the root, which is where its namespace must come from.
    fn finish(self, is_root: bool, report: &mut Report) -> Option<Item> {
        let mut item = self.item?;
        if is_root && !self.namespace.is_empty() {
            item.namespace = Some(self.namespace);
            return Some(item);
        }
        if self.inherits {
            return Some(item);
        }
        if !self.namespace.split('.').all(is_avro_name) {
            let what = match self.namespace.as_str() {
                "" => "is in no namespace, and what holds it is in one: give it that one".to_owned(),
                other => format!("is in the namespace `{other}`, which is not made of Avro names: rename it"),
            };
            report.fault(&self.place, format!("`{}` {what}", item.name));
            return None;
        }
        item.namespace = Some(self.namespace);
        Some(item)
    }
}

/// What a record or an enum became.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Item(ItemId),
    /// A variant of an enum.
    Variant(ItemId),
}

struct Walk<'a> {
    definitions: HashMap<&'a FullName, &'a Definition>,
    times: Option<Times>,
    report: &'a mut Report,
    items: Vec<Draft>,
    roles: HashMap<&'a FullName, Role>,
    /// By the names of their records.
    unions: HashMap<Vec<&'a FullName>, ItemId>,
    /// The records of unions of one.
    lone: HashSet<&'a FullName>,
    /// The items whose definitions are around this place.
    stack: Vec<ItemId>,
}

/// What a member needs to know beside its type.
#[derive(Default)]
struct Found {
    with: Option<&'static str>,
    back_refs: Vec<ItemId>,
}

/// Where a schema stands in a record.
struct Position<'a> {
    namespace: &'a str,
    place: &'a Place,
    depth: Depth,
}

/// How many arrays and maps are directly in each other.
fn nested(schema: &Schema) -> usize {
    match schema {
        Schema::Array(inner) | Schema::Map(inner) => 1 + nested(inner),
        Schema::Union(branches) => branches.iter().map(nested).max().unwrap_or_default(),
        Schema::Primitive { .. } | Schema::Named(_) | Schema::Fixed(_) => 0,
    }
}

impl<'a> Walk<'a> {
    fn fault<T>(&mut self, place: &Place, what: impl Into<String>) -> Option<T> {
        self.report.fault(place, what);
        None
    }

    /// The item of a record or an enum that does not stand in a union with others.
    fn definition(&mut self, name: &'a FullName, enclosing: Option<&str>, place: &Place) -> Option<ItemId> {
        let definition = *self.definitions.get(name)?;
        match self.roles.get(name).copied() {
            Some(Role::Item(id)) => {
                self.uses(id, enclosing);
                return Some(id);
            }
            Some(Role::Variant(_)) => return self.both(name, place),
            None => {}
        }
        let id = self.begin(&name.namespace, enclosing, place);
        self.roles.insert(name, Role::Item(id));
        let kind = match &definition.kind {
            Kind::Record(fields) => ItemKind::Struct(self.members(fields, &name.namespace, place)),
            Kind::Enum { symbols, default } => {
                ItemKind::Symbols { symbols: symbols.clone(), default: default.clone() }
            }
        };
        self.end(
            id,
            Item {
                name: name.name.clone(),
                namespace: None,
                doc: definition.doc.clone(),
                aliases: definition.aliases.clone(),
                kind,
            },
        );
        Some(id)
    }

    fn begin(&mut self, namespace: &str, enclosing: Option<&str>, place: &Place) -> ItemId {
        let id = self.items.len();
        self.items.push(Draft {
            item: None,
            namespace: namespace.to_owned(),
            inherits: true,
            place: place.clone(),
        });
        self.uses(id, enclosing);
        self.stack.push(id);
        id
    }

    fn end(&mut self, id: ItemId, item: Item) {
        self.stack.pop();
        if let Some(draft) = self.items.get_mut(id) {
            draft.item = Some(item);
        }
    }

    /// Notes that an item stands inside of a namespace; the root stands in whichever it says.
    fn uses(&mut self, id: ItemId, enclosing: Option<&str>) {
        if let (Some(draft), Some(enclosing)) = (self.items.get_mut(id), enclosing) {
            draft.inherits &= draft.namespace == enclosing;
        }
    }

    fn both<T>(&mut self, name: &FullName, place: &Place) -> Option<T> {
        let what = format!(
            "the record `{name}` stands in a union of records here and differently elsewhere; in Rust it would be a variant here and not there: use the same union in both places, or two records"
        );
        self.fault(place, what)
    }

    fn members(&mut self, fields: &'a [Field], namespace: &str, record: &Place) -> Vec<Member> {
        fields
            .iter()
            .filter_map(|field| self.member(field, namespace, &record.field(&field.labels.name)))
            .collect()
    }

    fn member(&mut self, field: &'a Field, namespace: &str, place: &Place) -> Option<Member> {
        let mut found = Found::default();
        let position = Position { namespace, place, depth: Depth::Field };
        let ty = self.schema(&field.schema, &position, &mut found)?;
        if matches!(ty, Type::Option(_)) && field.labels.default.is_none() {
            self.report.note(place, "has no default; an `Option` has `null` in the new schema");
        }
        Some(Member { labels: field.labels.clone(), ty, with: found.with, back_refs: found.back_refs })
    }

    fn schema(&mut self, schema: &'a Schema, position: &Position<'_>, found: &mut Found) -> Option<Type> {
        let Position { namespace, place, depth } = *position;
        if nested(schema) > MAX_NESTED {
            let what = format!(
                "more than {MAX_NESTED} arrays or maps directly in each other, which no Rust type of an event is: put a record between them"
            );
            return self.fault(place, what);
        }
        match schema {
            Schema::Primitive { kind, logical } => {
                let Some(plain) = plain(*kind, logical.as_deref(), self.times, depth) else {
                    return self.fault(place, "a `null` alone carries nothing: remove it, or write `[\"null\", …]`");
                };
                if let Some(lost) = plain.lost {
                    self.report.note(place, lost);
                }
                found.with = plain.with;
                Some(Type::Plain { rust: plain.rust, avro: *kind })
            }
            Schema::Array(items) => {
                let inside = Position { namespace, place: &place.item(), depth: Depth::Inside };
                Some(Type::Vec(Box::new(self.schema(items, &inside, found)?)))
            }
            Schema::Map(values) => {
                let inside = Position { namespace, place: &place.value(), depth: Depth::Inside };
                Some(Type::Map(Box::new(self.schema(values, &inside, found)?)))
            }
            Schema::Union(branches) => self.union(branches, position, found),
            Schema::Named(name) => {
                let id = self.definition(name, Some(namespace), place)?;
                Some(self.item(id, depth, found))
            }
            Schema::Fixed(size) => self.fault(
                place,
                format!(
                    "`fixed` of {size} bytes, which events do not have: write `bytes` in the next major version of the schema"
                ),
            ),
        }
    }

    /// The name of an item; one that is being defined around this place is cut off here.
    fn item(&self, id: ItemId, depth: Depth, found: &mut Found) -> Type {
        let back = self.stack.contains(&id);
        // The derive knows the type's own name.
        if back && self.stack.last() != Some(&id) {
            found.back_refs.push(id);
        }
        Type::Item { id, boxed: back && depth != Depth::Inside, back }
    }

    fn union(&mut self, branches: &'a [Schema], position: &Position<'_>, found: &mut Found) -> Option<Type> {
        let Position { namespace, place, depth } = *position;
        let is_null = |schema: &Schema| matches!(schema, Schema::Primitive { kind: Primitive::Null, .. });
        let nullable = branches.first().is_some_and(is_null);
        let rest = if nullable { branches.get(1..).unwrap_or_default() } else { branches };
        if rest.iter().any(is_null) {
            return self.fault(
                place,
                "a union in which `null` is not the first branch; an `Option` is `[\"null\", …]`: move `null` to the front in the next major version of the schema",
            );
        }
        let inner = if nullable && depth == Depth::Field { Depth::Option } else { depth };
        let ty = match rest {
            [] => return self.fault(place, "a union without a branch that carries a value: remove it"),
            [only] if nullable && !matches!(only, Schema::Named(name) if self.lone.contains(name)) => {
                let inside = Position { namespace, place, depth: inner };
                self.schema(only, &inside, found)?
            }
            _ => {
                let id = self.records(rest, namespace, place)?;
                self.item(id, inner, found)
            }
        };
        Some(if nullable { Type::Option(Box::new(ty)) } else { ty })
    }

    /// The enum of a union of records.
    fn records(&mut self, branches: &'a [Schema], enclosing: &str, place: &Place) -> Option<ItemId> {
        let records = match union::records(branches, &self.definitions) {
            Ok(records) => records,
            Err(what) => return self.fault(place, what),
        };
        let names: Vec<_> = records.iter().map(|record| record.name).collect();
        if let Some(id) = self.unions.get(&names).copied() {
            self.uses(id, Some(enclosing));
            return Some(id);
        }
        if let Some(name) = names.iter().find(|name| self.roles.contains_key(*name)) {
            return self.both(name, place);
        }
        let taken = |prefix: &FullName| {
            self.definitions.contains_key(prefix)
                || self.unions.values().filter_map(|id| self.items.get(*id)).any(|draft| {
                    draft.namespace == prefix.namespace
                        && draft.item.as_ref().is_some_and(|item| item.name == prefix.name)
                })
        };
        let prefix = match union::prefix(&names, taken) {
            Ok(prefix) => prefix,
            Err(what) => return self.fault(place, what),
        };
        let id = self.begin(&prefix.namespace, Some(enclosing), place);
        // Its name must be known inside of it.
        let empty = Item {
            name: prefix.name.clone(),
            namespace: None,
            doc: None,
            aliases: Vec::new(),
            kind: ItemKind::Union(Vec::new()),
        };
        if let Some(draft) = self.items.get_mut(id) {
            draft.item = Some(empty.clone());
        }
        self.unions.insert(names, id);
        self.roles.extend(records.iter().map(|record| (record.name, Role::Variant(id))));
        let branches = records.iter().map(|record| {
            let place = place.branch(&record.name.name);
            Branch {
                name: record.name.name.strip_prefix(&prefix.name).unwrap_or_default().to_owned(),
                doc: record.doc.cloned(),
                aliases: record.aliases.to_vec(),
                members: self.members(record.fields, &record.name.namespace, &place),
            }
        });
        let kind = ItemKind::Union(branches.collect());
        self.end(id, Item { kind, ..empty });
        Some(id)
    }
}
