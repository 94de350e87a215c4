//! `#[event(…)]`, and doc comments.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Path};

use super::{Item, Slot, items, path, value};
use crate::errors::Ctxt;
use crate::suggest::misplaced;

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

fn set_nothing(cx: &Ctxt, slot: &mut Slot<()>, item: &Item) {
    if let Some(value) = &item.value {
        cx.error(value, format_args!("`{}` takes no value", item.key));
    }
    slot.set(cx, &item.key, (), TokenStream::new());
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
pub(crate) fn doc_of(attrs: &[Attribute]) -> Option<String> {
    let lines: Vec<String> = docs(attrs)
        .filter_map(literal)
        .map(|text| comment(&text.value(), text.span()))
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

/// The documentation that is no text, as `include_str!(…)`: a derive sees the macro's name and not
/// what it stands for.
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

/// A text, also in parentheses, or in the invisible ones around a `$text:expr` of `macro_rules!`.
fn literal(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        Expr::Group(group) => literal(&group.expr),
        Expr::Paren(paren) => literal(&paren.expr),
        _ => None,
    }
}

/// The text of a doc comment without what makes it a block: the stars in front of its lines, or the
/// space that they have in common. Of an attribute `#[doc = "…"]` every letter is meant.
fn comment(text: &str, span: Span) -> String {
    // What a macro wrote has no source, and then the form of the text tells.
    let is_block = span.source_text().is_none_or(|source| source.starts_with("/*"));
    if is_block && text.contains('\n') { unblock(text) } else { text.to_owned() }
}

fn unblock(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let lines: Vec<_> = rest.split('\n').collect();
    let is_blank = |line: &&str| line.trim().is_empty();
    // The line that ends the comment has no star of its own.
    let body = lines.iter().rposition(|line| !is_blank(line)).map_or(0, |last| last + 1);
    let has_stars = body > 0 && lines.iter().take(body).all(|line| line.trim_start().starts_with('*'));
    let indent = |line: &&str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let common = lines.iter().filter(|line| !is_blank(line)).map(indent).min().unwrap_or_default();
    let line = |line: &&str| -> String {
        if has_stars {
            line.trim_start().strip_prefix('*').unwrap_or_default().to_owned()
        } else {
            // As a line of a `///` comment begins.
            format!(" {}", line.get(common..).unwrap_or_default())
        }
    };
    std::iter::once(first.to_owned()).chain(lines.iter().map(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comment_leaves_its_stars_and_its_margin_out() {
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
