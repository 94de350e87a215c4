//! A second implementation of the rules of schema resolution, which can apply the deviations of others.
//!
//! Without any [`Deviation`], these are the specification's rules as the const check implements them, so the const
//! check must give the same verdict. With the deviations of another implementation, the verdict must be that
//! implementation's. So the few deviations need an explanation, and not each pair.

use super::deviations::Deviation;
use super::graph::{Field, Graph, Node, NodeRef, Shape};

/// Whether a reader's schema reads data of a writer's, with some deviations.
pub(super) fn reads(reader: &Graph, writer: &Graph, deviations: &[Deviation]) -> bool {
    let mut rules = Rules { reader, writer, deviations, above: Vec::new() };
    rules.reads(reader.root, writer.root)
}

struct Rules<'a> {
    reader: &'a Graph,
    writer: &'a Graph,
    deviations: &'a [Deviation],
    /// The records in comparison: a recursion back to one of them is assumed to match.
    above: Vec<(usize, usize)>,
}

impl<'a> Rules<'a> {
    fn has(&self, deviation: Deviation) -> bool {
        self.deviations.contains(&deviation)
    }

    fn read(&self, used: NodeRef) -> &'a Node {
        &self.reader.nodes[used.node]
    }

    fn written(&self, used: NodeRef) -> &'a Node {
        &self.writer.nodes[used.node]
    }

    fn reads(&mut self, reader: NodeRef, writer: NodeRef) -> bool {
        let (read, written) = (self.read(reader), self.written(writer));
        if let Shape::Union { branches, .. } = &written.shape {
            return branches
                .iter()
                .all(|branch| self.reads(reader, *branch) || self.is_other(read, branches, *branch));
        }
        if let Shape::Union { branches, .. } = &read.shape {
            return self.union_reads(branches, writer);
        }
        if self.has(Deviation::NamesStandForThemselves)
            && let (Some(name), Some(of)) = (read.shape.name(), written.shape.name())
            && (reader.by_name || writer.by_name)
        {
            return reader.by_name && writer.by_name && name.full == of.full;
        }
        if self.has(Deviation::LogicalTypesHaveNoBase) && self.same_whatever_base(read, written) {
            return true;
        }
        let bases = match (&read.shape, &written.shape) {
            (Shape::Plain(base), Shape::Plain(of)) => base == of || promotes(base, of),
            (Shape::Array(inner), Shape::Array(of)) | (Shape::Map(inner), Shape::Map(of)) => {
                return self.reads(*inner, *of);
            }
            (Shape::Fixed(_, size), Shape::Fixed(_, of)) => self.names(read, written) && size == of,
            (Shape::Enum(_, symbols, default), Shape::Enum(_, of, _)) => {
                self.names(read, written)
                    && (default.is_some() || of.iter().all(|symbol| symbols.contains(symbol)))
            }
            (Shape::Record(_, fields), Shape::Record(_, of)) => {
                self.names(read, written) && self.records((reader.node, writer.node), fields, of)
            }
            (_, Shape::Fixed(..)) => self.has(Deviation::KindsAreOne) && self.names(read, written),
            _ => false,
        };
        bases && self.units(read, written)
    }

    fn union_reads(&mut self, branches: &[NodeRef], writer: NodeRef) -> bool {
        if self.has(Deviation::AnyBranch) {
            return branches.iter().any(|branch| self.reads(*branch, writer));
        }
        let written = self.written(writer);
        let near =
            |rank| branches.iter().find(|branch| self.nearness(self.read(**branch), written) == Some(rank));
        let chosen = if self.has(Deviation::FirstBranch) {
            branches.iter().find(|branch| self.nearness(self.read(**branch), written).is_some())
        } else {
            (0..3).find_map(near)
        };
        chosen.is_some_and(|branch| self.reads(*branch, writer))
    }

    /// Whether a reader's union takes a branch of the writer's union as its variant for unknown ones. A union that
    /// shares no branch with the reader's is another type.
    fn is_other(&self, read: &Node, written: &[NodeRef], branch: NodeRef) -> bool {
        let Shape::Union { branches, other: true } = &read.shape else { return false };
        let is_null = |branch: NodeRef| matches!(self.written(branch).shape, Shape::Plain("null"));
        let is_known = |of: NodeRef| {
            branches.iter().any(|branch| self.nearness(self.read(*branch), self.written(of)).is_some())
        };
        !self.has(Deviation::UnionsDoNotGrow)
            && !is_null(branch)
            && !is_known(branch)
            && written.iter().any(|other| !is_null(*other) && is_known(*other))
    }

    /// How closely a branch matches the writer's type: the same, the same by name, a promotion.
    fn nearness(&self, read: &Node, written: &Node) -> Option<u8> {
        match (&read.shape, &written.shape) {
            (Shape::Plain(base), Shape::Plain(of)) if base == of => Some(0),
            (Shape::Plain(base), Shape::Plain(of)) => promotes(base, of).then_some(2),
            (Shape::Array(_), Shape::Array(_)) | (Shape::Map(_), Shape::Map(_)) => Some(0),
            (Shape::Fixed(_, size), Shape::Fixed(_, of)) if size != of => None,
            (Shape::Fixed(name, _), Shape::Fixed(of, _))
            | (Shape::Enum(name, ..), Shape::Enum(of, ..))
            | (Shape::Record(name, _), Shape::Record(of, _)) => {
                if name.full == of.full {
                    Some(0)
                } else {
                    self.names(read, written).then_some(1)
                }
            }
            _ if self.has(Deviation::KindsAreOne) => self.names(read, written).then_some(1),
            _ => None,
        }
    }

    fn names(&self, read: &Node, written: &Node) -> bool {
        let (Some(name), Some(of)) = (read.shape.name(), written.shape.name()) else { return false };
        name.base == of.base
            || !self.has(Deviation::TypesHaveNoAliases) && name.aliases.contains(&of.full)
            || self.has(Deviation::AliasesAsWritten)
                && (name.written_aliases.contains(&of.full) || name.written_aliases.contains(&of.base))
    }

    fn records(&mut self, pair: (usize, usize), fields: &'a [Field], written: &'a [Field]) -> bool {
        if self.above.contains(&pair) {
            return true;
        }
        self.above.push(pair);
        let all = fields.iter().all(|field| {
            let mut names = std::iter::once(&field.name).chain(&field.aliases);
            match names.find_map(|name| written.iter().find(|of| of.name == *name)) {
                Some(of) => self.reads(field.schema, of.schema),
                None => field.has_default,
            }
        });
        self.above.pop();
        all
    }

    fn units(&self, read: &Node, written: &Node) -> bool {
        let (Some(logical), Some(of)) = (read.logical, written.logical) else { return true };
        if logical.name == of.name {
            logical == of || self.has(Deviation::DecimalsAreBytes)
        } else {
            self.has(Deviation::UnitsAreNumbers)
        }
    }

    fn same_whatever_base(&self, read: &Node, written: &Node) -> bool {
        let (Some(logical), Some(of)) = (read.logical, written.logical) else { return false };
        let both_named = read.shape.name().is_some() && written.shape.name().is_some();
        logical == of
            && ["decimal", "uuid"].contains(&logical.name)
            && (!both_named || self.names(read, written))
    }
}

fn promotes(reader: &str, writer: &str) -> bool {
    matches!(
        (writer, reader),
        ("int", "long" | "float" | "double")
            | ("long", "float" | "double")
            | ("float", "double")
            | ("string", "bytes")
            | ("bytes", "string")
    )
}
