//! Recursive types, which the schema refers to by name.

use quote::{ToTokens, quote_spanned};
use syn::spanned::Spanned as _;
use syn::visit_mut::{self, VisitMut};
use syn::{Ident, Path, Type};

/// A field's type for the schema, with recursive occurrences replaced by references, and whether there are any.
///
/// Recursive are `Self`, the type's own bare name, and the paths in `back_ref`. `other::Tree` is kept, because
/// it may be another type with the same name.
pub(crate) fn replace_recursion(ty: &Type, own: &Ident, back_refs: &[Path]) -> (Type, bool) {
    let mut visitor = ReplaceRecursion { own, back_refs, found: false };
    let mut ty = ty.clone();
    visitor.visit_type_mut(&mut ty);
    (ty, visitor.found)
}

/// Whether a type contains a path.
pub(crate) fn contains_path(ty: &Type, path: &Path) -> bool {
    struct Find<'a>(&'a Path, bool);
    impl VisitMut for Find<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            self.1 |= is_path(ty, self.0);
            visit_mut::visit_type_mut(self, ty);
        }
    }
    let mut find = Find(path, false);
    find.visit_type_mut(&mut ty.clone());
    find.1
}

struct ReplaceRecursion<'a> {
    own: &'a Ident,
    back_refs: &'a [Path],
    found: bool,
}

impl VisitMut for ReplaceRecursion<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if self.is_own(ty) || self.back_refs.iter().any(|path| is_path(ty, path)) {
            self.found = true;
            let reference = quote_spanned!(ty.span()=> __p::Ref<#ty>);
            *ty = Type::Verbatim(reference);
            return;
        }
        visit_mut::visit_type_mut(self, ty);
    }
}

impl ReplaceRecursion<'_> {
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

/// Whether a type is a path, with any generic arguments.
fn is_path(ty: &Type, path: &Path) -> bool {
    let Type::Path(own) = ty else { return false };
    let names =
        |path: &Path| path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>();
    own.qself.is_none()
        && own.path.leading_colon.to_token_stream().to_string()
            == path.leading_colon.to_token_stream().to_string()
        && names(&own.path) == names(path)
}
