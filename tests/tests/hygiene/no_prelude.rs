//! A module without any prelude.
#![no_implicit_prelude]

use ::std::clone::Clone;
use ::std::cmp::PartialEq;
use ::std::fmt::Debug;

#[derive(Debug, Clone, PartialEq, ::events_runtime::EventData)]
enum Step {
    Start,
    Move { by: i32 },
}

#[derive(Debug, Clone, PartialEq, ::events_runtime::EventData)]
struct Name(::std::string::String);

#[derive(Debug, Clone, PartialEq, ::events_runtime::PublicSignal)]
#[public_signal(event_type = "org.acme.hygiene.prelude.left.v1", key = name)]
struct PreludeLeft {
    name: Name,
    steps: ::std::vec::Vec<Step>,
    #[event(default = -1)]
    rest: i32,
}

#[::events_runtime::receiver(PRELUDE_LEFT)]
fn hear(_: &::events_runtime::Event<PreludeLeft>) {}

#[::core::prelude::v1::test]
fn no_prelude_is_needed() {
    let steps = <[_]>::into_vec(::std::boxed::Box::new([Step::Start, Step::Move { by: 2 }]));
    super::travels(&PreludeLeft { name: Name(::std::string::String::new()), steps, rest: 0 });
}
