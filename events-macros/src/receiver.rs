//! `#[receiver(SIGNAL)]`: connects a function to a signal in every program that links it.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{
    Expr, ExprLit, FnArg, ItemFn, Lit, LitStr, PatType, Path, ReturnType, Safety, Signature, Token, Type,
};

use crate::errors::Ctxt;
use crate::parse::{Item, Slot, path, value};

const FORM: &str = "fn on_order(event: &Event<OrderPlaced>)";
const NO_SIGNAL: &str = "missing signal, expected `#[receiver(ORDER_PLACED)]`";

pub(crate) fn receiver(options: TokenStream, item: &TokenStream) -> TokenStream {
    let cx = Ctxt::new();
    let options = Options::parse(&cx, options);
    let function = function(&cx, item);
    if let Some(function) = &function {
        check(&cx, &function.sig);
    }
    match (cx.finish(), options, function) {
        (None, Some(options), Some(function)) => expand(&options, &function),
        // Keeps the function, so that its callers cause no further errors.
        (errors, ..) => quote!(#errors #item),
    }
}

/// `SIGNAL, order = 1, name = "receipt", from = "bus", crate = path`.
struct Options {
    signal: Path,
    order: Slot<Expr>,
    name: Slot<LitStr>,
    from: Slot<EventOrigin>,
    krate: Slot<Path>,
}

/// The origin of the events that a receiver takes, as its variant of `Origin`.
struct EventOrigin(&'static str);

struct Arguments {
    signal: Path,
    items: Vec<Item>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let no_signal = || input.error(NO_SIGNAL);
        let signal = input.call(Path::parse_mod_style).map_err(|_| no_signal())?;
        if input.peek(Token![=]) {
            // `#[receiver(order = 1)]`: an attribute instead of the signal.
            return Err(syn::Error::new_spanned(signal, NO_SIGNAL));
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        let items = Punctuated::<Item, Token![,]>::parse_terminated(input)?;
        Ok(Self { signal, items: items.into_iter().collect() })
    }
}

impl Options {
    fn parse(cx: &Ctxt, options: TokenStream) -> Option<Self> {
        if options.is_empty() {
            cx.syn_error(syn::Error::new(Span::call_site(), NO_SIGNAL));
            return None;
        }
        let Arguments { signal, items } = match syn::parse2(options) {
            Ok(arguments) => arguments,
            Err(error) => {
                cx.syn_error(error);
                return None;
            }
        };
        let mut found = Self {
            signal,
            order: Slot::new("order"),
            name: Slot::new("name"),
            from: Slot::new("from"),
            krate: Slot::new("crate"),
        };
        for item in &items {
            found.item(cx, item);
        }
        Some(found)
    }

    fn item(&mut self, cx: &Ctxt, item: &Item) {
        let key = &item.key;
        match key.to_string().as_str() {
            "order" => {
                if let Some((value, tokens)) = value::<Expr>(cx, item, "-10") {
                    self.order.set(cx, key, value, tokens);
                }
            }
            "name" => {
                if let Some((value, tokens)) = value::<LitStr>(cx, item, "\"receipts\"") {
                    if value.value().is_empty() {
                        cx.error(&value, "the name of a receiver must not be empty");
                    }
                    self.name.set(cx, key, value, tokens);
                }
            }
            "from" => {
                if let Some((value, tokens)) = value::<Expr>(cx, item, "\"bus\"")
                    && let Some(origin) = EventOrigin::parse(cx, &value)
                {
                    self.from.set(cx, key, origin, tokens);
                }
            }
            "crate" => {
                if let Some((value, tokens)) = path(cx, item, "events_runtime") {
                    self.krate.set(cx, key, value, tokens);
                }
            }
            _ => cx.error(
                key,
                format_args!(
                    "unknown attribute `{key}` of `#[receiver]`, expected one of `order`, `name`, `from`, `crate`"
                ),
            ),
        }
    }
}

impl EventOrigin {
    fn parse(cx: &Ctxt, value: &Expr) -> Option<Self> {
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = value else {
            cx.error(value, "expected a string literal, `from = \"bus\"` or `from = \"local\"`");
            return None;
        };
        match text.value().as_str() {
            "bus" => Some(Self("Bus")),
            "local" => Some(Self("Local")),
            other => {
                cx.error(
                    text,
                    format_args!(
                        "unknown origin `{other}`, expected `\"bus\"` (events that a bus delivers) or `\"local\"` (events that this process emits); without `from`, a receiver takes both"
                    ),
                );
                None
            }
        }
    }
}

fn function(cx: &Ctxt, item: &TokenStream) -> Option<ItemFn> {
    match syn::parse2(item.clone()) {
        Ok(function) => Some(function),
        Err(error) => {
            match syn::parse2::<syn::Item>(item.clone()) {
                // A valid item that is not a function.
                Ok(other) => {
                    cx.error(item_keyword(&other), format_args!("expected a free function: `{FORM}`"));
                }
                Err(_) => cx.syn_error(error),
            }
            None
        }
    }
}

/// The first token after attributes and visibility.
fn item_keyword(item: &syn::Item) -> TokenStream {
    match item {
        syn::Item::Struct(item) => item.struct_token.to_token_stream(),
        syn::Item::Enum(item) => item.enum_token.to_token_stream(),
        syn::Item::Static(item) => item.static_token.to_token_stream(),
        syn::Item::Impl(item) => item.impl_token.to_token_stream(),
        syn::Item::Mod(item) => item.mod_token.to_token_stream(),
        other => other.to_token_stream(),
    }
}

fn check(cx: &Ctxt, signature: &Signature) {
    check_qualifiers(cx, signature);
    check_generics(cx, signature);
    check_parameter(cx, signature);
    check_output(cx, signature);
}

/// `unsafe fn`, `extern "C" fn`
fn check_qualifiers(cx: &Ctxt, signature: &Signature) {
    if let Safety::Unsafe(token) = &signature.safety {
        cx.error(token, "a receiver cannot be `unsafe`, because the hub calls it: remove `unsafe`");
    }
    if let Some(abi) = &signature.abi {
        cx.error(abi, "a receiver must be a Rust function: remove the ABI");
    }
}

/// `fn on_order<E>(event: &Event<E>)`
fn check_generics(cx: &Ctxt, signature: &Signature) {
    if !signature.generics.params.is_empty() {
        cx.error(
            &signature.generics,
            "a receiver cannot be generic: write one function for each event type, and call the generic one from it",
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        cx.error(clause, "a receiver cannot be generic: remove the where clause");
    }
}

/// `fn on_order()`, `fn on_order(&self, …)`, `fn on_order(event: Event<OrderPlaced>)`
fn check_parameter(cx: &Ctxt, signature: &Signature) {
    let mut inputs = signature.inputs.iter();
    match inputs.next() {
        None => cx.syn_error(syn::Error::new(
            signature.paren_token.span.join(),
            format_args!("missing parameter, expected `{FORM}`"),
        )),
        Some(FnArg::Receiver(receiver)) => {
            return cx.error(
                receiver,
                "a receiver must be a free function, without `self`; to call a method, write \
                 `ORDER_PLACED.connect(\"name\", move |event| value.on_order(event))`",
            );
        }
        Some(FnArg::Typed(parameter)) => check_type(cx, signature, parameter),
    }
    for further in inputs {
        cx.error(further, format_args!("unexpected parameter, expected only the event: `{FORM}`"));
    }
}

fn check_type(cx: &Ctxt, signature: &Signature, parameter: &PatType) {
    match &*parameter.ty {
        Type::Reference(reference) => {
            if let Some(token) = &reference.mutability {
                cx.error(
                    token,
                    "a receiver cannot change the event, which all receivers share: take `&Event<…>`",
                );
            }
        }
        Type::ImplTrait(ty) => cx.error(ty, format_args!("expected a concrete type: `{FORM}`")),
        ty if signature.asyncness.is_none() => {
            cx.error(
                ty,
                "a receiver must take a reference, `&Event<…>`; an `async fn` may take `Arc<Event<…>>`",
            );
        }
        _ => {}
    }
}

/// `fn on_order(event: &Event<OrderPlaced>) -> impl Debug`
fn check_output(cx: &Ctxt, signature: &Signature) {
    if let ReturnType::Type(_, ty) = &signature.output
        && let Type::ImplTrait(ty) = &**ty
    {
        cx.error(ty, "a receiver must return `()` or `Result<(), E>` with a concrete error type");
    }
}

fn expand(options: &Options, function: &ItemFn) -> TokenStream {
    let signature = &function.sig;
    let ident = &signature.ident;
    let krate = options.krate.value().cloned().unwrap_or_else(|| syn::parse_quote!(::events_runtime));
    let own_name = ident.unraw().to_string();
    let name = options.name.value().map_or_else(
        || quote!(__p::core::concat!(__p::core::module_path!(), "::", #own_name)),
        ToTokens::to_token_stream,
    );
    let order = options.order.value().map_or_else(|| quote!(0), ToTokens::to_token_stream);
    let from = options.from.value().map(|EventOrigin(variant)| {
        let variant = syn::Ident::new(variant, Span::call_site());
        quote!(.from(__p::EventOrigin::#variant))
    });
    let cfgs = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    let signal = &options.signal;
    let signal = quote_spanned!(signal.span()=> &#signal);
    let connect = connect(signature);
    quote! {
        #function

        #(#cfgs)*
        const _: () = {
            use #krate::private as __p;

            const __ORDER: __p::core::primitive::i32 = #order;

            fn __link(
                __target: __p::core::option::Option<(&__p::Hub, __p::Arc<__p::core::primitive::str>)>,
            ) -> &'static __p::core::primitive::str {
                let __link = __p::Link::new(#signal, __target, __ORDER)#from;
                #connect
            }

            __p::inventory::submit! {
                __p::LinkedReceiver {
                    name: #name,
                    file: __p::core::file!(),
                    line: __p::core::line!(),
                    link: __link,
                }
            }
        };
    }
}

/// The call that connects the receiver. Its type arguments have the spans of the parameter's type and of the
/// result, so that the compiler's errors point there.
fn connect(signature: &Signature) -> TokenStream {
    let ident = &signature.ident;
    let output = match &signature.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)) => quote!(_),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    let parameter = signature.inputs.iter().find_map(|input| match input {
        FnArg::Typed(parameter) => Some(&*parameter.ty),
        FnArg::Receiver(_) => None,
    });
    // Resolved at the macro call, reported at the function.
    let at = Span::call_site().located_at(ident.span());
    match (parameter, signature.asyncness) {
        (Some(Type::Reference(reference)), None) => {
            let event = &reference.elem;
            quote_spanned!(at=> __link.sync::<#event, #output, _>(#ident))
        }
        (Some(Type::Reference(reference)), Some(_)) => {
            let event = &reference.elem;
            quote_spanned! {at=>
                __link.by_reference::<#event, #output, _, _>(
                    |__event: __p::Arc<#event>| async move { #ident(&__event).await },
                )
            }
        }
        (Some(event), _) => quote_spanned!(at=> __link.shared::<#event, #output, _, _>(#ident)),
        (None, _) => TokenStream::new(),
    }
}
