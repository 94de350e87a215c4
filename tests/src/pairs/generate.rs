//! Schemas generated from a seed.

use super::sketch::{Field, Kind, Logical, Named, Sketch, Type};
use fastrand::Rng;

/// The maximum depth of nested records.
const MAX_DEPTH: usize = 4;

pub(super) const PLAIN: [&str; 7] = ["boolean", "int", "long", "float", "double", "bytes", "string"];

const LOGICAL: [(&str, &[&str]); 4] = [
    ("int", &["date", "time-millis"]),
    (
        "long",
        &[
            "time-micros",
            "timestamp-millis",
            "timestamp-micros",
            "timestamp-nanos",
            "local-timestamp-millis",
            "local-timestamp-micros",
            "local-timestamp-nanos",
        ],
    ),
    ("bytes", &["decimal", "big-decimal"]),
    ("string", &["uuid"]),
];

/// The schemas to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Those that a Rust definition can have: no fixed, and only `["null", T]` and unions of records.
    Definition,
    /// Any.
    Foreign,
}

impl Style {
    /// In a definition, a field of `["null", T]` always has a default, written or not.
    pub(super) fn settle(self, sketch: &mut Sketch) {
        if self == Self::Foreign {
            return;
        }
        for named in &mut sketch.named {
            if let Kind::Record(fields) = &mut named.kind {
                for field in fields {
                    let Type::Union(branches) = &field.schema else { continue };
                    field.default |= branches[0].is_null();
                }
            }
        }
    }
}

pub(super) fn sketch(rng: &mut Rng, style: Style) -> Sketch {
    let mut maker = Maker::new(rng, style, Vec::new());
    let root = if style == Style::Definition || !maker.one_in(4) { maker.record(0) } else { maker.any(1) };
    Sketch { root, named: maker.named }
}

pub(super) struct Maker<'a> {
    rng: &'a mut Rng,
    style: Style,
    pub(super) named: Vec<Named>,
    /// The records in progress, to which recursion can refer.
    open: Vec<usize>,
    /// The unions so far, which can be reused.
    unions: Vec<Type>,
}

impl<'a> Maker<'a> {
    /// Adds to a table of named types.
    pub(super) fn new(rng: &'a mut Rng, style: Style, named: Vec<Named>) -> Self {
        Self { rng, style, named, open: Vec::new(), unions: Vec::new() }
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.rng.usize(..n) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.usize(..of.len())]
    }

    /// Any type.
    pub(super) fn any(&mut self, depth: usize) -> Type {
        match self.rng.usize(..20) {
            0..=6 => self.plain(),
            7..=8 => logical(self.rng),
            9..=10 => Type::Array(Box::new(self.any(depth + 1))),
            11 => Type::Map(Box::new(self.any(depth + 1))),
            12..=14 => self.union(depth),
            15 => self.back(),
            16 => self.again(),
            _ => self.branch(depth),
        }
    }

    pub(super) fn plain(&mut self) -> Type {
        Type::Plain(self.pick(&PLAIN))
    }

    /// A type other than a union.
    pub(super) fn branch(&mut self, depth: usize) -> Type {
        match self.rng.usize(..10) {
            0 => self.plain(),
            1 => logical(self.rng),
            2..=3 => self.symbols(),
            4..=5 if self.style == Style::Foreign => self.fixed(),
            6 => Type::Array(Box::new(self.plain())),
            _ if depth < MAX_DEPTH => self.record(depth),
            _ => self.symbols(),
        }
    }

    fn union(&mut self, depth: usize) -> Type {
        if !self.unions.is_empty() && self.one_in(6) {
            return self.unions[self.rng.usize(..self.unions.len())].clone();
        }
        let union = self.new_union(depth);
        if let Type::Union(branches) = &union {
            let records: Vec<_> = branches
                .iter()
                .filter_map(|branch| if let Type::Named(index) = branch { Some(*index) } else { None })
                .collect();
            if records.len() > 1 && self.one_in(3) {
                // A variant that holds the whole enum.
                let again = Type::Array(Box::new(union.clone()));
                if let Kind::Record(fields) = &mut self.named[records[0]].kind {
                    fields.push(Field {
                        name: "more".into(),
                        aliases: Vec::new(),
                        schema: again,
                        default: false,
                    });
                }
            }
            self.unions.push(union.clone());
        }
        union
    }

    fn new_union(&mut self, depth: usize) -> Type {
        let mut branches = if self.one_in(3) { Vec::new() } else { vec![Type::Plain("null")] };
        if !branches.is_empty() && self.rng.bool() {
            branches.push(self.branch(depth));
        } else {
            let records_only = self.style == Style::Definition || self.rng.bool();
            for _ in 0..=self.rng.usize(1..3) {
                branches.push(if records_only { self.record(depth.max(2)) } else { self.branch(depth) });
            }
            if self.style == Style::Foreign && self.one_in(4) {
                self.rng.shuffle(&mut branches);
            }
        }
        if let Some(&Type::Named(index)) = branches.iter().find(|branch| matches!(branch, Type::Named(_)))
            && self.one_in(3)
        {
            self.named[index].other = matches!(self.named[index].kind, Kind::Record(_));
        }
        let mut union = Vec::new();
        for branch in branches {
            if union.iter().all(|other: &Type| other.kind() != branch.kind()) {
                union.push(branch);
            }
        }
        Type::Union(union)
    }

    /// A reference to an enclosing record.
    fn back(&mut self) -> Type {
        let Some(&index) = self.open.get(self.rng.usize(..self.open.len().max(1))) else {
            return self.plain();
        };
        match self.rng.usize(..3) {
            0 => Type::Array(Box::new(Type::Named(index))),
            1 => Type::Map(Box::new(Type::Named(index))),
            _ => Type::Union(vec![Type::Plain("null"), Type::Named(index)]),
        }
    }

    /// A reference to a named type.
    fn again(&mut self) -> Type {
        let closed: Vec<_> = (0..self.named.len()).filter(|index| !self.open.contains(index)).collect();
        if closed.is_empty() { self.plain() } else { Type::Named(self.pick(&closed)) }
    }

    /// Adds a type with a new full name; sometimes its base name is that of another type.
    pub(super) fn named(&mut self, kind: Kind) -> usize {
        let index = self.named.len();
        let root = self.open.is_empty();
        let namespace = match self.rng.usize(..6) {
            _ if root => Some("org.acme"),
            0 => Some("org.acme.part"),
            1 => Some("org.other"),
            _ => None,
        };
        let twin = self.named.last().filter(|_| self.rng.usize(..8) == 0).map(|twin| twin.base.clone());
        self.named.push(Named {
            base: twin.unwrap_or_else(|| format!("T{index}")),
            namespace: namespace.map(str::to_owned),
            aliases: Vec::new(),
            other: false,
            kind,
        });
        index
    }

    fn symbols(&mut self) -> Type {
        let symbols: Vec<_> = (0..self.rng.usize(1..=4)).map(|n| format!("S{n}")).collect();
        let default = if self.rng.bool() { None } else { symbols.last().cloned() };
        Type::Named(self.named(Kind::Enum { symbols, default }))
    }

    fn fixed(&mut self) -> Type {
        let kind = match self.rng.usize(..6) {
            0 => Kind::Fixed { size: 12, logical: Some(Logical::new("duration")) },
            1 => Kind::Fixed { size: 16, logical: Some(Logical::new("uuid")) },
            2 => Kind::Fixed { size: 8, logical: Some(decimal(self.rng)) },
            _ => Kind::Fixed { size: self.rng.u32(1..=4), logical: None },
        };
        Type::Named(self.named(kind))
    }

    pub(super) fn record(&mut self, depth: usize) -> Type {
        let index = self.named(Kind::Record(Vec::new()));
        self.open.push(index);
        let most = if depth < 2 { 5 } else { 3 };
        let fields = (0..self.rng.usize(usize::from(depth < 2)..=most)).map(|n| {
            let schema = if depth < MAX_DEPTH { self.any(depth + 1) } else { self.plain() };
            Field { name: format!("f{n}"), aliases: Vec::new(), schema, default: self.one_in(3) }
        });
        let fields = fields.collect();
        self.open.pop();
        self.named[index].kind = Kind::Record(fields);
        Type::Named(index)
    }
}

pub(super) fn logical(rng: &mut Rng) -> Type {
    let (base, names) = LOGICAL[rng.usize(..LOGICAL.len())];
    logical_on(base, names, rng)
}

/// A logical type for a primitive, if there is one.
pub(super) fn logical_of(base: &str, rng: &mut Rng) -> Option<Type> {
    let (base, names) = LOGICAL.iter().find(|(of, _)| *of == base)?;
    Some(logical_on(base, names, rng))
}

fn logical_on(base: &'static str, names: &[&'static str], rng: &mut Rng) -> Type {
    let name = names[rng.usize(..names.len())];
    Type::Logical(base, if name == "decimal" { decimal(rng) } else { Logical::new(name) })
}

pub(super) fn decimal(rng: &mut Rng) -> Logical {
    Logical { name: "decimal", precision: rng.u32(8..=9), scale: rng.u32(2..=3) }
}
