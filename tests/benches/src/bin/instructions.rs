//! Encodes, decodes or emits one payload a given number of times, and nothing else: `tests/benches/instructions`
//! runs it under callgrind.

use std::hint::black_box;
use std::process::ExitCode;

use events_benches::by_hand::{self, ByHand};
use events_benches::payloads::{Basket, Enrolled, Payload, Telemetry};
use events_runtime::{Hub, Signal, avro};

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
        "usage: instructions small|wide|list encode|append|decode|encode-by-hand|decode-by-hand|clone|emit TIMES"
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
        _ => return None,
    }
    Some(())
}
