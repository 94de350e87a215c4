//! Producers, consumers and brokers are killed at random: nothing acknowledged is lost, each key keeps its order,
//! and each duplicate has a cause.

use std::sync::{Arc, Mutex, PoisonError};

use events_server_tests::KafkaCluster;
use events_tests::faults::world::{GROUPS, TICK, World};
use events_tests::faults::{Settings, Tail};

/// `FAULTS_FULL` asks for the large run, as in `tests/run soak`.
fn size() -> (usize, usize) {
    if std::env::var_os("FAULTS_FULL").is_some() { (100_000, 100) } else { (6_000, 14) }
}

/// Kills a broker and starts it again, in the background: its clients go on with the others.
fn kill_broker(cluster: &Arc<Mutex<KafkaCluster>>, broker: usize) -> tokio::task::JoinHandle<()> {
    let cluster = cluster.clone();
    tokio::task::spawn_blocking(move || {
        let mut cluster = cluster.lock().unwrap_or_else(PoisonError::into_inner);
        cluster.kill(broker);
        cluster.start_again(broker);
        cluster.until_in_sync();
    })
}

async fn kill_everyone(setting: &str) {
    let (events, kills) = size();
    let given = std::env::var("FAULTS_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("FAULTS_SEED is a number"));
    let mut dice = fastrand::Rng::with_seed(seed);
    let cluster = KafkaCluster::start();
    let url = format!("{}?create_topics=true&partitions=3&{setting}", cluster.url());
    let cluster = Arc::new(Mutex::new(cluster));
    // A killed process costs only the events that it was handling an attempt.
    let settings = Settings {
        url: Some(url),
        lease: "5s",
        max_attempts: 100,
        ..Settings::new(env!("CARGO_BIN_EXE_kafka_fault_peer"))
    };
    let mut world = World::new(None, &settings);
    world.start(2, &GROUPS);
    let mut tails = [Tail::default(), Tail::default()];
    let (mut producers, mut consumers, mut brokers) = (0, 0, 0);
    let mut broker: Option<tokio::task::JoinHandle<()>> = None;
    // One third of the work is the producers', two thirds are the groups'.
    let all = events * 3;
    while producers + consumers + brokers < kills {
        world.listen();
        if world.run.acked.len() >= events {
            world.stop(&world.living(true, false));
        }
        let mut work = world.run.acked.len().min(events);
        for ((group, _), tail) in GROUPS.iter().zip(&mut tails) {
            work += tail.read(&world.files.path(&format!("{group}.log"))).min(events);
        }
        if work * kills >= (producers + consumers + brokers) * all {
            if broker.as_ref().is_some_and(tokio::task::JoinHandle::is_finished) {
                broker.take().expect("a task").await.expect("the broker came back");
            }
            let living = world.living(true, true);
            // Only one broker is down at a time: with two down, nothing is accepted.
            let victims = living.len() + usize::from(broker.is_none());
            match living.get(dice.usize(..victims)) {
                Some(victim) if world.is_producer(*victim) => {
                    producers += 1;
                    world.kill(*victim);
                }
                Some(victim) => {
                    consumers += 1;
                    world.kill(*victim);
                }
                None => {
                    brokers += 1;
                    broker = Some(kill_broker(&cluster, dice.usize(..KafkaCluster::BROKERS)));
                }
            }
        }
        tokio::time::sleep(TICK).await;
    }
    world.until("enough is acknowledged", async |world| world.run.acked.len() >= events).await;
    if let Some(broker) = broker {
        broker.await.expect("the broker came back");
    }
    let verdict = world.end(&GROUPS).await;
    let what = format!(
        "kills (seed {seed}, {setting}): {kills} ({producers} producers, {consumers} consumers, {brokers} brokers)"
    );
    world.report(&what, &verdict);
    assert_eq!(verdict.dead, [0, 0], "no receiver fails in this run");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_events_survive_every_kill_with_their_id_and_in_key_order() {
    kill_everyone("group_protocol=classic&session.timeout.ms=6000&heartbeat.interval.ms=1000").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_events_survive_every_kill_when_the_broker_assigns_the_partitions() {
    kill_everyone("group_protocol=consumer").await;
}
