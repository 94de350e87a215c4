//! Implements `PublicSignal`, registers the descriptor, and defines the static signal.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Ident, LitStr};

use super::{const_checks, contract};
use crate::model::Container;
use crate::parse::SignalAttrs;

pub(super) fn public_signal(model: &Container<'_>, signal: &SignalAttrs) -> TokenStream {
    let ident = &model.input.ident;
    let event_type = event_type(signal);
    let profile = if signal.is_openedx() { quote!(OpenEdx) } else { quote!(Native) };
    let form = contract::form(signal);
    let key_path = signal.key.value().map(|path| path.0.as_slice()).unwrap_or_default();
    let key_names = key_path.iter().map(|segment| segment.unraw().to_string());
    let key = append_key(key_path);
    let schema_checks = const_checks::schema(model, signal);
    let (published, contract) = (contract::constants(model, signal), contract::checks(model, signal));
    let schemas = contract::schemas(signal);
    // The variable prevents promotion of the call. A promoted call would be evaluated by a lint in every
    // `cargo check`, even if the text is not used.
    quote! {
        #schema_checks
        #contract

        #[automatically_derived]
        impl __p::PublicSignal for #ident {
            const EVENT_TYPE: &'static __p::core::primitive::str = #event_type;
            #published
            const SCHEMA_TEXT: &'static [__p::core::primitive::u8] = &{
                let __text = __p::write::<{ __p::length(<#ident as __p::EventData>::SCHEMA, __p::Form::#form) }>(
                    <#ident as __p::EventData>::SCHEMA,
                    __p::Form::#form,
                );
                __text
            };
            const CANONICAL_TEXT: &'static [__p::core::primitive::u8] = &{
                let __text = __p::write::<{ __p::length(<#ident as __p::EventData>::SCHEMA, __p::Form::Canonical) }>(
                    <#ident as __p::EventData>::SCHEMA,
                    __p::Form::Canonical,
                );
                __text
            };
            const DESCRIPTOR: &'static __p::SignalDescriptor = &__p::SignalDescriptor::of::<Self>(
                <Self as __p::AvroNamed>::ORIGIN,
                __p::core::file!(),
                __p::core::line!(),
                __p::Profile::#profile,
                &[#(#key_names),*],
                #schemas,
            );

            #key
        }

        __p::inventory::submit! { *<#ident as __p::PublicSignal>::DESCRIPTOR }
    }
}

pub(super) fn event_type(signal: &SignalAttrs) -> LitStr {
    signal.event_type.value().cloned().unwrap_or_else(|| LitStr::new("", Span::call_site()))
}

/// Generates field accesses, so that the compiler reports a wrong path at its segment.
fn append_key(path: &[Ident]) -> TokenStream {
    let Some((leaf, parents)) = path.split_last() else {
        return TokenStream::new();
    };
    // With a span of the user's, the variables would not be visible in a `macro_rules!`.
    let (key, out) = (quote!(__key), quote!(__out));
    let steps = parents
        .iter()
        .map(|segment| quote_spanned!(segment.span()=> let #key = __p::key_step(&(*#key).#segment);));
    let leaf = quote_spanned!(leaf.span()=> __p::key_leaf(&(*#key).#leaf, #out););
    quote! {
        fn append_key(&self, __out: &mut __p::Vec<__p::core::primitive::u8>) -> __p::core::primitive::bool {
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
    let name = signal_name(model, signal);
    let doc = format!(
        "The signal of [`{ident}`], event type `{}`: connect receivers to it, and emit.",
        event_type(signal).value()
    );
    // The signal is hidden or deprecated with the event.
    let inherited = model.input.attrs.iter().filter(|attr| {
        let is_hidden = || matches!(&attr.meta, syn::Meta::List(list) if list.tokens.to_string() == "hidden");
        attr.path().is_ident("deprecated") || (attr.path().is_ident("doc") && is_hidden())
    });
    // The whole item has the location of the name, so that a name conflict is reported there.
    let vis = located(vis, name.span());
    let item =
        quote_spanned!(name.span()=> #vis static #name: #krate::Signal<#ident> = #krate::Signal::new(););
    quote! {
        #[doc = #doc]
        // The registry uses the event even if the program does not name or export the signal.
        #[allow(dead_code, deprecated, unreachable_pub, unused_qualifications)]
        #(#inherited)*
        #item
    }
}

/// Moves tokens to a location, without changing how their names are resolved.
fn located(tokens: impl ToTokens, location: Span) -> TokenStream {
    let moved = tokens.into_token_stream().into_iter().map(|mut token| {
        if let TokenTree::Group(group) = &token {
            token = Group::new(group.delimiter(), located(group.stream(), location)).into();
        }
        token.set_span(token.span().located_at(location));
        token
    });
    moved.collect()
}

/// The name of the static: `signal = …`, or derived from the struct's name.
pub(crate) fn signal_name(model: &Container<'_>, signal: &SignalAttrs) -> Ident {
    let ident = &model.input.ident;
    signal
        .signal
        .value()
        .cloned()
        .unwrap_or_else(|| Ident::new(&screaming_snake(&ident.unraw().to_string()), ident.span()))
}

/// Whether the static would have the same name as the value of a unit struct.
pub(crate) fn signal_shadows_struct(model: &Container<'_>, signal: &SignalAttrs) -> bool {
    let is_unit = matches!(
        &model.input.data,
        syn::Data::Struct(data) if matches!(data.fields, syn::Fields::Unit)
    );
    is_unit && signal_name(model, signal) == model.input.ident
}

/// `OrderPlaced` ▶ `ORDER_PLACED`, `HTTPRequest2Sent` ▶ `HTTP_REQUEST2_SENT`.
fn screaming_snake(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (index, &character) in characters.iter().enumerate() {
        let previous = index.checked_sub(1).and_then(|previous| characters.get(previous));
        let next = characters.get(index + 1);
        let starts_word = character.is_uppercase()
            && previous.is_some_and(|previous| {
                previous.is_lowercase()
                    || previous.is_numeric()
                    || (previous.is_uppercase() && next.is_some_and(|next| next.is_lowercase()))
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
