//! Every event over a bus: the Rust side of `tests/interop/redis_catalogue.py` and `kafka_catalogue.py`.
//!
//! ```text
//! PROGRAM consume URL TOPIC GROUP COUNT SEEN.jsonl         writes COUNT events as receivers see them
//! PROGRAM emit URL TOPIC COUNT SEED TYPES EMITTED.jsonl    emits COUNT of each event, and writes them
//! ```
//!
//! A line is `{"metadata": …, "datum": hex, "value": …}`. TYPES is a file with the event types that `emit`
//! emits, one in each line: those that the version of the Python package has. The path of a key may follow; without
//! it, the definition's key is used. `emit` sends the first event of each type with default metadata and the others
//! with generated metadata; then one more of each type as an envelope of a later minor version, which no definition
//! here has.

use std::fs::{File, read_to_string};
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use events_runtime::avro::json::{PersonalData, to_json};
use events_runtime::envelope::Envelope;
use events_runtime::transport::{ConnectOptions, KeySchema, KeyType, SchemaId, Topic, connect};
use events_runtime::{Config, EventBus, EventMetadata, Hub};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::metadata::{later_minor_version, options};
use crate::{CatalogueEvent, Maker, Payload, events, hex};

/// Why a program failed.
pub type Failure = Box<dyn std::error::Error>;

/// The prefix of topics, which Open edX's programs get too.
const PREFIX: &str = "dev";
/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(2 * 60);

/// The command line of a program that is called so.
///
/// # Errors
/// Something did not work, or the arguments are wrong.
pub async fn run(program: &str) -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["consume", url, topic, group, count, path] => consume(url, topic, group, count, path).await,
        ["emit", url, topic, count, seed, types, path] => emit(url, topic, count, seed, types, path).await,
        _ => Err(format!(
            "usage: {program} consume URL TOPIC GROUP COUNT SEEN.jsonl | \
             {program} emit URL TOPIC COUNT SEED TYPES EMITTED.jsonl"
        )
        .into()),
    }
}

async fn bus(url: &str, routes: &str) -> Result<EventBus, Failure> {
    let settings =
        format!("[service]\nname = \"lms\"\ntopic_prefix = \"{PREFIX}\"\n[bus]\nurl = \"{url}\"\n{routes}");
    let config = Config::from_toml(&settings)?;
    Ok(EventBus::builder().config(config).hub(Hub::new()).start().await?)
}

fn line(metadata: &EventMetadata, payload: &Payload) -> Result<Value, Failure> {
    let metadata = serde_json::to_value(metadata)?;
    Ok(json!({ "metadata": metadata, "datum": hex(&payload.datum), "value": payload.value }))
}

async fn consume(url: &str, topic: &str, group: &str, count: &str, path: &str) -> Result<(), Failure> {
    let (count, bus) = (count.parse()?, bus(url, "").await?);
    let (seen, mut arrivals) = mpsc::unbounded_channel();
    for event in events() {
        let seen = seen.clone();
        let observer = move |metadata: &EventMetadata, payload| {
            // The program may be exiting.
            let _ = seen.send((metadata.clone(), payload));
        };
        (event.observe)(bus.hub(), Arc::new(observer));
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let consume = bus.consume(topic).group(group);
    let running = tokio::spawn(async move { consume.run_until(stopped).await });
    let (mut came, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while came.len() < count {
        // The Python side reports missing events.
        let Ok(Some(event)) = timeout_at(deadline, arrivals.recv()).await else { break };
        came.push(event);
    }
    drop(stop);
    let consumed = running.await??;
    while let Ok(event) = arrivals.try_recv() {
        came.push(event);
    }
    let mut out = BufWriter::new(File::create(path)?);
    for (metadata, payload) in &came {
        writeln!(out, "{}", line(metadata, payload)?)?;
    }
    out.flush()?;
    bus.shutdown(PATIENCE).await?;
    let told = json!({
        "seen": came.len(),
        "acked": consumed.acked,
        "skipped": consumed.skipped,
        "retried": consumed.retried,
        "dead_lettered": consumed.dead_lettered,
    });
    println!("{told}");
    Ok(())
}

async fn emit(
    url: &str,
    topic: &str,
    count: &str,
    seed: &str,
    types: &str,
    path: &str,
) -> Result<(), Failure> {
    let (count, mut maker) = (count.parse::<usize>()?, Maker::new(seed.parse()?));
    let types = read_to_string(types)?;
    let events = events_of(&types)?;
    let bus = bus(url, &routes_to(topic, &events)).await?;
    let mut out = BufWriter::new(File::create(path)?);
    for Sent { event, .. } in &events {
        let mut pending = Vec::with_capacity(count);
        for number in 0..count {
            let emitted = if number == 0 {
                (event.emit)(bus.hub(), &mut maker)
            } else {
                let options = options(&mut maker);
                (event.emit_with)(bus.hub(), &mut maker, options)
            };
            writeln!(out, "{}", line(&emitted.metadata, &emitted.payload)?)?;
            pending.push(emitted.delivered);
        }
        for delivered in pending {
            timeout(PATIENCE, delivered).await??;
        }
    }
    bus.shutdown(PATIENCE).await?;
    later(url, topic, &events, &mut maker, &mut out).await?;
    out.flush()?;
    println!("{}", json!({ "events": events.len(), "emitted": events.len() * count, "later": events.len() }));
    Ok(())
}

/// An event that is sent, and the path of its key.
struct Sent<'a> {
    event: CatalogueEvent,
    key: Option<&'a str>,
}

/// The events of the types in the lines of a file.
fn events_of(types: &str) -> Result<Vec<Sent<'_>>, Failure> {
    let all = events();
    let of = |line| {
        let (event_type, key) = match str::split_once(line, ' ') {
            Some((event_type, key)) => (event_type, Some(key)),
            None => (line, None),
        };
        let found = all.iter().find(|event| event.descriptor.event_type() == event_type);
        let event = *found.ok_or_else(|| format!("no event is called {event_type}"))?;
        Ok(Sent { event, key })
    };
    types.lines().map(of).collect()
}

/// The tables of a configuration that route events to a topic, each by its key.
fn routes_to(topic: &str, events: &[Sent<'_>]) -> String {
    events.iter().fold(String::new(), |tables, Sent { event, key }| {
        let event_type = event.descriptor.event_type();
        let options = key.map_or_else(String::new, |key| format!("key = \"{key}\""));
        tables + &format!("[routes.\"{event_type}\"]\n{topic} = {{ {options} }}\n")
    })
}

/// Sends one event of each type as a program with a later definition does.
async fn later(
    url: &str,
    topic: &str,
    events: &[Sent<'_>],
    maker: &mut Maker,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let topic = Topic::new(format!("{PREFIX}-{topic}"))?;
    let transport = connect(url, &ConnectOptions::new())?;
    let producer = transport.producer().await?;
    for Sent { event, key } in events {
        // An emission in a hub without a bus gives the metadata.
        let options = options(maker);
        let emitted = (event.emit_with)(&Hub::new(), maker, options);
        let metadata = emitted.metadata.with_minor_version(later_minor_version(maker));
        writeln!(out, "{}", line(&metadata, &emitted.payload)?)?;
        let schema = SchemaId::new(event.descriptor.event_type(), event.descriptor.fingerprint());
        let datum = emitted.payload.datum;
        // Not the payload's value, in which a time is a number.
        let value = to_json(event.descriptor.schema(), &datum, PersonalData::Shown)?;
        let mut envelope = Envelope::new(metadata, Some(event.descriptor.fingerprint()), datum);
        if let Some(path) = key {
            let (key_schema, key) = key_at(&value, path)?;
            transport.store_key_schema(&topic, &schema, &key_schema).await?;
            envelope = envelope.with_key(key);
        }
        transport.store_schema(&topic, &schema, event.descriptor.schema_json()).await?;
        for sent in producer.send(&topic, &[envelope.into_message()]).await {
            sent?;
        }
    }
    Ok(())
}

/// The schema and the text of a key.
fn key_at(value: &Value, path: &str) -> Result<(KeySchema, String), Failure> {
    let found = path.split('.').try_fold(value, |value, name| value.get(name));
    let field = path.rsplit('.').next().unwrap_or(path);
    match found {
        Some(Value::String(text)) => Ok((KeySchema::new(field, KeyType::String), text.clone())),
        Some(Value::Number(number)) => Ok((KeySchema::new(field, KeyType::Long), number.to_string())),
        _ => Err(format!("{path} is no key of {value}").into()),
    }
}
