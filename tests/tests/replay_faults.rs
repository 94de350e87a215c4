//! Replays on the simulated broker, with crashes, lost acknowledgements and other faults from a seed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events_runtime::bus::{Replay, ReplayError, Replayed};
use events_runtime::testing::sim::{self, Faults, Sim};
use events_runtime::transport::{Position, Topic};
use events_runtime::{Event, EventBus, Hub, PublicSignal};
use uuid::Uuid;

/// Money came in.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.replays.payment.received.v1", key = account)]
struct PaymentReceived {
    account: u32,
    number: u32,
}

/// The number of times each event was handled.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<HashMap<Uuid, u32>>>);

impl Seen {
    fn connect(hub: &Hub) -> Self {
        let seen = Self::default();
        let counts = seen.clone();
        hub.scope(|| {
            PAYMENT_RECEIVED.connect("count", move |event: &Event<PaymentReceived>| {
                *counts.0.lock().expect("no panic").entry(event.metadata().id()).or_default() += 1;
            });
        });
        seen
    }

    fn times(&self, id: Uuid) -> u32 {
        self.0.lock().expect("no panic").get(&id).copied().unwrap_or_default()
    }
}

/// Runs a replay, and restarts it after each crash.
async fn finish(sim: &Sim, replay: impl Fn() -> Replay) -> Replayed {
    loop {
        let crashes = sim.crashes();
        match replay().run().await {
            Ok(replayed) => return replayed,
            Err(ReplayError::Consume(_)) if sim.crashes() > crashes => {}
            Err(error) => panic!("the replay ended: {error:?}"),
        }
    }
}

async fn groups(bus: &EventBus) -> Vec<String> {
    let groups = bus.transport().groups(&Topic::new("events").expect("a name")).await;
    groups.expect("the topic is there").iter().map(|status| status.group.to_string()).collect()
}

/// Emits events that are settled, then some that are not.
async fn half_done(sim: &Sim, hub: &Hub) -> (sim::Wire, Vec<Uuid>, Vec<Uuid>) {
    let wire = sim.wire(hub).await;
    let emit = |number| wire.emit(PaymentReceived { account: number % 3, number });
    let settled: Vec<_> = (0..20).map(emit).collect();
    wire.drain_with(|consume| consume.batch_size(8)).await;
    let open: Vec<_> =
        (20..30).map(|number| wire.emit(PaymentReceived { account: number % 3, number })).collect();
    // By the paused clock: most of them are sent after this.
    tokio::time::sleep(Duration::from_secs(5)).await;
    (wire, settled, open)
}

#[test]
fn a_replay_in_place_loses_nothing_under_200_seeds() {
    sim::check(0..200, Faults::all(), async |sim| {
        let hub = Hub::new();
        let seen = Seen::connect(&hub);
        let (wire, settled, open) = half_done(sim, &hub).await;
        let before: Vec<_> = settled.iter().map(|id| seen.times(*id)).collect();
        let replay = || {
            let replay =
                wire.receiving().replay("events").from(Position::Sequence(4)).to(Position::Sequence(12));
            replay.in_place("receivers").settings(|consume| consume.batch_size(4))
        };
        assert!(finish(sim, replay).await.finished);
        // A message may be stored twice, so an event's position may be after its number, never before it.
        let again = settled.iter().zip(before).filter(|(id, before)| seen.times(**id) > *before).count();
        assert!(again > 0, "some of the range were taken again");
        wire.drain().await;
        for id in open {
            assert!(seen.times(id) > 0, "an event that was not settled before is lost");
        }
        assert_eq!(groups(wire.receiving()).await, ["receivers"]);
    });
}

#[test]
fn a_replay_into_a_new_group_takes_everything_under_200_seeds() {
    sim::check(0..200, Faults::all(), async |sim| {
        let hub = Hub::new();
        let seen = Seen::connect(&hub);
        let (wire, settled, open) = half_done(sim, &hub).await;
        let before: Vec<_> = settled.iter().map(|id| seen.times(*id)).collect();
        assert!(finish(sim, || wire.receiving().replay("events").group("look")).await.finished);
        for (id, before) in settled.iter().zip(before) {
            assert!(seen.times(*id) > before, "an event was not taken again");
        }
        assert_eq!(groups(wire.receiving()).await, ["receivers"], "the group is gone, after crashes too");
        wire.drain().await;
        for id in open {
            assert!(seen.times(id) > 0, "an event that was not settled before is lost");
        }
    });
}
