//! An event's whole way over `memory:`: emitted, sent, consumed by one sync receiver.
//!
//! `cargo bench -p events-benches --bench bus [-- ROUNDS]`
//!
//! Nobody listens to logs, traces or metrics: what is measured is what everybody pays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use events_runtime::{Config, Event, EventBus, Hub, Origin, PublicSignal};

/// A payload that costs next to nothing.
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
    let (mut sends, mut consumes) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (send, consume) = runtime.block_on(round())?;
        sends.push(send);
        consumes.push(consume);
    }
    for (name, mut figures) in [("emit and send", sends), ("consume", consumes)] {
        figures.sort_unstable();
        let (least, median) = (figures[0], figures[figures.len() / 2]);
        println!("{name:<14} {median:>6} ns per event, at least {least} ({rounds} rounds of {COUNT})");
    }
    Ok(())
}

/// The nanoseconds that sending and consuming an event take.
async fn round() -> Result<(u128, u128), Failure> {
    let routes = "[routes.\"org.events.benches.tick.sent.v1\"]\nticks = {}\n";
    let config = Config::from_toml(&format!("[bus]\nurl = \"memory:\"\n{routes}"))?;
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await?;
    let began = Instant::now();
    for number in 0..COUNT {
        bus.hub().emit(Tick { number: i64::try_from(number)? });
    }
    bus.flush(std::time::Duration::from_secs(60)).await?;
    let sent = began.elapsed();

    let received = Arc::new(AtomicU64::new(0));
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let end = std::sync::Mutex::new(Some(end));
    let counted = Arc::clone(&received);
    bus.hub().scope(|| {
        TICK.connect("count", move |event: &Event<Tick>| {
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
