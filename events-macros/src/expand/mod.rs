//! What the derives write: one line per field, calling the runtime.

mod codec;
mod contract;
mod fallback;
mod faults;
mod keys;
mod schema;
mod signal;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, parse_quote};

use crate::model::Container;

pub(crate) use fallback::fallback;
pub(crate) use signal::{signal_meets_its_event, signal_name};

/// All implementations of a type.
pub(crate) fn container(model: &Container<'_>) -> TokenStream {
    let krate = model.krate();
    let generics = bounded(&model.input.generics);
    let named = schema::named(model, &generics);
    let data = codec::event_data(model, &generics);
    let keys = keys::keys(model, &generics);
    let faults = faults::of_integers(model);
    let (event, statics) = match &model.signal {
        Some(signal) => (signal::public_signal(model, signal), signal::statics(model, signal)),
        None => (TokenStream::new(), TokenStream::new()),
    };
    quote! {
        #[allow(deprecated, unused_qualifications)]
        const _: () = {
            use #krate::private as __p;
            #named
            #data
            #keys
            #faults
            #event
        };
        #statics
    }
}

/// The generics of the type, each type parameter bound by `EventData`.
fn bounded(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(__p::EventData));
        parameter.default = None;
    }
    generics
}
