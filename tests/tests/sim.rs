//! The promises of the simulator: the same history for the same seed, every kind of fault, no loss, and
//! detection of receivers that are not idempotent.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events_runtime::testing::sim::{self, Action, Effect, Fault, Faults, History, Sim};
use events_runtime::transport::{
    ConsumerGroup, ErrorKind, Message, Producer, SchemaId, Subscription, Topic, Transport, TransportError,
};
use events_runtime::{Event, Hub, PublicSignal};
use proptest::prelude::*;
use uuid::Uuid;

/// Money came in.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.sim.payment.received.v1", key = account)]
struct PaymentReceived {
    account: u32,
    /// Counted up for each account.
    number: u32,
}

/// Money went out; without a key.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.sim.payment.refunded.v1")]
struct PaymentRefunded {
    number: u32,
}

const ACCOUNTS: u32 = 4;

/// An event as a receiver saw it: its id, its key, its number.
type Arrival = (Uuid, Option<u32>, u32);

/// The events that the receivers saw, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Arrival>>>);

impl Seen {
    fn connect(hub: &Hub) -> Self {
        let seen = Self::default();
        let (received, refunded) = (seen.clone(), seen.clone());
        hub.scope(|| {
            PAYMENT_RECEIVED.connect("received", move |event: &Event<PaymentReceived>| {
                received.push(event.metadata().id(), Some(event.account), event.number);
            });
            PAYMENT_REFUNDED.connect_async("refunded", move |event: Arc<Event<PaymentRefunded>>| {
                let refunded = refunded.clone();
                async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    refunded.push(event.metadata().id(), None, event.number);
                }
            });
        });
        seen
    }

    fn push(&self, id: Uuid, account: Option<u32>, number: u32) {
        self.0.lock().expect("no panic").push((id, account, number));
    }

    fn all(&self) -> Vec<Arrival> {
        self.0.lock().expect("no panic").clone()
    }
}

/// Emits this number of events of both kinds, and waits until all have arrived.
async fn traffic(sim: &Sim, events: u32) -> (BTreeSet<Uuid>, Seen) {
    let hub = Hub::new();
    let seen = Seen::connect(&hub);
    let wire = sim.wire(&hub).await;
    let mut ids = BTreeSet::new();
    for event in 0..events {
        ids.insert(if event % 5 == 4 {
            wire.emit(PaymentRefunded { number: event })
        } else {
            wire.emit(PaymentReceived { account: event % ACCOUNTS, number: event })
        });
    }
    wire.drain_with(|consume| consume.batch_size(8)).await;
    (ids, seen)
}

fn history(seed: u64, faults: Faults) -> History {
    sim::run(seed, faults, async |sim| {
        traffic(sim, 20).await;
    })
    .unwrap_or_else(|failure| panic!("{failure}"))
}

/// Stores a schema until that is acknowledged, and reads it until it is found; five times.
fn schema_history(seed: u64, faults: Faults) -> History {
    let run = sim::run(seed, faults, async |sim| {
        let (topic, transport) = (Topic::new("events").expect("a name"), sim.transport());
        for fingerprint in 0..5 {
            let id = SchemaId::new(PaymentReceived::EVENT_TYPE, fingerprint);
            while transport.store_schema(&topic, &id, PaymentReceived::SCHEMA_JSON).await.is_err() {}
            loop {
                match transport.schema(&topic, &id).await {
                    Ok(Some(text)) => break assert_eq!(text, PaymentReceived::SCHEMA_JSON),
                    Ok(None) => tokio::time::sleep(Duration::from_secs(1)).await,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "it can be retried"),
                }
            }
        }
    });
    run.unwrap_or_else(|failure| panic!("{failure}"))
}

/// The numbers of each account, without repeats.
fn first_times(seen: &Seen) -> BTreeMap<u32, Vec<u32>> {
    let mut known = BTreeSet::new();
    let mut numbers: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (id, account, number) in seen.all() {
        if let Some(account) = account
            && known.insert(id)
        {
            numbers.entry(account).or_default().push(number);
        }
    }
    numbers
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let mut different = BTreeSet::new();
    for seed in 0..50 {
        let text = history(seed, Faults::all()).to_string();
        assert_eq!(text, history(seed, Faults::all()).to_string(), "seed {seed}");
        different.insert(text);
    }
    assert_eq!(different.len(), 50, "each seed has a history of its own");
}

#[test]
fn without_faults_nothing_comes_twice() {
    let history = history(1, Faults::none());
    assert!(history.steps().iter().all(|step| step.fault.is_none() && step.cause.is_none()), "{history}");
    let delivered = history.steps().iter().filter(|step| step.action == Action::Deliver);
    assert_eq!(delivered.count(), 20);
}

/// Ten events in one batch, nine seconds each: longer than the lease, by the paused clock.
#[test]
fn leases_are_renewed_by_the_paused_clock() {
    let history = sim::run(1, Faults::none(), async |sim| {
        let (hub, runs) = (Hub::new(), Arc::new(Mutex::new(0)));
        let counted = Arc::clone(&runs);
        hub.scope(|| {
            PAYMENT_REFUNDED.connect_async("slow", move |_: Arc<Event<PaymentRefunded>>| {
                *counted.lock().expect("no panic") += 1;
                tokio::time::sleep(Duration::from_secs(9))
            });
        });
        let wire = sim.wire(&hub).await;
        for number in 0..10 {
            wire.emit(PaymentRefunded { number });
        }
        let member = || wire.drain_with(|consume| consume.lease(Duration::from_secs(30)).batch_size(10));
        // Joins when the first has all of them, and would take over deliveries that are not renewed.
        let second = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            member().await;
        };
        tokio::join!(member(), second);
        assert_eq!(*runs.lock().expect("no panic"), 10);
    });
    assert!(history.is_ok(), "{}", history.expect_err("it failed"));
}

#[test]
fn every_kind_of_fault_occurs_at_each_of_its_points() {
    let mut points: HashMap<(Action, Fault, Effect), usize> = HashMap::new();
    for seed in 0..200 {
        let (events, schemas) = (history(seed, Faults::all()), schema_history(seed, Faults::all()));
        for step in events.steps().iter().chain(schemas.steps()) {
            if let Some((fault, effect)) = step.fault {
                *points.entry((step.action, fault, effect)).or_default() += 1;
            }
        }
    }
    for point in [
        (Action::Fetch, Fault::Crash, Effect::CrashedBefore),
        (Action::Ack, Fault::Crash, Effect::CrashedBefore),
        (Action::Ack, Fault::Crash, Effect::CrashedAfter),
        (Action::Ack, Fault::LoseAck, Effect::Failed),
        (Action::Ack, Fault::LoseAck, Effect::ReportedDone),
        (Action::Ack, Fault::Redeliver, Effect::ComesAgain),
        (Action::Fetch, Fault::Delay, Effect::Delayed),
        (Action::Send, Fault::Delay, Effect::Delayed),
        (Action::Fetch, Fault::Reorder, Effect::Reordered),
        (Action::Send, Fault::FailSend, Effect::Failed),
        (Action::Send, Fault::LoseSendAck, Effect::ReportedFailed),
        (Action::Fetch, Fault::FailReceive, Effect::Failed),
        (Action::StoreSchema, Fault::FailStoreSchema, Effect::Failed),
        (Action::StoreSchema, Fault::LoseSchemaAck, Effect::ReportedFailed),
        (Action::ReadSchema, Fault::FailReadSchema, Effect::Failed),
        (Action::ReadSchema, Fault::HideSchema, Effect::NotFound),
    ] {
        let count = points.remove(&point).unwrap_or_default();
        assert!(count >= 50, "{point:?}: only {count} times in 200 seeds");
    }
    assert!(points.is_empty(), "points that this test does not know: {points:?}");
}

#[test]
fn an_excluded_fault_does_not_occur() {
    for fault in Fault::ALL {
        let faults = Faults::all().with(fault, 0.0);
        let struck = |seed| history(seed, faults).count(fault) + schema_history(seed, faults).count(fault);
        let struck: usize = (0..5).map(struck).sum();
        assert_eq!(struck, 0, "{fault}");
    }
}

#[test]
fn events_of_a_signal_that_is_disabled_at_times_keep_their_order_and_none_is_lost() {
    sim::check(0..100, Faults::all(), async |sim| {
        let hub = Hub::new();
        let seen = Seen::connect(&hub);
        let wire = sim.wire(&hub).await;
        let ids: BTreeSet<_> = (0..20)
            .map(|event| wire.emit(PaymentReceived { account: event % ACCOUNTS, number: event }))
            .collect();
        let switched = async {
            for _ in 0..10 {
                hub.disable::<PaymentReceived>();
                let before = seen.all();
                tokio::time::sleep(Duration::from_millis(700)).await;
                assert_eq!(seen.all(), before, "no receiver runs meanwhile");
                hub.enable::<PaymentReceived>();
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        };
        tokio::join!(switched, wire.drain_with(|consume| consume.batch_size(4).max_attempts(1)));
        let arrived: BTreeSet<_> = seen.all().into_iter().map(|(id, ..)| id).collect();
        assert_eq!(arrived, ids);
        for (account, numbers) in first_times(&seen) {
            assert!(numbers.is_sorted(), "account {account}: {numbers:?}");
        }
    });
}

#[test]
fn nothing_is_lost_and_ids_are_kept_under_all_faults() {
    sim::check(0..100, Faults::all(), async |sim| {
        let (ids, seen) = traffic(sim, 30).await;
        let arrived: BTreeSet<_> = seen.all().into_iter().map(|(id, ..)| id).collect();
        assert_eq!(arrived, ids);
    });
}

#[test]
fn the_order_of_each_key_is_kept_under_all_faults() {
    sim::check(0..100, Faults::all(), async |sim| {
        let (_, seen) = traffic(sim, 30).await;
        for (account, numbers) in first_times(&seen) {
            assert!(numbers.is_sorted(), "account {account}: {numbers:?}");
        }
    });
}

#[test]
fn a_broker_without_keys_mixes_them() {
    let test = async |sim: &Sim| {
        let (ids, seen) = traffic(sim, 30).await;
        assert_eq!(first_times(&seen).values().map(Vec::len).sum::<usize>(), ids.len() - 6);
        assert!(first_times(&seen).values().all(|numbers| numbers.is_sorted()), "out of order");
    };
    let faults = Faults::none().delay(0.2).reorder(0.5);
    sim::check(0..20, faults, test);
    let failure = sim::find(0..20, faults.order_per_key(false), test).expect("keys are mixed");
    assert!(failure.message.contains("out of order"), "{failure}");
}

/// Twenty payments of one unit each, to a receiver that calls `apply`.
async fn sum(sim: &Sim, apply: impl Fn(&Event<PaymentReceived>, &mut u32) + Send + Sync + 'static) {
    let (hub, total) = (Hub::new(), Arc::new(Mutex::new(0)));
    let sum = Arc::clone(&total);
    hub.scope(|| {
        PAYMENT_RECEIVED.connect("sum", move |event: &Event<PaymentReceived>| {
            apply(event, &mut sum.lock().expect("no panic"));
        });
    });
    let wire = sim.wire(&hub).await;
    for number in 0..20 {
        wire.emit(PaymentReceived { account: number % ACCOUNTS, number });
    }
    wire.drain().await;
    let total = *total.lock().expect("no panic");
    assert_eq!(total, 20, "payments were added up to {total}");
}

async fn sum_of_all(sim: &Sim) {
    sum(sim, |_, total| *total += 1).await;
}

async fn sum_of_new_ids(sim: &Sim) {
    let seen = Mutex::new(BTreeSet::new());
    sum(sim, move |event, total| {
        if seen.lock().expect("no panic").insert(event.metadata().id()) {
            *total += 1;
        }
    })
    .await;
}

#[test]
fn a_receiver_that_is_not_idempotent_is_found_by_each_fault_that_repeats() {
    for faults in [
        Faults::none().crash(0.1),
        Faults::none().lose_ack(0.1),
        Faults::none().redeliver(0.1),
        Faults::none().lose_send_ack(0.1),
    ] {
        let failure = sim::find(0..50, faults, sum_of_all);
        assert!(failure.is_some(), "50 seeds of {faults} find nothing");
    }
}

#[test]
fn an_idempotent_receiver_passes() {
    sim::check(0..500, Faults::all(), sum_of_new_ids);
}

#[test]
fn a_failure_reports_its_seed_the_fewest_faults_and_the_history() {
    let failure = sim::find(0..50, Faults::all(), sum_of_all).expect("it is found");
    assert_eq!(failure.faults.kinds().count(), 1, "one fault is enough: {}", failure.faults);
    let text = failure.to_string();
    assert!(text.starts_with(&format!("the test fails with seed {} and ", failure.seed)), "{text}");
    assert!(text.contains("payments were added up to"), "{text}");
    assert!(text.contains(&failure.history.steps()[0].to_string()), "{text}");
    let again = sim::run(failure.seed, failure.faults, sum_of_all).expect_err("it fails again");
    assert_eq!(again.history, failure.history);
}

/// A receiver that hangs on the third payment.
async fn one_that_hangs(sim: &Sim) {
    let hub = Hub::new();
    hub.scope(|| {
        PAYMENT_RECEIVED.connect_async("hangs", |event: Arc<Event<PaymentReceived>>| async move {
            if event.number == 2 {
                std::future::pending::<()>().await;
            }
        });
    });
    let wire = sim.wire(&hub).await;
    for number in 0..5 {
        wire.emit(PaymentReceived { account: number, number });
    }
    wire.drain().await;
}

/// A receiver that fails on the third payment, with unlimited attempts.
async fn one_that_fails_for_ever(sim: &Sim) {
    let hub = Hub::new();
    hub.scope(|| {
        PAYMENT_RECEIVED.connect(
            "fails",
            |event: &Event<PaymentReceived>| {
                if event.number == 2 { Err("no") } else { Ok(()) }
            },
        );
    });
    let wire = sim.wire(&hub).await;
    for number in 0..5 {
        wire.emit(PaymentReceived { account: number, number });
    }
    wire.drain_with(|consume| consume.max_attempts(u32::MAX)).await;
}

#[test]
fn draining_fails_with_the_seed_if_a_receiver_hangs_or_always_fails() {
    let hangs = sim::run(7, Faults::none(), one_that_hangs).expect_err("it is never drained");
    let fails = sim::run(7, Faults::none(), one_that_fails_for_ever).expect_err("it is never drained");
    for failure in [hangs, fails] {
        assert!(failure.message.contains("`sim:7`"), "{}", failure.message);
        assert!(failure.message.contains("a receiver never ends or fails for ever"), "{}", failure.message);
    }
}

#[test]
fn a_repeat_is_explained_by_its_cause() {
    for seed in 0..50 {
        let history = sim::run(seed, Faults::all(), async |sim| {
            let (ids, seen) = traffic(sim, 20).await;
            let repeats: usize = Fault::ALL.iter().map(|cause| sim.history().repeats(*cause)).sum();
            assert_eq!(seen.all().len() - ids.len(), repeats, "\n{}", sim.history());
        });
        assert!(history.is_ok(), "{}", history.expect_err("it failed"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_seed_and_the_events_can_be_chosen_by_proptest(seed: u64, events in 1..40_u32) {
        sim::check([seed], Faults::all(), async |sim| {
            let (ids, seen) = traffic(sim, events).await;
            let arrived: BTreeSet<_> = seen.all().into_iter().map(|(id, ..)| id).collect();
            assert_eq!(arrived, ids);
        });
    }
}

fn topic() -> Topic {
    Topic::new("orders").expect("a name")
}

async fn producer(sim: &Sim) -> Arc<dyn Producer> {
    sim.producer().await.expect("a producer")
}

/// As the contract of `Producer::send` requires.
#[tokio::test(start_paused = true)]
async fn no_later_message_of_a_key_is_stored_after_one_that_failed() {
    for seed in 0..50 {
        let sim = Sim::new(seed, Faults::none().fail_send(0.2).lose_send_ack(0.2));
        let batch: Vec<_> =
            (0..12).map(|n| Message::new(n.to_string()).with_key(format!("k{}", n % 2))).collect();
        let results = producer(&sim).await.send(&topic(), &batch).await;
        for key in 0..2 {
            let sent: Vec<_> = results.iter().skip(key).step_by(2).map(Result::is_ok).collect();
            assert!(sent.is_sorted_by(|earlier, later| earlier >= later), "seed {seed}: {sent:?}");
        }
        let mut errors = results.iter().filter_map(|result| result.as_ref().err());
        assert!(errors.all(TransportError::is_retryable));
    }
}

#[tokio::test(start_paused = true)]
async fn a_crashed_consumer_is_rejected_and_another_gets_its_messages() {
    let mut crashed = 0;
    for seed in 0..50 {
        let sim = Sim::new(seed, Faults::none().crash(0.5));
        let batch = [Message::new("0"), Message::new("1")];
        let sent = producer(&sim).await.send(&topic(), &batch).await;
        assert!(sent.iter().all(Result::is_ok), "crashes are the consumers' alone");
        let group = ConsumerGroup::new("billing").expect("a name");
        let subscription = Subscription::new(topic(), group);
        let mut consumer = sim.consumer(subscription.clone()).await.expect("a consumer");
        let Ok(mut held) = consumer.receive(10, Duration::from_secs(1)).await else { continue };
        let second = held.pop().expect("two messages");
        let Err(error) = held.pop().expect("two messages").ack().await else { continue };
        crashed += 1;
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        assert_eq!(second.ack().await.expect_err("it is dead").kind(), ErrorKind::Closed);
        let again = consumer.receive(10, Duration::from_secs(1)).await.expect_err("it is dead");
        assert!(again.to_string().contains("crashed in the simulation"), "{again}");
        let second = loop {
            let mut next = sim.consumer(subscription.clone()).await.expect("a consumer");
            if let Ok(mut deliveries) = next.receive(10, Duration::from_secs(1)).await {
                break deliveries.pop().expect("the second message at least");
            }
        };
        assert_eq!(second.message().data, "1");
        assert_eq!(second.attempt(), 1, "the crash is not the event's");
    }
    assert!(crashed > 5, "only {crashed} of 50 seeds crash at the acknowledgement");
}
