//! The registry of 10,000 linked definitions: time to build it, and to look one up.
//!
//! `cargo bench -p events-benches --bench registry -- [ROUNDS] [--json]`

use std::collections::HashMap;
use std::hint::black_box;

use events_benches::clock::{Contestant, race};
use events_benches::peers::Error;
use events_benches::table::Arguments;
use events_runtime::private::{SignalDescriptor, inventory};
use events_runtime::{PublicSignal, Registry};

/// The definition of which all others are copies with their own names.
#[derive(PublicSignal)]
#[public_signal(event_type = "org.events.benches.tick.emitted.v1")]
struct Tick {
    number: i64,
}

/// Calls a macro ten times, with each digit after the given ones.
macro_rules! each_digit {
    ($next:ident $($digits:tt)*) => {
        $next!($($digits)* 0); $next!($($digits)* 1); $next!($($digits)* 2); $next!($($digits)* 3);
        $next!($($digits)* 4); $next!($($digits)* 5); $next!($($digits)* 6); $next!($($digits)* 7);
        $next!($($digits)* 8); $next!($($digits)* 9);
    };
}
macro_rules! hundreds { ($($digits:tt)*) => { each_digit!(tens $($digits)*); }; }
macro_rules! tens { ($($digits:tt)*) => { each_digit!(ones $($digits)*); }; }
macro_rules! ones { ($($digits:tt)*) => { each_digit!(define $($digits)*); }; }
macro_rules! define {
    ($a:tt $b:tt $c:tt $d:tt) => {
        inventory::submit! {
            SignalDescriptor {
                event_type: concat!("org.acme.shop.subject", $a, $b, $c, $d, ".happened.v1"),
                ..*Tick::DESCRIPTOR
            }
        }
    };
}
each_digit!(hundreds);

fn main() -> Result<(), Error> {
    let arguments = Arguments::from_env(400);
    let registry = Registry::linked()?;
    assert!(registry.len() > 10_000, "ten thousand copies and the definition itself");

    let build = || {
        black_box(Registry::builder().linked().build().is_ok());
    };
    let figures = race(vec![Contestant::new("Registry of 10,000 linked", build)], arguments.rounds);
    arguments.report("build", &figures)?;

    // Each call looks up another name, as a new string that is not in a cache.
    let asked: Vec<String> =
        (0..10_000).map(|n| format!("org.acme.shop.subject{:04}.happened.v1", n * 7_919 % 10_000)).collect();
    #[allow(clippy::zero_sized_map_values, reason = "a map is what a registry by hand would be")]
    let std_map: HashMap<String, ()> = asked.iter().map(|event_type| (event_type.clone(), ())).collect();
    let (mut hot, mut all, mut std, mut unknown) = (
        asked.iter().take(16).cycle(),
        asked.iter().cycle(),
        asked.iter().take(16).cycle(),
        asked.iter().cycle(),
    );
    let figures = race(
        vec![
            Contestant::new("get, 16 event types in turn", || {
                black_box(hot.next().is_some_and(|asked| registry.get(black_box(asked)).is_some()));
            }),
            Contestant::new("get, 10,000 event types in turn", || {
                black_box(all.next().is_some_and(|asked| registry.get(black_box(asked)).is_some()));
            }),
            Contestant::new("get, unknown", || {
                let asked = unknown.next().and_then(|asked| asked.get(1..));
                black_box(asked.is_some_and(|asked| registry.get(black_box(asked)).is_some()));
            }),
            Contestant::new("std HashMap, 16 in turn", || {
                black_box(std.next().is_some_and(|asked| std_map.contains_key(black_box(asked))));
            }),
        ],
        arguments.rounds,
    );
    Ok(arguments.report("lookup among 10,000", &figures)?)
}
