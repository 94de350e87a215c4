//! Changes of a type at any depth.

use fastrand::Rng;

use super::super::generate::{PLAIN, Style, decimal, logical_of};
use super::super::sketch::{Kind, Sketch, Type};
use super::{Mutation, generate};

impl Mutation {
    pub(super) fn change_type(self, sketch: &mut Sketch, rng: &mut Rng, style: Style) -> Option<()> {
        let new = match self {
            Self::AddBranch if style == Style::Definition => {
                generate(sketch, rng, style, |maker| maker.record(3))
            }
            Self::ChangeBase => generate(sketch, rng, style, |maker| {
                Type::Named(maker.named(Kind::Fixed { size: 16, logical: None }))
            }),
            Self::AddBranch => generate(sketch, rng, style, |maker| maker.branch(3)),
            Self::Replace => generate(sketch, rng, style, |maker| maker.any(3)),
            _ => Type::Plain("null"),
        };
        let mut fitting = 0;
        each_type(sketch, &mut |ty, in_union| fitting += usize::from(self.fits(ty, in_union)));
        let chosen = rng.usize(..fitting.max(1));
        let (mut met, mut new, mut base_of) = (0, Some(new), None);
        each_type(sketch, &mut |ty, in_union| {
            if self.fits(ty, in_union) {
                if let Some(new) = new.take_if(|_| met == chosen) {
                    let old = std::mem::replace(ty, Type::Plain("null"));
                    if let (Self::ChangeBase, Type::Logical(_, logical), Type::Named(index)) =
                        (self, &old, &new)
                    {
                        base_of = Some((*index, *logical));
                    }
                    *ty = self.changed(old, new, rng);
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

    fn fits(self, ty: &Type, in_union: bool) -> bool {
        match (self, ty) {
            (Self::Promote, Type::Plain(base)) => !["null", "boolean", "double"].contains(base),
            (Self::Demote, Type::Plain(base)) => !["null", "boolean", "int"].contains(base),
            (Self::ChangePlain, Type::Plain(base)) => *base != "null",
            (Self::ChangeLogical, Type::Plain(base)) => ["int", "long", "bytes", "string"].contains(base),
            (Self::WrapNullable, ty) => !in_union && !ty.is_null() && !matches!(ty, Type::Union(_)),
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

/// Visits every node of a schema, outer ones first; the callback gets whether a union encloses the node.
fn each_type(sketch: &mut Sketch, visit: &mut dyn FnMut(&mut Type, bool)) {
    fn inside(ty: &mut Type, in_union: bool, visit: &mut dyn FnMut(&mut Type, bool)) {
        visit(ty, in_union);
        match ty {
            Type::Array(inner) | Type::Map(inner) => inside(inner, false, visit),
            Type::Union(branches) => branches.iter_mut().for_each(|branch| inside(branch, true, visit)),
            _ => {}
        }
    }
    let reachable = sketch.namespaces();
    inside(&mut sketch.root, false, visit);
    for (index, named) in sketch.named.iter_mut().enumerate() {
        if let (Kind::Record(fields), true) = (&mut named.kind, reachable.contains_key(&index)) {
            for field in fields {
                inside(&mut field.schema, false, visit);
            }
        }
    }
}
