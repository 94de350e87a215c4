//! What people do to a schema between two versions.

use std::fmt;

use fastrand::Rng;

use super::generate::{Maker, PLAIN, Style, decimal, logical_of};
use super::sketch::{Field, Kind, Named, Sketch, Type, full};

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// A field more, with a default.
    AddDefaulted,
    /// A field more, without a default.
    AddField,
    /// A field less.
    RemoveField,
    /// A field of another name.
    RenameField,
    /// A field of another name, with the old one as an alias.
    AliasField,
    /// The fields in another order.
    ReorderFields,
    /// A field's default comes or goes.
    ToggleDefault,
    /// A primitive becomes one that reads it.
    Promote,
    /// A primitive becomes one that it reads.
    Demote,
    /// A primitive becomes any other.
    ChangePlain,
    /// `T` becomes `["null", T]`.
    WrapNullable,
    /// `["null", T]` becomes `T`.
    UnwrapNullable,
    /// A union has a branch more.
    AddBranch,
    /// A union has a branch less.
    RemoveBranch,
    /// A union has its branches in another order.
    ReorderBranches,
    /// An enum has a symbol more.
    AddSymbol,
    /// An enum has a symbol less.
    RemoveSymbol,
    /// An enum has its symbols in another order.
    ReorderSymbols,
    /// An enum's default comes or goes.
    ToggleEnumDefault,
    /// A type of another name.
    RenameType,
    /// A type of another name, with the old one as an alias.
    AliasType,
    /// A type of another namespace.
    ChangeNamespace,
    /// An array becomes a map, or the reverse.
    SwapContainer,
    /// A fixed of another size.
    ChangeSize,
    /// A logical type comes, goes or becomes another.
    ChangeLogical,
    /// A logical type moves from bytes or a string to a fixed.
    ChangeBase,
    /// Anything in the place of something.
    Replace,
}

/// All of them.
pub(super) const ALL: [Mutation; 27] = {
    use Mutation as M;
    [
        M::AddDefaulted,
        M::AddField,
        M::RemoveField,
        M::RenameField,
        M::AliasField,
        M::ReorderFields,
        M::ToggleDefault,
        M::Promote,
        M::Demote,
        M::ChangePlain,
        M::WrapNullable,
        M::UnwrapNullable,
        M::AddBranch,
        M::RemoveBranch,
        M::ReorderBranches,
        M::AddSymbol,
        M::RemoveSymbol,
        M::ReorderSymbols,
        M::ToggleEnumDefault,
        M::RenameType,
        M::AliasType,
        M::ChangeNamespace,
        M::SwapContainer,
        M::ChangeSize,
        M::ChangeLogical,
        M::ChangeBase,
        M::Replace,
    ]
};

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Mutation {
    /// Changes one place that chance chooses; `None` where no place allows this change.
    pub(super) fn apply(self, sketch: &Sketch, rng: &mut Rng, style: Style) -> Option<Sketch> {
        let mut changed = sketch.clone();
        let done = match self {
            Self::AddDefaulted
            | Self::AddField
            | Self::RemoveField
            | Self::RenameField
            | Self::AliasField
            | Self::ReorderFields
            | Self::ToggleDefault => self.of_fields(&mut changed, rng, style),
            Self::AddSymbol | Self::RemoveSymbol | Self::ReorderSymbols | Self::ToggleEnumDefault => {
                self.of_symbols(&mut changed, rng)
            }
            Self::RenameType | Self::AliasType | Self::ChangeNamespace | Self::ChangeSize => {
                self.of_name(&mut changed, rng)
            }
            _ => self.of_place(&mut changed, rng, style),
        };
        (done.is_some() && changed != *sketch && changed.is_sound()).then_some(changed)
    }

    fn of_fields(self, sketch: &mut Sketch, rng: &mut Rng, style: Style) -> Option<()> {
        let index = choose(sketch, rng, |named| matches!(named.kind, Kind::Record(_)))?;
        let added = if matches!(self, Self::AddDefaulted | Self::AddField) {
            let schema = grow(sketch, rng, style, |maker| maker.place(3));
            Some(Field {
                name: fresh("g", rng),
                aliases: Vec::new(),
                schema,
                default: self == Self::AddDefaulted,
            })
        } else {
            None
        };
        let Kind::Record(fields) = &mut sketch.named[index].kind else { return None };
        if let Some(field) = added {
            fields.insert(rng.usize(..=fields.len()), field);
            return Some(());
        }
        let at = rng.usize(..fields.len().max(1));
        match self {
            Self::ReorderFields => rng.shuffle(fields),
            Self::RemoveField if !fields.is_empty() => {
                fields.remove(at);
            }
            Self::ToggleDefault => fields.get_mut(at)?.default ^= true,
            Self::RenameField => fields.get_mut(at)?.name = fresh("r", rng),
            _ => {
                let field = fields.get_mut(at)?;
                let old = std::mem::replace(&mut field.name, fresh("r", rng));
                field.aliases.push(old);
            }
        }
        Some(())
    }

    fn of_symbols(self, sketch: &mut Sketch, rng: &mut Rng) -> Option<()> {
        let index = choose(sketch, rng, |named| matches!(named.kind, Kind::Enum { .. }))?;
        let Kind::Enum { symbols, default } = &mut sketch.named[index].kind else { return None };
        match self {
            Self::AddSymbol => symbols.insert(rng.usize(..=symbols.len()), fresh("S", rng)),
            Self::RemoveSymbol => {
                symbols.remove(rng.usize(..symbols.len()));
                // A default is one of the symbols.
                if default.as_ref().is_some_and(|default| !symbols.contains(default)) {
                    *default = symbols.first().cloned();
                }
            }
            Self::ReorderSymbols => rng.shuffle(symbols),
            _ if default.is_some() => *default = None,
            _ => *default = symbols.get(rng.usize(..symbols.len())).cloned(),
        }
        Some(())
    }

    fn of_name(self, sketch: &mut Sketch, rng: &mut Rng) -> Option<()> {
        let fixed_only = self == Self::ChangeSize;
        let index = choose(sketch, rng, |named| !fixed_only || matches!(named.kind, Kind::Fixed { .. }))?;
        let namespace = sketch.namespaces().remove(&index)?;
        let named = &mut sketch.named[index];
        match self {
            Self::ChangeSize => {
                let Kind::Fixed { size, logical: None } = &mut named.kind else { return None };
                *size = rng.u32(1..=4);
            }
            Self::ChangeNamespace => {
                let other = ["org.acme.part", "org.other", "org.new"][rng.usize(..3)];
                named.namespace = if rng.usize(..4) == 0 { None } else { Some(other.to_owned()) };
            }
            _ => {
                let old = std::mem::replace(&mut named.base, fresh("R", rng));
                if self == Self::AliasType {
                    named.aliases.push(if rng.bool() { full(&namespace, &old) } else { old });
                }
            }
        }
        Some(())
    }

    fn of_place(self, sketch: &mut Sketch, rng: &mut Rng, style: Style) -> Option<()> {
        let new = match self {
            Self::AddBranch if style == Style::Definition => {
                grow(sketch, rng, style, |maker| maker.record(3))
            }
            Self::ChangeBase => grow(sketch, rng, style, |maker| maker.fixed()),
            Self::AddBranch => grow(sketch, rng, style, |maker| maker.branch(3)),
            Self::Replace => grow(sketch, rng, style, |maker| maker.place(3)),
            _ => Type::Plain("null"),
        };
        let mut fitting = 0;
        each_place(sketch, &mut |place, in_union| fitting += usize::from(self.fits(place, in_union)));
        let chosen = rng.usize(..fitting.max(1));
        let (mut met, mut new, mut base_of) = (0, Some(new), None);
        each_place(sketch, &mut |place, in_union| {
            if self.fits(place, in_union) {
                if let Some(new) = new.take_if(|_| met == chosen) {
                    let old = std::mem::replace(place, Type::Plain("null"));
                    if let (Self::ChangeBase, Type::Logical(_, logical), Type::Named(index)) =
                        (self, &old, &new)
                    {
                        base_of = Some((*index, *logical));
                    }
                    *place = self.changed(old, new, rng);
                }
                met += 1;
            }
        });
        if let Some((index, logical)) = base_of {
            let size = if logical.name == "uuid" { 16 } else { 8 };
            sketch.named[index].kind = Kind::Fixed { size, logical: Some(logical) };
        }
        (fitting > 0).then_some(())
    }

    fn fits(self, place: &Type, in_union: bool) -> bool {
        match (self, place) {
            (Self::Promote, Type::Plain(base)) => !["null", "boolean", "double"].contains(base),
            (Self::Demote, Type::Plain(base)) => !["null", "boolean", "int"].contains(base),
            (Self::ChangePlain, Type::Plain(base)) => *base != "null",
            (Self::ChangeLogical, Type::Plain(base)) => ["int", "long", "bytes", "string"].contains(base),
            (Self::WrapNullable, place) => !in_union && !place.is_null() && !matches!(place, Type::Union(_)),
            (Self::UnwrapNullable, Type::Union(branches)) => {
                branches.len() == 2 && branches.iter().any(Type::is_null)
            }
            (Self::AddBranch | Self::RemoveBranch | Self::ReorderBranches, Type::Union(branches)) => {
                branches.len() > 1
            }
            (Self::ChangeBase, Type::Logical(_, logical)) => ["decimal", "uuid"].contains(&logical.name),
            (Self::ChangeLogical, Type::Logical(..))
            | (Self::SwapContainer, Type::Array(_) | Type::Map(_))
            | (Self::Replace, _) => true,
            _ => false,
        }
    }

    fn changed(self, old: Type, new: Type, rng: &mut Rng) -> Type {
        match (self, old) {
            (Self::Promote, Type::Plain(base)) => Type::Plain(match base {
                "int" => ["long", "float", "double"][rng.usize(..3)],
                "long" => ["float", "double"][rng.usize(..2)],
                "float" => "double",
                "string" => "bytes",
                _ => "string",
            }),
            (Self::Demote, Type::Plain(base)) => Type::Plain(match base {
                "long" => "int",
                "float" => ["int", "long"][rng.usize(..2)],
                "double" => ["int", "long", "float"][rng.usize(..3)],
                "string" => "bytes",
                _ => "string",
            }),
            (Self::ChangePlain, _) => Type::Plain(PLAIN[rng.usize(..PLAIN.len())]),
            (Self::ChangeLogical, Type::Plain(base)) => logical_of(base, rng).unwrap_or(Type::Plain(base)),
            (Self::ChangeLogical, Type::Logical(base, logical)) => match rng.usize(..3) {
                0 => Type::Plain(base),
                1 if logical.name == "decimal" => Type::Logical(base, decimal(rng)),
                _ => logical_of(base, rng).unwrap_or(Type::Plain(base)),
            },
            (Self::WrapNullable, old) => Type::Union(vec![Type::Plain("null"), old]),
            (Self::UnwrapNullable, Type::Union(branches)) => {
                branches.into_iter().find(|branch| !branch.is_null()).unwrap_or(Type::Plain("null"))
            }
            (Self::AddBranch, Type::Union(mut branches)) => {
                branches.insert(rng.usize(usize::from(branches[0].is_null())..=branches.len()), new);
                Type::Union(branches)
            }
            (Self::RemoveBranch, Type::Union(mut branches)) => {
                branches.remove(rng.usize(..branches.len()));
                Type::Union(branches)
            }
            (Self::ReorderBranches, Type::Union(mut branches)) => {
                rng.shuffle(&mut branches);
                Type::Union(branches)
            }
            (Self::SwapContainer, Type::Array(inner)) => Type::Map(inner),
            (Self::SwapContainer, Type::Map(inner)) => Type::Array(inner),
            (_, _) => new,
        }
    }
}

/// Calls back for every place of a schema, the outer ones first, and says whether a union is around it.
fn each_place(sketch: &mut Sketch, visit: &mut dyn FnMut(&mut Type, bool)) {
    fn inside(place: &mut Type, in_union: bool, visit: &mut dyn FnMut(&mut Type, bool)) {
        visit(place, in_union);
        match place {
            Type::Array(inner) | Type::Map(inner) => inside(inner, false, visit),
            Type::Union(branches) => branches.iter_mut().for_each(|branch| inside(branch, true, visit)),
            _ => {}
        }
    }
    let reachable = sketch.namespaces();
    inside(&mut sketch.root, false, visit);
    for (index, named) in sketch.named.iter_mut().enumerate() {
        if let (Kind::Record(fields), true) = (&mut named.kind, reachable.contains_key(&index)) {
            fields.iter_mut().for_each(|field| inside(&mut field.schema, false, visit));
        }
    }
}

/// The index of a named type that is used and fits.
fn choose(sketch: &Sketch, rng: &mut Rng, fits: impl Fn(&Named) -> bool) -> Option<usize> {
    let mut indexes: Vec<_> =
        sketch.namespaces().into_keys().filter(|index| fits(&sketch.named[*index])).collect();
    // A map's order is another each time.
    indexes.sort_unstable();
    indexes.get(rng.usize(..indexes.len().max(1))).copied()
}

/// A name that is not there yet.
fn fresh(prefix: &str, rng: &mut Rng) -> String {
    format!("{prefix}{}", rng.u32(100..100_000))
}

/// Makes up a type, whose named types come into the table.
fn grow(sketch: &mut Sketch, rng: &mut Rng, style: Style, make: impl FnOnce(&mut Maker<'_>) -> Type) -> Type {
    let mut maker = Maker::new(rng, style, std::mem::take(&mut sketch.named));
    let made = make(&mut maker);
    sketch.named = maker.named;
    made
}
