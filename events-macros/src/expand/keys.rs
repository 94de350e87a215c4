//! Implements `EventKey`, `MapKey` and `KeyPath`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, parse_quote};

use crate::model::{Container, Data};

/// A struct can be inside a key's path. A newtype is a key if its field is one.
pub(super) fn keys(model: &Container<'_>, generics: &Generics) -> TokenStream {
    let ident = &model.input.ident;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    match &model.data {
        Data::Struct(_) => quote! {
            #[automatically_derived]
            impl #impl_generics __p::KeyPath for #ident #type_generics #where_clause {
                type Target = Self;

                #[inline]
                fn step(&self) -> &Self {
                    self
                }
            }
        },
        Data::Newtype(field) => {
            let ty = field.ty;
            // The unused lifetime defers the check of the bound until the implementation is used. So a
            // newtype of any type derives, but only a newtype of a key is a key.
            let mut as_key = generics.clone();
            as_key.make_where_clause().predicates.push(parse_quote!(for<'__key> #ty: __p::EventKey));
            let mut as_map_key = generics.clone();
            as_map_key.make_where_clause().predicates.push(parse_quote!(for<'__key> #ty: __p::MapKey));
            let (where_key, where_map_key) = (&as_key.where_clause, &as_map_key.where_clause);
            quote! {
                #[automatically_derived]
                impl #impl_generics __p::EventKey for #ident #type_generics #where_key {
                    fn append_key(&self, __out: &mut __p::Vec<__p::core::primitive::u8>) {
                        <#ty as __p::EventKey>::append_key(&self.0, __out)
                    }
                }

                #[automatically_derived]
                impl #impl_generics __p::MapKey for #ident #type_generics #where_map_key {
                    fn as_str(&self) -> &__p::core::primitive::str {
                        <#ty as __p::MapKey>::as_str(&self.0)
                    }

                    fn from_text(__text: &__p::core::primitive::str) -> Self {
                        Self(<#ty as __p::MapKey>::from_text(__text))
                    }
                }
            }
        }
        _ => TokenStream::new(),
    }
}
