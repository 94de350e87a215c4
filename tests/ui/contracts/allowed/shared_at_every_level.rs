//! Shared types are compared once, although 4,096 paths lead to them.

use events_runtime::{EventData, PublicSignal};

macro_rules! level {
    ($name:ident of $next:ident) => {
        #[derive(EventData)]
        struct $name {
            one: $next,
            other: $next,
        }
    };
}

level!(D0 of D1);
level!(D1 of D2);
level!(D2 of D3);
level!(D3 of D4);
level!(D4 of D5);
level!(D5 of D6);
level!(D6 of D7);
level!(D7 of D8);
level!(D8 of D9);
level!(D9 of D10);
level!(D10 of D11);
level!(D11 of D12);

#[derive(EventData)]
struct D12 {
    value: i32,
    note: Option<String>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.shared_at_every_level.v1", schemas = "../schemas")]
struct OrderPlaced {
    levels: D0,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
