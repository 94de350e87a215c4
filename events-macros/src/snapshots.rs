//! Snapshots of expansions, so that a change of the generated code is visible in review.
//!
//! After an intended change: `UPDATE_SNAPSHOTS=1 cargo test -p events-macros`.

use std::path::Path;
use std::{env, fs};

use syn::parse_quote;

/// Compares an expansion with its file.
fn assert_expansion(name: &str, input: &syn::DeriveInput, is_event: bool) {
    let file = syn::parse2(crate::derive(input, is_event)).expect("the expansion is a file of Rust");
    let text = prettyplease::unparse(&file);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name).with_extension("rs.snap");
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &text).expect("the snapshot can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let at = kept.lines().zip(text.lines()).position(|(kept, new)| kept != new);
    let at = at.unwrap_or_else(|| kept.lines().count().min(text.lines().count()));
    assert!(
        kept == text,
        "the expansion of `{name}` differs from its snapshot in line {}:\n was {:?}\n  is {:?}\nafter an intended change, run with UPDATE_SNAPSHOTS=1",
        at + 1,
        kept.lines().nth(at),
        text.lines().nth(at),
    );
}

#[test]
fn the_expansion_of_an_event_is_as_reviewed() {
    let input = parse_quote! {
        /// A customer placed an order.
        #[public_signal(event_type = "org.acme.orders.order.placed.v1", key = customer.id)]
        pub struct OrderPlaced {
            pub customer: Customer,
            /// A word to the kitchen.
            #[event(pii)]
            pub note: Option<String>,
            #[event(default = 1)]
            pub count: u32,
            #[event(with = milliseconds)]
            pub took: Duration,
        }
    };
    assert_expansion("event", &input, true);
}

#[test]
fn the_expansion_of_a_recursive_union_is_as_reviewed() {
    let input = parse_quote! {
        enum Expression {
            Number(f64),
            Sum { left: Box<Expression>, right: Box<Self> },
            Nothing,
        }
    };
    assert_expansion("union", &input, false);
}

#[test]
fn the_expansion_of_a_union_that_can_grow_is_as_reviewed() {
    let input = parse_quote! {
        enum Payment {
            Cash,
            Card { number: String },
            #[event(other)]
            Unknown,
        }
    };
    assert_expansion("other", &input, false);
}

#[test]
fn the_expansion_of_a_newtype_is_as_reviewed() {
    assert_expansion(
        "newtype",
        &parse_quote!(
            struct Sku(String);
        ),
        false,
    );
}

#[test]
fn the_fallback_of_a_faulty_event_is_as_reviewed() {
    let input = parse_quote! {
        #[public_signal(event_type = "placed", key = id)]
        struct OrderPlaced {
            id: String,
        }
    };
    assert_expansion("fallback", &input, true);
}
