//! The macros of `events-runtime`; depend on that crate, which exports them and has their docs.
//!
//! A derive is read from top to bottom: attributes are parsed into spanned slots, the input
//! becomes a model, rules check it, and code is written that calls the runtime.

mod errors;
#[allow(dead_code, unreachable_pub, reason = "the runtime's own rule, linked so that both check the same")]
mod event_type_rule;
mod expand;
#[allow(unreachable_pub, reason = "the runtime's own, linked so that both count alike")]
mod fingerprint;
mod json;
mod model;
#[allow(unused_imports, unreachable_pub, reason = "the runtime's own, linked so that both pack alike")]
mod packed;
mod parse;
mod published;
mod receiver;
mod recursion;
#[cfg(test)]
mod snapshots;
mod suggest;
mod validate;
#[allow(unreachable_pub, reason = "the runtime's own, linked so that both read alike")]
mod versions;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use errors::Ctxt;
use model::Container;

/// Makes a struct an event: its Avro schema, its codec, its signal, its place in the registry.
#[proc_macro_derive(PublicSignal, attributes(public_signal, event))]
pub fn public_signal(input: TokenStream) -> TokenStream {
    derive(&parse_macro_input!(input as DeriveInput), true).into()
}

/// Makes a type a part of events: its Avro schema and its codec.
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
