//! Generates the schema of a type, as a tree of constants.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Generics, Ident, LitStr, Member, Path};

use crate::model::{Container, Data, Field, Variant};
use crate::{recursion, source};
use events_schema::{digest, parse::quoted};

/// Implements `AvroNamed`: name and origin of a type, which do not depend on its fields.
pub(super) fn named(model: &Container<'_>, generics: &Generics) -> TokenStream {
    if matches!(model.data, Data::Newtype(_)) {
        return TokenStream::new();
    }
    let ident = &model.input.ident;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let base = &model.name.text;
    let arguments = arguments(model);
    let namespace = namespace(model);
    let rust_name = ident.to_string();
    let (file, digest) = source::of(ident.span()).unwrap_or_default();
    let renamed = renamed(model);
    quote! {
        #[automatically_derived]
        impl #impl_generics __p::AvroNamed for #ident #type_generics #where_clause {
            const NAME: __p::Name =
                __p::Name { base: #base, arguments: #arguments, namespace: #namespace };
            const ORIGIN: __p::Origin = __p::Origin {
                rust_type: __p::core::concat!(__p::core::module_path!(), "::", #rust_name),
                location: __p::core::concat!(
                    __p::core::file!(), ":", __p::core::line!(), ":", __p::core::column!()
                ),
                file: #file,
                digest: #digest,
                renamed: &[#(#renamed),*],
            };
        }
    }
}

/// The fields of a struct whose name in the schema differs.
fn renamed(model: &Container<'_>) -> impl Iterator<Item = TokenStream> {
    let fields = match &model.data {
        Data::Struct(fields) => fields.as_slice(),
        _ => &[],
    };
    fields.iter().filter_map(|field| {
        let Member::Named(ident) = &field.member else { return None };
        let (own, name) = (ident.unraw().to_string(), &field.name.text);
        (own != *name).then(|| quote!((#own, #name)))
    })
}

fn arguments(model: &Container<'_>) -> TokenStream {
    let parameters = model.input.generics.type_params().map(|parameter| &parameter.ident);
    quote!(&[#(<#parameters as __p::EventData>::SCHEMA),*])
}

/// The explicit namespace. Without one, the type takes the namespace of the type that contains it.
fn explicit_namespace<'a>(model: &'a Container<'_>) -> Option<&'a LitStr> {
    match &model.signal {
        Some(signal) => signal.namespace.value().or_else(|| signal.event_type.value()),
        None => model.attrs.namespace.value(),
    }
}

fn own_namespace(model: &Container<'_>) -> String {
    explicit_namespace(model).map(LitStr::value).unwrap_or_default()
}

/// The digest of a record's name and aliases.
fn named_digest(model: &Container<'_>, base: &str, aliases: &[LitStr]) -> TokenStream {
    if model.input.generics.type_params().next().is_some() {
        // The arguments are part of the name, and only the compiler knows their names.
        let name = quote!(__p::Name { base: #base, ..<Self as __p::AvroNamed>::NAME });
        return quote!(__p::generic_name(&#name, &[#(#aliases),*]));
    }
    let digest = digest::name(digest::RECORD, base, &own_namespace(model), texts(aliases));
    quote!(#digest)
}

fn texts(aliases: &[LitStr]) -> impl Iterator<Item = String> {
    aliases.iter().map(LitStr::value)
}

fn namespace(model: &Container<'_>) -> TokenStream {
    if let Some(namespace) = explicit_namespace(model) {
        quote!(__p::core::option::Option::Some(#namespace))
    } else {
        quote!(__p::core::option::Option::None)
    }
}

/// The value of `EventData::SCHEMA`, and whether the type is recursive.
pub(super) fn tree(model: &Container<'_>) -> (TokenStream, bool) {
    let mut recursive = false;
    let attributes = doc(model.doc.as_deref());
    let aliases = &model.attrs.alias;
    let tree = match &model.data {
        Data::Struct(fields) => {
            let fields = fields.iter().map(|field| self::field(model, field, &mut recursive));
            let digest = named_digest(model, &model.name.text, aliases);
            quote! {
                __p::Schema::Record(&__p::Record::new(
                    <Self as __p::AvroNamed>::NAME,
                    <Self as __p::AvroNamed>::ORIGIN,
                    &[#(#aliases),*],
                    #attributes,
                    #digest,
                    &[#(#fields),*],
                ))
            }
        }
        Data::Newtype(field) => {
            let (ty, found) = schema_type(model, field);
            recursive |= found;
            return (quote!(<#ty as __p::EventData>::SCHEMA), recursive);
        }
        Data::Enum(variants) => {
            let symbols: Vec<_> = variants.iter().map(|variant| variant.name.text.as_str()).collect();
            let default = variants.iter().find(|variant| variant.attrs.default.is_set());
            let default = default.map(|variant| variant.name.text.as_str());
            let named = digest::name(digest::ENUM, &model.name.text, &own_namespace(model), texts(aliases));
            let digest = digest::symbols(named, symbols.iter().copied(), default);
            let default = if let Some(symbol) = default {
                quote!(__p::core::option::Option::Some(#symbol))
            } else {
                quote!(__p::core::option::Option::None)
            };
            quote! {
                __p::Schema::Enum(&__p::Enum {
                    name: <Self as __p::AvroNamed>::NAME,
                    origin: <Self as __p::AvroNamed>::ORIGIN,
                    aliases: &[#(#aliases),*],
                    attributes: #attributes,
                    symbols: &[#(#symbols),*],
                    default: #default,
                    digest: #digest,
                })
            }
        }
        Data::Union(variants) => {
            let branches = variants.iter().filter(|variant| !variant.is_other());
            let branches = branches.map(|variant| branch(model, variant, &mut recursive));
            let other = other(model, variants);
            quote! {
                __p::Schema::Union(&__p::Union {
                    name: <Self as __p::AvroNamed>::NAME,
                    branches: &[#(#branches),*],
                    other: #other,
                })
            }
        }
        Data::Unsupported => quote!(__p::Schema::Null),
    };
    (in_static(model, tree), recursive)
}

/// A reference to the tree, in a static. For incremental compilation, the compiler hashes a constant together
/// with everything it refers to, once for each reference; of a static it hashes only the name. With constants,
/// compile time would double with each level of types that refer to the next one twice.
fn in_static(model: &Container<'_>, tree: TokenStream) -> TokenStream {
    if !model.input.generics.params.is_empty() {
        // A static can't use type parameters.
        return quote!(&#tree);
    }
    let tree = replace_self(tree, &model.input.ident);
    // Clippy reports a field's type at the field. It skips an implementation with `#[automatically_derived]`,
    // but a static can't have this attribute.
    quote! {
        {
            #[allow(clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction)]
            static __SCHEMA: __p::Schema = #tree;
            &__SCHEMA
        }
    }
}

/// Replaces `Self` by the type's name, because an item inside an implementation can't use `Self`.
fn replace_self(tokens: TokenStream, own: &Ident) -> TokenStream {
    let named = |token| match token {
        TokenTree::Ident(ident) if ident == "Self" => {
            let mut named = own.clone();
            named.set_span(ident.span().resolved_at(own.span()));
            named.into()
        }
        TokenTree::Group(group) => {
            let mut within = Group::new(group.delimiter(), replace_self(group.stream(), own));
            within.set_span(group.span());
            within.into()
        }
        other => other,
    };
    tokens.into_iter().map(named).collect()
}

/// The name of the variant with `other`, in the form of the branches' names.
fn other(model: &Container<'_>, variants: &[Variant<'_>]) -> TokenStream {
    if let Some(variant) = variants.iter().find(|variant| variant.is_other()) {
        let base = branch_name(model, variant);
        quote!(__p::core::option::Option::Some(#base))
    } else {
        quote!(__p::core::option::Option::None)
    }
}

/// `<Enum><Variant>`
fn branch_name(model: &Container<'_>, variant: &Variant<'_>) -> String {
    format!("{}{}", model.name.text, variant.name.text)
}

/// The record of a variant.
fn branch(model: &Container<'_>, variant: &Variant<'_>, recursive: &mut bool) -> TokenStream {
    let base = branch_name(model, variant);
    let aliases = &variant.attrs.alias;
    let attributes = doc(variant.doc.as_deref());
    let fields = variant.fields.iter().map(|field| self::field(model, field, recursive));
    let digest = named_digest(model, &base, aliases);
    quote! {
        &__p::Record::new(
            __p::Name { base: #base, ..<Self as __p::AvroNamed>::NAME },
            <Self as __p::AvroNamed>::ORIGIN,
            &[#(#aliases),*],
            #attributes,
            #digest,
            &[#(#fields),*],
        )
    }
}

fn field(model: &Container<'_>, field: &Field<'_>, recursive: &mut bool) -> TokenStream {
    let name = &field.name.text;
    let aliases = &field.attrs.alias;
    let (ty, found) = schema_type(model, field);
    *recursive |= found;
    let pii = field.attrs.pii.is_set();
    let mut attributes = doc(field.doc.as_deref());
    if pii {
        attributes.push_str(",\"pii\":true");
    }
    let digest = digest::field(name, texts(aliases));
    let digest = match &field.default {
        Some(default) => digest::default(digest, &default.text()),
        None => digest,
    };
    let default = if let Some(default) = &field.default {
        let default = default.expand();
        quote!(__p::core::option::Option::Some(#default))
    } else {
        quote!(__p::core::option::Option::None)
    };
    let python_default =
        field.attrs.python_default.value().map(|default| quote!(.with_python_default(#default)));
    quote! {
        __p::Field::new(
            #name,
            &[#(#aliases),*],
            #attributes,
            <#ty as __p::EventData>::SCHEMA,
            <#ty as __p::EventData>::MAY_BE_FALSY,
            #default,
            #pii,
            #digest,
        )#python_default
    }
}

/// The type that provides the schema of a field.
fn schema_type(model: &Container<'_>, field: &Field<'_>) -> (TokenStream, bool) {
    if let Some(with) = field.attrs.with.value() {
        return (repr(with), false);
    }
    let (ty, found) = recursion::replace_recursion(field.ty, &model.input.ident, &field.attrs.back_ref);
    (quote!(#ty), found)
}

/// The type that a `with` module converts to.
pub(super) fn repr(module: &Path) -> TokenStream {
    in_module(module, "Repr")
}

/// An item of a `with` module, with the span of the module's name, so that errors point there.
pub(super) fn in_module(module: &Path, item: &str) -> TokenStream {
    let span = module.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span());
    let item = Ident::new(item, span);
    quote_spanned!(span=> #module::#item)
}

fn doc(text: Option<&str>) -> String {
    text.map(|text| format!(",\"doc\":{}", quoted(text))).unwrap_or_default()
}
