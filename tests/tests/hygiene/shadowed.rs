//! Names of the prelude, of `core` and of the macros' own crate that mean something else here.
#![allow(dead_code, unused_macros, non_snake_case, non_upper_case_globals)]

use ::events_runtime as runtime;

pub struct Result;
pub struct Option;
pub struct String;
pub struct Vec;
pub struct Box;
pub struct Signal;
pub struct Schema;
pub struct Event;
pub struct Self_;
pub trait EventData {}
pub trait PublicSignal {}
pub trait Default {}
pub trait Clone {}

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
macro_rules! unreachable {
    ($($t:tt)*) => {
        compile_error!("not this one")
    };
}

/// A trait of this crate's that every type has, with the names of the runtime's methods.
pub trait Everything {
    fn encode(&self) {}
    fn decode(&self) {}
    fn check(&self) {}
    fn max_len(&self) {}
    fn step(&self) {}
    fn append_key(&self) {}
    fn long(&self) {}
    fn map(self, _: ())
    where
        Self: Sized,
    {
    }
}

impl<T: ?Sized> Everything for T {}

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

#[derive(Debug, PartialEq, runtime::EventData)]
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

#[derive(Debug, PartialEq, runtime::PublicSignal)]
#[public_signal(event_type = "org.acme.hygiene.shadow.cast.v1", key = id)]
pub struct ShadowCast {
    pub id: Id,
    pub note: ::std::option::Option<::std::string::String>,
    pub mode: Mode,
    pub payment: Payment,
    pub root: ::std::boxed::Box<Node>,
    #[event(with = text)]
    pub word: Word,
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
        root: ::std::boxed::Box::new(Node {
            children: ::std::vec![Node { children: ::std::vec![], weight: 2 }],
            weight: 1,
        }),
        word: Word(text()),
    };
    super::travels(&event);
    runtime::PublicSignal::append_key(&event, &mut key);
    ::std::assert_eq!(key, b"a");
    SHADOW_CAST.emit(event);
}
