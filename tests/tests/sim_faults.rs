//! The whole bus on the simulator: 2,000 seeds of 50 events each, with every kind of fault, and statistics of
//! the results.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Arc, Mutex};

use events_runtime::testing::sim::{self, Fault, Faults, Sim};
use events_runtime::{Event, Hub, PublicSignal};
use uuid::Uuid;

/// Something moved in a store-house.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.sim.stock.moved.v1", key = item)]
struct StockMoved {
    item: u32,
    /// Counted up.
    number: u32,
}

const SEEDS: u64 = 2_000;
/// Each run uses one thread; this number of runs is concurrent.
const THREADS: usize = 2;
const EVENTS: u32 = 50;
const ITEMS: u32 = 7;

#[derive(Default)]
struct Counts {
    events: usize,
    received: usize,
    lost: usize,
    out_of_order: usize,
    crashes: u64,
    struck: BTreeMap<Fault, usize>,
    repeats: BTreeMap<Fault, usize>,
}

impl Counts {
    fn add(&mut self, sim: &Sim, sent: &[Uuid], received: &[(Uuid, u32, u32)]) {
        let history = sim.history();
        self.events += sent.len();
        self.received += received.len();
        self.crashes += sim.crashes();
        let arrived: BTreeSet<_> = received.iter().map(|(id, ..)| id).collect();
        self.lost += sent.iter().filter(|id| !arrived.contains(id)).count();
        let (mut known, mut last) = (BTreeSet::new(), BTreeMap::new());
        for (id, item, number) in received {
            if known.insert(id) && last.insert(item, number).is_some_and(|last| last > number) {
                self.out_of_order += 1;
            }
        }
        for fault in Fault::ALL {
            *self.struck.entry(fault).or_default() += history.count(fault);
            *self.repeats.entry(fault).or_default() += history.repeats(fault);
        }
    }

    fn duplicates(&self) -> usize {
        self.received - (self.events - self.lost)
    }
}

fn line(counts: &BTreeMap<Fault, usize>) -> String {
    let mut text = String::new();
    for (fault, count) in counts.iter().filter(|(_, count)| **count > 0) {
        // Writing to a string never fails.
        let _ = write!(text, " {fault} {count}");
    }
    text
}

async fn one_run(sim: &Sim, counts: &Mutex<Counts>) {
    let (hub, received) = (Hub::new(), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&received);
    hub.scope(|| {
        STOCK_MOVED.connect("seen", move |event: &Event<StockMoved>| {
            let arrival = (event.metadata().id(), event.item, event.number);
            seen.lock().expect("no panic").push(arrival);
        });
    });
    let wire = sim.wire(&hub).await;
    let emit = |number| wire.emit(StockMoved { item: number % ITEMS, number });
    // In two parts, so that the second one reaches a consumer with state.
    let mut sent: Vec<_> = (0..EVENTS / 2).map(emit).collect();
    wire.drain_with(|consume| consume.batch_size(10)).await;
    sent.extend((EVENTS / 2..EVENTS).map(emit));
    wire.drain_with(|consume| consume.batch_size(10)).await;
    counts.lock().expect("no panic").add(sim, &sent, &received.lock().expect("no panic"));
}

#[test]
fn the_bus_loses_nothing_under_2000_seeds_and_every_duplicate_has_its_cause() {
    let counts = Mutex::new(Counts::default());
    std::thread::scope(|threads| {
        for first in 0..THREADS {
            let seeds = (0..SEEDS).skip(first).step_by(THREADS);
            let counts = &counts;
            threads.spawn(move || sim::check(seeds, Faults::all(), async |sim| one_run(sim, counts).await));
        }
    });
    let counts = counts.into_inner().expect("no panic");
    println!("seeds {SEEDS}, events {}, received {}", counts.events, counts.received);
    println!("consumers that crashed: {}", counts.crashes);
    println!("faults that struck:{}", line(&counts.struck));
    println!("duplicates {}, by cause:{}", counts.duplicates(), line(&counts.repeats));
    println!("lost {}, out of order {}", counts.lost, counts.out_of_order);
    assert_eq!(counts.events, 2_000 * 50);
    assert_eq!((counts.lost, counts.out_of_order), (0, 0));
    assert_eq!(counts.duplicates(), counts.repeats.values().sum::<usize>(), "each has a cause");
    // Schemas are read only where versions differ: `sim_upgrades`.
    let reads_schemas = |fault: &Fault| matches!(fault, Fault::FailReadSchema | Fault::HideSchema);
    let missed = counts.struck.iter().filter(|(fault, count)| !reads_schemas(fault) && **count == 0);
    assert_eq!(missed.count(), 0, "every kind struck");
}
