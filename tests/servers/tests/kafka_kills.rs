//! Producers, consumers and brokers are killed at random: nothing acknowledged is lost, each key keeps its order,
//! and each duplicate has a cause.

use std::sync::{Arc, Mutex};

use events_server_tests::KafkaCluster;
use events_server_tests::kafka::Kills;
use events_tests::faults::world::{GROUPS, World};

async fn kill_everyone(setting: &str) {
    let kills = Kills::of((6_000, 14), (100_000, 100), &GROUPS);
    let cluster = KafkaCluster::start();
    let url = format!("{}?create_topics=true&partitions=3&{setting}", cluster.url());
    let cluster = Arc::new(Mutex::new(cluster));
    let mut world = World::new(None, &Kills::settings(env!("CARGO_BIN_EXE_kafka_fault_peer"), url));
    let killed = kills.run(&mut world, &cluster).await;
    let verdict = world.end(&GROUPS).await;
    world.report(&format!("kills (seed {}, {setting}): {killed}", kills.seed), &verdict);
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
