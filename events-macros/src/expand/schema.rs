//! The const tree of a type.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::{Generics, Ident, LitStr, Member, Path};

use crate::model::{Container, Data, Field, Variant};
use crate::{recursion, source};
use events_schema::{digest, parse::quoted};

/// The name and the place of a type, known without its fields.
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

/// The fields of a struct that have another name in the schema.
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

/// The namespace that is written; `None` takes the one around the type.
fn written_namespace<'a>(model: &'a Container<'_>) -> Option<&'a LitStr> {
    match &model.signal {
        Some(signal) => signal.namespace.value().or_else(|| signal.event_type.value()),
        None => model.attrs.namespace.value(),
    }
}

fn own_namespace(model: &Container<'_>) -> String {
    written_namespace(model).map(LitStr::value).unwrap_or_default()
}

/// The digest of a record's name and aliases.
fn named_digest(model: &Container<'_>, base: &str, aliases: &[LitStr]) -> TokenStream {
    if model.input.generics.type_params().next().is_some() {
        // Its arguments are part of the name, and only the compiler knows theirs.
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
    if let Some(namespace) = written_namespace(model) {
        quote!(__p::core::option::Option::Some(#namespace))
    } else {
        quote!(__p::core::option::Option::None)
    }
}

/// The value of `EventData::SCHEMA`, and whether the type holds itself.
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
            let branches = variants.iter().map(|variant| branch(model, variant, &mut recursive));
            quote! {
                __p::Schema::Union(&__p::Union {
                    name: <Self as __p::AvroNamed>::NAME,
                    branches: &[#(#branches),*],
                })
            }
        }
        Data::Unsupported => quote!(__p::Schema::Null),
    };
    (at_one_place(model, tree), recursive)
}

/// A reference to a tree. A compiler that keeps what it evaluated for the next time hashes a constant with all
/// that it refers to, as often as it does; of a static it hashes the name. Types that each name the next one
/// twice would take it twice the time with every level.
fn at_one_place(model: &Container<'_>, tree: TokenStream) -> TokenStream {
    if !model.input.generics.params.is_empty() {
        // Statics know nothing of parameters.
        return quote!(&#tree);
    }
    let tree = without_self(tree, &model.input.ident);
    // What clippy has to say of a field's type it says at the field. In an implementation that is marked as
    // derived it is quiet; a static can't be marked.
    quote! {
        {
            #[allow(clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction)]
            static __SCHEMA: __p::Schema = #tree;
            &__SCHEMA
        }
    }
}

/// The type's own name in place of `Self`, which an item within its implementation does not know.
fn without_self(tokens: TokenStream, own: &Ident) -> TokenStream {
    let named = |token| match token {
        TokenTree::Ident(ident) if ident == "Self" => {
            let mut named = own.clone();
            named.set_span(ident.span().resolved_at(own.span()));
            named.into()
        }
        TokenTree::Group(group) => {
            let mut within = Group::new(group.delimiter(), without_self(group.stream(), own));
            within.set_span(group.span());
            within.into()
        }
        other => other,
    };
    tokens.into_iter().map(named).collect()
}

/// The record of a variant, named `<Enum><Variant>`.
fn branch(model: &Container<'_>, variant: &Variant<'_>, recursive: &mut bool) -> TokenStream {
    let base = format!("{}{}", model.name.text, variant.name.text);
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
        )
    }
}

/// The type whose schema a field has.
fn schema_type(model: &Container<'_>, field: &Field<'_>) -> (TokenStream, bool) {
    if let Some(with) = field.attrs.with.value() {
        return (repr(with), false);
    }
    let (ty, found) = recursion::cut(field.ty, &model.input.ident, &field.attrs.back_ref);
    (quote!(#ty), found)
}

/// What a `with` module converts to.
pub(super) fn repr(module: &Path) -> TokenStream {
    in_module(module, "Repr")
}

/// An item of a `with` module. The compiler speaks of it at the module's name.
pub(super) fn in_module(module: &Path, item: &str) -> TokenStream {
    let place = module.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span());
    let item = Ident::new(item, place);
    quote_spanned!(place=> #module::#item)
}

fn doc(text: Option<&str>) -> String {
    text.map(|text| format!(",\"doc\":{}", quoted(text))).unwrap_or_default()
}
