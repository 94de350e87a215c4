//! Generates the code of the derives, which calls the runtime.

mod codec;
mod const_checks;
mod contract;
mod fallback;
mod keys;
mod schema;
mod signal;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, parse_quote};

use crate::model::Container;

pub(crate) use fallback::fallback;
pub(crate) use signal::{signal_name, signal_shadows_struct};

/// All implementations of a type.
pub(crate) fn container(model: &Container<'_>) -> TokenStream {
    let krate = model.krate();
    let generics = bounded(&model.input.generics);
    let named = schema::named(model, &generics);
    let data = codec::event_data(model, &generics);
    let keys = keys::keys(model, &generics);
    let default_checks = const_checks::integer_defaults(model);
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
            #default_checks
            #event
        };
        #statics
    }
}

/// The generics of the type, with `EventData` as a bound of each type parameter.
fn bounded(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(__p::EventData));
        parameter.default = None;
    }
    generics
}
