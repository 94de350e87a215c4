//! Rules of names: what Avro takes, and that each means one thing.

use std::collections::HashSet;

use syn::Fields;

use crate::errors::Ctxt;
use crate::model::{AvroName, Container, Data, Field};
use events_schema::event_type;

fn is_avro_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `struct Größe { … }`, `#[event(rename = "order-id")]`
pub(super) fn names_are_avro(cx: &Ctxt, model: &Container<'_>) {
    let check = |name: &AvroName| {
        if !is_avro_name(&name.text) {
            let kept = ": change it, or give it another name in the schema with `#[event(rename = \"…\")]`";
            cx.error(
                &name.tokens,
                format_args!(
                    "`{}` is no Avro name, which has letters a-z and A-Z, digits and `_`, and begins with no digit{kept}",
                    name.text
                ),
            );
        }
    };
    // A newtype has no name in the schema, and no field.
    if !matches!(model.data, Data::Newtype(_)) {
        check(&model.name);
        model.fields().for_each(|field| check(&field.name));
    }
    if let Data::Enum(variants) | Data::Union(variants) = &model.data {
        for variant in variants {
            check(&variant.name);
        }
    }
    let aliases = model.attrs.alias.iter().chain(model.fields().flat_map(|field| &field.attrs.alias));
    for alias in aliases {
        if !alias.value().split('.').all(is_avro_name) {
            cx.error(alias, format_args!("`{}` is no Avro name", alias.value()));
        }
    }
}

/// `namespace = "org..acme"`
pub(super) fn namespaces_are_avro(cx: &Ctxt, model: &Container<'_>) {
    let own = model.attrs.namespace.value();
    for namespace in own.into_iter().chain(model.signal.iter().filter_map(|signal| signal.namespace.value()))
    {
        if !namespace.value().split('.').all(is_avro_name) {
            cx.error(namespace, "an Avro namespace is names joined by dots, such as \"org.acme.shared\"");
        }
    }
}

/// `event_type = "order-placed", foreign = "…"`
pub(super) fn event_type_is_a_namespace(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    let Some(event_type) = signal.event_type.value() else { return };
    let text = event_type.value();
    // What breaks the rule of event types has an error of its own.
    let is_regular = signal.foreign.is_set() && event_type::check_foreign(&text).is_ok();
    if is_regular && !signal.namespace.is_set() && !text.split('.').all(is_avro_name) {
        let namespace: String =
            text.chars().map(|c| if c == '.' || c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        cx.error(
            event_type,
            format_args!(
                "an event type is the namespace of its schema too, and this is none in Avro: add one, such as `namespace = \"{namespace}\"`"
            ),
        );
    }
}

fn unique<'a>(cx: &Ctxt, names: impl Iterator<Item = &'a AvroName>, what: &str) {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name.text.as_str()) {
            cx.error(
                &name.tokens,
                format_args!("the schema has another {what} `{}`: rename one of them", name.text),
            );
        }
    }
}

/// `a: i32, #[event(rename = "a")] b: i32`
pub(super) fn field_names_are_unique(cx: &Ctxt, model: &Container<'_>) {
    match &model.data {
        Data::Struct(fields) => unique(cx, fields.iter().map(|field| &field.name), "field"),
        Data::Enum(variants) | Data::Union(variants) => {
            unique(cx, variants.iter().map(|variant| &variant.name), "variant");
            for variant in variants.iter().filter(|variant| matches!(variant.input.fields, Fields::Named(_)))
            {
                unique(cx, variant.fields.iter().map(|field| &field.name), "field");
            }
        }
        Data::Newtype(_) | Data::Unsupported => {}
    }
}

/// `#[event(alias = "b")] a: i32, b: i32`
pub(super) fn aliases_are_free(cx: &Ctxt, model: &Container<'_>) {
    let check = |fields: &[Field<'_>]| {
        let mut seen: Vec<String> = fields.iter().map(|field| field.name.text.clone()).collect();
        for alias in fields.iter().flat_map(|field| &field.attrs.alias) {
            if seen.contains(&alias.value()) {
                cx.error(
                    alias,
                    format_args!("`{}` is the name or the alias of another field", alias.value()),
                );
            }
            seen.push(alias.value());
        }
    };
    match &model.data {
        Data::Struct(fields) => check(fields),
        Data::Enum(variants) | Data::Union(variants) => {
            for variant in variants {
                check(&variant.fields);
            }
        }
        Data::Newtype(_) | Data::Unsupported => {}
    }
}
