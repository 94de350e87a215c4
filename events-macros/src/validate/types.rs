//! Rules of field types that can be checked on tokens.

use quote::ToTokens;
use syn::Type;
use syn::visit_mut::{self, VisitMut};

use crate::errors::Ctxt;
use crate::model::Field;

/// `point: (f64, f64)`, `name: &'static str`, `handler: fn()`
pub(super) fn type_has_schema(cx: &Ctxt, ty: &Type) {
    struct Visitor<'a>(&'a Ctxt);
    impl VisitMut for Visitor<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            let message = match ty {
                Type::Tuple(tuple) if tuple.elems.is_empty() => {
                    "`()` has no data: remove the field, or use a unit struct"
                }
                Type::Tuple(_) => {
                    "a tuple has no Avro schema, because a record needs named fields: use a struct with `#[derive(EventData)]`"
                }
                Type::Reference(_) => {
                    "an event must own its data: use `String` instead of `&str`, `Vec<T>` instead of `&[T]`, or `Arc<T>` to share a value"
                }
                Type::Slice(_) => "a slice is unsized: use `Vec<T>`",
                // The compiler would report six errors. A user's own type of this name can be written as
                // `self::str`.
                Type::Path(path) if path.path.is_ident("str") => "`str` is unsized: use `String`",
                Type::Ptr(_) => "a pointer is meaningless in another process: store the value",
                Type::FnPtr(_) => {
                    "a function pointer is meaningless in another process: store the function's arguments"
                }
                Type::TraitObject(_) => {
                    "a trait object has no fixed schema: use an enum of the possible types"
                }
                Type::ImplTrait(_) => "`impl Trait` has no fixed schema: name the type",
                Type::Never(_) => "`!` has no values: remove the field",
                _ => match replacement(ty) {
                    Some(message) => message,
                    None => return visit_mut::visit_type_mut(self, ty),
                },
            };
            self.0.error(&*ty, message);
        }

        fn visit_generic_argument_mut(&mut self, argument: &mut syn::GenericArgument) {
            match argument {
                // `Arc<[T]>` and `Box<[T]>` own their items.
                syn::GenericArgument::Type(Type::Slice(slice)) => self.visit_type_mut(&mut slice.elem),
                syn::GenericArgument::Type(Type::Path(path)) if path.path.is_ident("str") => {}
                _ => visit_mut::visit_generic_argument_mut(self, argument),
            }
        }
    }
    Visitor(cx).visit_type_mut(&mut ty.clone());
}

/// What to use instead of a well-known type that has no schema. Without this, the compiler would list the types
/// that have one. A bare name counts only if it is a primitive type; others may be the user's own.
///
/// `lines: usize`, `took: std::time::Duration`
fn replacement(ty: &Type) -> Option<&'static str> {
    let Type::Path(syn::TypePath { qself: None, path, .. }) = ty else { return None };
    let name = path.segments.last()?.ident.to_string();
    let first = &path.segments.first()?.ident;
    let is_primitive = path.get_ident().is_some();
    if !is_primitive && !["std", "core", "alloc"].iter().any(|krate| first == krate) {
        return None;
    }
    Some(match (name.as_str(), is_primitive) {
        ("usize" | "isize", _) => "the size of this integer depends on the platform: use `u64` or `i64`",
        ("u128" | "i128", _) => {
            "an Avro integer has at most 64 bits: use `u64` or `i64`, a `String`, or `#[event(with = events_runtime::with::text)]` on a field of exactly this type"
        }
        ("f16" | "f128", _) => "Avro has only 32-bit and 64-bit floats: use `f32` or `f64`",
        (_, true) => return None,
        ("Rc", _) => "an event must be `Send` and `Sync`: use `Arc`, `Box` or the value itself",
        ("Weak", _) => "an event must own its data: use `Arc`, `Box` or the value itself",
        ("Cell" | "RefCell" | "OnceCell" | "LazyCell" | "Mutex" | "RwLock" | "OnceLock" | "LazyLock", _) => {
            "an event is immutable: store the inner value"
        }
        (atomic, _) if atomic.starts_with("Atomic") => {
            "an event is immutable: store the integer or the `bool` itself"
        }
        ("Instant", _) => {
            "an `Instant` is meaningless in another process: use a time in UTC, such as `jiff::Timestamp`, `chrono::DateTime<Utc>` or `time::UtcDateTime` (features `jiff`, `chrono` and `time` of events-runtime)"
        }
        ("SystemTime", _) => {
            "this type has no Avro schema: use a time in UTC, such as `jiff::Timestamp`, `chrono::DateTime<Utc>` or `time::UtcDateTime` (features `jiff`, `chrono` and `time` of events-runtime)"
        }
        ("Duration", _) => {
            "a `Duration` has no Avro schema: use an integer and name the unit, such as `timeout_ms: u64`"
        }
        ("Path" | "PathBuf" | "OsStr" | "OsString" | "CStr" | "CString", _) => {
            "this type may contain invalid UTF-8: use `String`, or `Vec<u8>` for the raw bytes"
        }
        ("IpAddr" | "Ipv4Addr" | "Ipv6Addr" | "SocketAddr" | "SocketAddrV4" | "SocketAddrV6", _) => {
            "this type has no Avro schema: use a `String`, or `#[event(with = events_runtime::with::text)]` on a field of exactly this type"
        }
        ("Result", _) => {
            "a `Result` has no Avro schema: use your own enum with `#[derive(EventData)]` and a variant for each case"
        }
        ("Range" | "RangeInclusive" | "RangeFrom" | "RangeTo" | "RangeToInclusive" | "Bound", _) => {
            "this type has no Avro schema: use your own struct with `#[derive(EventData)]` and the bounds as fields"
        }
        ("LinkedList" | "BinaryHeap", _) => "this type has no Avro schema: use `Vec`",
        ("PhantomData", _) => "`PhantomData` has no data: remove the field",
        ("Infallible", _) => "`Infallible` has no values: remove the field",
        ("Ordering", _) => "this type has no Avro schema: use your own enum with `#[derive(EventData)]`",
        ("Wrapping" | "Saturating" | "Reverse" | "Pin" | "ManuallyDrop", _) => {
            "this type has no Avro schema: store the inner value"
        }
        ("Error", _) => {
            "an error type has no Avro schema: store its text in a `String`, or use your own enum with `#[derive(EventData)]`"
        }
        _ => return None,
    })
}

/// `note: Option<Option<String>>`
pub(super) fn options_are_single(cx: &Ctxt, ty: &Type) {
    struct Visitor<'a>(&'a Ctxt);
    impl VisitMut for Visitor<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if option_argument(ty).and_then(option_argument).is_some() {
                self.0.error(
                    &*ty,
                    "Avro cannot distinguish `None` from `Some(None)`: use one `Option`, or an enum with a variant for each case",
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

/// The type without parentheses and without the invisible group around a `$ty:ty` of `macro_rules!`.
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
        if !crate::recursion::contains_path(field.ty, path) {
            cx.error(
                path,
                format_args!(
                    "the type of this field, `{}`, does not contain `{}`: write the name exactly as in the type, or remove `back_ref`",
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
        cx.error(&with.tokens, "`with` and `back_ref` cannot be combined: the field's schema is that of the module's `Repr`; set `back_ref` in the definition of that type");
    }
}

fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string().replace(' ', "")
}
