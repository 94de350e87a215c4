//! One simulated upgrade.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

use super::plan::{Phase, Plan};
use super::version::Version;
use crate::bus::EventBus;
use crate::config::Config;
use crate::envelope::Envelope;
use crate::sim::Sim;
use events_core::internal::new_id;
use events_core::metadata::Source;
use events_core::{EventMetadata, EventType, Hub, PublicSignal};
use events_transport::dead_letter::REASON;
use events_transport::{ConsumerGroup, SchemaId, StartPosition, Subscription, Topic};

const TOPIC: &str = "events";
const GROUP: &str = "receivers";
/// The longest time after which a reader is replaced.
const LONGEST_PHASE: Duration = Duration::from_secs(10);
/// The pause of an older writer after a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// The time for a bus to end. Nothing is queued then.
const SHUTDOWN: Duration = Duration::from_secs(60);
/// The number of keys of the older writers' events.
const KEYS: u64 = 3;
/// The number of events that a failure describes.
const MAX_DESCRIBED: usize = 3;

/// An event that was sent.
struct Sent {
    id: Uuid,
    writer: usize,
    datum: Vec<u8>,
}

/// An event that a reader received: its id, the version of the reader, the JSON of the payload.
type Received = (Uuid, usize, Result<Value, String>);

/// A simulated upgrade.
pub(super) struct Run<'a, E> {
    sim: &'a Sim,
    versions: &'a [Version],
    plan: Plan,
    sample: &'a dyn Fn(u64) -> E,
    /// The number of events that each writer sends in a phase.
    events: u32,
    emitted: Cell<u64>,
    sent: RefCell<Vec<Sent>>,
    received: Arc<Mutex<Vec<Received>>>,
}

/// The counts of a run.
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl<'a, E: PublicSignal> Run<'a, E> {
    pub(super) fn new(
        sim: &'a Sim,
        versions: &'a [Version],
        plan: Plan,
        sample: &'a dyn Fn(u64) -> E,
        events: u32,
    ) -> Self {
        let (emitted, sent, received) = (Cell::new(0), RefCell::default(), Arc::default());
        Self { sim, versions, plan, sample, events, emitted, sent, received }
    }

    /// Runs the upgrade.
    ///
    /// # Panics
    /// If an event was lost, became a dead letter, or was decoded wrongly.
    pub(super) async fn run(self) -> Counts {
        for phase in self.plan.phases() {
            self.phase(&phase).await;
        }
        let faults = self.faults(&self.dead_letters().await);
        assert!(faults.is_empty(), "rolling upgrade of `{}` {}: {faults}", E::EVENT_TYPE, self.describe());
        let received = lock(&self.received).len() as u64;
        Counts { sent: self.sent.borrow().len() as u64, received }
    }

    pub(super) fn describe(&self) -> String {
        self.plan.describe(|index| self.version(index).minor)
    }

    fn version(&self, index: usize) -> &'a Version {
        self.versions.get(index).expect("plans are made of versions")
    }

    async fn phase(&self, phase: &Phase) {
        let all_sent = watch::Sender::new(false);
        let sends = async {
            futures(phase.writers.iter().map(|writer| self.write(*writer))).await;
            all_sent.send_replace(true);
        };
        let until = || {
            let mut sent = all_sent.subscribe();
            async move {
                if phase.drains {
                    // The sender outlives this future.
                    let _ = sent.wait_for(|sent| *sent).await;
                    self.sim.drained().await;
                } else {
                    sleep(LONGEST_PHASE.mul_f64(fastrand::f64())).await;
                }
            }
        };
        let readers = futures(phase.readers.iter().map(|reader| self.read(*reader, until)));
        tokio::join!(sends, readers);
    }

    /// Runs a program that consumes with a version, again after each crash.
    async fn read<F: Future>(&self, reader: usize, until: impl Fn() -> F) {
        let (hub, received) = (Hub::new(), Arc::clone(&self.received));
        self.version(reader).connect::<E>(&hub, move |id, json| lock(&received).push((id, reader, json)));
        let bus = self.bus(reader, &hub, config("")).await;
        self.sim.run(|| bus.consume(TOPIC).group(GROUP), until).await;
        end(&bus).await;
    }

    /// Runs a program that sends events of a version.
    async fn write(&self, writer: usize) {
        if self.version(writer).is_current {
            self.emit(writer).await;
        } else {
            self.write_older(writer).await;
        }
    }

    async fn bus(&self, version: usize, hub: &Hub, config: Config) -> EventBus {
        let builder = EventBus::builder().config(config).hub(hub.clone()).transport(self.sim.transport());
        let started = builder.registry(self.version(version).registry).start().await;
        started.unwrap_or_else(|error| panic!("the bus failed to start: {error}"))
    }

    fn next(&self) -> (u64, E) {
        let number = self.emitted.get();
        self.emitted.set(number + 1);
        (number, (self.sample)(number))
    }

    fn sent(&self, id: Uuid, writer: usize, datum: Vec<u8>) {
        self.sent.borrow_mut().push(Sent { id, writer, datum });
    }

    fn datum(&self, writer: usize, sample: &E) -> Vec<u8> {
        let version = self.version(writer);
        version.datum(sample).unwrap_or_else(|error| {
            panic!("a sample of `{}` has no form of version {}: {error}", E::EVENT_TYPE, version.minor)
        })
    }

    /// Sends events of the current version through a bus.
    async fn emit(&self, writer: usize) {
        let route = format!("[routes.\"{}\"]\n{TOPIC} = {{}}\n", E::EVENT_TYPE);
        let bus = self.bus(writer, &Hub::new(), config(&route)).await;
        let emissions: Vec<_> = (0..self.events)
            .map(|_| {
                let (_, sample) = self.next();
                let datum = self.datum(writer, &sample);
                let emission = bus.hub().emit(sample);
                self.sent(emission.event().metadata().id(), writer, datum);
                emission
            })
            .collect();
        for emission in emissions {
            if let Err(error) = emission.delivered().await {
                panic!("an event was not sent: {error}");
            }
        }
        end(&bus).await;
    }

    /// Sends events of an older version as its producer did: the schema first, then the messages, each until it is
    /// stored.
    async fn write_older(&self, writer: usize) {
        let (version, transport) = (self.version(writer), self.sim.transport());
        let topic = Topic::new(TOPIC).expect("a valid name");
        let id = SchemaId::new(E::EVENT_TYPE, version.fingerprint);
        while transport.store_schema(&topic, &id, version.text).await.is_err() {
            sleep(PAUSE).await;
        }
        let producer = transport.producer().await.expect("the simulator has no connection to fail");
        for _ in 0..self.events {
            let (number, sample) = self.next();
            let datum = self.datum(writer, &sample);
            let now = Timestamp::now();
            let event_type = EventType::foreign(E::EVENT_TYPE).expect("the event type of a definition");
            let source = Source::new("older").expect("a valid name");
            let metadata =
                EventMetadata::new(event_type, new_id(now), now, source).with_minor_version(version.minor);
            self.sent(metadata.id(), writer, datum.clone());
            let envelope = Envelope::new(metadata, Some(version.fingerprint), datum);
            let batch = [envelope.with_key((number % KEYS).to_string()).into_message()];
            while producer.send(&topic, &batch).await.iter().any(Result::is_err) {
                sleep(PAUSE).await;
            }
        }
    }

    /// The ids and reasons of the dead letters.
    async fn dead_letters(&self) -> HashMap<Uuid, String> {
        let group = ConsumerGroup::new(GROUP).expect("a valid name");
        let topic = Topic::new(TOPIC).and_then(|topic| topic.dead_letter(&group)).expect("a valid name");
        let inspector = ConsumerGroup::new("inspector").expect("a valid name");
        let subscription = Subscription::new(topic, inspector).start(StartPosition::Earliest);
        let consumer = self.sim.store().consumer(subscription).await;
        let mut consumer = consumer.expect("the memory store has no connection to fail");
        let deliveries = consumer.receive(usize::MAX, Duration::ZERO).await.unwrap_or_default();
        let letters = deliveries.into_iter().filter_map(|delivery| {
            let reason = delivery.message().headers.get(REASON).cloned().unwrap_or_default();
            let envelope = Envelope::from_message(delivery.message()).ok()?;
            Some((envelope.metadata.id(), String::from_utf8_lossy(&reason).into_owned()))
        });
        letters.collect()
    }

    /// Describes what went wrong; empty if nothing did.
    fn faults(&self, dead_letters: &HashMap<Uuid, String>) -> String {
        let (sent, received) = (self.sent.borrow(), lock(&self.received));
        let arrived: HashSet<_> = received.iter().map(|(id, ..)| *id).collect();
        let minor = |index| self.version(index).minor;
        let (mut lost, mut rejected, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
        for (number, event) in sent.iter().enumerate() {
            let name = format!("event {number} of version {}", minor(event.writer));
            if let Some(reason) = dead_letters.get(&event.id) {
                rejected.push(format!("{name} ({reason})"));
            } else if !arrived.contains(&event.id) {
                lost.push(name.clone());
            }
            for (_, reader, found) in received.iter().filter(|(id, ..)| *id == event.id) {
                let expected = self.version(*reader).read(self.version(event.writer), &event.datum);
                if *found != expected {
                    let reader = minor(*reader);
                    wrong.push(format!("{name} by version {reader}: {found:?} instead of {expected:?}"));
                }
            }
        }
        let mut text = String::new();
        for (what, events) in [("lost", lost), ("dead-lettered", rejected), ("decoded wrongly", wrong)] {
            if !events.is_empty() {
                let first: Vec<_> = events.iter().take(MAX_DESCRIBED).map(String::as_str).collect();
                // Writing to a string never fails.
                let _ = write!(text, "\n  {what}: {} of {}: {}", events.len(), sent.len(), first.join("; "));
            }
        }
        text
    }
}

fn config(routes: &str) -> Config {
    // Lag queries would change the history of a seed.
    let text = format!(
        "[service]\nname = \"sim\"\n[bus]\nurl = \"memory:\"\nconsumer = {{ lag_interval = \"off\" }}\n{routes}"
    );
    Config::from_toml(&text)
        .unwrap_or_else(|error| panic!("the simulator's configuration is invalid: {error}"))
}

/// Ends a program. Its events are stored, so that nothing is left to send.
async fn end(bus: &EventBus) {
    bus.shutdown(SHUTDOWN).await.unwrap_or_else(|error| panic!("the bus failed to end: {error}"));
}

/// Runs one future or two concurrently.
async fn futures<F: Future<Output = ()>>(futures: impl IntoIterator<Item = F>) {
    let mut futures = futures.into_iter();
    match (futures.next(), futures.next()) {
        (Some(first), Some(second)) => {
            tokio::join!(first, second);
        }
        (Some(only), None) => only.await,
        (None, _) => {}
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
