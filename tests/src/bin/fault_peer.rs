//! A bus program for runs with faults, which start several of them and kill some.
//!
//! ```text
//! fault_peer produce CONFIG SLOT FIRST COUNT WINDOW NOTES PROCESS
//! fault_peer consume CONFIG GROUP LOG NOTES PROCESS FAULTS
//! fault_peer derive CONFIG GROUP LOG NOTES PROCESS FAULTS
//! fault_peer …                                   any other word: the command line of the events
//! ```
//!
//! A producer emits readings with the numbers `FIRST..FIRST + COUNT`, at most WINDOW of them
//! unacknowledged. It prints a line for each acknowledged event (`acked ID KEY N`), for each failed one
//! (`failed N ERROR`) and for each change of the circuit breaker (`waits ERROR`, `flows`). A consumer appends
//! each reading to LOG before its receiver returns; with `derive`, the receiver also emits a bill for each reading
//! that it handles. Both append warnings of the bus to NOTES.
//!
//! Both exit normally at the end of their input or at `stop`. At `spill PATH`, a producer calls
//! `shutdown_or_spill` and prints `spilled COUNT` or `unspilled ERROR`; then it accepts another path.
//!
//! FAULTS is the number of readings in a thousand for which a receiver fails, panics and hangs, such as
//! `50/20/5`. Unless all three are 0, readings whose number ends in 13 never succeed and those that end in
//! 77 are rejected.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events_runtime::bus::{MessageInfo, ShutdownError};
use events_runtime::receiver::reject;
use events_runtime::{BoxError, Config, Emission, Event, EventBus, PublicSignal};
use events_tests::chain;
use events_tests::faults::{Acked, End, Handling};
use tokio::sync::mpsc;

/// A meter was read.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.meters.reading.taken.v1", key = meter)]
struct ReadingTaken {
    meter: String,
    number: u64,
    note: String,
}

/// A reading was billed.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.meters.reading.billed.v1", key = meter)]
struct ReadingBilled {
    meter: String,
    /// The position of the reading in its topic.
    source: String,
}

/// Meters of one producer; not a divisor of 100, so that every meter has failing readings.
const METERS: u64 = 97;
/// The time limit of a shutdown.
const LONG: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ended = match args.as_slice() {
        ["produce", config, slot, first, count, window, notes, process] => {
            async { produce(config, slot, [first, count, window], notes, process).await }.await
        }
        [verb @ ("consume" | "derive"), config, group, log, notes, process, faults] => {
            consume(*verb == "derive", config, [group, log, notes], process, faults).await
        }
        _ => return tokio::task::block_in_place(events_runtime::cli::run),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = tell(&format!("ended {}", chain(&*error)));
            ExitCode::FAILURE
        }
    }
}

async fn produce(
    config: &str,
    slot: &str,
    numbers: [&str; 3],
    notes: &str,
    process: &str,
) -> Result<(), BoxError> {
    Notes::install(notes, process)?;
    let [first, count, window] = numbers.map(str::parse::<u64>);
    let (first, count, window) = (first?, count?, window?);
    let bus = EventBus::builder().config(Config::load(config)?).start().await?;
    let mut commands = commands();
    let (emissions, mut emitted) = mpsc::channel::<(u64, Emission<ReadingTaken>)>(usize::try_from(window)?);
    let teller = tokio::spawn(async move {
        while let Some((number, emission)) = emitted.recv().await {
            let acked = Acked {
                id: emission.event().metadata().id().to_string(),
                key: emission.event().meter.clone(),
                n: number,
            };
            let line = match emission.delivered().await {
                Ok(_) => acked.to_string(),
                Err(error) => format!("failed {number} {}", chain(&error)),
            };
            if tell(&line).is_err() {
                return;
            }
        }
    });
    let watcher = tokio::spawn(watch(bus.clone()));
    let mut command = None;
    for number in first..first + count {
        let place = tokio::select! {
            biased;
            // The end of the input stops the program too.
            said = commands.recv() => {
                command = said;
                break;
            }
            place = emissions.reserve() => place?,
        };
        let meter = format!("{slot}-{}", number % METERS);
        let reading = ReadingTaken { meter, number, note: "as usual".repeat(8) };
        place.send((number, READING_TAKEN.emit(reading)));
    }
    drop(emissions);
    if let Some(path) = command.as_deref().and_then(|command| command.strip_prefix("spill ")) {
        spill(bus.shutdown(Duration::from_millis(200)).await, path, &mut commands).await?;
    } else {
        bus.shutdown(LONG).await?;
    }
    tokio::time::timeout(LONG, teller).await??;
    watcher.abort();
    Ok(())
}

/// Prints when the topic's circuit breaker opens and closes.
async fn watch(bus: EventBus) {
    let mut last = None;
    loop {
        let error =
            bus.status().queues.iter().find_map(|queue| queue.circuit.last_error()).map(ToOwned::to_owned);
        if error != last {
            let _ = tell(&error.as_ref().map_or("flows".to_owned(), |error| format!("waits {error}")));
            last = error;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Spills the events that a shutdown left to the first path that can be written.
async fn spill(
    mut shutdown: Result<(), ShutdownError>,
    path: &str,
    commands: &mut mpsc::UnboundedReceiver<String>,
) -> Result<(), BoxError> {
    let mut path = path.to_owned();
    while let Err(left) = shutdown {
        match left.spill(&path) {
            Ok(count) => {
                tell(&format!("spilled {count}"))?;
                return Ok(());
            }
            Err(error) => {
                tell(&format!("unspilled {}", chain(&error)))?;
                shutdown = Err(error.into_shutdown());
            }
        }
        let said = commands.recv().await.ok_or("no other path for the spill file was given")?;
        said.strip_prefix("spill ").unwrap_or(&said).clone_into(&mut path);
    }
    tell("spilled 0")?;
    Ok(())
}

tokio::task_local! {
    static MESSAGE: MessageInfo;
}

async fn consume(
    derives: bool,
    config: &str,
    [group, log, notes]: [&str; 3],
    process: &str,
    faults: &str,
) -> Result<(), BoxError> {
    Notes::install(notes, process)?;
    let process = process.parse()?;
    let faults: Vec<u32> = faults.split('/').map(str::parse).collect::<Result<_, _>>()?;
    let log = append(log)?;
    let hung = Arc::new(Mutex::new(HashSet::new()));
    let hangs = hung.clone();
    // The panic message is in the dead letters; here it is noise.
    std::panic::set_hook(Box::new(|_| {}));
    READING_TAKEN.connect("meter", move |event: &Event<ReadingTaken>| -> Result<(), BoxError> {
        let handling = Handling {
            process,
            attempt: MESSAGE.with(|message| message.attempt),
            id: event.metadata().id().to_string(),
            key: event.meter.clone(),
            n: event.number,
            end: end(event.number, &faults),
        };
        // A kill can truncate a write at a page boundary: the rest must not join the next line.
        (&log).write_all(format!("\n{handling}\n").as_bytes())?;
        match handling.end {
            End::Done if derives => {
                let source = MESSAGE.with(|message| message.position.to_string());
                READING_BILLED.emit(ReadingBilled { meter: event.meter.clone(), source });
            }
            End::Done => {}
            End::Failed => return Err("the meter is out of reach".into()),
            End::Panicked => panic!("the meter is broken"),
            End::Rejected => return Err(reject("there is no such meter").into()),
            End::Hung => {
                hangs.lock().unwrap_or_else(PoisonError::into_inner).insert(event.number);
            }
        }
        Ok(())
    });
    READING_TAKEN.connect_async("sleeper", move |event: Arc<Event<ReadingTaken>>| {
        let hangs = hung.lock().unwrap_or_else(PoisonError::into_inner).remove(&event.number);
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
        }
    });
    let bus = EventBus::builder().config(Config::load(config)?).start().await?;
    let mut commands = commands();
    bus.consume("readings")
        .group(group)
        .middleware(|message, next| async move { Ok(MESSAGE.scope(message, next.run()).await) })
        .run_until(commands.recv())
        .await?;
    bus.shutdown(LONG).await?;
    Ok(())
}

/// The outcome of this attempt.
fn end(number: u64, faults: &[u32]) -> End {
    if faults.iter().sum::<u32>() == 0 {
        return End::Done;
    }
    match number % 100 {
        13 => return End::Failed,
        77 => return End::Rejected,
        _ => {}
    }
    let dice = fastrand::u32(0..1_000);
    let ends = [End::Failed, End::Panicked, End::Hung];
    let up_to = faults.iter().scan(0, |sum, rate| {
        *sum += rate;
        Some(*sum)
    });
    ends.into_iter().zip(up_to).find(|(_, up_to)| dice < *up_to).map_or(End::Done, |(end, _)| end)
}

/// The lines of the input; the channel closes at its end.
fn commands() -> mpsc::UnboundedReceiver<String> {
    let (sender, commands) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    commands
}

fn append(path: &str) -> std::io::Result<File> {
    File::options().append(true).create(true).open(path)
}

fn tell(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Appends the warnings of the bus to a file, one line each, with the process's number.
struct Notes {
    file: File,
    process: String,
    full: AtomicBool,
}

impl Notes {
    fn install(path: &str, process: &str) -> Result<(), BoxError> {
        let notes = Self { file: append(path)?, process: process.to_owned(), full: AtomicBool::new(false) };
        Ok(tracing::subscriber::set_global_default(notes)?)
    }
}

impl tracing::Subscriber for Notes {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= tracing::Level::WARN
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let line = format!("\n{} {} {}\n", self.process, text.message, text.error).into_bytes();
        if (&self.file).write_all(&line).is_err() && !self.full.swap(true, Ordering::Relaxed) {
            eprintln!("cannot write the notes");
        }
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[derive(Default)]
struct Text {
    message: String,
    error: String,
}

impl tracing::field::Visit for Text {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "error" => self.error = format!("{value:?}"),
            _ => {}
        }
    }
}
