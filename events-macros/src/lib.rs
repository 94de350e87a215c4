//! The macros of `events-runtime`; depend on that crate, which exports them and has their docs.
//!
//! A derive is read from top to bottom: attributes are parsed into spanned slots, the input
//! becomes a model, rules check it, and code is written that calls the runtime.

mod errors;
mod expand;
mod json;
mod model;
mod parse;
mod published;
mod receiver;
mod recursion;
#[cfg(test)]
mod snapshots;
mod source;
mod suggest;
mod validate;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use errors::Ctxt;
use model::Container;

/// Makes a struct an event: its Avro schema, its codec, its signal, its place in the registry.
///
/// # `#[public_signal(…)]`, on the struct
///
/// | Option | |
/// |---|---|
/// | `event_type = "org.acme.orders.order.placed.v1"` | the name it is published under; required |
/// | `minor_version = 1` | the definition's version within its event type; unless set, what follows from the published ones, 0 without any |
/// | `schemas = "path"` | the folder of the published schemas; `schemas` in the crate unless set |
/// | `compatibility = "backward"` | what a change must not break: `"backward"`, `"forward"`, `"full"` (unless set), `"openedx"`, `"none"` |
/// | `reason = "not published yet"` | why nothing is promised; with `compatibility = "none"` |
/// | `key = customer.id` | a path of fields; events of one key keep their order |
/// | `signal = ORDER_PLACED` | the static's name; the struct's in `SCREAMING_SNAKE_CASE` unless set |
/// | `name = "OrderPlaced"` | the Avro record's name; the struct's unless set |
/// | `namespace = "org.acme.orders"` | the Avro namespace; the event type unless set |
/// | `foreign = "the reason"` | lets an event type of others break the naming rule |
/// | `profile = "openedx"` | the wire format of Open edX, see below; `"native"` unless set |
/// | `crate = path` | where `events_runtime` is found |
///
/// The crate is the folder that cargo names in `CARGO_MANIFEST_DIR`: a build tool that does not set
/// it finds no published schemas, and checks against none. An event type that is no name for a
/// folder, such as `acme/orders`, has none either; `schema check` asks for `compatibility = "none"`.
///
/// `#[event(…)]` on the struct takes `alias = "OldName"` and `doc = "…"`; its fields take the
/// options of [`EventData`](derive@EventData).
///
/// # `profile = "openedx"`
///
/// For events that Open edX's Python services read or write, with the package `openedx-events`.
/// The struct has the fields of the signal's `data`, nested types those of its attrs classes, and
/// `SCHEMA_JSON` is to the byte the text that the package registers: without docs, aliases,
/// defaults other than `null` and logical types. The root record is named `CloudEvent`. Any event
/// type of theirs is allowed, and ids are UUIDs of version 1.
///
/// | Python | Rust |
/// |---|---|
/// | `bool`, `float`, `str` | `bool`, `f64`, `String` |
/// | `int` | `i64`, `u32`, `u64` |
/// | `datetime` | an instant `with = events_runtime::with::isoformat` |
/// | `UUID`, keys and locators | `uuid::Uuid`, `String` |
/// | `List[T]`, `Dict[str, T]` of the first two rows | `Vec<T>`, `BTreeMap<String, T>`, below the top level |
/// | an attribute with `default=None` | `Option<T>`, below the top level |
/// | an attrs class | a struct of its name |
///
/// What Python has no way to write or to send is an error while compiling: options, lists and maps
/// at the top level, lists and maps of anything but scalars, enums, `i32`, `f32`, logical types
/// other than `uuid`, namespaces of nested types, and top-level fields named like an argument of
/// `send_event` (`metadata`, `time`, …).
///
/// What it changes or refuses at run time compiles, because most values travel. A starting bus logs
/// it for each routed event, `doctor` prints it, and `Descriptor::warnings` returns it:
///
/// - A scalar at the top level: `send_event` refuses the event where it is `0`, `False` or `""`.
///   Nested types carry such values.
/// - An `Option` of a scalar, list or map: `Some(0)`, `Some("")`, an empty list become `None`.
/// - A field with a default that is not empty, zero or false: such a value becomes that default.
/// - `Vec<u8>`: Python reads it, and can't write it.
///
/// A time, a `Uuid`, a `NonZero` and a `char` are never false in Python, and so not warned of; a type
/// with an `EventData` of its own says it with `MAY_BE_FALSY`.
#[proc_macro_derive(PublicSignal, attributes(public_signal, event))]
pub fn public_signal(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), true).into()
}

/// Makes a type a part of events: its Avro schema and its codec.
///
/// # `#[event(…)]`
///
/// | On a field | |
/// |---|---|
/// | `rename = "name"` | its name in Avro |
/// | `alias = "old_name"` | a name that older writers used; may stand more than once |
/// | `default = 0` | what a reader takes where a writer has no such field: a JSON value |
/// | `with = path::to::module` | converts it: see `events_runtime::with` |
/// | `pii` | holds personal data, see below |
/// | `back_ref = Type` | closes a cycle of types that no macro can see |
/// | `doc = "…"` | its documentation in Avro, instead of the doc comment |
///
/// | On a type | |
/// |---|---|
/// | `rename`, `alias`, `doc` | as on a field |
/// | `namespace = "org.acme.shared"` | its Avro namespace; the one around it unless set |
/// | `crate = path` | where `events_runtime` is found |
///
/// A variant takes `rename`, `alias` (of a variant with data), `doc`, and `default` without a
/// value: the symbol that stands for those a reader does not know.
///
/// # Personal data
///
/// A field marked `pii`, and all that is in it, is `"***"` in `Debug` of an event, which is
/// how it stands in logs, and in what the command line prints unless asked with `--show-pii`.
/// Errors about it tell neither the value nor the keys of its maps. The mark is exported:
/// the schema's field has the attribute `"pii":true`. The receivers get the value as it is, and
/// `Debug` of the struct itself is the struct's own.
#[proc_macro_derive(EventData, attributes(event, public_signal))]
pub fn event_data(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), false).into()
}

/// Connects a function to a signal, in every program that links it.
///
/// The function takes `&Event<E>` and returns `()` or `Result<(), E>`; an `async fn` takes
/// `&Event<E>` or `Arc<Event<E>>`. It stays callable as it is.
///
/// Behind the signal may stand `order = -10` (lower numbers run first, the default is 0),
/// `name = "receipts"` (the default is the function's path) and `crate = path`.
///
/// Linked receivers are in the default hub, not in those that a test scopes, except
/// `Hub::linked()`. A crate that no code names is not linked: see `link!`.
#[proc_macro_attribute]
pub fn receiver(options: TokenStream, item: TokenStream) -> TokenStream {
    receiver::receiver(options.into(), &item.into()).into()
}

fn derive(input: &DeriveInput, is_event: bool) -> proc_macro2::TokenStream {
    let cx = Ctxt::new();
    let model = Container::from_syn(&cx, input, is_event);
    validate::check(&cx, &model);
    match cx.finish() {
        None => expand::container(&model),
        Some(errors) => {
            let fallback = if is_event || !has_signal(input) {
                expand::fallback(&model)
            } else {
                proc_macro2::TokenStream::new()
            };
            quote::quote!(#errors #fallback)
        }
    }
}

/// `PublicSignal` writes `EventData` too: beside it, this derive writes nothing at all.
fn has_signal(input: &DeriveInput) -> bool {
    input.attrs.iter().any(|attr| attr.path().is_ident("public_signal"))
}
