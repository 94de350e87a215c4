//! An event from emit to one sync receiver over `memory:`.
//!
//! `cargo bench -p events-benches --bench bus [-- ROUNDS]`
//!
//! Without subscribers or recorders: the minimum cost. The payloads are one integer, and `small` of the codec's
//! benchmark.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use events_benches::payloads::{Enrolled, Payload as _};
use events_runtime::{Config, Event, EventBus, Hub, Origin, PublicSignal, Signal};

/// A payload with almost no cost.
#[derive(PublicSignal)]
#[public_signal(event_type = "org.events.benches.tick.sent.v1", key = number)]
struct Tick {
    number: i64,
}

const COUNT: u64 = 5_000;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let rounds: usize = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(15);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tick = |number| Tick { number };
    let enrolled = Enrolled::sample();
    let small = |_| enrolled.clone();
    let mut measured: [Vec<(u128, u128)>; 2] = Default::default();
    for _ in 0..rounds {
        measured[0].push(runtime.block_on(round(tick))?);
        measured[1].push(runtime.block_on(round(small))?);
    }
    for (payload, rounds) in ["integer", "small"].into_iter().zip(measured) {
        let (sends, consumes) = rounds.into_iter().unzip();
        for (name, mut figures) in [("emit and send", sends), ("consume", consumes)] {
            let figures: &mut Vec<u128> = &mut figures;
            figures.sort_unstable();
            let (least, median) = (figures[0], figures[figures.len() / 2]);
            let rounds = figures.len();
            println!(
                "{payload:<8} {name:<14} {median:>6} ns per event, at least {least} ({rounds} rounds of {COUNT})"
            );
        }
    }
    Ok(())
}

/// The nanoseconds to send and to consume an event.
async fn round<E: PublicSignal>(payload: impl Fn(i64) -> E) -> Result<(u128, u128), Failure> {
    let event_type = E::DESCRIPTOR.event_type;
    let config =
        Config::from_toml(&format!("[bus]\nurl = \"memory:\"\n[routes.\"{event_type}\"]\nticks = {{}}\n"))?;
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await?;
    let began = Instant::now();
    for number in 0..i64::try_from(COUNT)? {
        bus.hub().emit(payload(number));
    }
    bus.flush(std::time::Duration::from_secs(60)).await?;
    let sent = began.elapsed();

    let received = Arc::new(AtomicU64::new(0));
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let end = std::sync::Mutex::new(Some(end));
    let counted = Arc::clone(&received);
    bus.hub().scope(|| {
        Signal::<E>::new().connect("count", move |event: &Event<E>| {
            let is_last = counted.fetch_add(1, Ordering::Relaxed) + 1 == COUNT;
            if event.origin() == Origin::Bus && is_last {
                drop(end.lock().ok().and_then(|mut end| end.take()));
            }
        });
    });
    let began = Instant::now();
    bus.consume("ticks").group("bench").run_until(ended).await?;
    let consumed = began.elapsed();
    assert_eq!(received.load(Ordering::Relaxed), COUNT, "each event is received once");
    Ok((sent.as_nanos() / u128::from(COUNT), consumed.as_nanos() / u128::from(COUNT)))
}
