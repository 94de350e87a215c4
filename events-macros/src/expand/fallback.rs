//! Placeholder implementations for a type with errors, so that its uses cause no further errors.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, Type};

use super::{bounded, contract, schema, signal};
use crate::model::Container;

pub(crate) fn fallback(model: &Container<'_>) -> TokenStream {
    if model.fields().any(|field| is_unsized(field.ty)) {
        return TokenStream::new();
    }
    let (krate, ident) = (model.krate(), &model.input.ident);
    let generics = bounded(&model.input.generics);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let event = match &model.signal {
        Some(attrs) if is_concrete(&model.input.generics) => {
            let event_type = signal::event_type(attrs);
            let schemas = contract::schemas(attrs);
            quote! {
                impl __p::PublicSignal for #ident {
                    const EVENT_TYPE: &'static __p::core::primitive::str = #event_type;
                    const MINOR_VERSION: __p::core::primitive::u32 = 0;
                    const SCHEMA_TEXT: &'static [__p::core::primitive::u8] = b"";
                    const CANONICAL_TEXT: &'static [__p::core::primitive::u8] = b"";
                    const DESCRIPTOR: &'static __p::SignalDescriptor = &__p::SignalDescriptor::of::<Self>(
                        __p::Origin::new("", ""), "", 0, __p::Profile::Native, &[], #schemas,
                    );
                }
            }
        }
        _ => TokenStream::new(),
    };
    let statics = match &model.signal {
        Some(attrs) if is_concrete(&model.input.generics) && !signal::signal_shadows_struct(model, attrs) => {
            signal::statics(model, attrs)
        }
        _ => TokenStream::new(),
    };
    let named = schema::named(model, &generics);
    quote! {
        #[allow(deprecated, unused_qualifications)]
        const _: () = {
            use #krate::private as __p;
            #named
            impl #impl_generics __p::EventData for #ident #type_generics #where_clause {
                const SCHEMA: &'static __p::Schema = __p::Schema::UNKNOWN;
                const MIN_LEN: __p::core::primitive::usize = 0;
                fn max_len(&self) -> __p::core::primitive::usize {
                    0
                }
                fn encode<'__w>(&self, __writer: __p::Writer<'__w>) -> __p::Writer<'__w> {
                    __writer
                }
                fn decode(__reader: &mut __p::Reader<'_>) -> __p::core::result::Result<Self, __p::DecodeError> {
                    __p::core::result::Result::Err(__p::Reader::invalid(__reader, "the definition did not compile"))
                }
            }
            impl #impl_generics __p::KeyPath for #ident #type_generics #where_clause {
                type Target = Self;
                fn step(&self) -> &Self {
                    self
                }
            }
            impl #impl_generics __p::EventKey for #ident #type_generics #where_clause {
                fn append_key(&self, _: &mut __p::Vec<__p::core::primitive::u8>) {}
            }
            impl #impl_generics __p::MapKey for #ident #type_generics #where_clause {
                fn as_str(&self) -> &__p::core::primitive::str {
                    ""
                }
                fn from_text(_: &__p::core::primitive::str) -> Self {
                    __p::core::unreachable!("the definition did not compile")
                }
            }
            #event
        };
        #statics
    }
}

/// Whether a type is unsized: then `decode` can't return it, and a placeholder would be another error.
fn is_unsized(ty: &Type) -> bool {
    match ty {
        Type::Slice(_) | Type::TraitObject(_) => true,
        Type::Path(path) => path.path.is_ident("str"),
        _ => false,
    }
}

/// A generic event already has an error, and a static can't name its parameters.
fn is_concrete(generics: &Generics) -> bool {
    generics.params.is_empty()
}
