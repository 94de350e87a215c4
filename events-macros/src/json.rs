//! Parses the Rust tokens of `default = …` into a JSON value.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Ident, LitBool, LitFloat, LitInt, LitStr, Token, braced, bracketed};

use events_schema::parse::quoted;

/// A JSON value.
pub(crate) enum Json {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

const FORM: &str = "expected a literal: `true`, `0`, `-1.5`, `\"text\"`, `null`, `[…]` or `{ \"field\": … }`; write the symbol of an enum as a string";

impl Parse for Json {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let look = input.lookahead1();
        if look.peek(LitBool) {
            Ok(Self::Bool(input.parse::<LitBool>()?.value))
        } else if look.peek(LitStr) {
            Ok(Self::String(input.parse::<LitStr>()?.value()))
        } else if look.peek(LitInt) || look.peek(LitFloat) || look.peek(Token![-]) {
            number(input)
        } else if look.peek(syn::token::Bracket) {
            let items;
            bracketed!(items in input);
            let items = Punctuated::<Self, Token![,]>::parse_terminated(&items)?;
            Ok(Self::Array(items.into_iter().collect()))
        } else if look.peek(syn::token::Brace) {
            let entries;
            braced!(entries in input);
            let entries = Punctuated::<Entry, Token![,]>::parse_terminated(&entries)?;
            Ok(Self::Object(entries.into_iter().map(|entry| (entry.0, entry.1)).collect()))
        } else if look.peek(Ident) {
            let word: Ident = input.parse()?;
            if word == "null" || word == "None" {
                Ok(Self::Null)
            } else {
                Err(syn::Error::new(word.span(), FORM))
            }
        } else {
            Err(input.error(FORM))
        }
    }
}

struct Entry(String, Json);

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.parse::<LitStr>()?.value();
        input.parse::<Token![:]>()?;
        Ok(Self(key, input.parse()?))
    }
}

fn number(input: ParseStream<'_>) -> syn::Result<Json> {
    let minus = input.parse::<Option<Token![-]>>()?;
    if input.peek(LitInt) {
        let literal: LitInt = input.parse()?;
        let value: i128 = literal.base10_parse()?;
        return Ok(Json::Integer(if minus.is_some() { -value } else { value }));
    }
    let literal: LitFloat = input.parse()?;
    let value: f64 = literal.base10_parse()?;
    if !value.is_finite() {
        return Err(syn::Error::new(literal.span(), "number out of range of `f64`"));
    }
    Ok(Json::Float(if minus.is_some() { -value } else { value }))
}

impl Json {
    /// The value of an attribute.
    pub(crate) fn from_tokens(tokens: TokenStream) -> syn::Result<Self> {
        // Trailing tokens, as in `1 + 1`, are an error.
        fn whole(input: ParseStream<'_>) -> syn::Result<Json> {
            let value = input.parse()?;
            if input.is_empty() { Ok(value) } else { Err(input.error(FORM)) }
        }
        whole.parse2(tokens)
    }

    /// The JSON text.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => format!("{value:?}"),
            Self::String(value) => quoted(value),
            Self::Array(items) => format!("[{}]", items.iter().map(Self::text).collect::<Vec<_>>().join(",")),
            Self::Object(entries) => {
                // Sorted, as in published defaults; see `packed::normal`.
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by_key(|(key, _)| key.as_str());
                let entries: Vec<_> = entries
                    .into_iter()
                    .map(|(key, value)| format!("{}:{}", quoted(key), value.text()))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }

    /// The constant expression of a `Json`.
    pub(crate) fn expand(&self) -> TokenStream {
        let text = self.text();
        let kind = match self {
            Self::Null => quote!(Null),
            Self::Bool(_) => quote!(Bool),
            Self::Integer(value) => {
                let value = integer(*value);
                quote!(Integer(#value))
            }
            Self::Float(value) => {
                let literal = proc_macro2::Literal::f64_suffixed(value.abs());
                let value = if value.is_sign_negative() { quote!(-#literal) } else { quote!(#literal) };
                quote!(Float(#value))
            }
            Self::String(value) => quote!(String(#value)),
            Self::Array(items) => {
                let items = items.iter().map(Self::expand);
                quote!(Array(&[#(#items),*]))
            }
            Self::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| {
                    let value = value.expand();
                    quote!((#key, #value))
                });
                quote!(Object(&[#(#entries),*]))
            }
        };
        quote!(__p::Json { text: #text, kind: __p::JsonKind::#kind })
    }
}

/// An integer literal.
pub(crate) fn integer(value: i128) -> TokenStream {
    let literal = proc_macro2::Literal::i128_suffixed(value.unsigned_abs().cast_signed());
    if value < 0 { quote!(-#literal) } else { quote!(#literal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tokens: &str) -> String {
        Json::from_tokens(tokens.parse().unwrap()).map_or_else(|e| e.to_string(), |json| json.text())
    }

    #[test]
    fn rust_literals_become_json() {
        for (tokens, json) in [
            ("1_000", "1000"),
            ("-1", "-1"),
            ("0x10", "16"),
            ("1.", "1.0"),
            ("-2.50", "-2.5"),
            ("1e300", "1e300"),
            ("None", "null"),
            ("[1, [], \"a\"]", "[1,[],\"a\"]"),
            ("{ \"a\": {}, \"b\": null, }", "{\"a\":{},\"b\":null}"),
            ("\"quote \\\" and \\n\"", "\"quote \\\" and \\n\""),
        ] {
            assert_eq!(text(tokens), json, "{tokens}");
        }
    }

    #[test]
    fn an_expression_is_an_error_that_shows_the_forms() {
        for tokens in ["Currency::Eur", "vec![]", "Default::default()", "1 + 1"] {
            assert!(text(tokens).contains("literal"), "{tokens}");
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(quoted("\u{1}\t\u{e9}"), "\"\\u0001\\t\u{e9}\"");
    }
}
