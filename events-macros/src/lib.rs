//! The macros of `events-runtime`. Depend on that crate, which exports them.
//!
//! A derive works in four steps: `parse` reads the attributes, `model` describes the type, `validate` checks
//! the rules, and `expand` generates code that calls the runtime.

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

/// Makes a struct an event, with an Avro schema, a codec, a signal and an entry in the registry.
///
/// The struct has named fields or none, and every field implements `EventData`. The derive implements
/// `PublicSignal` and `EventData` for the struct and defines its signal, a static with the visibility of the
/// struct.
///
/// ```
/// use events_runtime::{EventData, PublicSignal};
///
/// /// A customer placed an order.
/// #[derive(Debug, PublicSignal)]
/// #[public_signal(event_type = "org.acme.orders.order.placed.v1", key = customer.id)]
/// pub struct OrderPlaced {
///     pub customer: Customer,
///     /// How many items were ordered.
///     #[event(default = 1)]
///     pub items: u32,
/// }
///
/// #[derive(Debug, EventData)]
/// pub struct Customer {
///     pub id: String,
///     #[event(pii)]
///     pub email: String,
/// }
///
/// assert_eq!(OrderPlaced::MINOR_VERSION, 0);
/// assert!(OrderPlaced::SCHEMA_JSON.contains(r#""doc":"A customer placed an order.""#));
///
/// let customer = Customer { id: "c-42".into(), email: "ada@acme.example".into() };
/// ORDER_PLACED.emit(OrderPlaced { customer, items: 2 });
/// ```
///
/// # `#[public_signal(…)]`, on the struct
///
/// | Attribute | Meaning | Default |
/// |---|---|---|
/// | `event_type = "org.acme.orders.order.placed.v1"` | the event type, of the form `reverse.dns.subject.action.vN` | required |
/// | `key = customer.id` | the field by which events are ordered: a path of field names | no key |
/// | `signal = ORDER_PLACED` | the name of the signal | the struct's name in `SCREAMING_SNAKE_CASE` |
/// | `name = "OrderPlaced"` | the name of the Avro record | the struct's name |
/// | `namespace = "org.acme.orders"` | the Avro namespace | the event type |
/// | `minor_version = 1` | the minor version | counted from the published schemas; 0 if there are none |
/// | `schemas = "path"` | the folder of the published schemas, relative to the crate, or to the source file if it starts with `./` or `../` | `schemas` |
/// | `compatibility = "backward"` | what a change must not break: `"full"`, `"backward"`, `"forward"`, `"openedx"` or `"none"` | `"full"`; `"openedx"` with that profile |
/// | `reason = "not published yet"` | why no compatibility is promised | required with `"none"`, an error otherwise |
/// | `foreign = "published by Open edX"` | allows an event type of another organization that breaks the naming rule, and says why | the naming rule applies |
/// | `profile = "openedx"` | the wire format: `"native"` or `"openedx"` (see below) | `"native"` |
/// | `crate = path` | the path of `events_runtime` | `::events_runtime` |
///
/// `#[event(alias = "OldName")]` and `#[event(doc = "…")]` on the struct, and `#[event(…)]` on its fields, are
/// those of [`EventData`](derive@EventData).
///
/// # Compile errors
///
/// The derive reports all errors of a definition together, each at the token to change:
///
/// - An attribute is unknown, duplicated, has no value, or has a value of the wrong form.
/// - The struct is generic, borrows, or is a tuple struct; an enum cannot be an event.
/// - The event type is missing or breaks the naming rule.
/// - A field has a type without an Avro schema, such as `usize`, a tuple or `Mutex`.
/// - The key names no field, or a field that cannot be a key, such as an `f64` or an `Option`.
/// - A name is not valid in Avro, or two types have the same Avro name.
/// - A default does not fit the type of its field.
/// - A change breaks a published version that `compatibility` protects.
///
/// # Published schemas
///
/// The derive reads the published versions, `schemas/<event type>/<minor version>.avsc`, in the folder of the
/// crate, which cargo passes in `CARGO_MANIFEST_DIR`. A build tool that does not set this variable finds no
/// published schemas and checks nothing. An event type that is not a valid folder name, such as `acme/orders`,
/// has no published schemas; for it, `schema check` requires `compatibility = "none"`.
///
/// # `profile = "openedx"`
///
/// For events that Open edX's Python services read or write with the package `openedx-events`. The struct has
/// the fields of the signal's `data`, and nested types have those of its attrs classes. `SCHEMA_JSON` is byte
/// for byte the text that the package registers: no docs, no aliases, no logical types, and no defaults except
/// `null`. The root record is named `CloudEvent`. Every event type of Open edX is allowed, and ids are UUIDs of
/// version 1.
///
/// | Python | Rust |
/// |---|---|
/// | `bool`, `float`, `str` | `bool`, `f64`, `String` |
/// | `int` | `i64`, `u32`, `u64` |
/// | `datetime` | an instant with `#[event(with = events_runtime::with::isoformat)]` |
/// | `UUID`, keys and locators | `uuid::Uuid`, `String` |
/// | `List[T]`, `Dict[str, T]` | `Vec<T>`, `BTreeMap<String, T>`, below the top level |
/// | an attribute with `default=None` | `Option<T>`, below the top level |
/// | an attrs class | a struct with the same name |
///
/// `T` is any type of the table. Lists and maps of records, lists or maps need openedx-events 10.6 or later;
/// an older one raises a `TypeError` for the event. Times, UUIDs and keys in lists and maps are
/// `str` in Python's class.
///
/// What Python cannot read or write is a compile error: options, lists and maps at the top level; lists and
/// maps of options; enums; `i32`; `f32`; logical types other than `uuid`; namespaces of nested types; and
/// top-level fields named like an argument of `send_event` (`metadata`, `time`, …).
///
/// Some values change or are refused at run time. Their types compile, because most of their values are
/// transferred correctly. The bus logs a warning for each routed event at startup, `doctor` prints it, and
/// `Descriptor::warnings` returns it:
///
/// - A scalar at the top level: `send_event` refuses `0`, `False` and `""`. Nested types may contain them.
/// - An `Option` of a scalar, list or map: `Some(0)`, `Some("")` and an empty list become `None`.
/// - A field with a default that is not empty, zero or false: a value that is becomes the default. So with
///   `default = true` in Rust and `default=True` in Python, `false` arrives as `True`. A default in Python that
///   is no value of the field is named by `#[event(python_default = "…")]`.
/// - `Vec<u8>`: Python reads it, but cannot write it.
///
/// Times, `Uuid`, `NonZero` and `char` are never false in Python and cause no warning. A type with a manual
/// implementation of `EventData` sets `MAY_BE_FALSY`.
#[proc_macro_derive(PublicSignal, attributes(public_signal, event))]
pub fn public_signal(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), true).into()
}

/// Makes a type usable as a field of events, with an Avro schema and a codec.
///
/// | Rust | Avro |
/// |---|---|
/// | a struct with named fields, or a unit struct | a record |
/// | a tuple struct with one field (a newtype) | the schema of its field; a newtype of a key or map key is one too |
/// | an enum without data | an enum |
/// | an enum with data | a union of records, named `<Enum><Variant>`; a variant has named fields, one unnamed field (`value`) or none, and one may be `other` |
///
/// Type parameters are allowed; the Avro name includes the names of the arguments. A type may contain itself
/// in a `Box`, `Vec` or map.
///
/// ```
/// use std::time::Duration;
///
/// use events_runtime::EventData;
///
/// #[derive(Debug, PartialEq, EventData)]
/// #[event(namespace = "org.acme.shared")]
/// pub struct Delivery {
///     #[event(rename = "trackingNumber", alias = "tracking")]
///     pub tracking_number: String,
///     #[event(with = seconds, default = 0)]
///     pub duration: Duration,
///     pub status: Status,
/// }
///
/// #[derive(Debug, PartialEq, EventData)]
/// pub enum Status {
///     #[event(default)]
///     Unknown,
///     Delivered,
/// }
///
/// /// Stores a `Duration` as seconds.
/// mod seconds {
///     use std::convert::Infallible;
///     use std::time::Duration;
///
///     pub type Repr = u32;
///
///     pub fn to_repr(value: &Duration) -> Result<Repr, std::num::TryFromIntError> {
///         value.as_secs().try_into()
///     }
///
///     pub fn from_repr(seconds: Repr) -> Result<Duration, Infallible> {
///         Ok(Duration::from_secs(seconds.into()))
///     }
/// }
/// ```
///
/// # `#[event(…)]`
///
/// | On a field | Meaning | Default |
/// |---|---|---|
/// | `rename = "name"` | the name in Avro | the field's name |
/// | `alias = "old_name"` | a name that older writers used; may be repeated | no aliases |
/// | `default = 0` | the value that a reader uses if the writer has no such field: a JSON literal | `null` for an `Option`, none otherwise |
/// | `python_default = "dict"` | with `profile = "openedx"`: the default in Python's class, as Python text, where it is not a value of the field; a warning names the field | the field's `default` |
/// | `with = path::to::module` | converts the field with the module's `Repr`, `to_repr` and `from_repr`; see `events_runtime::with` | the field's own schema |
/// | `pii` | marks personal data, see below | not personal data |
/// | `back_ref = Type` | the type in this field's type that refers back, where two types contain each other | only the type's own name refers back |
/// | `doc = "…"` | the documentation in Avro | the doc comment |
///
/// | On a type | Meaning | Default |
/// |---|---|---|
/// | `rename`, `alias`, `doc` | as on a field | as on a field |
/// | `namespace = "org.acme.shared"` | the Avro namespace | the namespace of the type that contains it |
/// | `crate = path` | the path of `events_runtime` | `::events_runtime` |
///
/// | On a variant | Meaning | Default |
/// |---|---|---|
/// | `rename`, `doc` | as on a field | as on a field |
/// | `alias` | as on a field; only in an enum with data | no aliases |
/// | `default` | the symbol that readers use for symbols that they do not know; only in an enum without data | an unknown symbol is an error |
/// | `other` | readers use the variant for variants that they do not know, whose data is left out; only on a unit variant of an enum with data, and with `rename` at most | an unknown variant is an error |
///
/// The variant with `other` is not in the schema's union, and can't be written: emitting it is an error. The
/// schema's first branch has the attribute `"other"`, by which the check of published versions knows which
/// readers can take a new variant. Readers in other languages ignore the attribute and fail at a new variant.
///
/// ```
/// use events_runtime::EventData;
/// use events_runtime::avro::{WriterSchema, from_slice_resolved, to_vec};
///
/// #[derive(Debug, PartialEq, EventData)]
/// pub enum Payment {
///     Cash,
///     Card { last4: String },
///     /// A payment of a later version.
///     #[event(other)]
///     Unknown,
/// }
///
/// let later = WriterSchema::parse(
///     r#"[{"type": "record", "name": "PaymentCash", "fields": []},
///         {"type": "record", "name": "PaymentTransfer", "fields": [{"name": "iban", "type": "string"}]}]"#,
/// )?;
/// assert_eq!(from_slice_resolved::<Payment>(&later, b"\x00")?, Payment::Cash);
/// assert_eq!(from_slice_resolved::<Payment>(&later, b"\x02\x04DE")?, Payment::Unknown);
/// assert!(to_vec(&Payment::Unknown).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Compile errors
///
/// As for [`PublicSignal`](derive@PublicSignal#compile-errors). Also: an enum without variants, a tuple struct
/// or variant with several fields, a lifetime, a const parameter, and an attribute that a newtype cannot have.
///
/// # Personal data
///
/// The value of a field with `pii` is `"***"` in the `Debug` output of an `Event`, and so in logs, and in the
/// output of the command line without `--show-pii`. Errors contain neither the value nor the keys of its maps.
/// The field's schema has the attribute `"pii":true`. Receivers get the real value. The `Debug` output of the
/// struct itself is not changed.
#[proc_macro_derive(EventData, attributes(event, public_signal))]
pub fn event_data(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), false).into()
}

/// Connects a function to a signal, in every program that links it.
///
/// | Function | Parameter | Result |
/// |---|---|---|
/// | `fn` | `&Event<E>` | `()` or `Result<(), E>` |
/// | `async fn` | `&Event<E>` or `Arc<Event<E>>` | `()` or `Result<(), E>` |
///
/// The function can still be called directly.
///
/// ```
/// use events_runtime::{Event, Hub, PublicSignal, receiver};
///
/// #[derive(Debug, PublicSignal)]
/// #[public_signal(event_type = "org.acme.orders.order.placed.v1")]
/// struct OrderPlaced {
///     order_id: u64,
/// }
///
/// #[receiver(ORDER_PLACED, order = -10, name = "receipts")]
/// fn send_receipt(event: &Event<OrderPlaced>) -> Result<(), std::io::Error> {
///     println!("receipt for {}", event.order_id);
///     Ok(())
/// }
///
/// let emission = ORDER_PLACED.emit(OrderPlaced { order_id: 7 });
/// assert_eq!(emission.responses().len(), 1);
/// ```
///
/// # Attributes, after the signal
///
/// | Attribute | Meaning | Default |
/// |---|---|---|
/// | `order = -10` | an `i32`; receivers with lower numbers run first | 0 |
/// | `name = "receipts"` | the name of the receiver | the function's path |
/// | `from = "bus"`, `from = "local"` | takes only events that a bus delivers, or only those that this process emits | both: a process that emits an event and consumes its topic runs the receiver twice |
/// | `crate = path` | the path of `events_runtime` | `::events_runtime` |
///
/// Linked receivers are connected in the default hub. A test's scoped hub has none of them; `Hub::linked()`
/// creates a hub that does. The linker drops a crate that no code names: see `link!`.
///
/// # Compile errors
///
/// The signal is missing or is none; the function is a method, generic, `unsafe` or `extern`; its parameter is
/// not the event of the signal; it returns something else; an attribute is unknown or duplicated.
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

/// `PublicSignal` also implements `EventData`, so the fallback of `EventData` beside it would be a duplicate.
fn has_signal(input: &DeriveInput) -> bool {
    input.attrs.iter().any(|attr| attr.path().is_ident("public_signal"))
}
