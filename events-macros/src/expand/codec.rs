//! Implements `EventData`: the schema, and encoding and decoding field by field.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Generics, Path};

use super::schema;
use crate::model::{Container, Data, Field, Variant};

pub(super) fn event_data(model: &Container<'_>, generics: &Generics) -> TokenStream {
    let ident = &model.input.ident;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let (tree, recursive) = schema::tree(model);
    let body = match &model.data {
        Data::Struct(fields) => record(fields, recursive),
        Data::Newtype(field) => newtype(field, recursive),
        Data::Enum(variants) => symbols(variants),
        Data::Union(variants) => union(model, variants, recursive),
        Data::Unsupported => TokenStream::new(),
    };
    quote! {
        #[automatically_derived]
        impl #impl_generics __p::EventData for #ident #type_generics #where_clause {
            const SCHEMA: &'static __p::Schema = #tree;
            #body
        }
    }
}

/// The type that a field is encoded as: its own, or the `Repr` of its `with` module.
pub(super) fn encoded_type(field: &Field<'_>) -> TokenStream {
    if let Some(module) = field.attrs.with.value() {
        schema::repr(module)
    } else {
        let ty = field.ty;
        quote!(#ty)
    }
}

/// The expression of a field's value: `&self.note`, or a variable of a pattern.
type FieldExpr<'a> = &'a dyn Fn(&Field<'_>) -> TokenStream;

fn self_field(field: &Field<'_>) -> TokenStream {
    let member = &field.member;
    let this = quote!(self);
    quote_spanned!(member.span()=> &#this.#member)
}

fn binding(field: &Field<'_>) -> TokenStream {
    let binding = field.binding();
    quote!(#binding)
}

/// A call with the value to encode, which a `with` module converts first; `otherwise` if that fails.
fn with_value(
    field: &Field<'_>,
    value: FieldExpr<'_>,
    otherwise: &TokenStream,
    call: impl Fn(&TokenStream) -> TokenStream,
) -> TokenStream {
    let value = value(field);
    match field.attrs.with.value() {
        Some(module) => {
            let call = call(&quote!(&__repr));
            let repr = to_repr(module, &value);
            quote! {
                // `check` has already rejected a value that can't be converted.
                match #repr {
                    __p::core::result::Result::Ok(__repr) => #call,
                    __p::core::result::Result::Err(_) => #otherwise,
                }
            }
        }
        None => call(&value),
    }
}

/// Converts a field with its `with` module. Errors point at the module's name.
fn to_repr(module: &Path, value: &TokenStream) -> TokenStream {
    let to_repr = schema::in_module(module, "to_repr");
    quote_spanned!(module.span()=> __p::represented(#to_repr(#value)))
}

/// Converts `__repr` into a field.
fn from_repr(module: &Path) -> TokenStream {
    let from_repr = schema::in_module(module, "from_repr");
    quote!(__p::converted(#from_repr, __repr, __reader))
}

fn max_len(fields: &[Field<'_>], value: FieldExpr<'_>) -> TokenStream {
    let lens = fields.iter().map(|field| {
        let ty = encoded_type(field);
        with_value(field, value, &quote!(0), |value| quote!(<#ty as __p::EventData>::max_len(#value)))
    });
    sum(lens)
}

fn encode(fields: &[Field<'_>], value: FieldExpr<'_>) -> TokenStream {
    fields
        .iter()
        .map(|field| {
            let ty = encoded_type(field);
            let call = with_value(
                field,
                value,
                &quote!(__writer),
                |value| quote!(<#ty as __p::EventData>::encode(#value, __writer)),
            );
            quote!(let __writer = #call;)
        })
        .collect()
}

fn check(fields: &[Field<'_>], value: FieldExpr<'_>) -> TokenStream {
    fields
        .iter()
        .map(|field| {
            let ty = encoded_type(field);
            let name = &field.name.text;
            let value = value(field);
            let checked = if field.attrs.pii.is_set() { quote!(checked_pii) } else { quote!(checked) };
            if let Some(module) = field.attrs.with.value() {
                let repr = to_repr(module, &value);
                quote! {
                    __p::#checked(
                        match #repr {
                            __p::core::result::Result::Ok(__repr) =>
                                <#ty as __p::EventData>::check(&__repr, __depth),
                            __p::core::result::Result::Err(__reason) =>
                                __p::core::result::Result::Err(__p::EncodeError::invalid(__reason)),
                        },
                        #name,
                    )?;
                }
            } else {
                quote!(__p::#checked(<#ty as __p::EventData>::check(#value, __depth), #name)?;)
            }
        })
        .collect()
}

/// Decodes a field from `__reader`.
fn decoded(field: &Field<'_>) -> TokenStream {
    let ty = encoded_type(field);
    let name = &field.name.text;
    let value = quote!(<#ty as __p::EventData>::decode(__reader));
    let decoded = if field.attrs.pii.is_set() { quote!(decoded_pii) } else { quote!(decoded) };
    if let Some(module) = field.attrs.with.value() {
        let from_repr = from_repr(module);
        quote! {
            {
                let __repr = __p::#decoded(#value, #name)?;
                __p::#decoded(#from_repr, #name)?
            }
        }
    } else {
        quote!(__p::#decoded(#value, #name)?)
    }
}

/// How many fields one function decodes. Each early return drops the values decoded so far, so the code to
/// compile grows with the square of their number.
const PORTION: usize = 32;

/// Decodes the fields in the order of the datum and constructs the value: `Self { member: value, … }`.
fn decode(constructor: &TokenStream, fields: &[Field<'_>]) -> TokenStream {
    let members = fields.iter().map(|field| &field.member);
    if fields.len() <= PORTION {
        let values = fields.iter().map(decoded);
        return quote!(#constructor { #(#members: #values,)* });
    }
    let portion = |number: usize| format_ident!("__portion{number}");
    let portions = fields.chunks(PORTION).enumerate().map(|(number, fields)| {
        let (portion, values) = (portion(number), fields.iter().map(decoded));
        quote! {
            let #portion = __p::portion(__reader, |__reader| {
                __p::core::result::Result::Ok((#(#values,)*))
            })?;
        }
    });
    let values = (0..fields.len()).map(|number| {
        let (portion, index) = (portion(number / PORTION), syn::Index::from(number % PORTION));
        quote!(#portion.#index)
    });
    quote! {
        {
            #(#portions)*
            #constructor { #(#members: #values,)* }
        }
    }
}

/// Joins expressions, `a + b + …`, as a balanced tree, because the compiler recurses into each level.
fn balanced(operator: &TokenStream, parts: &[TokenStream]) -> TokenStream {
    if parts.len() > PORTION {
        let (left, right) = parts.split_at(parts.len() / 2);
        let (left, right) = (balanced(operator, left), balanced(operator, right));
        return quote!((#left) #operator (#right));
    }
    let mut joined = TokenStream::new();
    for (index, part) in parts.iter().enumerate() {
        joined.extend(if index == 0 { part.clone() } else { quote!(#operator #part) });
    }
    joined
}

/// `0 + …`.
fn sum(lens: impl Iterator<Item = TokenStream>) -> TokenStream {
    balanced(&quote!(+), &std::iter::once(quote!(0)).chain(lens).collect::<Vec<_>>())
}

/// `false || …`.
fn any(parts: impl Iterator<Item = TokenStream>) -> TokenStream {
    balanced(&quote!(||), &std::iter::once(quote!(false)).chain(parts).collect::<Vec<_>>())
}

/// Whether encoding a field can fail.
fn fallible(fields: &[Field<'_>], recursive: bool) -> TokenStream {
    if recursive || fields.iter().any(|field| field.attrs.with.is_set()) {
        return quote!(true);
    }
    any(fields.iter().map(|field| {
        let ty = encoded_type(field);
        quote!(<#ty as __p::EventData>::FALLIBLE)
    }))
}

fn min_len(fields: &[Field<'_>]) -> TokenStream {
    let lens = fields.iter().map(|field| {
        let ty = encoded_type(field);
        quote!(<#ty as __p::EventData>::MIN_LEN)
    });
    quote!(__p::min_len(&[#(#lens),*]))
}

/// Counts the levels of a recursive type.
fn deeper(recursive: bool) -> TokenStream {
    if recursive {
        let size = size();
        quote!(let __depth = __p::deeper(__depth, #size)?;)
    } else {
        TokenStream::new()
    }
}

/// The size in memory of one level of the type.
fn size() -> TokenStream {
    quote!(__p::core::mem::size_of::<Self>())
}

fn counting_levels(recursive: bool, value: &TokenStream) -> TokenStream {
    if recursive {
        let size = size();
        quote! {
            __reader.enter_sized(#size)?;
            let __value = #value;
            __reader.leave_sized(#size);
            __value
        }
    } else {
        value.clone()
    }
}

fn record(fields: &[Field<'_>], recursive: bool) -> TokenStream {
    let fallible = fallible(fields, recursive);
    let min_len = min_len(fields);
    let max_len = max_len(fields, &self_field);
    let encode = encode(fields, &self_field);
    let (deeper, check) = (deeper(recursive), check(fields, &self_field));
    let decode = decode(&quote!(Self), fields);
    let decode = counting_levels(recursive, &quote!(__p::core::result::Result::Ok(#decode)));
    // Python reads a record as a dict, which is false if it is empty.
    let is_empty = fields.is_empty();
    quote! {
        const MIN_LEN: __p::core::primitive::usize = #min_len;
        const MAY_BE_FALSY: __p::core::primitive::bool = #is_empty;
        const FALLIBLE: __p::core::primitive::bool = #fallible;

        #[inline]
        fn max_len(&self) -> __p::core::primitive::usize {
            #max_len
        }

        fn check(&self, __depth: __p::core::primitive::usize) -> __p::core::result::Result<(), __p::EncodeError> {
            #deeper
            #check
            __p::core::result::Result::Ok(())
        }

        #[inline]
        fn encode<'__w>(&self, __writer: __p::Writer<'__w>) -> __p::Writer<'__w> {
            #encode
            __writer
        }

        #[inline]
        fn decode(__reader: &mut __p::Reader<'_>) -> __p::core::result::Result<Self, __p::DecodeError> {
            #decode
        }
    }
}

fn newtype(field: &Field<'_>, recursive: bool) -> TokenStream {
    let ty = encoded_type(field);
    let fields = std::slice::from_ref(field);
    let (fallible, min_len) = (fallible(fields, recursive), min_len(fields));
    let deeper = deeper(recursive);
    let Some(module) = field.attrs.with.value() else {
        let decode = counting_levels(recursive, &quote!(<#ty as __p::EventData>::decode(__reader).map(Self)));
        return quote! {
            const INTEGER: __p::core::option::Option<__p::Integer> = <#ty as __p::EventData>::INTEGER;
            const MIN_LEN: __p::core::primitive::usize = #min_len;
            const MAY_BE_FALSY: __p::core::primitive::bool = <#ty as __p::EventData>::MAY_BE_FALSY;
            const FALLIBLE: __p::core::primitive::bool = #fallible;

            #[inline]
            fn max_len(&self) -> __p::core::primitive::usize {
                <#ty as __p::EventData>::max_len(&self.0)
            }

            #[inline]
            fn check(&self, __depth: __p::core::primitive::usize) -> __p::core::result::Result<(), __p::EncodeError> {
                #deeper
                <#ty as __p::EventData>::check(&self.0, __depth)
            }

            #[inline]
            fn encode<'__w>(&self, __writer: __p::Writer<'__w>) -> __p::Writer<'__w> {
                <#ty as __p::EventData>::encode(&self.0, __writer)
            }

            #[inline]
            fn decode(__reader: &mut __p::Reader<'_>) -> __p::core::result::Result<Self, __p::DecodeError> {
                #decode
            }

            #[inline]
            fn encode_nullable<'__w>(&self, __writer: __p::Writer<'__w>) -> __p::Writer<'__w> {
                <#ty as __p::EventData>::encode_nullable(&self.0, __writer)
            }

            #[inline]
            fn decode_nullable(
                __branch: __p::core::primitive::i64,
                __reader: &mut __p::Reader<'_>,
            ) -> __p::core::result::Result<Self, __p::DecodeError> {
                <#ty as __p::EventData>::decode_nullable(__branch, __reader).map(Self)
            }
        };
    };
    let max_len = max_len(fields, &self_field);
    let encode = encode(fields, &self_field);
    let (to_repr, from_repr) = (to_repr(module, &self_field(field)), from_repr(module));
    quote! {
        const MIN_LEN: __p::core::primitive::usize = #min_len;
        const MAY_BE_FALSY: __p::core::primitive::bool = <#ty as __p::EventData>::MAY_BE_FALSY;
        const FALLIBLE: __p::core::primitive::bool = true;

        fn max_len(&self) -> __p::core::primitive::usize {
            #max_len
        }

        fn check(&self, __depth: __p::core::primitive::usize) -> __p::core::result::Result<(), __p::EncodeError> {
            match #to_repr {
                __p::core::result::Result::Ok(__repr) => <#ty as __p::EventData>::check(&__repr, __depth),
                __p::core::result::Result::Err(__reason) =>
                    __p::core::result::Result::Err(__p::EncodeError::invalid(__reason)),
            }
        }

        fn encode<'__w>(&self, __writer: __p::Writer<'__w>) -> __p::Writer<'__w> {
            #encode
            __writer
        }

        fn decode(__reader: &mut __p::Reader<'_>) -> __p::core::result::Result<Self, __p::DecodeError> {
            let __repr = <#ty as __p::EventData>::decode(__reader)?;
            #from_repr.map(Self)
        }
    }
}

fn symbols(variants: &[Variant<'_>]) -> TokenStream {
    let count = variants.len();
    let idents: Vec<_> = variants.iter().map(|variant| &variant.input.ident).collect();
    let indexes: Vec<_> = indexes(count).collect();
    quote! {
        const MIN_LEN: __p::core::primitive::usize = 1;
        const MAY_BE_FALSY: __p::core::primitive::bool = false;

        #[inline]
        fn max_len(&self) -> __p::core::primitive::usize {
            __p::LONG_MAX_LEN
        }

        #[inline]
        fn encode<'__w>(&self, __writer: __p::Writer<'__w>) -> __p::Writer<'__w> {
            __writer.long(match self {
                #(Self::#idents => #indexes,)*
            })
        }

        #[inline]
        fn decode(__reader: &mut __p::Reader<'_>) -> __p::core::result::Result<Self, __p::DecodeError> {
            match __reader.long()? {
                #(#indexes => __p::core::result::Result::Ok(Self::#idents),)*
                __other => __p::core::result::Result::Err(
                    __p::Reader::error(__reader, __p::unknown_symbol(__other, #count)),
                ),
            }
        }
    }
}

fn indexes(count: usize) -> impl Iterator<Item = proc_macro2::Literal> {
    (0..count).map(index)
}

fn index(index: usize) -> proc_macro2::Literal {
    proc_macro2::Literal::i64_suffixed(i64::try_from(index).unwrap_or(i64::MAX))
}

/// How the variant with `other` is checked, encoded and decoded. Its index is the one behind the last branch: no
/// written datum has it, only a datum that was rewritten for this reader, and one that is made to be shown.
struct Other {
    pattern: TokenStream,
    index: proc_macro2::Literal,
    /// `Enum::Variant`, for the error.
    path: String,
}

impl Other {
    fn of(model: &Container<'_>, variants: &[Variant<'_>], branches: usize) -> Option<Self> {
        let variant = variants.iter().find(|variant| variant.is_other())?;
        let path = format!("{}::{}", model.input.ident, variant.input.ident);
        Some(Self { pattern: variant.pattern(), index: index(branches), path })
    }

    fn max_len(&self) -> TokenStream {
        let pattern = &self.pattern;
        quote!(#pattern => 0,)
    }

    fn check(&self) -> TokenStream {
        let Self { pattern, path, .. } = self;
        quote!(#pattern => __p::check_other(#path)?,)
    }

    fn encode(&self) -> TokenStream {
        let Self { pattern, index, .. } = self;
        quote!(#pattern => __writer.long(#index + __shift),)
    }

    fn decode(&self) -> TokenStream {
        let Self { pattern, index, .. } = self;
        quote!(#index if __p::Reader::has_other(__reader) => __p::core::result::Result::Ok(#pattern),)
    }
}

fn union(model: &Container<'_>, variants: &[Variant<'_>], recursive: bool) -> TokenStream {
    let branches: Vec<_> = variants.iter().filter(|variant| !variant.is_other()).collect();
    let count = branches.len();
    let indexes: Vec<_> = indexes(count).collect();
    let other = Other::of(model, variants, count);
    let (other_max_len, other_check) = (other.as_ref().map(Other::max_len), other.as_ref().map(Other::check));
    let (other_encode, other_decode) = (other.as_ref().map(Other::encode), other.as_ref().map(Other::decode));
    let fallible = if other.is_some() {
        quote!(true)
    } else {
        any(branches.iter().map(|variant| fallible(&variant.fields, recursive)))
    };
    let patterns: Vec<_> = branches.iter().map(|variant| variant.pattern()).collect();
    let max_lens = branches.iter().map(|variant| max_len(&variant.fields, &binding));
    let checks = branches.iter().map(|variant| check(&variant.fields, &binding));
    let encodes = branches.iter().map(|variant| encode(&variant.fields, &binding));
    let decodes = branches.iter().map(|variant| {
        let ident = &variant.input.ident;
        decode(&quote!(Self::#ident), &variant.fields)
    });
    let decode = counting_levels(
        recursive,
        &quote! {
            match __branch - __shift {
                #(#indexes => __p::core::result::Result::Ok(#decodes),)*
                #other_decode
                _ => __p::core::result::Result::Err(__p::Reader::error(__reader, __p::unknown_branch(__branch, __branches))),
            }
        },
    );
    let deeper = deeper(recursive);
    quote! {
        const MIN_LEN: __p::core::primitive::usize = 1;
        const FALLIBLE: __p::core::primitive::bool = #fallible;

        fn max_len(&self) -> __p::core::primitive::usize {
            __p::LONG_MAX_LEN + match self {
                #(#patterns => #max_lens,)*
                #other_max_len
            }
        }

        #[allow(unused_variables)]
        fn check(&self, __depth: __p::core::primitive::usize) -> __p::core::result::Result<(), __p::EncodeError> {
            #deeper
            match self {
                #(#patterns => { #checks })*
                #other_check
            }
            __p::core::result::Result::Ok(())
        }

        #[inline]
        fn encode<'__w>(&self, __writer: __p::Writer<'__w>) -> __p::Writer<'__w> {
            <Self as __p::EventData>::encode_branch(self, 0, __writer)
        }

        #[inline]
        fn encode_nullable<'__w>(&self, __writer: __p::Writer<'__w>) -> __p::Writer<'__w> {
            <Self as __p::EventData>::encode_branch(self, 1, __writer)
        }

        fn encode_branch<'__w>(&self, __shift: __p::core::primitive::i64, __writer: __p::Writer<'__w>) -> __p::Writer<'__w> {
            match self {
                #(#patterns => {
                    let __writer = __writer.long(#indexes + __shift);
                    #encodes
                    __writer
                })*
                #other_encode
            }
        }

        #[inline]
        fn decode(__reader: &mut __p::Reader<'_>) -> __p::core::result::Result<Self, __p::DecodeError> {
            let __branch = __reader.long()?;
            <Self as __p::EventData>::decode_branch(__branch, 0, __reader)
        }

        #[inline]
        fn decode_nullable(
            __branch: __p::core::primitive::i64,
            __reader: &mut __p::Reader<'_>,
        ) -> __p::core::result::Result<Self, __p::DecodeError> {
            <Self as __p::EventData>::decode_branch(__branch, 1, __reader)
        }

        fn decode_branch(
            __branch: __p::core::primitive::i64,
            __shift: __p::core::primitive::i64,
            __reader: &mut __p::Reader<'_>,
        ) -> __p::core::result::Result<Self, __p::DecodeError> {
            // Checked first: subtracting the shift could overflow.
            let __branches = if __shift == 0 { #count } else { #count + 1 };
            if __branch < __shift {
                return __p::core::result::Result::Err(
                    __p::Reader::error(__reader, __p::unknown_branch(__branch, __branches)),
                );
            }
            #decode
        }
    }
}
