//! Names that are keywords: the schema has them without `r#`.
#![allow(non_camel_case_types)]

use events_runtime::{EventData, PublicSignal, Signal};

#[derive(Debug, PartialEq, EventData)]
enum r#enum {
    r#if,
    r#else,
}

#[derive(Debug, PartialEq, EventData)]
enum r#match {
    r#type { r#fn: i32 },
    r#loop(i32),
}

mod r#mod {
    use std::convert::Infallible;

    pub(super) type Repr = String;

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the derive gives a reference")]
    pub(super) fn to_repr(value: &u8) -> Result<Repr, Infallible> {
        Ok(value.to_string())
    }

    pub(super) fn from_repr(text: Repr) -> Result<u8, std::num::ParseIntError> {
        text.parse()
    }
}

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.hygiene.keyword.used.v1", key = r#struct.r#type)]
struct r#struct {
    r#struct: r#box,
    r#enum: r#enum,
    r#match: r#match,
    #[event(with = r#mod)]
    r#dyn: u8,
}

#[derive(Debug, PartialEq, EventData)]
struct r#box {
    r#type: String,
}

#[test]
fn keywords_are_in_the_schema_without_their_prefix() {
    let _: &Signal<r#struct> = &STRUCT;
    super::travels(&r#struct {
        r#struct: r#box { r#type: "a".into() },
        r#enum: r#enum::r#else,
        r#match: r#match::r#type { r#fn: 3 },
        r#dyn: 7,
    });
    super::travels(&r#struct {
        r#struct: r#box { r#type: "a".into() },
        r#enum: r#enum::r#if,
        r#match: r#match::r#loop(3),
        r#dyn: 7,
    });
    assert!(!r#struct::SCHEMA_JSON.contains('#'), "{}", r#struct::SCHEMA_JSON);
    assert!(r#struct::SCHEMA_JSON.contains(r#""name":"type""#), "{}", r#struct::SCHEMA_JSON);
}
