//! Emitting an event with its metadata to sync receivers.
//!
//! `cargo bench -p events-benches --bench emit -- [ROUNDS] [--json]`

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use events_benches::clock::{Contestant, race};
use events_benches::peers::Error;
use events_benches::table::Arguments;
use events_runtime::{Event, Hub, PublicSignal};

/// A payload without cost, so that the figure is that of the emission.
#[derive(PublicSignal)]
#[public_signal(event_type = "org.events.benches.tick.emitted.v1")]
struct Tick {
    number: i64,
}

const RECEIVERS: [(usize, &str); 4] = [
    (1, "emit, 1 receiver"),
    (0, "emit, no receiver"),
    (10, "emit, 10 receivers"),
    (100, "emit, 100 receivers"),
];

fn main() -> Result<(), Error> {
    let arguments = Arguments::from_env(400);
    let received = Arc::new(AtomicU64::new(0));
    let hubs: Vec<_> = RECEIVERS.iter().map(|(count, _)| hub_with(*count, &received)).collect();
    let mut contestants: Vec<_> = RECEIVERS
        .iter()
        .zip(&hubs)
        .map(|((_, name), hub)| Contestant::within(name, |turn| hub.scope(turn), emit))
        .collect();
    // In the default hub, as in a program without scopes.
    connect(1, &received);
    contestants.push(Contestant::new("emit, 1 receiver, default hub", emit));
    let figures = race(contestants, arguments.rounds);
    assert!(received.load(Ordering::Relaxed) > 0, "no receiver ran");
    Ok(arguments.report("emit", &figures)?)
}

fn emit() {
    let emission = TICK.emit(Tick { number: black_box(7) });
    black_box(emission.responses().len());
}

fn hub_with(receivers: usize, received: &Arc<AtomicU64>) -> Hub {
    let hub = Hub::new();
    hub.scope(|| connect(receivers, received));
    hub
}

fn connect(receivers: usize, received: &Arc<AtomicU64>) {
    for n in 0..receivers {
        let received = Arc::clone(received);
        // A load and a store, so that the figure is that of the dispatch.
        TICK.connect(format!("receiver-{n}"), move |event: &Event<Tick>| {
            let sum = received.load(Ordering::Relaxed).wrapping_add(event.number.unsigned_abs());
            received.store(sum, Ordering::Relaxed);
        });
    }
}
