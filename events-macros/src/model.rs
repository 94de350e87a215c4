//! The model of a derive's input, before validation.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::{DeriveInput, Fields, Ident, Member, Path, Type};

use crate::errors::Ctxt;
use crate::json::Json;
use crate::parse::{EventAttrs, SignalAttrs, Target, doc_of};
use crate::published::{self, Version};

/// A type that derives `EventData`, or `PublicSignal` if `signal` is set.
pub(crate) struct Container<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) signal: Option<SignalAttrs>,
    pub(crate) attrs: EventAttrs,
    pub(crate) name: AvroName,
    pub(crate) doc: Option<String>,
    pub(crate) data: Data<'a>,
    /// The published versions of the event, oldest first.
    pub(crate) published: Vec<Version>,
}

/// The shape of the type, which determines its schema.
pub(crate) enum Data<'a> {
    /// A struct with named fields, or none: a record.
    Struct(Vec<Field<'a>>),
    /// A tuple struct of one field: that field's schema.
    Newtype(Box<Field<'a>>),
    /// An enum of unit variants: an enumeration.
    Enum(Vec<Variant<'a>>),
    /// An enum with data: a union of records, without one for the variant with `other`.
    Union(Vec<Variant<'a>>),
    /// A shape without a schema; the error is already reported.
    Unsupported,
}

/// A name in the schema, with the tokens it comes from.
pub(crate) struct AvroName {
    pub(crate) text: String,
    pub(crate) tokens: TokenStream,
}

/// A field of a struct or of a variant.
pub(crate) struct Field<'a> {
    pub(crate) input: &'a syn::Field,
    index: usize,
    pub(crate) member: Member,
    pub(crate) name: AvroName,
    pub(crate) ty: &'a Type,
    pub(crate) attrs: EventAttrs,
    pub(crate) default: Option<Json>,
    pub(crate) doc: Option<String>,
}

/// A variant of an enum.
pub(crate) struct Variant<'a> {
    pub(crate) input: &'a syn::Variant,
    pub(crate) name: AvroName,
    pub(crate) attrs: EventAttrs,
    pub(crate) doc: Option<String>,
    pub(crate) fields: Vec<Field<'a>>,
}

impl<'a> Container<'a> {
    pub(crate) fn from_syn(cx: &Ctxt, input: &'a DeriveInput, is_event: bool) -> Self {
        let signal = is_event.then(|| SignalAttrs::parse(cx, &input.attrs));
        let attrs = EventAttrs::parse(cx, &input.attrs, if is_event { Target::Event } else { Target::Type });
        let renamed = match &signal {
            Some(signal) => signal.name.get().map(|name| (name.value.value(), name.tokens.clone())),
            None => attrs.rename.get().map(|name| (name.value.value(), name.tokens.clone())),
        };
        let openedx = signal.as_ref().is_some_and(SignalAttrs::is_openedx);
        let name = match renamed {
            Some((text, tokens)) => AvroName { text, tokens },
            None if openedx => {
                AvroName { text: "CloudEvent".to_owned(), tokens: input.ident.to_token_stream() }
            }
            None => AvroName::of(&input.ident),
        };
        let doc = attrs.doc.value().map(syn::LitStr::value).or_else(|| doc_of(&input.attrs));
        let published = signal.as_ref().map(|signal| published::read(cx, signal)).unwrap_or_default();
        Self { input, signal, name, doc, data: Data::from_syn(cx, input), attrs, published }
    }

    /// The path of the runtime crate.
    pub(crate) fn krate(&self) -> Path {
        let own =
            self.signal.as_ref().and_then(|signal| signal.krate.value()).or_else(|| self.attrs.krate.value());
        own.cloned().unwrap_or_else(|| syn::parse_quote!(::events_runtime))
    }

    /// All fields, including those of variants.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field<'a>> {
        let (own, variants): (&[Field<'a>], &[Variant<'a>]) = match &self.data {
            Data::Struct(fields) => (fields, &[]),
            Data::Newtype(field) => (std::slice::from_ref(&**field), &[]),
            Data::Enum(variants) | Data::Union(variants) => (&[], variants),
            Data::Unsupported => (&[], &[]),
        };
        own.iter().chain(variants.iter().flat_map(|variant| &variant.fields))
    }
}

impl SignalAttrs {
    pub(crate) fn is_openedx(&self) -> bool {
        self.profile.value().is_some_and(|profile| profile.value() == "openedx")
    }
}

impl AvroName {
    /// The name of a Rust item; `r#type` is `type`.
    fn of(ident: &Ident) -> Self {
        Self { text: ident.unraw().to_string(), tokens: ident.to_token_stream() }
    }

    fn renamed(attrs: &EventAttrs, own_name: Self) -> Self {
        match attrs.rename.get() {
            Some(name) => Self { text: name.value.value(), tokens: name.tokens.clone() },
            None => own_name,
        }
    }
}

impl<'a> Data<'a> {
    fn from_syn(cx: &Ctxt, input: &'a DeriveInput) -> Self {
        match &input.data {
            syn::Data::Struct(data) => match &data.fields {
                Fields::Named(_) | Fields::Unit => Self::Struct(Field::all(cx, &data.fields)),
                Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                    match Field::all(cx, &data.fields).pop() {
                        Some(field) => Self::Newtype(Box::new(field)),
                        None => Self::Unsupported,
                    }
                }
                Fields::Unnamed(fields) => {
                    // struct Point(f64, f64);
                    let form = if fields.unnamed.is_empty() { "{}" } else { "{ x: …, y: … }" };
                    cx.error(
                        fields,
                        format_args!(
                            "an Avro record needs named fields: write `{form}`; a tuple struct must have exactly one field"
                        ),
                    );
                    Self::Unsupported
                }
            },
            syn::Data::Enum(data) => {
                let variants: Vec<_> =
                    data.variants.iter().map(|variant| Variant::from_syn(cx, variant)).collect();
                if data.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit)) {
                    Self::Enum(variants)
                } else {
                    Self::Union(variants)
                }
            }
            syn::Data::Union(data) => {
                // union Bits { … }
                cx.error(data.union_token, "a Rust union has no Avro schema: use an enum");
                Self::Unsupported
            }
        }
    }
}

impl<'a> Field<'a> {
    fn all(cx: &Ctxt, fields: &'a Fields) -> Vec<Self> {
        fields.iter().enumerate().map(|(index, field)| Self::from_syn(cx, index, field)).collect()
    }

    fn from_syn(cx: &Ctxt, index: usize, field: &'a syn::Field) -> Self {
        let attrs = EventAttrs::parse(cx, &field.attrs, Target::Field);
        let own_name = match &field.ident {
            Some(ident) => AvroName::of(ident),
            // The record of a variant with one unnamed field.
            None => AvroName { text: "value".to_owned(), tokens: field.ty.to_token_stream() },
        };
        let default =
            attrs.default.value().and_then(Option::as_ref).and_then(|tokens| {
                Json::from_tokens(tokens.clone()).map_err(|error| cx.syn_error(error)).ok()
            });
        Self {
            input: field,
            index,
            member: field.ident.clone().map_or_else(|| Member::from(index), Member::Named),
            name: AvroName::renamed(&attrs, own_name),
            ty: &field.ty,
            default,
            doc: attrs.doc.value().map(syn::LitStr::value).or_else(|| doc_of(&field.attrs)),
            attrs,
        }
    }

    /// The variable that a pattern binds this field to. A number can't collide with another name or
    /// trigger a naming lint.
    pub(crate) fn binding(&self) -> Ident {
        quote::format_ident!("__{}", self.index)
    }
}

impl<'a> Variant<'a> {
    fn from_syn(cx: &Ctxt, variant: &'a syn::Variant) -> Self {
        let attrs = EventAttrs::parse(cx, &variant.attrs, Target::Variant);
        if let Fields::Unnamed(fields) = &variant.fields
            && fields.unnamed.len() != 1
        {
            // enum Shape { Rectangle(f64, f64) }
            let form = if fields.unnamed.is_empty() { "" } else { " { a: …, b: … }" };
            cx.error(
                fields,
                format_args!(
                    "a variant becomes an Avro record, which needs named fields: write `{}{form}`",
                    variant.ident
                ),
            );
        }
        Self {
            input: variant,
            name: AvroName::renamed(&attrs, AvroName::of(&variant.ident)),
            doc: attrs.doc.value().map(syn::LitStr::value).or_else(|| doc_of(&variant.attrs)),
            fields: Field::all(cx, &variant.fields),
            attrs,
        }
    }

    /// Whether readers use the variant for unknown ones. In an enum with data, it is not in the schema.
    pub(crate) fn is_other(&self) -> bool {
        self.attrs.other.is_set()
    }

    /// The pattern that destructures the variant.
    pub(crate) fn pattern(&self) -> TokenStream {
        let ident = &self.input.ident;
        let fields = self.fields.iter().map(|field| {
            let (member, binding) = (&field.member, field.binding());
            quote!(#member: #binding)
        });
        quote!(Self::#ident { #(#fields),* })
    }
}
