//! Checks that only the compiler can make, as panics of constants at the tokens to change.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Ident;

use crate::json::Json;
use crate::model::{Container, Data, Field};
use crate::parse::SignalAttrs;

/// What only the compiler can see, as an error at the top-level field that leads to it.
pub(super) fn of_event(model: &Container<'_>, signal: &SignalAttrs) -> TokenStream {
    let ident = &model.input.ident;
    let fields = match &model.data {
        Data::Struct(fields) => fields.as_slice(),
        _ => &[],
    };
    let at_fields = fields.iter().enumerate().map(|(index, field)| {
        let panic = panic_at(field.ty);
        quote!(if __fault.field == #index { #panic })
    });
    let at_struct = panic_at(ident);
    let of_profile = if signal.is_openedx() { of_openedx(ident, fields) } else { TokenStream::new() };
    quote! {
        #of_profile

        const _: () = if let __p::core::option::Option::Some(__fault) =
            __p::check(<#ident as __p::EventData>::SCHEMA)
        {
            #(#at_fields)*
            #at_struct
        };
    }
}

/// What Open edX's Python could not do with a field: one error for each top-level field.
fn of_openedx(ident: &Ident, fields: &[Field<'_>]) -> TokenStream {
    let checks = fields.iter().enumerate().map(|(index, field)| {
        let panic = panic_at(field.ty);
        quote! {
            const _: () = if let __p::core::option::Option::Some(__fault) =
                __p::check_openedx(<#ident as __p::EventData>::SCHEMA, #index)
            {
                #panic
            };
        }
    });
    checks.collect()
}

/// A panic with the fault's message, which the compiler shows under all of these tokens.
fn panic_at(place: impl ToTokens) -> TokenStream {
    let mut spans = place.into_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    let last = spans.last().unwrap_or(first);
    let start = quote_spanned!(first=> __p::core::panic!);
    let message = quote!(__p::Violation::message(&__fault));
    let end = quote_spanned!(last=> ("{}", #message));
    quote!(#start #end)
}

/// Defaults that the schema can hold and the Rust type can't.
pub(super) fn of_integers(model: &Container<'_>) -> TokenStream {
    // A constant can't name type parameters.
    if !model.input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let checks = model.fields().filter_map(|field| {
        let default = field.default.as_ref()?;
        let Json::Integer(value) = default else { return None };
        let (ty, name, text) = (super::codec::written(field), &field.name.text, default.text());
        let value = crate::json::integer(*value);
        let panic = panic_at(&field.attrs.default.get()?.tokens);
        Some(quote! {
            const _: () =
                if let __p::core::option::Option::Some(__fault) = __p::check_integer(
                        <#ty as __p::EventData>::SCHEMA, <#ty as __p::EventData>::INTEGER, #name, #value, #text,
                    ) {
                    #panic
                };
        })
    });
    checks.collect()
}
