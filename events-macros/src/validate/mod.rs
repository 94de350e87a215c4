//! Rules that can be checked on tokens, one function each.

mod event;
mod names;
mod types;

use quote::ToTokens;
use syn::{Attribute, Fields, GenericParam};

use crate::errors::Ctxt;
use crate::model::{Container, Data};
use crate::parse::{EventAttrs, SignalAttrs, unreadable_docs};

pub(crate) fn check(cx: &Ctxt, model: &Container<'_>) {
    has_own_derive(cx, model);
    is_owned(cx, model);
    if model.signal.is_some() {
        event::is_concrete(cx, model);
        event::is_record(cx, model);
        event::event_type_is_regular(cx, model);
        event::foreign_has_reason(cx, model);
        names::event_type_is_a_namespace(cx, model);
        event::profile_is_known(cx, model);
        event::profile_names_the_record(cx, model);
        event::compatibility_is_known(cx, model);
        event::signal_name_is_free(cx, model);
    }
    has_variants(cx, model);
    names::names_are_avro(cx, model);
    names::namespaces_are_avro(cx, model);
    names::field_names_are_unique(cx, model);
    names::aliases_are_free(cx, model);
    one_default_symbol(cx, model);
    other_is_one_unit_variant(cx, model);
    newtype_has_no_name(cx, model);
    attribute_is_on_the_event(cx, model);
    docs_are_text(cx, model);
    symbols_have_no_aliases(cx, model);
    for field in model.fields() {
        // A field with `with` may have any type.
        if !field.attrs.with.is_set() {
            types::type_has_schema(cx, field.ty);
            types::options_are_single(cx, field.ty);
        }
        types::back_ref_is_used(cx, field);
        types::back_ref_without_with(cx, field);
    }
}

/// `#[derive(EventData)] #[public_signal(…)]`, alone or beside `PublicSignal`
fn has_own_derive(cx: &Ctxt, model: &Container<'_>) {
    if model.signal.is_some() {
        return;
    }
    for attr in model.input.attrs.iter().filter(|attr| attr.path().is_ident("public_signal")) {
        cx.error(attr, "`#[public_signal(…)]` requires `#[derive(PublicSignal)]`: derive it instead of `EventData`, which it implements too");
    }
}

/// `struct Order<'a> { id: &'a str }`, `struct Hash<const N: usize>`
fn is_owned(cx: &Ctxt, model: &Container<'_>) {
    for parameter in &model.input.generics.params {
        match parameter {
            GenericParam::Lifetime(lifetime) => cx.error(
                lifetime,
                "an event must own its data and cannot borrow: use `String`, `Vec` or `Arc`",
            ),
            GenericParam::Const(constant) => cx.error(
                constant,
                "const parameters are not supported, because types that differ only in a number would have the same Avro name: write the number into the field's type",
            ),
            GenericParam::Type(_) => {}
        }
    }
}

/// `enum Never {}`
fn has_variants(cx: &Ctxt, model: &Container<'_>) {
    if matches!(&model.data, Data::Enum(variants) if variants.is_empty()) {
        cx.error(&model.input.ident, "an enum without variants has no values: add a variant");
    }
}

/// `#[event(default)] A, #[event(default)] B`, or on an enum that holds data
fn one_default_symbol(cx: &Ctxt, model: &Container<'_>) {
    let (Data::Enum(variants) | Data::Union(variants)) = &model.data else { return };
    let mut defaults = variants.iter().filter(|variant| variant.attrs.default.is_set());
    if let Data::Union(_) = &model.data {
        for variant in defaults {
            let fix = if variant.is_other() {
                "remove it: `other` takes the variants that a reader does not know"
            } else {
                "for variants that a reader does not know, mark a unit variant with `#[event(other)]`"
            };
            cx.error(
                &variant.input.ident,
                format_args!(
                    "unexpected `default`: only an enum without data can have a default symbol; {fix}"
                ),
            );
        }
        return;
    }
    defaults.next();
    for variant in defaults {
        cx.error(
            &variant.input.ident,
            "duplicate `default`: an enum has one default symbol; remove one of them",
        );
    }
}

/// `#[event(other)] Unknown(String)`, `#[event(other)] A, #[event(other)] B`, or in an enum without data
fn other_is_one_unit_variant(cx: &Ctxt, model: &Container<'_>) {
    let (Data::Enum(variants) | Data::Union(variants)) = &model.data else { return };
    let mut found = false;
    for variant in variants {
        let Some(key) = variant.attrs.other.key() else { continue };
        if let Data::Enum(_) = &model.data {
            cx.error(
                key,
                "unexpected `other`: in an enum without data, a default symbol takes unknown symbols: write `#[event(default)]`",
            );
        } else if !matches!(variant.input.fields, Fields::Unit) {
            cx.error(
                &variant.input.fields,
                format_args!(
                    "a variant with `other` takes variants with any data, and can't hold it: write `{}` without data",
                    variant.input.ident
                ),
            );
        } else if found {
            cx.error(key, "duplicate `other`: one variant takes all unknown variants; remove one of them");
        }
        found = true;
        let attrs = &variant.attrs;
        let keys = attrs.alias.iter().map(ToTokens::to_token_stream);
        for key in keys.chain(attrs.doc.key().map(ToTokens::to_token_stream)) {
            cx.error(key, "unexpected attribute: a variant with `other` is not in the schema; remove it");
        }
    }
}

/// `#[event(rename = "Id")] struct Id(#[event(default = 0)] i64);`
fn newtype_has_no_name(cx: &Ctxt, model: &Container<'_>) {
    let Data::Newtype(field) = &model.data else { return };
    let own = &model.attrs;
    let own_keys = [own.rename.key(), own.namespace.key(), own.doc.key()].into_iter().flatten();
    for key in own_keys.map(ToTokens::to_token_stream).chain(own.alias.iter().map(ToTokens::to_token_stream))
    {
        cx.error(
            key,
            "a newtype has the schema of its inner type and no name of its own: remove this attribute",
        );
    }
    let attrs = &field.attrs;
    let keys = [
        attrs.rename.key(),
        attrs.default.key(),
        attrs.python_default.key(),
        attrs.doc.key(),
        attrs.pii.key(),
    ];
    for key in keys
        .into_iter()
        .flatten()
        .map(ToTokens::to_token_stream)
        .chain(attrs.alias.iter().map(ToTokens::to_token_stream))
    {
        cx.error(
            key,
            "a newtype has the schema of its inner type and no field of its own: set this attribute on the fields whose type is the newtype",
        );
    }
}

/// `#[public_signal(key)] id: String`
fn attribute_is_on_the_event(cx: &Ctxt, model: &Container<'_>) {
    let variants = match &model.input.data {
        syn::Data::Enum(data) => data.variants.iter().collect(),
        _ => Vec::new(),
    };
    let own = match &model.input.data {
        syn::Data::Struct(data) => data.fields.iter().collect(),
        _ => Vec::new(),
    };
    let fields = own.into_iter().chain(variants.iter().flat_map(|variant| &variant.fields));
    let attrs = fields.map(|field| &field.attrs).chain(variants.iter().map(|variant| &variant.attrs));
    for attr in attrs.flatten().filter(|attr| attr.path().is_ident("public_signal")) {
        cx.error(
            attr,
            "`#[public_signal(…)]` belongs on the event's struct: set the key there, with `key = id`; a field takes `#[event(…)]`",
        );
    }
}

/// `#[doc = include_str!("order.md")]`
///
/// Checked only where the schema takes its `doc` from the comment: not for a newtype, a symbol, an enum with
/// data or an event of the profile `openedx`, which have no `doc`.
fn docs_are_text(cx: &Ctxt, model: &Container<'_>) {
    let is_text = |attrs: &[Attribute], own: &EventAttrs| {
        if own.doc.is_present() {
            return;
        }
        for value in unreadable_docs(attrs) {
            cx.error(
                value,
                "a derive cannot read this documentation, so it would be missing from the schema: add `#[event(doc = \"…\")]` with the text for the schema",
            );
        }
    };
    if model.signal.as_ref().is_some_and(SignalAttrs::is_openedx) {
        return;
    }
    if let Data::Struct(_) | Data::Enum(_) = &model.data {
        is_text(&model.input.attrs, &model.attrs);
    }
    if let Data::Union(variants) = &model.data {
        for variant in variants.iter().filter(|variant| !variant.is_other()) {
            is_text(&variant.input.attrs, &variant.attrs);
        }
    }
    if let Data::Struct(_) | Data::Union(_) = &model.data {
        model.fields().for_each(|field| is_text(&field.input.attrs, &field.attrs));
    }
}

/// `#[event(alias = "B")] A`
fn symbols_have_no_aliases(cx: &Ctxt, model: &Container<'_>) {
    let (Data::Enum(variants) | Data::Union(variants)) = &model.data else { return };
    for alias in variants.iter().flat_map(|variant| &variant.attrs.alias) {
        if let Data::Enum(_) = &model.data {
            cx.error(alias, "an Avro enum has no aliases for its symbols: keep the old symbol with `rename`, or mark a variant as `default`");
        }
    }
}
