//! Encodes, decodes, emits, sends or consumes one payload a given number of times, and nothing else:
//! `tests/benches/instructions` runs it under callgrind.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use events_benches::by_hand::{self, ByHand};
use events_benches::payloads::{Basket, Enrolled, Payload, Telemetry};
use events_runtime::{Config, Event, EventBus, Hub, Signal, avro};
use tokio::sync::oneshot;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [payload, operation, times] = args.as_slice() else { return usage() };
    let Ok(times) = times.parse() else { return usage() };
    let done = match payload.as_str() {
        "small" => run::<Enrolled>(operation, times),
        "wide" => run::<Telemetry>(operation, times),
        "list" => run::<Basket>(operation, times),
        _ => return usage(),
    };
    if done.is_some() { ExitCode::SUCCESS } else { usage() }
}

fn usage() -> ExitCode {
    eprintln!(
        "usage: instructions small|wide|list encode|append|decode|encode-by-hand|decode-by-hand|clone|emit|send|send-and-consume TIMES"
    );
    ExitCode::from(2)
}

fn run<T: Payload + ByHand>(operation: &str, times: u32) -> Option<()> {
    let value = T::sample();
    let mut buffer = Vec::new();
    avro::append(&value, &mut buffer).ok()?;
    let datum = buffer.clone();
    match operation {
        "encode" => {
            buffer.resize(2 * datum.len() + 1024, 0);
            for _ in 0..times {
                black_box(avro::to_slice(black_box(&value), &mut buffer).ok()?);
                black_box(&buffer);
            }
        }
        "append" => {
            for _ in 0..times {
                buffer.clear();
                avro::append(black_box(&value), &mut buffer).ok()?;
                black_box(&buffer);
            }
        }
        "decode" => {
            for _ in 0..times {
                black_box(avro::from_slice::<T>(black_box(&datum)).ok()?);
            }
        }
        "encode-by-hand" => {
            for _ in 0..times {
                black_box(by_hand::encode(black_box(&value), &mut buffer));
                black_box(&buffer);
            }
        }
        "decode-by-hand" => {
            for _ in 0..times {
                black_box(by_hand::decode::<T>(black_box(&datum)).ok()?);
            }
        }
        "clone" => {
            for _ in 0..times {
                black_box(black_box(&value).clone());
            }
        }
        // To a hub with two receivers. The copy of the payload is included.
        "emit" => Hub::new().scope(|| {
            let signal = Signal::<T>::new();
            for name in ["first", "second"] {
                signal.connect(name, |event| _ = black_box(event));
            }
            for _ in 0..times {
                black_box(signal.emit(black_box(&value).clone()));
            }
        }),
        // Over `memory:`. Both include the copy of the payload.
        "send" => runtime()?.block_on(async {
            let bus = sent(&value, times).await?;
            bus.shutdown(PATIENCE).await.ok()
        })?,
        "send-and-consume" => runtime()?.block_on(async {
            let bus = sent(&value, times).await?;
            consume::<T>(&bus, times).await?;
            bus.shutdown(PATIENCE).await.ok()
        })?,
        _ => return None,
    }
    Some(())
}

const PATIENCE: Duration = Duration::from_secs(600);

fn runtime() -> Option<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().ok()
}

/// Emits events to a topic of `memory:`, and waits until they are acknowledged.
async fn sent<T: Payload>(value: &T, times: u32) -> Option<EventBus> {
    let config = format!(
        "[bus]\nurl = \"memory:\"\nqueue_capacity = 100000\n[routes.\"{}\"]\nevents = {{}}\n",
        T::EVENT_TYPE
    );
    let bus =
        EventBus::builder().config(Config::from_toml(&config).ok()?).hub(Hub::new()).start().await.ok()?;
    for _ in 0..times {
        black_box(bus.hub().emit(black_box(value).clone()));
    }
    bus.flush(PATIENCE).await.ok()?;
    Some(bus)
}

/// Consumes them to one receiver.
async fn consume<T: Payload>(bus: &EventBus, times: u32) -> Option<()> {
    let (end, ended) = oneshot::channel::<()>();
    let left = std::sync::Mutex::new((times, Some(end)));
    bus.hub().scope(|| {
        Signal::<T>::new().connect("count", move |event: &Event<T>| {
            black_box(event);
            if let Ok(mut left) = left.lock() {
                left.0 -= 1;
                if left.0 == 0 {
                    left.1 = None;
                }
            }
        });
    });
    bus.consume("events").group("instructions").run_until(ended).await.ok().map(drop)
}
