//! The changes that people make to a schema between two versions.

mod types;

use std::fmt;

use fastrand::Rng;

use super::generate::{Maker, Style};
use super::sketch::{Field, Kind, Named, Sketch, Type, full};

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// A new field, with a default.
    AddDefaulted,
    /// A new field, without a default.
    AddField,
    /// A removed field.
    RemoveField,
    /// A renamed field.
    RenameField,
    /// A renamed field, with the old name as an alias.
    AliasField,
    /// Reordered fields.
    ReorderFields,
    /// A field's default is added or removed.
    ToggleDefault,
    /// A primitive is promoted.
    Promote,
    /// A primitive is demoted, the reverse of a promotion.
    Demote,
    /// A primitive becomes any other.
    ChangePlain,
    /// `T` becomes `["null", T]`.
    WrapNullable,
    /// `["null", T]` becomes `T`.
    UnwrapNullable,
    /// A new branch of a union.
    AddBranch,
    /// A removed branch of a union.
    RemoveBranch,
    /// Reordered branches of a union.
    ReorderBranches,
    /// Whether a union takes unknown branches changes.
    ToggleOther,
    /// A new symbol of an enum.
    AddSymbol,
    /// A removed symbol of an enum.
    RemoveSymbol,
    /// Reordered symbols of an enum.
    ReorderSymbols,
    /// An enum's default is added or removed.
    ToggleEnumDefault,
    /// A renamed type.
    RenameType,
    /// A renamed type, with the old name as an alias.
    AliasType,
    /// A type in another namespace.
    ChangeNamespace,
    /// An array becomes a map, or the reverse.
    SwapContainer,
    /// A fixed of another size.
    ChangeSize,
    /// A logical type is added, removed or replaced.
    ChangeLogical,
    /// A logical type moves from bytes or a string to a fixed.
    ChangeBase,
    /// Any type replaced by any other.
    Replace,
}

/// All kinds.
pub(super) const ALL: [Mutation; 28] = {
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
        M::ToggleOther,
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
    /// Applies the change at a random position; `None` if no position allows it.
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
            Self::ToggleOther => {
                let index = choose(&changed, rng, |named| matches!(named.kind, Kind::Record(_)));
                index.map(|index| changed.named[index].other ^= true)
            }
            Self::RenameType | Self::AliasType | Self::ChangeNamespace | Self::ChangeSize => {
                self.of_name(&mut changed, rng)
            }
            _ => self.change_type(&mut changed, rng, style),
        };
        (done.is_some() && changed != *sketch && changed.is_sound()).then_some(changed)
    }

    fn of_fields(self, sketch: &mut Sketch, rng: &mut Rng, style: Style) -> Option<()> {
        let index = choose(sketch, rng, |named| matches!(named.kind, Kind::Record(_)))?;
        let added = if matches!(self, Self::AddDefaulted | Self::AddField) {
            let schema = generate(sketch, rng, style, |maker| maker.any(3));
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
}

/// The index of a named type that is used and fits.
fn choose(sketch: &Sketch, rng: &mut Rng, fits: impl Fn(&Named) -> bool) -> Option<usize> {
    let mut indexes: Vec<_> =
        sketch.namespaces().into_keys().filter(|index| fits(&sketch.named[*index])).collect();
    // The order of a map differs between runs.
    indexes.sort_unstable();
    indexes.get(rng.usize(..indexes.len().max(1))).copied()
}

/// An unused name.
fn fresh(prefix: &str, rng: &mut Rng) -> String {
    format!("{prefix}{}", rng.u32(100..100_000))
}

/// Generates a type and adds its named types to the table.
fn generate(
    sketch: &mut Sketch,
    rng: &mut Rng,
    style: Style,
    make: impl FnOnce(&mut Maker<'_>) -> Type,
) -> Type {
    let mut maker = Maker::new(rng, style, std::mem::take(&mut sketch.named));
    let generated = make(&mut maker);
    sketch.named = maker.named;
    generated
}
