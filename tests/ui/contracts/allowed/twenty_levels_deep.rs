//! Const evaluation has few stack frames, which suffice for this depth.

use events_runtime::{EventData, PublicSignal};

macro_rules! level {
    ($name:ident of $next:ident) => {
        #[derive(EventData)]
        struct $name {
            next: Option<Box<$next>>,
        }
    };
}

level!(C0 of C1);
level!(C1 of C2);
level!(C2 of C3);
level!(C3 of C4);
level!(C4 of C5);
level!(C5 of C6);
level!(C6 of C7);
level!(C7 of C8);
level!(C8 of C9);
level!(C9 of C10);
level!(C10 of C11);
level!(C11 of C12);
level!(C12 of C13);
level!(C13 of C14);
level!(C14 of C15);
level!(C15 of C16);
level!(C16 of C17);
level!(C17 of C18);
level!(C18 of C19);
level!(C19 of C20);

#[derive(EventData)]
struct C20 {
    value: i32,
    note: Option<String>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.twenty_levels_deep.v1", schemas = "../schemas")]
struct OrderPlaced {
    levels: C0,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
