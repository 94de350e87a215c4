//! Shadowed names of primitive types, of the prelude, of `core` and of the macros' crate.
#![allow(dead_code, unused_macros, non_camel_case_types, non_snake_case, non_upper_case_globals)]

use ::events_runtime as runtime;

pub struct bool;
pub struct char;
pub struct str;
pub struct u8;
pub type u16 = ();
pub type u32 = ();
pub type u64 = ();
pub enum u128 {}
pub enum usize {}
pub trait i8 {}
pub trait i16 {}
pub trait i32 {}
pub mod i64 {}
pub mod i128 {}
pub mod isize {}
pub union f32 {
    no: ::std::primitive::u8,
}
pub union f64 {
    no: ::std::primitive::u8,
}

pub struct Result;
pub struct Option;
pub struct String;
pub struct Vec;
pub struct Box;
pub struct Arc;
pub struct Signal;
pub struct Schema;
pub struct Event;
pub struct Self_;
pub trait EventData {}
pub trait PublicSignal {}
pub trait Default {}
pub trait Clone {}
pub trait Copy {}
pub trait Send {}
pub trait Sync {}
pub trait Sized {}
pub trait Drop {}
pub trait Fn {}
pub trait FnOnce {}
pub trait From {}
pub trait Into {}
pub trait AsRef {}
pub trait Iterator {}
pub trait ToString {}
pub trait ToOwned {}

pub mod core {}
pub mod std {}
pub mod alloc {}
pub mod events_runtime {}
pub mod inventory {}

pub fn Ok() {}
pub fn Err() {}
pub fn Some() {}
pub const None: () = ();
pub fn drop() {}

macro_rules! concat {
    ($($t:tt)*) => {
        compile_error!("not this one")
    };
}
macro_rules! panic {
    ($($t:tt)*) => {
        compile_error!("not this one")
    };
}
macro_rules! module_path {
    () => {
        compile_error!("not this one")
    };
}
macro_rules! file {
    () => {
        compile_error!("not this one")
    };
}
macro_rules! line {
    () => {
        compile_error!("not this one")
    };
}
macro_rules! column {
    () => {
        compile_error!("not this one")
    };
}
macro_rules! include_bytes {
    ($($t:tt)*) => {
        compile_error!("not this one")
    };
}
macro_rules! unreachable {
    ($($t:tt)*) => {
        compile_error!("not this one")
    };
}

/// A trait of this crate for every type, with the names of the runtime's methods.
pub trait Everything {
    fn encode(&self) {}
    fn decode(&self) {}
    fn check(&self) {}
    fn max_len(&self) {}
    fn step(&self) {}
    fn append_key(&self) {}
    fn long(&self) {}
    fn encode_branch(&self) {}
    fn decode_branch(&self) {}
    fn enter(&self) {}
    fn leave(&self) {}
    // Methods by value take precedence over those by reference.
    fn map(self, _: ())
    where
        Self: ::std::marker::Sized,
    {
    }
    fn message(self)
    where
        Self: ::std::marker::Sized,
    {
    }
    fn error(self)
    where
        Self: ::std::marker::Sized,
    {
    }
}

impl<T: ?::std::marker::Sized> Everything for T {}

pub mod text {
    pub type Repr = ::std::string::String;

    pub fn to_repr(value: &super::Word) -> ::std::result::Result<Repr, ::std::string::String> {
        ::std::result::Result::Ok(value.0.clone())
    }

    pub fn from_repr(repr: Repr) -> ::std::result::Result<super::Word, ::std::string::String> {
        ::std::result::Result::Ok(super::Word(repr))
    }
}

#[derive(Debug, PartialEq)]
pub struct Word(pub ::std::string::String);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, runtime::EventData)]
pub struct Id(pub ::std::string::String);

#[derive(Debug, PartialEq, runtime::EventData)]
pub enum Mode {
    #[event(default)]
    Slow,
    Fast,
}

#[derive(Debug, PartialEq, runtime::EventData)]
pub enum Payment {
    Card { number: ::std::string::String },
    Cash,
    Points(::std::primitive::i64),
}

#[derive(Debug, PartialEq, runtime::EventData)]
pub struct Node {
    pub children: ::std::vec::Vec<Node>,
    #[event(default = 0)]
    pub weight: ::std::primitive::i32,
}

/// Its own functions and constants have the names of the traits' items.
impl Payment {
    const SCHEMA: () = ();
    const MIN_LEN: () = ();
    fn encode() {}
    fn decode() {}
    fn encode_branch() {}
    fn decode_branch() {}
}

#[derive(Debug, PartialEq, runtime::EventData)]
pub enum Tree {
    Leaf,
    Branch(::std::vec::Vec<Tree>),
}

#[derive(Debug, PartialEq, runtime::EventData)]
pub struct Page<T> {
    pub items: ::std::vec::Vec<T>,
    #[event(default = true)]
    pub is_last: ::std::primitive::bool,
}

#[derive(Debug, PartialEq, runtime::EventData)]
pub struct Converted(#[event(with = text)] pub Word);

#[derive(Debug, PartialEq, runtime::PublicSignal)]
#[public_signal(event_type = "org.acme.hygiene.shadow.cast.v1", key = id)]
pub struct ShadowCast {
    pub id: Id,
    pub note: ::std::option::Option<::std::string::String>,
    pub mode: Mode,
    pub payment: Payment,
    pub tree: ::std::option::Option<Tree>,
    pub root: ::std::boxed::Box<Node>,
    #[event(with = text, pii)]
    pub word: Word,
    pub converted: Converted,
    pub pages: Page<::std::primitive::u8>,
    pub by_id: ::std::collections::BTreeMap<Id, ::std::primitive::i64>,
    #[event(default = 1)]
    pub count: ::std::primitive::u32,
}

/// The minor version and the constants of a contract.
#[derive(Debug, PartialEq, runtime::PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.identical.v1",
    schemas = "ui/contracts/schemas",
    name = "OrderPlaced"
)]
pub struct ShadowPublished {
    pub id: ::std::string::String,
    pub note: ::std::option::Option<::std::string::String>,
}

impl ShadowPublished {
    const PUBLISHED: () = ();
    const EVENT_TYPE: () = ();
    const MINOR_VERSION: () = ();
}

#[derive(Debug, PartialEq, runtime::PublicSignal)]
#[public_signal(event_type = "org.openedx.hygiene.shadow.cast.v1", profile = "openedx", key = user.id)]
pub struct OpenEdxShadow {
    pub user: User,
}

#[derive(Debug, PartialEq, runtime::EventData)]
pub struct User {
    pub id: ::std::primitive::i64,
    pub name: ::std::option::Option<::std::string::String>,
}

#[runtime::receiver(SHADOW_CAST)]
fn hear(_: &runtime::Event<ShadowCast>) {}

#[runtime::receiver(SHADOW_CAST, order = -1)]
fn answer(_: &runtime::Event<ShadowCast>) -> ::std::result::Result<(), ::std::fmt::Error> {
    ::std::result::Result::Ok(())
}

#[runtime::receiver(SHADOW_CAST)]
async fn hear_later(_: &runtime::Event<ShadowCast>) {
    ::std::future::ready(()).await;
}

/// A field uses a type of this module that has the name of a primitive type.
pub mod own {
    #[derive(Debug, PartialEq, ::events_runtime::EventData)]
    pub struct u8(pub String);

    #[derive(Debug, PartialEq, ::events_runtime::EventData)]
    pub struct bool {
        pub text: u8,
    }

    #[derive(Debug, PartialEq, ::events_runtime::PublicSignal)]
    #[public_signal(event_type = "org.acme.hygiene.own.named.v1", key = text)]
    pub struct OwnNamed {
        pub text: u8,
        pub is_own: bool,
    }
}

#[test]
fn names_of_the_users_code_are_kept() {
    let text = || own::u8("a".into());
    super::travels(&own::OwnNamed { text: text(), is_own: own::bool { text: text() } });
}

#[test]
fn shadowed_names_change_nothing() {
    let text = || ::std::string::String::from("a");
    let mut key = ::std::vec::Vec::new();
    let event = ShadowCast {
        id: Id(text()),
        note: ::std::option::Option::Some(text()),
        mode: Mode::Fast,
        payment: Payment::Card { number: text() },
        tree: ::std::option::Option::Some(Tree::Branch(::std::vec![Tree::Leaf])),
        root: ::std::boxed::Box::new(Node {
            children: ::std::vec![Node { children: ::std::vec![], weight: 2 }],
            weight: 1,
        }),
        word: Word(text()),
        converted: Converted(Word(text())),
        pages: Page { items: ::std::vec![1, 2], is_last: false },
        by_id: ::std::iter::FromIterator::from_iter([(Id(text()), 7)]),
        count: 3,
    };
    super::travels(&event);
    runtime::PublicSignal::append_key(&event, &mut key);
    ::std::assert_eq!(key, b"a");
    SHADOW_CAST.emit(event);

    super::travels(&OpenEdxShadow { user: User { id: 1, name: ::std::option::Option::None } });
    super::travels(&ShadowPublished { id: text(), note: ::std::option::Option::None });
    ::std::assert_eq!(<ShadowPublished as runtime::PublicSignal>::MINOR_VERSION, 0);
}
