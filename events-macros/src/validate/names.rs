//! Rules of names: valid in Avro, and unique.

use std::collections::HashSet;

use syn::{Fields, LitStr};

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
    let check = |name: &AvroName, attribute: &str| {
        if is_avro_name(&name.text) {
            return;
        }
        let hint = if syn::parse2::<LitStr>(name.tokens.clone()).is_ok() {
            String::new()
        } else {
            format!(": change it, or set the name in the schema with `#[{attribute} = \"…\")]`")
        };
        cx.error(&name.tokens, format_args!("{}{hint}", not_avro(&name.text)));
    };
    let rename = "event(rename";
    // A newtype has no name in the schema, and no field.
    if !matches!(model.data, Data::Newtype(_)) {
        check(&model.name, if model.signal.is_some() { "public_signal(name" } else { rename });
        model.fields().for_each(|field| check(&field.name, rename));
    }
    if let Data::Enum(variants) | Data::Union(variants) = &model.data {
        for variant in variants {
            check(&variant.name, rename);
        }
    }
    let aliases = model.attrs.alias.iter().chain(model.fields().flat_map(|field| &field.attrs.alias));
    for alias in aliases {
        if !alias.value().split('.').all(is_avro_name) {
            cx.error(alias, not_avro(&alias.value()));
        }
    }
}

fn not_avro(name: &str) -> String {
    format!("`{name}` is not a valid Avro name (ASCII letters, digits and `_`, not starting with a digit)")
}

/// `namespace = "org..acme"`
pub(super) fn namespaces_are_avro(cx: &Ctxt, model: &Container<'_>) {
    let own = model.attrs.namespace.value();
    for namespace in own.into_iter().chain(model.signal.iter().filter_map(|signal| signal.namespace.value()))
    {
        if !namespace.value().split('.').all(is_avro_name) {
            cx.error(
                namespace,
                format_args!(
                    "`{}` is not a valid Avro namespace, expected names joined by dots, such as \"org.acme.shared\"",
                    namespace.value()
                ),
            );
        }
    }
}

/// `event_type = "order-placed", foreign = "…"`
pub(super) fn event_type_is_a_namespace(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    let Some(event_type) = signal.event_type.value() else { return };
    let text = event_type.value();
    // An invalid event type has its own error.
    let is_regular = signal.foreign.is_set() && event_type::check_foreign(&text).is_ok();
    if is_regular && !signal.namespace.is_set() && !text.split('.').all(is_avro_name) {
        let namespace: String =
            text.chars().map(|c| if c == '.' || c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        cx.error(
            event_type,
            format_args!(
                "the event type is also the namespace of the schema, and is not a valid one: add another, such as `namespace = \"{namespace}\"`"
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
                format_args!("duplicate {what} `{}` in the schema: rename one of them", name.text),
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
                    format_args!("duplicate name: `{}` is already the name or an alias of another field; remove the alias", alias.value()),
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
