//! `#[public_signal(…)]` and `#[event(…)]` into spanned slots that are set once.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitInt, LitStr, Meta, Path, Token};

use crate::errors::Ctxt;

/// A value and the tokens that it came from.
#[derive(Clone)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) tokens: TokenStream,
}

/// An option of an attribute: empty, or set once.
pub(crate) struct Slot<T> {
    name: &'static str,
    value: Option<Spanned<T>>,
}

impl<T> Slot<T> {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, value: None }
    }

    pub(crate) fn set(&mut self, cx: &Ctxt, key: &Ident, value: T, tokens: TokenStream) {
        if self.value.is_some() {
            cx.error(key, format_args!("`{}` stands twice: keep one of them", self.name));
        } else {
            self.value = Some(Spanned { value, tokens });
        }
    }

    pub(crate) fn get(&self) -> Option<&Spanned<T>> {
        self.value.as_ref()
    }

    pub(crate) fn value(&self) -> Option<&T> {
        self.value.as_ref().map(|spanned| &spanned.value)
    }

    pub(crate) fn is_set(&self) -> bool {
        self.value.is_some()
    }
}

/// The options of `#[public_signal(…)]`.
pub(crate) struct SignalAttrs {
    /// Where an error about a missing option points.
    pub(crate) span: Option<TokenStream>,
    pub(crate) event_type: Slot<LitStr>,
    pub(crate) minor_version: Slot<u32>,
    pub(crate) key: Slot<Vec<Ident>>,
    pub(crate) signal: Slot<Ident>,
    pub(crate) name: Slot<LitStr>,
    pub(crate) namespace: Slot<LitStr>,
    pub(crate) profile: Slot<LitStr>,
    pub(crate) foreign: Slot<LitStr>,
    pub(crate) krate: Slot<Path>,
}

/// The options of `#[event(…)]`, on a type, a field or a variant.
pub(crate) struct EventAttrs {
    pub(crate) rename: Slot<LitStr>,
    pub(crate) namespace: Slot<LitStr>,
    pub(crate) alias: Vec<LitStr>,
    pub(crate) default: Slot<Option<TokenStream>>,
    pub(crate) with: Slot<Path>,
    pub(crate) back_ref: Vec<Path>,
    pub(crate) pii: Slot<()>,
    pub(crate) doc: Slot<LitStr>,
    pub(crate) krate: Slot<Path>,
}

/// Where an `#[event(…)]` stands, which says what it may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Event,
    Type,
    Field,
    Variant,
}

impl Place {
    fn noun(self) -> &'static str {
        match self {
            Self::Event => "an event",
            Self::Type => "a type",
            Self::Field => "a field",
            Self::Variant => "a variant",
        }
    }

    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Event => &["alias", "doc"],
            Self::Type => &["rename", "namespace", "alias", "doc", "crate"],
            Self::Field => &["rename", "alias", "default", "with", "back_ref", "pii", "doc"],
            Self::Variant => &["rename", "alias", "default", "doc"],
        }
    }
}

/// `key`, or `key = tokens`.
pub(crate) struct Item {
    pub(crate) key: Ident,
    value: Option<TokenStream>,
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        if !input.peek(Token![=]) {
            if !input.is_empty() && !input.peek(Token![,]) {
                return Err(input.error(format_args!("write `{key} = value`")));
            }
            return Ok(Self { key, value: None });
        }
        input.parse::<Token![=]>()?;
        let mut value = TokenStream::new();
        while !input.is_empty() && !input.peek(Token![,]) {
            value.extend([input.parse::<TokenTree>()?]);
        }
        Ok(Self { key, value: Some(value) })
    }
}

/// The items of one attribute; what can't be read at all is one error.
fn items(cx: &Ctxt, attr: &Attribute) -> Vec<Item> {
    let Meta::List(list) = &attr.meta else {
        let path = attr.path().get_ident().map(ToString::to_string).unwrap_or_default();
        cx.error(attr, format_args!("write `#[{path}(option = value, …)]`"));
        return Vec::new();
    };
    match list.parse_args_with(Punctuated::<Item, Token![,]>::parse_terminated) {
        Ok(items) => items.into_iter().collect(),
        Err(error) => {
            cx.syn_error(error);
            Vec::new()
        }
    }
}

/// The value of an item, parsed; a wrong or missing one is an error that shows the right form.
pub(crate) fn value<T: Parse>(cx: &Ctxt, item: &Item, form: &str) -> Option<(T, TokenStream)> {
    let key = &item.key;
    let Some(tokens) = item.value.as_ref().filter(|tokens| !tokens.is_empty()) else {
        cx.error(key, format_args!("`{key}` needs a value: `{key} = {form}`"));
        return None;
    };
    match syn::parse2(tokens.clone()) {
        Ok(value) => Some((value, tokens.clone())),
        Err(_) => {
            cx.error(tokens, format_args!("write `{key} = {form}`"));
            None
        }
    }
}

/// A path, plain or in quotes as serde has it.
pub(crate) fn path(cx: &Ctxt, item: &Item, form: &str) -> Option<(Path, TokenStream)> {
    let quoted = item.value.clone().and_then(|tokens| syn::parse2::<LitStr>(tokens).ok());
    match quoted {
        Some(text) => match text.parse_with(Path::parse_mod_style) {
            Ok(path) => Some((path, item.value.clone().unwrap_or_default())),
            Err(_) => {
                cx.error(&text, format_args!("write `{} = {form}`", item.key));
                None
            }
        },
        None => value::<ModPath>(cx, item, form).map(|(path, tokens)| (path.0, tokens)),
    }
}

/// A path without generic arguments, in which `crate`, `self` and `super` may stand.
struct ModPath(Path);

impl Parse for ModPath {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Path::parse_mod_style(input).map(Self)
    }
}

/// `a.b.c`.
struct KeyPath(Vec<Ident>);

impl Parse for KeyPath {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path = Punctuated::<Ident, Token![.]>::parse_separated_nonempty_with(input, Ident::parse_any)?;
        Ok(Self(path.into_iter().collect()))
    }
}

fn set_nothing(cx: &Ctxt, slot: &mut Slot<()>, item: &Item) {
    if let Some(value) = &item.value {
        cx.error(value, format_args!("`{}` takes no value", item.key));
    }
    slot.set(cx, &item.key, (), TokenStream::new());
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
            krate: Slot::new("crate"),
        };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("public_signal")) {
            found.span.get_or_insert_with(|| quote::quote!(#attr));
            for item in items(cx, attr) {
                found.set(cx, &item);
            }
        }
        found
    }

    fn set(&mut self, cx: &Ctxt, item: &Item) {
        let key = &item.key;
        let text = |form| value::<LitStr>(cx, item, form);
        match key.to_string().as_str() {
            "event_type" => {
                if let Some((value, tokens)) = text("\"org.acme.orders.order.placed.v1\"") {
                    self.event_type.set(cx, key, value, tokens);
                }
            }
            "minor_version" => {
                if let Some((value, tokens)) = value::<LitInt>(cx, item, "1") {
                    match value.base10_parse() {
                        Ok(number) => self.minor_version.set(cx, key, number, tokens),
                        Err(_) => cx.error(&value, "a minor version is a whole number from 0 to 4294967295"),
                    }
                }
            }
            "key" => {
                if let Some((value, tokens)) = value::<KeyPath>(cx, item, "customer.id") {
                    self.key.set(cx, key, value.0, tokens);
                }
            }
            "signal" => {
                if let Some((value, tokens)) = value::<Ident>(cx, item, "ORDER_PLACED") {
                    self.signal.set(cx, key, value, tokens);
                }
            }
            "name" => {
                if let Some((value, tokens)) = text("\"OrderPlaced\"") {
                    self.name.set(cx, key, value, tokens);
                }
            }
            "namespace" => {
                if let Some((value, tokens)) = text("\"org.acme.orders\"") {
                    self.namespace.set(cx, key, value, tokens);
                }
            }
            "profile" => {
                if let Some((value, tokens)) = text("\"openedx\"") {
                    self.profile.set(cx, key, value, tokens);
                }
            }
            "foreign" => {
                if let Some((value, tokens)) = text("\"the reason why its name breaks the rule\"") {
                    self.foreign.set(cx, key, value, tokens);
                }
            }
            "crate" => {
                if let Some((value, tokens)) = path(cx, item, "path::to::events_runtime") {
                    self.krate.set(cx, key, value, tokens);
                }
            }
            _ => unknown(
                cx,
                key,
                "public_signal",
                &[
                    "event_type",
                    "minor_version",
                    "key",
                    "signal",
                    "name",
                    "namespace",
                    "profile",
                    "foreign",
                    "crate",
                ],
            ),
        }
    }
}

impl EventAttrs {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute], place: Place) -> Self {
        let mut found = Self {
            rename: Slot::new("rename"),
            namespace: Slot::new("namespace"),
            alias: Vec::new(),
            default: Slot::new("default"),
            with: Slot::new("with"),
            back_ref: Vec::new(),
            pii: Slot::new("pii"),
            doc: Slot::new("doc"),
            krate: Slot::new("crate"),
        };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("event")) {
            for item in items(cx, attr) {
                found.set(cx, &item, place);
            }
        }
        found
    }

    fn set(&mut self, cx: &Ctxt, item: &Item, place: Place) {
        let key = &item.key;
        let name = key.to_string();
        if !place.options().contains(&name.as_str()) {
            misplaced(cx, key, place);
            return;
        }
        let text = |form| value::<LitStr>(cx, item, form);
        match name.as_str() {
            "rename" => {
                if let Some((value, tokens)) = text("\"AvroName\"") {
                    self.rename.set(cx, key, value, tokens);
                }
            }
            "namespace" => {
                if let Some((value, tokens)) = text("\"org.acme.shared\"") {
                    self.namespace.set(cx, key, value, tokens);
                }
            }
            "alias" => self.alias.extend(text("\"old_name\"").map(|(value, _)| value)),
            "default" => match (&item.value, place) {
                (None, Place::Variant) => self.default.set(cx, key, None, TokenStream::new()),
                (Some(value), Place::Variant) => {
                    cx.error(
                        value,
                        "on a variant write `default` alone: this symbol stands for unknown ones",
                    );
                }
                (None, _) => cx.error(
                    key,
                    "a default needs its value: `default = 0`, `default = \"EUR\"`, `default = []`",
                ),
                (Some(value), _) => self.default.set(cx, key, Some(value.clone()), value.clone()),
            },
            "with" => {
                if let Some((value, tokens)) = path(cx, item, "path::to::module") {
                    self.with.set(cx, key, value, tokens);
                }
            }
            "back_ref" => {
                self.back_ref.extend(path(cx, item, "TypeThatHoldsThisOne").map(|(value, _)| value))
            }
            "pii" => set_nothing(cx, &mut self.pii, item),
            "doc" => {
                if let Some((value, tokens)) = text("\"what it means\"") {
                    self.doc.set(cx, key, value, tokens);
                }
            }
            "crate" => {
                if let Some((value, tokens)) = path(cx, item, "path::to::events_runtime") {
                    self.krate.set(cx, key, value, tokens);
                }
            }
            _ => misplaced(cx, key, place),
        }
    }
}

/// An option that `#[event(…)]` does not have, or not here.
fn misplaced(cx: &Ctxt, key: &Ident, place: Place) {
    let hint = match (key.to_string().as_str(), place) {
        ("rename", Place::Event) => "; an event is named with `#[public_signal(name = \"…\")]`",
        ("namespace", Place::Event) => "; an event has `#[public_signal(namespace = \"…\")]`",
        ("crate", Place::Event) => "; an event has `#[public_signal(crate = …)]`",
        ("event_type" | "minor_version" | "key" | "signal" | "profile", _) => {
            "; that one belongs into `#[public_signal(…)]`"
        }
        ("skip" | "flatten", _) => "; every field of an event is part of its contract, under its own name",
        ("doc", _) => "; write a doc comment",
        _ => "",
    };
    cx.error(
        key,
        format_args!("`{key}` is no option of {}; there are {}{hint}", place.noun(), list(place.options())),
    );
}

fn unknown(cx: &Ctxt, key: &Ident, attr: &str, options: &[&str]) {
    let hint = if key == "version" { "; the major version is the `.vN` of the event type" } else { "" };
    cx.error(key, format_args!("`{key}` is no option of `#[{attr}(…)]`; there are {}{hint}", list(options)));
}

fn list(options: &[&str]) -> String {
    options.iter().map(|option| format!("`{option}`")).collect::<Vec<_>>().join(", ")
}

/// The doc comment of an item: its lines without the space in front, joined by line ends.
pub(crate) fn doc(attrs: &[Attribute]) -> Option<String> {
    let lines: Vec<String> = attrs
        .iter()
        .filter(|attr| attr.path().is_ident("doc"))
        .filter_map(|attr| match &attr.meta {
            Meta::NameValue(pair) => match &pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
        .flat_map(|text| {
            text.lines()
                .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}
