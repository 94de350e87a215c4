//! Converts Avro definitions to Rust items: options, enums and recursive types.
//!
//! The schema is visited in the order of its text, like the schema tree of a definition. A name
//! inside its own definition closes a cycle. It becomes a back reference, and a `Box` unless a
//! collection already provides indirection. All cycles are cut this way, always after the definition
//! that they refer to.

use std::collections::{HashMap, HashSet};

use super::item::{Branch, Item, ItemId, ItemKind, Items, Member, Type};
use super::logical::{Depth, external_type};
use super::model::{Definition, Field, FullName, Kind, Primitive, Schema, is_avro_name};
use super::read::Source;
use super::report::{Report, SchemaPath};
use super::union;
use crate::args::Times;
use crate::output::counted;

/// Maximum number of named types in an event.
const MAX_ITEMS: usize = 256;

/// Maximum depth of directly nested arrays and maps. The compiler's recursion limit is 128, and each
/// level takes several steps.
const MAX_NESTED: usize = 24;

/// Converts a file; `None` after an error in the report.
pub(super) fn shape(source: &Source, times: Option<Times>, report: &mut Report) -> Option<Items> {
    let root = SchemaPath::default();
    let Schema::Named(name) = &source.root else {
        report.error(&root, "an event must be a record: make this type a field of a record");
        return None;
    };
    let definitions = source.definitions.iter().map(|it| (&it.name, it)).collect();
    let mut shaper = Shaper {
        definitions,
        times,
        report,
        items: Vec::new(),
        roles: HashMap::new(),
        unions: HashMap::new(),
        single_branches: union::single_branches(&source.definitions),
        stack: Vec::new(),
    };
    shaper.definition(name, None, &root);
    if shaper.roles.len() > MAX_ITEMS {
        let what = format!("{} named types, but an event can have at most {MAX_ITEMS}", shaper.roles.len());
        shaper.report.error(&root, what);
    }
    let Shaper { items, report, .. } = shaper;
    let is_record = items
        .first()
        .is_some_and(|it| it.item.as_ref().is_some_and(|it| matches!(it.kind, ItemKind::Struct(_))));
    if report.is_ok() && !is_record {
        report.error(&root, "an event must be a record, not an enum: make it a field of a record");
    }
    let finished = items.into_iter().enumerate().map(|(id, draft)| draft.finish(id == 0, report));
    let items: Option<Vec<_>> = finished.collect();
    let items = items.filter(|_| report.is_ok()).map(Items)?;
    if let Some(infinite) = items.find_infinite() {
        let what = format!(
            "`{}` always contains itself, so it has no finite value: make the recursive field a `[\"null\", …]` union or an array",
            infinite.name
        );
        report.error(&root, what);
    }
    report.is_ok().then_some(items)
}

/// An item whose definition may not be complete.
struct Draft {
    item: Option<Item>,
    namespace: String,
    /// Whether all types that contain it have its namespace.
    inherits: bool,
    path: SchemaPath,
}

impl Draft {
    /// Completes the item. Sets its namespace if it can't be inherited; the root never inherits it.
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
                "" => {
                    "has no namespace, but the type that contains it has one: use that namespace".to_owned()
                }
                other => {
                    format!("has the namespace `{other}`, which contains invalid Avro names: rename it")
                }
            };
            report.error(&self.path, format!("`{}` {what}", item.name));
            return None;
        }
        item.namespace = Some(self.namespace);
        Some(item)
    }
}

/// The Rust counterpart of a record or an enum.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Item(ItemId),
    /// A variant of an enum.
    Variant(ItemId),
}

struct Shaper<'a> {
    definitions: HashMap<&'a FullName, &'a Definition>,
    times: Option<Times>,
    report: &'a mut Report,
    items: Vec<Draft>,
    roles: HashMap<&'a FullName, Role>,
    /// The enums of unions, by the names of their records.
    unions: HashMap<Vec<&'a FullName>, ItemId>,
    /// The records that are the only branch of a union.
    single_branches: HashSet<&'a FullName>,
    /// The enclosing items.
    stack: Vec<ItemId>,
}

/// The options of a field that its type requires.
#[derive(Default)]
struct FieldOptions {
    with: Option<&'static str>,
    back_refs: Vec<ItemId>,
}

/// The position of a schema in a record.
struct Position<'a> {
    namespace: &'a str,
    path: &'a SchemaPath,
    depth: Depth,
}

/// The depth of directly nested arrays and maps.
fn nested(schema: &Schema) -> usize {
    match schema {
        Schema::Array(inner) | Schema::Map(inner) => 1 + nested(inner),
        Schema::Union(branches) => branches.iter().map(nested).max().unwrap_or_default(),
        Schema::Primitive { .. } | Schema::Named(_) | Schema::Fixed(_) => 0,
    }
}

impl<'a> Shaper<'a> {
    fn error<T>(&mut self, path: &SchemaPath, what: impl Into<String>) -> Option<T> {
        self.report.error(path, what);
        None
    }

    /// Converts a record or an enum that is not a branch of a union.
    fn definition(
        &mut self,
        name: &'a FullName,
        enclosing: Option<&str>,
        path: &SchemaPath,
    ) -> Option<ItemId> {
        let definition = *self.definitions.get(name)?;
        match self.roles.get(name).copied() {
            Some(Role::Item(id)) => {
                self.record_use(id, enclosing);
                return Some(id);
            }
            Some(Role::Variant(_)) => return self.conflicting_use(name, path),
            None => {}
        }
        let id = self.begin(&name.namespace, enclosing, path);
        self.roles.insert(name, Role::Item(id));
        let kind = match &definition.kind {
            Kind::Record(fields) => ItemKind::Struct(self.members(fields, &name.namespace, path)),
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

    fn begin(&mut self, namespace: &str, enclosing: Option<&str>, path: &SchemaPath) -> ItemId {
        let id = self.items.len();
        self.items.push(Draft {
            item: None,
            namespace: namespace.to_owned(),
            inherits: true,
            path: path.clone(),
        });
        self.record_use(id, enclosing);
        self.stack.push(id);
        id
    }

    fn end(&mut self, id: ItemId, item: Item) {
        self.stack.pop();
        if let Some(draft) = self.items.get_mut(id) {
            draft.item = Some(item);
        }
    }

    /// Records that an item is used in a namespace. The root has no enclosing namespace.
    fn record_use(&mut self, id: ItemId, enclosing: Option<&str>) {
        if let (Some(draft), Some(enclosing)) = (self.items.get_mut(id), enclosing) {
            draft.inherits &= draft.namespace == enclosing;
        }
    }

    fn conflicting_use<T>(&mut self, name: &FullName, path: &SchemaPath) -> Option<T> {
        let what = format!(
            "the record `{name}` is a branch of one union and also used elsewhere, so in Rust it would be both an enum variant and another type: use the same union everywhere, or two records"
        );
        self.error(path, what)
    }

    fn members(&mut self, fields: &'a [Field], namespace: &str, record: &SchemaPath) -> Vec<Member> {
        fields
            .iter()
            .filter_map(|field| self.member(field, namespace, &record.field(&field.attributes.name)))
            .collect()
    }

    fn member(&mut self, field: &'a Field, namespace: &str, path: &SchemaPath) -> Option<Member> {
        let mut options = FieldOptions::default();
        let position = Position { namespace, path, depth: Depth::Field };
        let ty = self.schema(&field.schema, &position, &mut options)?;
        if matches!(ty, Type::Option(_)) && field.attributes.default.is_none() {
            self.report.note(path, "has no default: an `Option` adds the default `null` to the new schema");
        }
        Some(Member {
            attributes: field.attributes.clone(),
            ty,
            with: options.with,
            back_refs: options.back_refs,
        })
    }

    fn schema(
        &mut self,
        schema: &'a Schema,
        position: &Position<'_>,
        options: &mut FieldOptions,
    ) -> Option<Type> {
        let Position { namespace, path, depth } = *position;
        if nested(schema) > MAX_NESTED {
            let what = format!(
                "more than {MAX_NESTED} directly nested arrays or maps are not supported: put a record between them"
            );
            return self.error(path, what);
        }
        match schema {
            Schema::Primitive { kind, logical } => {
                let Some(external) = external_type(*kind, logical.as_deref(), self.times, depth) else {
                    return self.error(
                        path,
                        "the type `null` holds no value: remove it, or use a union `[\"null\", …]`",
                    );
                };
                if let Some(note) = external.note {
                    self.report.note(path, note);
                }
                options.with = external.with;
                Some(Type::External { rust: external.rust, avro: *kind })
            }
            Schema::Array(items) => {
                let inside = Position { namespace, path: &path.item(), depth: Depth::Inside };
                Some(Type::Vec(Box::new(self.schema(items, &inside, options)?)))
            }
            Schema::Map(values) => {
                let inside = Position { namespace, path: &path.value(), depth: Depth::Inside };
                Some(Type::Map(Box::new(self.schema(values, &inside, options)?)))
            }
            Schema::Union(branches) => self.union(branches, position, options),
            Schema::Named(name) => {
                let id = self.definition(name, Some(namespace), path)?;
                Some(self.item(id, depth, options))
            }
            Schema::Fixed(size) => self.error(
                path,
                format!(
                    "`fixed` of {} is not supported: use `bytes` in the next major version of the schema",
                    counted(*size, "byte")
                ),
            ),
        }
    }

    /// Refers to an item. A reference to an enclosing item is a back reference.
    fn item(&self, id: ItemId, depth: Depth, options: &mut FieldOptions) -> Type {
        let back = self.stack.contains(&id);
        // The derive detects the type's own name.
        if back && self.stack.last() != Some(&id) {
            options.back_refs.push(id);
        }
        Type::Item { id, boxed: back && depth != Depth::Inside, back }
    }

    fn union(
        &mut self,
        branches: &'a [Schema],
        position: &Position<'_>,
        options: &mut FieldOptions,
    ) -> Option<Type> {
        let Position { namespace, path, depth } = *position;
        let is_null = |schema: &Schema| matches!(schema, Schema::Primitive { kind: Primitive::Null, .. });
        let nullable = branches.first().is_some_and(is_null);
        let rest = if nullable { branches.get(1..).unwrap_or_default() } else { branches };
        if rest.iter().any(is_null) {
            return self.error(
                path,
                "`null` is not the first branch of the union, as an `Option` requires: move it to the front in the next major version of the schema",
            );
        }
        let inner = if nullable && depth == Depth::Field { Depth::Option } else { depth };
        let ty = match rest {
            [] => return self.error(path, "the union has no branch with a value: remove it"),
            [only]
                if nullable
                    && !matches!(only, Schema::Named(name) if self.single_branches.contains(name)) =>
            {
                let inside = Position { namespace, path, depth: inner };
                self.schema(only, &inside, options)?
            }
            _ => {
                let id = self.records(rest, namespace, path)?;
                self.item(id, inner, options)
            }
        };
        Some(if nullable { Type::Option(Box::new(ty)) } else { ty })
    }

    /// Converts a union of records to an enum.
    fn records(&mut self, branches: &'a [Schema], enclosing: &str, path: &SchemaPath) -> Option<ItemId> {
        let records = match union::records(branches, &self.definitions) {
            Ok(records) => records,
            Err(what) => return self.error(path, what),
        };
        let names: Vec<_> = records.iter().map(|record| record.name).collect();
        if let Some(id) = self.unions.get(&names).copied() {
            self.record_use(id, Some(enclosing));
            return Some(id);
        }
        if let Some(name) = names.iter().find(|name| self.roles.contains_key(*name)) {
            return self.conflicting_use(name, path);
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
            Err(what) => return self.error(path, what),
        };
        let other = records.iter().find_map(|record| record.other);
        let other = other.and_then(|other| self.other(other, &prefix, &names, path));
        let id = self.begin(&prefix.namespace, Some(enclosing), path);
        // Branches may refer to the enum, so its name must be set before they are converted.
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
            let path = path.branch(&record.name.name);
            Branch {
                name: record.name.name.strip_prefix(&prefix.name).unwrap_or_default().to_owned(),
                doc: record.doc.cloned(),
                aliases: record.aliases.to_vec(),
                other: false,
                members: self.members(record.fields, &record.name.namespace, &path),
            }
        });
        let kind = ItemKind::Union(branches.chain(other).collect());
        self.end(id, Item { kind, ..empty });
        Some(id)
    }

    /// The variant that takes unknown branches, whose name begins as those of the branches.
    fn other(
        &mut self,
        name: &str,
        prefix: &FullName,
        branches: &[&FullName],
        path: &SchemaPath,
    ) -> Option<Branch> {
        let own = name.strip_prefix(&prefix.name).filter(|own| is_avro_name(own));
        let Some(own) = own.filter(|_| branches.iter().all(|branch| branch.name != name)) else {
            let what = format!("the attribute `other` is dropped: `{name}` is no name of another variant");
            self.report.note(path, what);
            return None;
        };
        let (doc, aliases, members) = (None, Vec::new(), Vec::new());
        Some(Branch { name: own.to_owned(), doc, aliases, other: true, members })
    }
}
