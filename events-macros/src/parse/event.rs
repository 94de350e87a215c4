//! `#[event(…)]`, and doc comments.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path};

use super::{Item, Slot, items, path, value};
use crate::errors::Ctxt;
use crate::suggest::unknown_in_event;

/// The attributes in `#[event(…)]`, on a type, a field or a variant.
pub(crate) struct EventAttrs {
    pub(crate) rename: Slot<LitStr>,
    pub(crate) namespace: Slot<LitStr>,
    pub(crate) alias: Vec<LitStr>,
    pub(crate) default: Slot<Option<TokenStream>>,
    pub(crate) python_default: Slot<LitStr>,
    pub(crate) with: Slot<Path>,
    pub(crate) back_ref: Vec<Path>,
    pub(crate) pii: Slot<()>,
    pub(crate) other: Slot<()>,
    pub(crate) doc: Slot<LitStr>,
    pub(crate) krate: Slot<Path>,
}

/// The item that has an `#[event(…)]`, which determines the attributes that are allowed in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Event,
    Type,
    Field,
    Variant,
}

impl Target {
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Event => "an event",
            Self::Type => "a type",
            Self::Field => "a field",
            Self::Variant => "a variant",
        }
    }

    pub(crate) fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Event => &["alias", "doc"],
            Self::Type => &["rename", "namespace", "alias", "doc", "crate"],
            Self::Field => {
                &["rename", "alias", "default", "python_default", "with", "back_ref", "pii", "doc"]
            }
            Self::Variant => &["rename", "alias", "default", "other", "doc"],
        }
    }
}

fn set_flag(cx: &Ctxt, slot: &mut Slot<()>, item: &Item) {
    if let Some(value) = &item.value {
        cx.error(value, format_args!("unexpected value: write `{}` alone", item.key));
    }
    slot.set(cx, &item.key, (), TokenStream::new());
}

impl EventAttrs {
    pub(crate) fn parse(cx: &Ctxt, attrs: &[Attribute], target: Target) -> Self {
        let mut found = Self {
            rename: Slot::new("rename"),
            namespace: Slot::new("namespace"),
            alias: Vec::new(),
            default: Slot::new("default"),
            python_default: Slot::new("python_default"),
            with: Slot::new("with"),
            back_ref: Vec::new(),
            pii: Slot::new("pii"),
            other: Slot::new("other"),
            doc: Slot::new("doc"),
            krate: Slot::new("crate"),
        };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("event")) {
            for item in items(cx, attr, "attribute = value, …").unwrap_or_default() {
                found.set(cx, &item, target);
            }
        }
        found
    }

    fn set(&mut self, cx: &Ctxt, item: &Item, target: Target) {
        let key = &item.key;
        let name = key.to_string();
        if !target.attributes().contains(&name.as_str()) {
            unknown_in_event(cx, key, target);
            return;
        }
        match name.as_str() {
            "rename" => self.rename.read(cx, item, "\"AvroName\""),
            "namespace" => self.namespace.read(cx, item, "\"org.acme.shared\""),
            "alias" => {
                self.alias.extend(value::<LitStr>(cx, item, "\"old_name\"").map(|(value, _)| value));
            }
            "default" => match (&item.value, target) {
                (None, Target::Variant) => self.default.set(cx, key, None, TokenStream::new()),
                (Some(value), Target::Variant) => {
                    cx.error(
                        value,
                        "unexpected value: on a variant write `default` alone; readers use this symbol for unknown symbols",
                    );
                }
                (None, _) => cx.error(
                    key,
                    "missing value of `default`, expected a literal such as `default = 0`, `default = \"EUR\"` or `default = []`",
                ),
                (Some(value), _) => self.default.set(cx, key, Some(value.clone()), value.clone()),
            },
            "python_default" => self.python_default.read(cx, item, "\"True\""),
            "with" => {
                if let Some((value, tokens)) = path(cx, item, "path::to::module") {
                    self.with.set(cx, key, value, tokens);
                }
            }
            "back_ref" => {
                self.back_ref.extend(path(cx, item, "TypeThatHoldsThisOne").map(|(value, _)| value));
            }
            "pii" => set_flag(cx, &mut self.pii, item),
            "other" => set_flag(cx, &mut self.other, item),
            "doc" => self.doc.read(cx, item, "\"what it means\""),
            "crate" => {
                if let Some((value, tokens)) = path(cx, item, "path::to::events_runtime") {
                    self.krate.set(cx, key, value, tokens);
                }
            }
            _ => unknown_in_event(cx, key, target),
        }
    }
}

/// The doc comment of an item: its lines without the leading space, joined by newlines.
pub(crate) fn doc_of(attrs: &[Attribute]) -> Option<String> {
    let lines: Vec<String> = docs(attrs)
        .filter_map(literal)
        .map(|text| comment(&text.value(), text.span()))
        .flat_map(|text| {
            // Not `lines()`: it yields nothing for an empty comment line, which separates two paragraphs.
            text.split('\n')
                .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Documentation that is not a string literal, such as `include_str!(…)`: a derive sees the macro call and
/// not its result.
pub(crate) fn unreadable_docs(attrs: &[Attribute]) -> impl Iterator<Item = &Expr> {
    docs(attrs).filter(|value| literal(value).is_none())
}

/// The value of each `#[doc = …]`.
fn docs(attrs: &[Attribute]) -> impl Iterator<Item = &Expr> {
    attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(|attr| match &attr.meta {
        Meta::NameValue(pair) => Some(&pair.value),
        _ => None,
    })
}

/// A string literal, also in parentheses or in the invisible group around a `$text:expr` of `macro_rules!`.
fn literal(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        Expr::Group(group) => literal(&group.expr),
        Expr::Paren(paren) => literal(&paren.expr),
        _ => None,
    }
}

/// The text of a doc comment. Of a block comment, the leading stars or the common indentation are removed; the
/// text of an attribute `#[doc = "…"]` is unchanged.
fn comment(text: &str, span: Span) -> String {
    // Text that a macro generated has no source. It counts as a block if it has several lines.
    let is_block = span.source_text().is_none_or(|source| source.starts_with("/*"));
    if is_block && text.contains('\n') { strip_block(text) } else { text.to_owned() }
}

fn strip_block(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let lines: Vec<_> = rest.split('\n').collect();
    let is_blank = |line: &&str| line.trim().is_empty();
    // The line that ends the comment has no star.
    let body = lines.iter().rposition(|line| !is_blank(line)).map_or(0, |last| last + 1);
    let has_stars = body > 0 && lines.iter().take(body).all(|line| line.trim_start().starts_with('*'));
    let indent = |line: &&str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let common = lines.iter().filter(|line| !is_blank(line)).map(indent).min().unwrap_or_default();
    let line = |line: &&str| -> String {
        if has_stars {
            line.trim_start().strip_prefix('*').unwrap_or_default().to_owned()
        } else {
            // The lines of a `///` comment start with a space.
            format!(" {}", line.get(common..).unwrap_or_default())
        }
    };
    std::iter::once(first.to_owned()).chain(lines.iter().map(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_comments_lose_stars_and_indentation() {
        for (block, text) in [
            ("* An order.\n     *\n     * Of a customer.\n     ", "An order.\n\nOf a customer."),
            ("\n * An order.\n * * with a list\n ", "An order.\n* with a list"),
            ("\n    An order.\n      Indented.\n    ", "An order.\n  Indented."),
            (" An order. ", "An order."),
        ] {
            let block = block.strip_prefix('*').unwrap_or(block);
            let comment: Attribute = syn::parse_quote!(#[doc = #block]);
            assert_eq!(doc_of(&[comment]).as_deref(), Some(text), "{block:?}");
        }
    }
}
