//! `#[public_signal(…)]` and `#[event(…)]` into spanned slots that are set once.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitInt, LitStr, Meta, Path, Token};

use crate::errors::Ctxt;
use crate::suggest::{misplaced, nearest, unknown};

/// A value, and the tokens that it came from.
#[derive(Clone)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    /// The name of the option.
    pub(crate) key: Ident,
    /// The value as it is written; empty where the option has none.
    pub(crate) tokens: TokenStream,
}

/// An option of an attribute: empty, or set once.
pub(crate) struct Slot<T> {
    name: &'static str,
    value: Option<Spanned<T>>,
    tried: bool,
}

impl<T> Slot<T> {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, value: None, tried: false }
    }

    pub(crate) fn set(&mut self, cx: &Ctxt, key: &Ident, value: T, tokens: TokenStream) {
        if self.value.is_some() {
            cx.error(key, format_args!("`{}` stands twice: keep one of them", self.name));
        } else {
            self.value = Some(Spanned { value, key: key.clone(), tokens });
        }
    }

    /// Sets the slot to an item's value; a wrong or missing one is an error that shows the form.
    fn read(&mut self, cx: &Ctxt, item: &Item, form: &str)
    where
        T: Parse,
    {
        self.tried = true;
        if let Some((value, tokens)) = value(cx, item, form) {
            self.set(cx, &item.key, value, tokens);
        }
    }

    /// Whether somebody meant to set this: then an error has been noted, or the value is there.
    pub(crate) fn is_tried(&self) -> bool {
        self.tried
    }

    /// The option's name where it is set.
    pub(crate) fn key(&self) -> Option<&Ident> {
        self.value.as_ref().map(|spanned| &spanned.key)
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
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Event => "an event",
            Self::Type => "a type",
            Self::Field => "a field",
            Self::Variant => "a variant",
        }
    }

    pub(crate) fn options(self) -> &'static [&'static str] {
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

/// The items of one attribute; `None` where it can't be read at all, which is one error.
fn items(cx: &Ctxt, attr: &Attribute, form: &str) -> Option<Vec<Item>> {
    let Meta::List(list) = &attr.meta else {
        let path = attr.path().get_ident().map(ToString::to_string).unwrap_or_default();
        cx.error(attr, format_args!("write `#[{path}({form})]`"));
        return None;
    };
    match list.parse_args_with(Punctuated::<Item, Token![,]>::parse_terminated) {
        Ok(items) => Some(items.into_iter().collect()),
        Err(error) => {
            cx.syn_error(error);
            None
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
    if let Ok(value) = syn::parse2(tokens.clone()) {
        Some((value, tokens.clone()))
    } else {
        cx.error(tokens, wrong_form::<T>(key, tokens, form));
        None
    }
}

/// What to write instead of a value that is in quotes and should not be, or the reverse.
fn wrong_form<T: Parse>(key: &Ident, tokens: &TokenStream, form: &str) -> String {
    if let Ok(quoted) = syn::parse2::<LitStr>(tokens.clone())
        && quoted.parse::<T>().is_ok()
    {
        return format!("write `{key} = {}`, without quotes", quoted.value());
    }
    let text = tokens.to_string().replace(' ', "");
    let takes_text = syn::parse_str::<T>(&format!("{text:?}")).is_ok();
    if takes_text && text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase) {
        return format!("write the text itself, `{key} = {form}`: a derive can't read a constant");
    }
    if takes_text && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-')) {
        return format!("write `{key} = \"{text}\"`, in quotes");
    }
    let hint =
        if key == "key" { ": names of fields, and a newtype is a key as it is, without `.0`" } else { "" };
    format!("write `{key} = {form}`{hint}")
}

/// A path, plain or in quotes as serde has it.
pub(crate) fn path(cx: &Ctxt, item: &Item, form: &str) -> Option<(Path, TokenStream)> {
    let quoted = item.value.clone().and_then(|tokens| syn::parse2::<LitStr>(tokens).ok());
    match quoted {
        Some(text) => {
            if let Ok(path) = text.parse_with(Path::parse_mod_style) {
                Some((path, item.value.clone().unwrap_or_default()))
            } else {
                cx.error(&text, format_args!("write `{} = {form}`", item.key));
                None
            }
        }
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
pub(crate) struct KeyPath(pub(crate) Vec<Ident>);

impl Parse for KeyPath {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let path = Punctuated::<Ident, Token![.]>::parse_separated_nonempty_with(input, Ident::parse_any)?;
        Ok(Self(path.into_iter().collect()))
    }
}

/// A number in the range of minor versions, or one beyond it.
struct MinorVersion(Option<u32>);

impl Parse for MinorVersion {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let minus = input.parse::<Option<Token![-]>>()?;
        let number = input.parse::<LitInt>()?.base10_parse().ok();
        Ok(Self(number.filter(|_| minus.is_none())))
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
            schemas: Slot::new("schemas"),
            compatibility: Slot::new("compatibility"),
            reason: Slot::new("reason"),
            krate: Slot::new("crate"),
        };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("public_signal")) {
            found.span.get_or_insert_with(|| quote::quote!(#attr));
            match items(cx, attr, "event_type = \"org.acme.orders.order.placed.v1\"") {
                Some(items) => items.iter().for_each(|item| found.set(cx, item)),
                // What it would have said is unknown, so nothing is missing.
                None => found.event_type.tried = true,
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
                        None => cx.error(&tokens, "a minor version is a whole number from 0 to 4294967295"),
                    }
                }
            }
            "key" => self.key.read(cx, item, "customer.id"),
            "signal" => self.signal.read(cx, item, "ORDER_PLACED"),
            "name" => self.name.read(cx, item, "\"OrderPlaced\""),
            "namespace" => self.namespace.read(cx, item, "\"org.acme.orders\""),
            "profile" => self.profile.read(cx, item, "\"openedx\""),
            "foreign" => {
                self.foreign.read(cx, item, "\"the reason why its name breaks the rule\"");
            }
            "schemas" => self.schemas.read(cx, item, "\"path/from/the/crate\""),
            "compatibility" => self.compatibility.read(cx, item, "\"full\""),
            "reason" => self.reason.read(cx, item, "\"why nothing is promised\""),
            "crate" => {
                if let Some((value, tokens)) = path(cx, item, "path::to::events_runtime") {
                    self.krate.set(cx, key, value, tokens);
                }
            }
            name => {
                // Misspelt, and so not missing.
                self.event_type.tried |= nearest(name, Self::OPTIONS) == Some("event_type");
                unknown(cx, key, Self::OPTIONS);
            }
        }
    }

    const OPTIONS: &'static [&'static str] = &[
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
            for item in items(cx, attr, "option = value, …").unwrap_or_default() {
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
        match name.as_str() {
            "rename" => self.rename.read(cx, item, "\"AvroName\""),
            "namespace" => self.namespace.read(cx, item, "\"org.acme.shared\""),
            "alias" => {
                self.alias.extend(value::<LitStr>(cx, item, "\"old_name\"").map(|(value, _)| value));
            }
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
                self.back_ref.extend(path(cx, item, "TypeThatHoldsThisOne").map(|(value, _)| value));
            }
            "pii" => set_nothing(cx, &mut self.pii, item),
            "doc" => self.doc.read(cx, item, "\"what it means\""),
            "crate" => {
                if let Some((value, tokens)) = path(cx, item, "path::to::events_runtime") {
                    self.krate.set(cx, key, value, tokens);
                }
            }
            _ => misplaced(cx, key, place),
        }
    }
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
            // Not `lines()`: an empty comment line parts two paragraphs.
            text.split('\n')
                .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}
