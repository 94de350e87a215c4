//! Kills of producers, consumers and brokers at random, while the work goes on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use events_tests::faults::world::{TICK, World};
use events_tests::faults::{Settings, Tail};
use tokio::task::JoinHandle;

use super::KafkaCluster;

/// A run with kills.
#[derive(Debug, Clone)]
pub struct Kills {
    /// The number of events that are acknowledged.
    pub events: usize,
    /// The number of kills.
    pub kills: usize,
    /// The groups, and the number of members of each.
    pub groups: &'static [(&'static str, usize)],
    /// Chooses the victims.
    pub seed: u64,
}

/// How often each was killed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Killed {
    producers: usize,
    consumers: usize,
    brokers: usize,
}

impl Killed {
    const fn count(self) -> usize {
        self.producers + self.consumers + self.brokers
    }
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { producers, consumers, brokers } = self;
        write!(f, "{} ({producers} producers, {consumers} consumers, {brokers} brokers)", self.count())
    }
}

/// A cluster whose brokers are killed.
type Cluster = Arc<Mutex<KafkaCluster>>;

impl Kills {
    /// A run of this number of events and kills; `full` if `FAULTS_FULL` is set, as in `tests/run soak`.
    /// `FAULTS_SEED` chooses the same victims again.
    ///
    /// # Panics
    /// If `FAULTS_SEED` is not a number.
    #[must_use]
    pub fn of(short: (usize, usize), full: (usize, usize), groups: &'static [(&'static str, usize)]) -> Self {
        let is_full = std::env::var_os("FAULTS_FULL").is_some();
        let (events, kills) = if is_full { full } else { short };
        let given = std::env::var("FAULTS_SEED").ok();
        let seed =
            given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("FAULTS_SEED is a number"));
        Self { events, kills, groups, seed }
    }

    /// The settings of the processes of a run.
    #[must_use]
    pub fn settings(program: &'static str, url: String) -> Settings {
        // A killed process costs only the events that it was handling an attempt.
        Settings { url: Some(url), lease: "5s", max_attempts: 100, ..Settings::new(program) }
    }

    /// Starts two producers and the groups, and kills some of them, and brokers, as the work proceeds. Returns when
    /// enough events are acknowledged and all brokers are back.
    ///
    /// # Panics
    /// If the run does not go on.
    pub async fn run(&self, world: &mut World, cluster: &Cluster) -> Killed {
        let mut dice = fastrand::Rng::with_seed(self.seed);
        world.start(2, self.groups);
        let mut tails: Vec<_> = self.groups.iter().map(|(group, _)| (*group, Tail::default())).collect();
        let mut killed = Killed::default();
        let mut broker: Option<JoinHandle<()>> = None;
        // The producers and each group have an equal part of the work.
        let all = self.events * (1 + self.groups.len());
        while killed.count() < self.kills {
            world.listen();
            if world.run.acked.len() >= self.events {
                world.stop(&world.living(true, false));
            }
            let mut work = world.run.acked.len().min(self.events);
            for (group, tail) in &mut tails {
                work += tail.read(&world.files.path(&format!("{group}.log"))).min(self.events);
            }
            if work * self.kills >= killed.count() * all {
                if broker.as_ref().is_some_and(JoinHandle::is_finished) {
                    broker.take().expect("a task").await.expect("the broker came back");
                }
                let living = world.living(true, true);
                // Only one broker is down at a time: with two down, nothing is accepted.
                let victims = living.len() + usize::from(broker.is_none());
                if let Some(victim) = living.get(dice.usize(..victims)) {
                    let is_producer = world.is_producer(*victim);
                    *(if is_producer { &mut killed.producers } else { &mut killed.consumers }) += 1;
                    world.kill(*victim);
                } else {
                    killed.brokers += 1;
                    broker = Some(kill_broker(cluster, dice.usize(..KafkaCluster::BROKERS)));
                }
            }
            tokio::time::sleep(TICK).await;
        }
        let events = self.events;
        world.until("enough is acknowledged", async |world| world.run.acked.len() >= events).await;
        if let Some(broker) = broker {
            broker.await.expect("the broker came back");
        }
        killed
    }
}

/// Kills a broker and starts it again, in the background: its clients go on with the others.
fn kill_broker(cluster: &Cluster, broker: usize) -> JoinHandle<()> {
    let cluster = Arc::clone(cluster);
    tokio::task::spawn_blocking(move || {
        let mut cluster = cluster.lock().unwrap_or_else(PoisonError::into_inner);
        cluster.kill(broker);
        cluster.start_again(broker);
        cluster.until_in_sync();
    })
}
