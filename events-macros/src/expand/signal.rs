//! `PublicSignal`: the texts of the schema, the descriptor for the registry, the static.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Ident, LitStr};

use crate::model::{Container, Data};
use crate::parse::SignalAttrs;

pub(super) fn public_signal(model: &Container<'_>, signal: &SignalAttrs) -> TokenStream {
    let ident = &model.input.ident;
    let event_type = event_type(signal);
    let minor_version = signal.minor_version.value().copied().unwrap_or(0);
    let profile = if signal.is_openedx() { quote!(OpenEdx) } else { quote!(Native) };
    let key_path = signal.key.value().map(Vec::as_slice).unwrap_or_default();
    let key_names = key_path.iter().map(|segment| segment.unraw().to_string());
    let key = append_key(key_path);
    let faults = faults(model);
    quote! {
        #faults

        #[automatically_derived]
        impl __p::PublicSignal for #ident {
            const EVENT_TYPE: &'static str = #event_type;
            const MINOR_VERSION: u32 = #minor_version;
            const SCHEMA_JSON: &'static str = {
                const TEXT: [u8; __p::length(<#ident as __p::EventData>::SCHEMA, __p::Form::Json)] =
                    __p::write(<#ident as __p::EventData>::SCHEMA, __p::Form::Json);
                __p::text(&TEXT)
            };
            const CANONICAL: &'static str = {
                const TEXT: [u8; __p::length(<#ident as __p::EventData>::SCHEMA, __p::Form::Canonical)] =
                    __p::write(<#ident as __p::EventData>::SCHEMA, __p::Form::Canonical);
                __p::text(&TEXT)
            };
            const FINGERPRINT: u64 = __p::fingerprint(<Self as __p::PublicSignal>::CANONICAL);
            const DESCRIPTOR: &'static __p::SignalDescriptor = &__p::SignalDescriptor::of::<Self>(
                <Self as __p::AvroNamed>::ORIGIN,
                __p::core::file!(),
                __p::core::line!(),
                __p::Profile::#profile,
                &[#(#key_names),*],
            );

            #key
        }

        __p::inventory::submit! { *<#ident as __p::PublicSignal>::DESCRIPTOR }
    }
}

pub(super) fn event_type(signal: &SignalAttrs) -> LitStr {
    signal.event_type.value().cloned().unwrap_or_else(|| LitStr::new("", Span::call_site()))
}

/// What only the compiler can see, as an error at the top-level field that leads to it.
fn faults(model: &Container<'_>) -> TokenStream {
    let ident = &model.input.ident;
    let fields = match &model.data {
        Data::Struct(fields) => fields.as_slice(),
        _ => &[],
    };
    let at_fields = fields.iter().enumerate().map(|(index, field)| {
        quote_spanned!(field.ty.span()=> if __fault.field == #index { __p::core::panic!("{}", __fault.message()) })
    });
    let at_struct = quote_spanned!(ident.span()=> __p::core::panic!("{}", __fault.message()));
    quote! {
        const _: () = if let __p::core::option::Option::Some(__fault) =
            __p::check(<#ident as __p::EventData>::SCHEMA)
        {
            #(#at_fields)*
            #at_struct
        };
    }
}

/// Real field accesses, so that the compiler says what is wrong with a path, at its segment.
fn append_key(path: &[Ident]) -> TokenStream {
    let Some((leaf, way)) = path.split_last() else {
        return TokenStream::new();
    };
    let steps = way
        .iter()
        .map(|segment| quote_spanned!(segment.span()=> let __key = __p::key_step(&__key.#segment);));
    let leaf = quote_spanned!(leaf.span()=> __p::key_leaf(&__key.#leaf, __out););
    quote! {
        fn append_key(&self, __out: &mut __p::Vec<u8>) -> bool {
            let __key = self;
            #(#steps)*
            #leaf
            true
        }
    }
}

/// `pub static ORDER_PLACED: Signal<OrderPlaced>`.
pub(super) fn statics(model: &Container<'_>, signal: &SignalAttrs) -> TokenStream {
    let krate = model.krate();
    let (ident, vis) = (&model.input.ident, &model.input.vis);
    let name = signal
        .signal
        .value()
        .cloned()
        .unwrap_or_else(|| Ident::new(&screaming_snake(&ident.unraw().to_string()), ident.span()));
    let doc = format!(
        "The signal of [`{ident}`], event type `{}`: connect receivers to it, and emit.",
        event_type(signal).value()
    );
    quote! {
        #[doc = #doc]
        #vis static #name: #krate::Signal<#ident> = #krate::Signal::new();
    }
}

/// `OrderPlaced` ▶ `ORDER_PLACED`, `HTTPRequest2Sent` ▶ `HTTP_REQUEST2_SENT`.
fn screaming_snake(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (index, &character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| characters.get(before));
        let after = characters.get(index + 1);
        let starts_word = character.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_numeric()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if starts_word {
            out.push('_');
        }
        out.extend(character.to_uppercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::screaming_snake;

    #[test]
    fn signals_are_named_in_screaming_snake_case() {
        for (name, signal) in [
            ("OrderPlaced", "ORDER_PLACED"),
            ("HTTPRequestSent", "HTTP_REQUEST_SENT"),
            ("Order2Placed", "ORDER2_PLACED"),
            ("V1", "V1"),
            ("XBlockPublished", "X_BLOCK_PUBLISHED"),
            ("already_snake", "ALREADY_SNAKE"),
        ] {
            assert_eq!(screaming_snake(name), signal);
        }
    }
}
