//! `#[public_signal(…)]` and `#[event(…)]` into spanned slots that are set once.

mod event;
mod signal;

pub(crate) use event::{EventAttrs, Place, doc_of, unreadable_docs};
pub(crate) use signal::SignalAttrs;

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, LitStr, Meta, Path, Token};

use crate::errors::Ctxt;

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
