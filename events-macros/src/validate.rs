//! The rules that tokens alone can break, one function each.

use std::collections::HashSet;

use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{Fields, GenericParam, Type};

use crate::errors::Ctxt;
use crate::event_type_rule;
use crate::expand::signal_name;
use crate::model::{AvroName, Container, Data, Field};

pub(crate) fn check(cx: &Ctxt, model: &Container<'_>) {
    has_own_derive(cx, model);
    is_owned(cx, model);
    if model.signal.is_some() {
        is_concrete(cx, model);
        is_record(cx, model);
        event_type_is_regular(cx, model);
        foreign_has_reason(cx, model);
        profile_is_known(cx, model);
        signal_has_a_name_of_its_own(cx, model);
    }
    has_variants(cx, model);
    names_are_avro(cx, model);
    namespaces_are_avro(cx, model);
    field_names_are_unique(cx, model);
    aliases_are_free(cx, model);
    one_default_symbol(cx, model);
    newtype_has_no_options(cx, model);
    attribute_is_on_the_event(cx, model);
    variant_options_fit(cx, model);
    for field in model.fields() {
        // A converted field may be of any type.
        if !field.attrs.with.is_set() {
            type_is_nameable(cx, field.ty);
            options_are_single(cx, field.ty);
        }
        back_ref_is_used(cx, field);
        back_ref_without_with(cx, field);
    }
}

/// `#[derive(EventData)] #[public_signal(…)]`, alone or beside `PublicSignal`
fn has_own_derive(cx: &Ctxt, model: &Container<'_>) {
    if model.signal.is_some() {
        return;
    }
    for attr in model.input.attrs.iter().filter(|attr| attr.path().is_ident("public_signal")) {
        cx.error(attr, "this is an event: derive `PublicSignal` alone, which writes `EventData` too");
    }
}

/// `struct Order<'a> { id: &'a str }`, `struct Hash<const N: usize>`
fn is_owned(cx: &Ctxt, model: &Container<'_>) {
    for parameter in &model.input.generics.params {
        match parameter {
            GenericParam::Lifetime(lifetime) => cx.error(
                lifetime,
                "an event outlives what it was made from, so it can't borrow: hold a `String`, a `Vec` or an `Arc`",
            ),
            GenericParam::Const(constant) => cx.error(
                constant,
                "types that differ in a number alone would share one Avro name: write the number into the field's type",
            ),
            GenericParam::Type(_) => {}
        }
    }
}

/// `#[derive(PublicSignal)] struct Placed<T> { … }`
fn is_concrete(cx: &Ctxt, model: &Container<'_>) {
    for parameter in model.input.generics.type_params() {
        cx.error(
            &parameter.ident,
            "an event type has one schema, so an event has no type parameters: name the type, or make the generic part a field that derives `EventData`",
        );
    }
}

/// `#[derive(PublicSignal)] enum Order { … }`, `struct Placed(Order);`
fn is_record(cx: &Ctxt, model: &Container<'_>) {
    match &model.input.data {
        syn::Data::Enum(data) => cx.error(
            data.enum_token,
            "an event is a struct: put the enum into a field of it, or make each variant an event of its own",
        ),
        syn::Data::Struct(data) if matches!(data.fields, Fields::Unnamed(_)) => {
            if let Data::Newtype(field) = &model.data {
                cx.error(field.ty, "the fields of an event have names: write `{ order: … }`");
            }
        }
        _ => {}
    }
}

/// `event_type = "order.placed"`
fn event_type_is_regular(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    let Some(event_type) = signal.event_type.value() else {
        match &signal.span {
            _ if signal.event_type.is_tried() => {}
            Some(attr) => cx.error(attr, "the event type is missing: `event_type = \"org.acme.orders.order.placed.v1\"`"),
            None => cx.error(
                &model.input.ident,
                "the event type is missing: add `#[public_signal(event_type = \"org.acme.orders.order.placed.v1\")]`",
            ),
        }
        return;
    };
    let text = event_type.value();
    let rule = if signal.foreign.is_set() || signal.is_openedx() {
        event_type_rule::check_foreign(&text)
    } else {
        event_type_rule::check(&text)
    };
    if let Err(fault) = rule {
        let fault = fault.text(&text);
        let fault = fault.as_str();
        let rule =
            if fault.contains("the rule is") { "" } else { "the rule is `reverse.dns.subject.action.vN`; " };
        let way_out = format!("\n{rule}for a name that others gave, add `foreign = \"the reason\"`");
        let way_out = if signal.foreign.is_tried() || signal.is_openedx() { "" } else { &way_out };
        cx.error(event_type, format_args!("{fault}{way_out}"));
    }
}

/// `foreign = ""`
fn foreign_has_reason(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    if let Some(reason) = signal.foreign.value()
        && reason.value().trim().is_empty()
    {
        cx.error(reason, "say why this event type breaks the naming rule, such as \"published by Open edX\"");
    }
}

/// `profile = "edx"`
fn profile_is_known(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    if let Some(profile) = signal.profile.value()
        && !matches!(profile.value().as_str(), "native" | "openedx")
    {
        cx.error(profile, "there are the profiles \"native\" (the default) and \"openedx\"");
    }
}

/// `enum Never {}`
fn has_variants(cx: &Ctxt, model: &Container<'_>) {
    if matches!(&model.data, Data::Enum(variants) if variants.is_empty()) {
        cx.error(&model.input.ident, "an enum without variants has no value that an event could hold");
    }
}

fn is_avro_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `struct Größe { … }`, `#[event(rename = "order-id")]`
fn names_are_avro(cx: &Ctxt, model: &Container<'_>) {
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
fn namespaces_are_avro(cx: &Ctxt, model: &Container<'_>) {
    let own = model.attrs.namespace.value();
    for namespace in own.into_iter().chain(model.signal.iter().filter_map(|signal| signal.namespace.value()))
    {
        if !namespace.value().split('.').all(is_avro_name) {
            cx.error(namespace, "an Avro namespace is names joined by dots, such as \"org.acme.shared\"");
        }
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
fn field_names_are_unique(cx: &Ctxt, model: &Container<'_>) {
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
fn aliases_are_free(cx: &Ctxt, model: &Container<'_>) {
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

/// `#[event(default)] A, #[event(default)] B`, or on an enum that holds data
fn one_default_symbol(cx: &Ctxt, model: &Container<'_>) {
    let (Data::Enum(variants) | Data::Union(variants)) = &model.data else { return };
    let mut defaults = variants.iter().filter(|variant| variant.attrs.default.is_set());
    if let Data::Union(_) = &model.data {
        for variant in defaults {
            cx.error(
                &variant.input.ident,
                "only an enum of variants without data has a default symbol in Avro",
            );
        }
        return;
    }
    defaults.next();
    for variant in defaults {
        cx.error(
            &variant.input.ident,
            "another variant is the default already: one symbol stands for all unknown ones",
        );
    }
}

/// `#[event(rename = "Id")] struct Id(#[event(default = 0)] i64);`
fn newtype_has_no_options(cx: &Ctxt, model: &Container<'_>) {
    let Data::Newtype(field) = &model.data else { return };
    let own = &model.attrs;
    let own_keys = [own.rename.key(), own.namespace.key(), own.doc.key()].into_iter().flatten();
    for key in own_keys.map(ToTokens::to_token_stream).chain(own.alias.iter().map(ToTokens::to_token_stream))
    {
        cx.error(key, "a newtype is its field in the schema and has no name there: remove this");
    }
    let attrs = &field.attrs;
    let keys = [attrs.rename.key(), attrs.default.key(), attrs.doc.key(), attrs.pii.key()];
    for key in keys
        .into_iter()
        .flatten()
        .map(ToTokens::to_token_stream)
        .chain(attrs.alias.iter().map(ToTokens::to_token_stream))
    {
        cx.error(
            key,
            "a newtype is its field in the schema, so there is no field to set this on: set it where the newtype is used",
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
            "`#[public_signal(…)]` stands on the event's struct: a key is named there, `key = id`, and a field has `#[event(…)]`",
        );
    }
}

/// `#[derive(PublicSignal)] struct A;`, whose signal would be `A` too
fn signal_has_a_name_of_its_own(cx: &Ctxt, model: &Container<'_>) {
    let Some(signal) = &model.signal else { return };
    let is_unit = matches!(&model.input.data, syn::Data::Struct(data) if matches!(data.fields, Fields::Unit));
    let name = signal_name(model, signal);
    if is_unit && name == model.input.ident {
        cx.error(
            &name,
            format_args!(
                "the signal would be named `{name}`, as the value of this unit struct is: write `struct {name} {{}}`, or name the signal with `signal = …`"
            ),
        );
    }
}

/// `#[event(alias = "B")] A`
fn variant_options_fit(cx: &Ctxt, model: &Container<'_>) {
    let (Data::Enum(variants) | Data::Union(variants)) = &model.data else { return };
    for alias in variants.iter().flat_map(|variant| &variant.attrs.alias) {
        if let Data::Enum(_) = &model.data {
            cx.error(alias, "Avro has no aliases for the symbols of an enum: keep the old symbol with `rename`, or give the enum a `default`");
        }
    }
}

/// `point: (f64, f64)`, `name: &'static str`, `handler: fn()`
fn type_is_nameable(cx: &Ctxt, ty: &Type) {
    struct Visitor<'a>(&'a Ctxt);
    impl VisitMut for Visitor<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            let fault = match ty {
                Type::Tuple(tuple) if tuple.elems.is_empty() => {
                    "`()` carries nothing: remove the field, or use a unit struct"
                }
                Type::Tuple(_) => {
                    "the parts of a tuple have no names, and the fields of an Avro record do: write a struct with `#[derive(EventData)]`"
                }
                Type::Reference(_) => {
                    "an event owns what it holds: use `String` for `&str`, `Vec<T>` for `&[T]`, `Arc<T>` to share"
                }
                Type::Slice(_) => "a slice has no size of its own: use `Vec<T>`",
                Type::Path(path) if path.path.is_ident("str") => "`str` has no size of its own: use `String`",
                Type::Ptr(_) => "a pointer means nothing in another process: hold the value",
                Type::FnPtr(_) => "a function can't travel: hold what it is called with",
                Type::TraitObject(_) => {
                    "the schema of a trait object is not known: use an enum of the types it can be"
                }
                Type::ImplTrait(_) => "the schema of `impl Trait` is not known: name the type",
                Type::Never(_) => "no value of `!` exists: remove the field",
                _ => {
                    visit_mut::visit_type_mut(self, ty);
                    return;
                }
            };
            self.0.error(&*ty, fault);
        }

        fn visit_generic_argument_mut(&mut self, argument: &mut syn::GenericArgument) {
            match argument {
                // `Arc<[T]>` and `Box<[T]>` are sequences that own their items.
                syn::GenericArgument::Type(Type::Slice(slice)) => self.visit_type_mut(&mut slice.elem),
                syn::GenericArgument::Type(Type::Path(path)) if path.path.is_ident("str") => {}
                _ => visit_mut::visit_generic_argument_mut(self, argument),
            }
        }
    }
    Visitor(cx).visit_type_mut(&mut ty.clone());
}

/// `note: Option<Option<String>>`
fn options_are_single(cx: &Ctxt, ty: &Type) {
    struct Visitor<'a>(&'a Ctxt);
    impl VisitMut for Visitor<'_> {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if option_argument(ty).and_then(option_argument).is_some() {
                self.0.error(
                    &*ty,
                    "Avro can't tell `None` from `Some(None)`: use one `Option`, or an enum that names the cases",
                );
                return;
            }
            visit_mut::visit_type_mut(self, ty);
        }
    }
    Visitor(cx).visit_type_mut(&mut ty.clone());
}

fn option_argument(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ungrouped(ty) else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The type in parentheses, or in the invisible ones around a `$ty:ty` of `macro_rules!`.
fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        _ => ty,
    }
}

/// `#[event(back_ref = Order)] customer: Customer`
fn back_ref_is_used(cx: &Ctxt, field: &Field<'_>) {
    for path in &field.attrs.back_ref {
        if !crate::recursion::names(field.ty, path) {
            cx.error(
                path,
                format_args!(
                    "the type of this field, `{}`, does not name `{}`: write the name as it stands there, or remove `back_ref`",
                    text(field.ty),
                    text(path)
                ),
            );
        }
    }
}

/// `#[event(with = module, back_ref = Order)]`
fn back_ref_without_with(cx: &Ctxt, field: &Field<'_>) {
    if let (Some(with), Some(_)) = (field.attrs.with.get(), field.attrs.back_ref.first()) {
        cx.error(&with.tokens, "the schema of a converted field is its module's `Repr`: put `back_ref` where that type is defined");
    }
}

fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string().replace(' ', "")
}
