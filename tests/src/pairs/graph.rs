//! A schema with resolved names, the form that the rules compare.

use std::collections::HashMap;

use super::sketch::{Kind, Logical, Sketch, Type, full};

/// The nodes of a schema, and the index `root`.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeRef,
}

/// A use of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeRef {
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
    Array(NodeRef),
    Map(NodeRef),
    Union {
        branches: Vec<NodeRef>,
        /// Whether it takes branches that the reader does not know.
        other: bool,
    },
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
    pub(super) schema: NodeRef,
}

impl Graph {
    pub(super) fn new(sketch: &Sketch) -> Self {
        let mut builder = GraphBuilder { sketch, nodes: Vec::new(), nodes_by_type: HashMap::new() };
        let root = builder.add(&sketch.root, "");
        Self { nodes: builder.nodes, root }
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

struct GraphBuilder<'a> {
    sketch: &'a Sketch,
    nodes: Vec<Node>,
    nodes_by_type: HashMap<usize, usize>,
}

impl GraphBuilder<'_> {
    fn node(&mut self, shape: Shape, logical: Option<Logical>) -> NodeRef {
        self.nodes.push(Node { shape, logical });
        NodeRef { node: self.nodes.len() - 1, by_name: false }
    }

    fn add(&mut self, ty: &Type, namespace: &str) -> NodeRef {
        match ty {
            Type::Plain(base) => self.node(Shape::Plain(base), None),
            Type::Logical(base, logical) => self.node(Shape::Plain(base), Some(*logical)),
            Type::Array(inner) => {
                let inner = self.add(inner, namespace);
                self.node(Shape::Array(inner), None)
            }
            Type::Map(inner) => {
                let inner = self.add(inner, namespace);
                self.node(Shape::Map(inner), None)
            }
            Type::Union(branches) => {
                let other = self.sketch.has_other(branches);
                let branches = branches.iter().map(|branch| self.add(branch, namespace)).collect();
                self.node(Shape::Union { branches, other }, None)
            }
            Type::Named(index) => self.named(*index, namespace),
        }
    }

    fn named(&mut self, index: usize, namespace: &str) -> NodeRef {
        if let Some(node) = self.nodes_by_type.get(&index) {
            return NodeRef { node: *node, by_name: true };
        }
        let sketch = self.sketch;
        let named = &sketch.named[index];
        let own = named.namespace.as_deref().unwrap_or(namespace);
        let in_full = |alias: &String| if alias.contains('.') { alias.clone() } else { full(own, alias) };
        let name = Name {
            full: full(own, &named.base),
            base: named.base.clone(),
            written_aliases: named.aliases.clone(),
            aliases: named.aliases.iter().map(in_full).collect(),
        };
        match &named.kind {
            Kind::Enum { symbols, default } => {
                let node = self.node(Shape::Enum(name, symbols.clone(), default.clone()), None);
                self.nodes_by_type.insert(index, node.node);
                node
            }
            Kind::Fixed { size, logical } => {
                let node = self.node(Shape::Fixed(name, *size), *logical);
                self.nodes_by_type.insert(index, node.node);
                node
            }
            Kind::Record(fields) => {
                // Its own fields can refer to it.
                let node = self.node(Shape::Plain("null"), None);
                self.nodes_by_type.insert(index, node.node);
                let fields = fields.iter().map(|field| Field {
                    name: field.name.clone(),
                    aliases: field.aliases.clone(),
                    has_default: sketch.default(field).is_some(),
                    schema: self.add(&field.schema, own),
                });
                let fields = fields.collect();
                self.nodes[node.node].shape = Shape::Record(name, fields);
                node
            }
        }
    }
}
