//! A schema with resolved names, the form that the rules compare.

use std::collections::HashMap;

use super::sketch::{Kind, Logical, Sketch, Type, full};

/// The nodes of a schema, and the index `root`.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) root: Place,
}

/// A node of a schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) node: usize,
    /// Whether the node is a reference to an earlier definition.
    pub(super) by_name: bool,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) shape: Shape,
    pub(super) logical: Option<Logical>,
}

#[derive(Debug)]
pub(super) enum Shape {
    Plain(&'static str),
    Array(Place),
    Map(Place),
    Union(Vec<Place>),
    Record(Name, Vec<Field>),
    Enum(Name, Vec<String>, Option<String>),
    Fixed(Name, u32),
}

#[derive(Debug)]
pub(super) struct Name {
    pub(super) full: String,
    pub(super) base: String,
    /// As written.
    pub(super) written_aliases: Vec<String>,
    /// As full names.
    pub(super) aliases: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) has_default: bool,
    pub(super) schema: Place,
}

impl Graph {
    pub(super) fn new(sketch: &Sketch) -> Self {
        let mut walk = Walk { sketch, nodes: Vec::new(), met: HashMap::new() };
        let root = walk.place(&sketch.root, "");
        Self { nodes: walk.nodes, root }
    }
}

impl Shape {
    /// The name of a record, an enum or a fixed.
    pub(super) fn name(&self) -> Option<&Name> {
        match self {
            Self::Record(name, _) | Self::Enum(name, ..) | Self::Fixed(name, _) => Some(name),
            _ => None,
        }
    }
}

struct Walk<'a> {
    sketch: &'a Sketch,
    nodes: Vec<Node>,
    met: HashMap<usize, usize>,
}

impl Walk<'_> {
    fn node(&mut self, shape: Shape, logical: Option<Logical>) -> Place {
        self.nodes.push(Node { shape, logical });
        Place { node: self.nodes.len() - 1, by_name: false }
    }

    fn place(&mut self, place: &Type, around: &str) -> Place {
        match place {
            Type::Plain(base) => self.node(Shape::Plain(base), None),
            Type::Logical(base, logical) => self.node(Shape::Plain(base), Some(*logical)),
            Type::Array(inner) => {
                let inner = self.place(inner, around);
                self.node(Shape::Array(inner), None)
            }
            Type::Map(inner) => {
                let inner = self.place(inner, around);
                self.node(Shape::Map(inner), None)
            }
            Type::Union(branches) => {
                let branches = branches.iter().map(|branch| self.place(branch, around)).collect();
                self.node(Shape::Union(branches), None)
            }
            Type::Named(index) => self.named(*index, around),
        }
    }

    fn named(&mut self, index: usize, around: &str) -> Place {
        if let Some(node) = self.met.get(&index) {
            return Place { node: *node, by_name: true };
        }
        let sketch = self.sketch;
        let named = &sketch.named[index];
        let own = named.namespace.as_deref().unwrap_or(around);
        let in_full = |alias: &String| if alias.contains('.') { alias.clone() } else { full(own, alias) };
        let name = Name {
            full: full(own, &named.base),
            base: named.base.clone(),
            written_aliases: named.aliases.clone(),
            aliases: named.aliases.iter().map(in_full).collect(),
        };
        match &named.kind {
            Kind::Enum { symbols, default } => {
                let place = self.node(Shape::Enum(name, symbols.clone(), default.clone()), None);
                self.met.insert(index, place.node);
                place
            }
            Kind::Fixed { size, logical } => {
                let place = self.node(Shape::Fixed(name, *size), *logical);
                self.met.insert(index, place.node);
                place
            }
            Kind::Record(fields) => {
                // Its own fields can refer to it.
                let place = self.node(Shape::Plain("null"), None);
                self.met.insert(index, place.node);
                let fields = fields.iter().map(|field| Field {
                    name: field.name.clone(),
                    aliases: field.aliases.clone(),
                    has_default: sketch.default(field).is_some(),
                    schema: self.place(&field.schema, own),
                });
                let fields = fields.collect();
                self.nodes[place.node].shape = Shape::Record(name, fields);
                place
            }
        }
    }
}
