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
                _ => match replaced(ty) {
                    Some(fault) => fault,
                    None => return visit_mut::visit_type_mut(self, ty),
                },
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

/// What to write in place of a type that the compiler's notes would speak of among many others. A name
/// alone may be the user's own type, so it tells only where no type of one's own is named so.
///
/// `lines: usize`, `took: std::time::Duration`
fn replaced(ty: &Type) -> Option<&'static str> {
    let Type::Path(syn::TypePath { qself: None, path, .. }) = ty else { return None };
    let name = path.segments.last()?.ident.to_string();
    let first = &path.segments.first()?.ident;
    let is_primitive = path.get_ident().is_some();
    if !is_primitive && !["std", "core", "alloc"].iter().any(|krate| first == krate) {
        return None;
    }
    Some(match (name.as_str(), is_primitive) {
        ("usize" | "isize", _) => "machines differ in the size of this number: use `u64` or `i64`",
        ("u128" | "i128", _) => {
            "whole numbers have at most 64 bits in Avro: use `u64` or `i64`, or keep it as text: in a `String`, or with `#[event(with = events_runtime::with::text)]` on a field of this type alone"
        }
        ("f16" | "f128", _) => "the numbers of Avro with a fraction are `f32` and `f64`: use one of them",
        (_, true) => return None,
        ("Rc", _) => "an event goes from thread to thread: use `Arc`, `Box`, or the value itself",
        ("Weak", _) => "an event owns what it holds: use `Arc`, `Box`, or the value itself",
        ("Cell" | "RefCell" | "OnceCell" | "LazyCell" | "Mutex" | "RwLock" | "OnceLock" | "LazyLock", _) => {
            "an event does not change after it is emitted: hold the value that is in this"
        }
        (atomic, _) if atomic.starts_with("Atomic") => {
            "an event does not change after it is emitted: hold the number or the `bool` itself"
        }
        ("Instant", _) => {
            "an instant of this process means nothing in another: use a time in UTC, such as `jiff::Timestamp`, `chrono::DateTime<Utc>` or `time::UtcDateTime` with its feature of events-runtime"
        }
        ("SystemTime", _) => {
            "use a time in UTC, such as `jiff::Timestamp`, `chrono::DateTime<Utc>` or `time::UtcDateTime` with its feature of events-runtime"
        }
        ("Duration", _) => "use a number whose name says the unit, such as `timeout_ms: u64`",
        ("Path" | "PathBuf" | "OsStr" | "OsString" | "CStr" | "CString", _) => {
            "it may hold what is no text: use `String`, or `Vec<u8>` for the bytes as they are"
        }
        ("IpAddr" | "Ipv4Addr" | "Ipv6Addr" | "SocketAddr" | "SocketAddrV4" | "SocketAddrV6", _) => {
            "keep it as text: in a `String`, or with `#[event(with = events_runtime::with::text)]` on a field of this type alone"
        }
        ("Result", _) => "use an enum of your own with `#[derive(EventData)]` that names both cases",
        ("Range" | "RangeInclusive" | "RangeFrom" | "RangeTo" | "RangeToInclusive" | "Bound", _) => {
            "use a struct of your own with `#[derive(EventData)]` that has the ends as its fields"
        }
        ("LinkedList" | "BinaryHeap", _) => "use `Vec`",
        ("PhantomData", _) => "it carries nothing: remove the field",
        ("Infallible", _) => "no value of it exists: remove the field",
        ("Ordering", _) => "use an enum of your own with `#[derive(EventData)]`",
        ("Wrapping" | "Saturating" | "Reverse" | "Pin" | "ManuallyDrop", _) => {
            "hold the value that is in this"
        }
        ("Error", _) => {
            "an error's type is of this program alone: hold its text in a `String`, or what happened in an enum of your own"
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
