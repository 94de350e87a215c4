//! Types that hold themselves: in the schema, they stand by name.

use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned as _;
use syn::visit_mut::{self, VisitMut};
use syn::{Ident, Path, Type};

/// A field's type for the schema: the names that lead back replaced by references.
///
/// Those are `Self`, the type's own bare name, and what `back_ref` names. `other::Tree` is left
/// alone: only its last segment says `Tree`, and it may be another type.
pub(crate) fn cut(ty: &Type, own: &Ident, back_refs: &[Path]) -> (Type, bool) {
    let mut visitor = Cut { own, back_refs, found: false };
    let mut ty = ty.clone();
    visitor.visit_type_mut(&mut ty);
    (ty, visitor.found)
}

/// Whether a type names a path.
pub(crate) fn names(ty: &Type, path: &Path) -> bool {
    struct Find<'a>(&'a Path, bool);
    impl VisitMut for Find<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            self.1 |= is(ty, self.0);
            visit_mut::visit_type_mut(self, ty);
        }
    }
    let mut find = Find(path, false);
    find.visit_type_mut(&mut ty.clone());
    find.1
}

struct Cut<'a> {
    own: &'a Ident,
    back_refs: &'a [Path],
    found: bool,
}

impl VisitMut for Cut<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if self.is_own(ty) || self.back_refs.iter().any(|path| is(ty, path)) {
            self.found = true;
            let reference = quote_spanned!(ty.span()=> __p::Ref<#ty>);
            *ty = Type::Verbatim(reference);
            return;
        }
        visit_mut::visit_type_mut(self, ty);
    }
}

impl Cut<'_> {
    fn is_own(&self, ty: &Type) -> bool {
        let Type::Path(path) = ty else { return false };
        if path.qself.is_some() || path.path.leading_colon.is_some() || path.path.segments.len() != 1 {
            return false;
        }
        path.path
            .segments
            .first()
            .is_some_and(|segment| segment.ident == *self.own || segment.ident == "Self")
    }
}

/// Whether a type is a path, whatever its generic arguments.
fn is(ty: &Type, path: &Path) -> bool {
    let Type::Path(own) = ty else { return false };
    let names =
        |path: &Path| path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>();
    own.qself.is_none()
        && own.path.leading_colon.to_token_stream().to_string()
            == path.leading_colon.to_token_stream().to_string()
        && names(&own.path) == names(path)
}
