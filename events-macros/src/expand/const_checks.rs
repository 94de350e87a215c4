//! Checks that need the types, as constants that panic at the tokens to change.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Ident;

use crate::json::Json;
use crate::model::{Container, Data, Field};
use crate::parse::SignalAttrs;

/// Checks the whole schema. A fault is an error at the top-level field that contains it.
pub(super) fn schema(model: &Container<'_>, signal: &SignalAttrs) -> TokenStream {
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
    let profile = if signal.is_openedx() { openedx(ident, fields) } else { TokenStream::new() };
    quote! {
        #profile

        const _: () = if let __p::core::option::Option::Some(__fault) =
            __p::check(<#ident as __p::EventData>::SCHEMA)
        {
            #(#at_fields)*
            #at_struct
        };
    }
}

/// Checks that Open edX's Python can read and write each top-level field.
fn openedx(ident: &Ident, fields: &[Field<'_>]) -> TokenStream {
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

/// A panic with the fault's message, which the compiler reports at these tokens.
fn panic_at(tokens: impl ToTokens) -> TokenStream {
    let mut spans = tokens.into_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    let last = spans.last().unwrap_or(first);
    let start = quote_spanned!(first=> __p::core::panic!);
    let message = quote!(__p::Violation::message(&__fault));
    let end = quote_spanned!(last=> ("{}", #message));
    quote!(#start #end)
}

/// Checks integer defaults against the Rust type, whose range may be smaller than the Avro type's.
pub(super) fn integer_defaults(model: &Container<'_>) -> TokenStream {
    // A constant can't use type parameters.
    if !model.input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let checks = model.fields().filter_map(|field| {
        let default = field.default.as_ref()?;
        let Json::Integer(value) = default else { return None };
        let (ty, name, text) = (super::codec::encoded_type(field), &field.name.text, default.text());
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
