//! `#[public_signal(…)]`.

use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitInt, LitStr, Path, Token};

use super::{Item, Slot, items, path, value};
use crate::errors::Ctxt;
use crate::suggest::{nearest, unknown_in_public_signal};

/// The attributes in `#[public_signal(…)]`.
pub(crate) struct SignalAttrs {
    /// The tokens for an error about a missing attribute.
    pub(crate) span: Option<TokenStream>,
    pub(crate) event_type: Slot<LitStr>,
    pub(crate) minor_version: Slot<u32>,
    pub(crate) key: Slot<KeyPath>,
    pub(crate) signal: Slot<Ident>,
    pub(crate) name: Slot<LitStr>,
    pub(crate) namespace: Slot<LitStr>,
    pub(crate) profile: Slot<LitStr>,
    pub(crate) foreign: Slot<LitStr>,
    pub(crate) schemas: Slot<LitStr>,
    pub(crate) compatibility: Slot<LitStr>,
    pub(crate) reason: Slot<LitStr>,
    pub(crate) krate: Slot<Path>,
}

/// `a.b.c`.
pub(crate) struct KeyPath(pub(crate) Vec<Ident>);

impl Parse for KeyPath {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path = Punctuated::<Ident, Token![.]>::parse_separated_nonempty_with(input, Ident::parse_any)?;
        Ok(Self(path.into_iter().collect()))
    }
}

/// A minor version, or `None` if the number is out of range.
struct MinorVersion(Option<u32>);

impl Parse for MinorVersion {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let minus = input.parse::<Option<Token![-]>>()?;
        let number = input.parse::<LitInt>()?.base10_parse().ok();
        Ok(Self(number.filter(|_| minus.is_none())))
    }
}

impl SignalAttrs {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut found = Self {
            span: None,
            event_type: Slot::new("event_type"),
            minor_version: Slot::new("minor_version"),
            key: Slot::new("key"),
            signal: Slot::new("signal"),
            name: Slot::new("name"),
            namespace: Slot::new("namespace"),
            profile: Slot::new("profile"),
            foreign: Slot::new("foreign"),
            schemas: Slot::new("schemas"),
            compatibility: Slot::new("compatibility"),
            reason: Slot::new("reason"),
            krate: Slot::new("crate"),
        };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("public_signal")) {
            found.span.get_or_insert_with(|| quote::quote!(#attr));
            match items(cx, attr, "event_type = \"org.acme.orders.order.placed.v1\"") {
                Some(items) => items.iter().for_each(|item| found.set(cx, item)),
                // The content is unknown, so `event_type` is not reported as missing.
                None => found.event_type.is_present = true,
            }
        }
        found
    }

    fn set(&mut self, cx: &Ctxt, item: &Item) {
        let key = &item.key;
        match key.to_string().as_str() {
            "event_type" => self.event_type.read(cx, item, "\"org.acme.orders.order.placed.v1\""),
            "minor_version" => {
                if let Some((value, tokens)) = value::<MinorVersion>(cx, item, "1") {
                    match value.0 {
                        Some(number) => self.minor_version.set(cx, key, number, tokens),
                        None => cx.error(&tokens, "`minor_version` must be an integer from 0 to 4294967295"),
                    }
                }
            }
            "key" => self.key.read(cx, item, "customer.id"),
            "signal" => self.signal.read(cx, item, "ORDER_PLACED"),
            "name" => self.name.read(cx, item, "\"OrderPlaced\""),
            "namespace" => self.namespace.read(cx, item, "\"org.acme.orders\""),
            "profile" => self.profile.read(cx, item, "\"openedx\""),
            "foreign" => {
                self.foreign.read(cx, item, "\"published by Open edX\"");
            }
            "schemas" => self.schemas.read(cx, item, "\"path/from/the/crate\""),
            "compatibility" => self.compatibility.read(cx, item, "\"full\""),
            "reason" => self.reason.read(cx, item, "\"not published yet\""),
            "crate" => {
                if let Some((value, tokens)) = path(cx, item, "path::to::events_runtime") {
                    self.krate.set(cx, key, value, tokens);
                }
            }
            name => {
                // A misspelled `event_type` is not reported as missing too.
                self.event_type.is_present |= nearest(name, Self::NAMES) == Some("event_type");
                unknown_in_public_signal(cx, key, Self::NAMES);
            }
        }
    }

    const NAMES: &'static [&'static str] = &[
        "event_type",
        "minor_version",
        "key",
        "signal",
        "name",
        "namespace",
        "profile",
        "foreign",
        "schemas",
        "compatibility",
        "reason",
        "crate",
    ];
}
