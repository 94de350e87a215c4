//! Parses `#[public_signal(…)]` and `#[event(…)]` into spanned slots, each set at most once.

mod event;
mod signal;

pub(crate) use event::{EventAttrs, Target, doc_of, unreadable_docs};
pub(crate) use signal::SignalAttrs;

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitStr, Meta, Path, Token};

use crate::errors::Ctxt;

/// A value, with the tokens it was parsed from.
#[derive(Clone)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    /// The name of the attribute.
    pub(crate) key: Ident,
    /// The tokens of the value; empty for an attribute without a value.
    pub(crate) tokens: TokenStream,
}

/// An attribute that can be set once.
pub(crate) struct Slot<T> {
    name: &'static str,
    value: Option<Spanned<T>>,
    is_present: bool,
}

impl<T> Slot<T> {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, value: None, is_present: false }
    }

    pub(crate) fn set(&mut self, cx: &Ctxt, key: &Ident, value: T, tokens: TokenStream) {
        if self.value.is_some() {
            cx.error(key, format_args!("duplicate attribute `{}`: remove one of them", self.name));
        } else {
            self.value = Some(Spanned { value, key: key.clone(), tokens });
        }
    }

    /// Parses an item's value into the slot. A missing or malformed value is an error that shows the form.
    fn read(&mut self, cx: &Ctxt, item: &Item, form: &str)
    where
        T: Parse,
    {
        self.is_present = true;
        if let Some((value, tokens)) = value(cx, item, form) {
            self.set(cx, &item.key, value, tokens);
        }
    }

    /// Whether the attribute is present: the value is set, or an error is reported.
    pub(crate) fn is_present(&self) -> bool {
        self.is_present
    }

    /// The attribute's name, if it is set.
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
                return Err(input.error(format_args!("expected `{key} = value`")));
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

/// The items of one `#[…(…)]`. If they can't be parsed, that is one error, and the result is `None`.
fn items(cx: &Ctxt, attr: &Attribute, form: &str) -> Option<Vec<Item>> {
    let Meta::List(list) = &attr.meta else {
        let path = attr.path().get_ident().map(ToString::to_string).unwrap_or_default();
        cx.error(attr, format_args!("expected `#[{path}({form})]`"));
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

/// Parses the value of an item. A missing or malformed value is an error that shows the form.
pub(crate) fn value<T: Parse>(cx: &Ctxt, item: &Item, form: &str) -> Option<(T, TokenStream)> {
    let key = &item.key;
    let Some(tokens) = item.value.as_ref().filter(|tokens| !tokens.is_empty()) else {
        cx.error(key, format_args!("missing value of `{key}`, expected `{key} = {form}`"));
        return None;
    };
    if let Ok(value) = syn::parse2(tokens.clone()) {
        Some((value, tokens.clone()))
    } else {
        cx.error(tokens, wrong_form::<T>(key, tokens, form));
        None
    }
}

/// The error for a malformed value, which explains missing and unexpected quotes.
fn wrong_form<T: Parse>(key: &Ident, tokens: &TokenStream, form: &str) -> String {
    if let Ok(quoted) = syn::parse2::<LitStr>(tokens.clone())
        && quoted.parse::<T>().is_ok()
    {
        return format!("unexpected quotes, expected `{key} = {}`", quoted.value());
    }
    let text = tokens.to_string().replace(' ', "");
    let takes_text = syn::parse_str::<T>(&format!("{text:?}")).is_ok();
    if takes_text && text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase) {
        return format!("expected a string literal, `{key} = {form}`: a derive cannot read a constant");
    }
    if takes_text && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-')) {
        return format!("missing quotes, expected `{key} = \"{text}\"`");
    }
    let hint = if key == "key" {
        ": field names joined by dots; a newtype is a key itself, without `.0`"
    } else {
        ""
    };
    format!("expected `{key} = {form}`{hint}")
}

/// A path, with or without the quotes that serde requires.
pub(crate) fn path(cx: &Ctxt, item: &Item, form: &str) -> Option<(Path, TokenStream)> {
    let quoted = item.value.clone().and_then(|tokens| syn::parse2::<LitStr>(tokens).ok());
    match quoted {
        Some(text) => {
            if let Ok(path) = text.parse_with(Path::parse_mod_style) {
                Some((path, item.value.clone().unwrap_or_default()))
            } else {
                cx.error(&text, format_args!("expected `{} = {form}`", item.key));
                None
            }
        }
        None => value::<ModPath>(cx, item, form).map(|(path, tokens)| (path.0, tokens)),
    }
}

/// A path without generic arguments; `crate`, `self` and `super` are allowed.
struct ModPath(Path);

impl Parse for ModPath {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Path::parse_mod_style(input).map(Self)
    }
}
