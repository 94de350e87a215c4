//! The published versions of an event, and the constants that check the definition against them.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, LitStr};

use super::signal::event_type;
use crate::model::{Container, Data};
use crate::parse::SignalAttrs;
use crate::published::FOLDER;

/// The constants of the trait: the published versions, and the minor version counted from them.
pub(super) fn constants(model: &Container<'_>, signal: &SignalAttrs) -> TokenStream {
    let own = signal.minor_version.value();
    if model.published.is_empty() {
        let minor_version = own.copied().unwrap_or(0);
        return quote!(const MINOR_VERSION: __p::core::primitive::u32 = #minor_version;);
    }
    let minor_version = if let Some(number) = own {
        quote!(#number)
    } else {
        let ident = &model.input.ident;
        let form = form(signal);
        quote! {
            __p::minor_version(
                <#ident as __p::EventData>::SCHEMA,
                <#ident as __p::PublicSignal>::PUBLISHED,
                __p::Form::#form,
            )
        }
    };
    let published = model.published.iter().map(|version| {
        let (minor_version, fingerprint) = (version.minor, version.fingerprint());
        let packed = Literal::byte_string(&version.schema.bytes);
        quote! {
            __p::Published { minor_version: #minor_version, fingerprint: #fingerprint, packed: #packed }
        }
    });
    quote! {
        const MINOR_VERSION: __p::core::primitive::u32 = #minor_version;
        const PUBLISHED: &'static [__p::Published] = &[#(#published),*];
    }
}

/// The folder of published schemas and the compatibility, for the command line.
pub(super) fn schemas(signal: &SignalAttrs) -> TokenStream {
    let folder = signal.schemas.value().map_or_else(|| FOLDER.to_owned(), LitStr::value);
    let compatibility = compatibility(signal);
    let (next, form) = (next_event_type(&event_type(signal)), form(signal));
    let is_counted = !signal.minor_version.is_set();
    quote! {
        __p::Schemas {
            folder: #folder,
            compatibility: __p::Compatibility::#compatibility,
            next: #next,
            form: __p::Form::#form,
            is_counted: #is_counted,
        }
    }
}

/// The compatibility checks: one constant for each top-level field, so that each reports its own error.
pub(super) fn checks(model: &Container<'_>, signal: &SignalAttrs) -> TokenStream {
    if model.published.is_empty() {
        return TokenStream::new();
    }
    let ident = &model.input.ident;
    let event_type = event_type(signal);
    let next = next_event_type(&event_type);
    let (compatibility, form) = (compatibility(signal), form(signal));
    let fields = match &model.data {
        Data::Struct(fields) => fields.as_slice(),
        _ => &[],
    };
    let count = fields.len() + 1;
    let own_number = signal.minor_version.get().map(|minor| {
        let number = minor.value;
        let check = call(&minor.tokens, "assert_minor_version", &quote!(&__CONTRACT, #number));
        quote!(const _: () = #check;)
    });
    // Calling `uphold` only for faulty fields is cheaper than calling it for each.
    let uphold = |tokens: &dyn ToTokens, field: usize| {
        let check = call(tokens, "uphold", &quote!(&__CONTRACT, __FAULTS, #field));
        quote!(const _: () = if __FAULTS[#field] { #check };)
    };
    let at_fields = fields.iter().enumerate().map(|(index, field)| uphold(field.ty, index));
    let at_event = uphold(ident, fields.len());
    // Makes the next build notice an edited or removed file. The crate's build script notices a new one.
    let files = model.published.iter().map(|version| &version.file);
    quote! {
        const __CONTRACT: __p::Contract = __p::Contract {
            event_type: #event_type,
            next: #next,
            compatibility: __p::Compatibility::#compatibility,
            schema: <#ident as __p::EventData>::SCHEMA,
            published: <#ident as __p::PublicSignal>::PUBLISHED,
            form: __p::Form::#form,
        };
        const __FAULTS: [__p::core::primitive::bool; #count] = __p::faults(&__CONTRACT);
        #(#at_fields)*
        #at_event
        #own_number
        #(const _: &[__p::core::primitive::u8] = __p::core::include_bytes!(#files);)*
    }
}

/// A call whose panic the compiler reports at these tokens.
fn call(tokens: impl ToTokens, check: &str, arguments: &TokenStream) -> TokenStream {
    let mut spans = tokens.into_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    let last = spans.last().unwrap_or(first);
    let check = Ident::new(check, first);
    let start = quote_spanned!(first=> __p::#check);
    let end = quote_spanned!(last=> (#arguments));
    quote!(#start #end)
}

/// The form of the schema's text.
pub(super) fn form(signal: &SignalAttrs) -> Ident {
    Ident::new(if signal.is_openedx() { "OpenEdx" } else { "Json" }, Span::call_site())
}

fn compatibility(signal: &SignalAttrs) -> Ident {
    let name = match signal.compatibility.value().map(LitStr::value).as_deref() {
        Some("backward") => "Backward",
        Some("forward") => "Forward",
        Some("none") => "None",
        Some("openedx") => "OpenEdx",
        None if signal.is_openedx() => "OpenEdx",
        _ => "Full",
    };
    Ident::new(name, Span::call_site())
}

/// The event type with the next major version.
fn next_event_type(event_type: &LitStr) -> String {
    let event_type = event_type.value();
    let version =
        event_type.rsplit_once(".v").and_then(|(stem, version)| Some((stem, version.parse::<u32>().ok()?)));
    match version {
        Some((stem, version)) => format!("{stem}.v{}", version.saturating_add(1)),
        None => format!("{event_type}.v2"),
    }
}
