//! `key = a.b.c`: the key of an event's value.

use std::borrow::Cow;
use std::sync::Arc;

use events_runtime::{EventData, PublicSignal};
use uuid::Uuid;

macro_rules! key_of {
    ($($name:ident $event_type:literal $ty:ty: $value:expr => $text:literal;)*) => {
        $(
            #[derive(PublicSignal)]
            #[public_signal(event_type = $event_type, key = id)]
            struct $name {
                id: $ty,
            }
        )*

        #[test]
        fn strings_integers_and_uuids_are_keys() {
            $(assert_eq!(key(&$name { id: $value }), $text);)*
        }
    };
}

fn key<E: PublicSignal>(event: &E) -> String {
    let mut key = b"before ".to_vec();
    assert!(event.append_key(&mut key));
    String::from_utf8(key).unwrap().strip_prefix("before ").unwrap().to_owned()
}

key_of! {
    S1 "org.acme.keys.string.used.v1" String: "ä b".into() => "ä b";
    S2 "org.acme.keys.boxed.used.v1" Box<str>: "a".into() => "a";
    S3 "org.acme.keys.shared.used.v1" Arc<str>: "a".into() => "a";
    S4 "org.acme.keys.cow.used.v1" Cow<'static, str>: "a".into() => "a";
    S5 "org.acme.keys.box_of.used.v1" Box<String>: Box::new("a".into()) => "a";
    I1 "org.acme.keys.i8.used.v1" i8: -128 => "-128";
    I2 "org.acme.keys.i16.used.v1" i16: -1 => "-1";
    I3 "org.acme.keys.i32.used.v1" i32: 0 => "0";
    I4 "org.acme.keys.i64.used.v1" i64: i64::MIN => "-9223372036854775808";
    U1 "org.acme.keys.u8.used.v1" u8: 255 => "255";
    U2 "org.acme.keys.u16.used.v1" u16: 1 => "1";
    U3 "org.acme.keys.u32.used.v1" u32: 1 => "1";
    U4 "org.acme.keys.u64.used.v1" u64: u64::MAX => "18446744073709551615";
    U5 "org.acme.keys.uuid.used.v1" Uuid: Uuid::max() => "ffffffff-ffff-ffff-ffff-ffffffffffff";
}

#[derive(EventData)]
struct Outer<T> {
    inner: Box<Inner<T>>,
}

#[derive(EventData)]
struct Inner<T> {
    r#type: T,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.keys.path.used.v1", key = outer.inner.r#type)]
struct PathUsed {
    outer: Box<Outer<u16>>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.keys.event.used.v1", key = cause.outer.inner.r#type,)]
struct EventUsed {
    cause: PathUsed,
}

#[test]
fn a_path_leads_through_structs_boxes_generics_and_events() {
    let outer = || Box::new(Outer { inner: Box::new(Inner { r#type: 7 }) });
    assert_eq!(key(&PathUsed { outer: outer() }), "7");
    assert_eq!(key(&EventUsed { cause: PathUsed { outer: outer() } }), "7");
}
