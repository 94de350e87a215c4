//! Rules of the types of fields, as far as tokens tell.

use quote::ToTokens;
use syn::Type;
use syn::visit_mut::{self, VisitMut};

use crate::errors::Ctxt;
use crate::model::Field;

/// `point: (f64, f64)`, `name: &'static str`, `handler: fn()`
pub(super) fn type_is_nameable(cx: &Ctxt, ty: &Type) {
    struct Visitor<'a>(&'a Ctxt);
    impl VisitMut for Visitor<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            let fault = match ty {
                Type::Tuple(tuple) if tuple.elems.is_empty() => {
                    "`()` carries nothing: remove the field, or use a unit struct"
                }
                Type::Tuple(_) => {
                    "the parts of a tuple have no names, and the fields of an Avro record do: write a struct with `#[derive(EventData)]`"
                }
                Type::Reference(_) => {
                    "an event owns what it holds: use `String` for `&str`, `Vec<T>` for `&[T]`, `Arc<T>` to share"
                }
                Type::Slice(_) => "a slice has no size of its own: use `Vec<T>`",
                // The compiler's own answer is six errors. A type of the user's that is named `str` has
                // another way out: `self::str`.
                Type::Path(path) if path.path.is_ident("str") => "`str` has no size of its own: use `String`",
                Type::Ptr(_) => "a pointer means nothing in another process: hold the value",
                Type::FnPtr(_) => "a function can't travel: hold what it is called with",
                Type::TraitObject(_) => {
                    "the schema of a trait object is not known: use an enum of the types it can be"
                }
                Type::ImplTrait(_) => "the schema of `impl Trait` is not known: name the type",
                Type::Never(_) => "no value of `!` exists: remove the field",
                _ => {
                    visit_mut::visit_type_mut(self, ty);
                    return;
                }
            };
            self.0.error(&*ty, fault);
        }

        fn visit_generic_argument_mut(&mut self, argument: &mut syn::GenericArgument) {
            match argument {
                // `Arc<[T]>` and `Box<[T]>` are sequences that own their items.
                syn::GenericArgument::Type(Type::Slice(slice)) => self.visit_type_mut(&mut slice.elem),
                syn::GenericArgument::Type(Type::Path(path)) if path.path.is_ident("str") => {}
                _ => visit_mut::visit_generic_argument_mut(self, argument),
            }
        }
    }
    Visitor(cx).visit_type_mut(&mut ty.clone());
}

/// `note: Option<Option<String>>`
pub(super) fn options_are_single(cx: &Ctxt, ty: &Type) {
    struct Visitor<'a>(&'a Ctxt);
    impl VisitMut for Visitor<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if option_argument(ty).and_then(option_argument).is_some() {
                self.0.error(
                    &*ty,
                    "Avro can't tell `None` from `Some(None)`: use one `Option`, or an enum that names the cases",
                );
                return;
            }
            visit_mut::visit_type_mut(self, ty);
        }
    }
    Visitor(cx).visit_type_mut(&mut ty.clone());
}

fn option_argument(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ungrouped(ty) else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The type in parentheses, or in the invisible ones around a `$ty:ty` of `macro_rules!`.
fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        _ => ty,
    }
}

/// `#[event(back_ref = Order)] customer: Customer`
pub(super) fn back_ref_is_used(cx: &Ctxt, field: &Field<'_>) {
    for path in &field.attrs.back_ref {
        if !crate::recursion::names(field.ty, path) {
            cx.error(
                path,
                format_args!(
                    "the type of this field, `{}`, does not name `{}`: write the name as it stands there, or remove `back_ref`",
                    text(field.ty),
                    text(path)
                ),
            );
        }
    }
}

/// `#[event(with = module, back_ref = Order)]`
pub(super) fn back_ref_without_with(cx: &Ctxt, field: &Field<'_>) {
    if let (Some(with), Some(_)) = (field.attrs.with.get(), field.attrs.back_ref.first()) {
        cx.error(&with.tokens, "the schema of a converted field is its module's `Repr`: put `back_ref` where that type is defined");
    }
}

fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string().replace(' ', "")
}
