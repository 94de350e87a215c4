//! Consumers with `transactions` are killed at random, and producers and brokers too: each event that they handle has
//! its output once, in the order of its key, for readers of committed records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apache_avro::types::Value;
use events_runtime::transport::Position;
use events_server_tests::kafka::{CommittedRecord, HeldBack, Kills, Readers, committed_records};
use events_server_tests::{KafkaCluster, KafkaServer};
use events_tests::faults::Settings;
use events_tests::faults::world::{PATIENCE, World};

const GROUPS: [(&str, usize); 1] = [("billing", 3)];
/// The transactions of a killed member are aborted after this time. librdkafka's default is 60 s.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for which readers are held back at most: the timeout, the interval of the broker's look (1 s), and the
/// election of a leader and of a coordinator on a busy machine.
const HELD_BACK: Duration = Duration::from_secs(45);
/// The readings whose consumer is killed once: its successors handle them in some seconds.
const ENOUGH: usize = 5_000;

fn settings(url: &str, setting: &str) -> Settings {
    let timeout = TRANSACTION_TIMEOUT.as_millis();
    let url = format!("{url}?create_topics=true&partitions=3&transaction.timeout.ms={timeout}&{setting}");
    Settings { derives: true, ..Kills::settings(env!("CARGO_BIN_EXE_kafka_fault_peer"), url) }
}

/// Compares the readings with their bills. Returns their number.
fn check_bills(bootstrap: &str) -> usize {
    let readings = committed_records(bootstrap, "readings");
    let bills = committed_records(bootstrap, "bills");
    let position = |record: &CommittedRecord| Position::Record {
        partition: record.partition.try_into().expect("a partition"),
        offset: record.offset.try_into().expect("an offset"),
    };
    let keys: BTreeMap<String, &str> =
        readings.iter().map(|record| (position(record).to_string(), record.key.as_str())).collect();
    let mut billed: BTreeSet<String> = BTreeSet::new();
    let mut latest: BTreeMap<&str, Position> = BTreeMap::new();
    let (mut duplicates, mut disordered) = (Vec::new(), Vec::new());
    for bill in &bills {
        let source = source_of(bill);
        assert_eq!(keys.get(&source), Some(&bill.key.as_str()), "the bill has the key of its reading");
        if !billed.insert(source.clone()) {
            duplicates.push(source);
            continue;
        }
        let source: Position = source.parse().expect("a position");
        let before = latest.insert(&bill.key, source);
        if before.is_some_and(|before| before > source) {
            disordered.push(source);
        }
    }
    let lost: Vec<_> = keys.keys().filter(|source| !billed.contains(*source)).collect();
    println!(
        "{} readings, {} bills: {} lost, {} duplicates, {} out of order",
        readings.len(),
        bills.len(),
        lost.len(),
        duplicates.len(),
        disordered.len()
    );
    assert!(lost.is_empty(), "readings without a bill: {:?}", lost.iter().take(10).collect::<Vec<_>>());
    assert!(duplicates.is_empty(), "readings with several bills: {duplicates:?}");
    assert!(disordered.is_empty(), "bills behind that of a later reading of their key: {disordered:?}");
    readings.len()
}

/// The position of the reading that a bill is for.
fn source_of(bill: &CommittedRecord) -> String {
    let schema = r#"{"type": "record", "name": "ReadingBilled", "fields": [
        {"name": "meter", "type": "string"}, {"name": "source", "type": "string"}]}"#;
    let schema = apache_avro::Schema::parse_str(schema).expect("a schema");
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(&schema).build().expect("a reader");
    let value = reader.read_value(&mut &bill.data[..]).expect("a datum of the schema");
    let Value::Record(fields) = value else { panic!("a record: {value:?}") };
    match fields.into_iter().find(|(name, _)| name == "source") {
        Some((_, Value::String(source))) => source,
        other => panic!("a position: {other:?}"),
    }
}

async fn kill_everyone(setting: &str) {
    let kills = Kills::of((3_000, 10), (50_000, 50), &GROUPS);
    let cluster = KafkaCluster::start();
    let (url, bootstrap) = (cluster.url(), cluster.bootstrap());
    let cluster = Arc::new(Mutex::new(cluster));
    let mut world = World::new(None, &settings(&url, setting));
    let watch = HeldBack::watch(&bootstrap, "bills");
    let killed = kills.run(&mut world, &cluster).await;
    let verdict = world.end(&GROUPS).await;
    let held_back = watch.end();
    let what = format!("transactions (seed {}, {setting}): {killed}", kills.seed);
    println!("{what}: readers were held back for {:.1} s at most", held_back.as_secs_f64());
    let checked = check_bills(&bootstrap);
    world.report(&what, &verdict);
    assert_eq!(verdict.dead, [0], "no receiver fails in this run");
    assert!(checked >= verdict.acked, "an acknowledged reading is not in the topic");
    assert!(held_back < HELD_BACK, "readers were held back for {held_back:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_are_stored_once_for_each_event_whoever_is_killed() {
    kill_everyone("group_protocol=classic&session.timeout.ms=6000&heartbeat.interval.ms=1000").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_are_stored_once_for_each_event_when_the_broker_assigns_the_partitions() {
    kill_everyone("group_protocol=consumer").await;
}

/// The consumer is killed while the readers of its outputs are held back, and is not replaced before they go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_open_transaction_of_a_killed_member_is_aborted_after_its_timeout() {
    let server = KafkaServer::start();
    let groups = [("billing", 1)];
    let mut world = World::new(None, &settings(&server.url(), "group_protocol=consumer"));
    world.start(1, &groups);
    let mut readers = Readers::new(&server.bootstrap(), "bills");
    let (started, mut kills) = (Instant::now(), 0);
    let held_back = loop {
        assert!(started.elapsed() < PATIENCE, "none of {kills} kills met an open transaction");
        world.listen();
        if world.run.acked.len() >= ENOUGH {
            world.stop(&world.living(true, false));
        }
        readers.look();
        if !readers.are_held_back() {
            tokio::time::sleep(Duration::from_millis(3)).await;
            continue;
        }
        let consumer = world.living(false, true)[0];
        world.kill_only(consumer);
        kills += 1;
        // What was committed just before the kill is seen by a second look.
        readers.look();
        readers.look();
        let killed = Instant::now();
        while readers.are_held_back() {
            assert!(killed.elapsed() < HELD_BACK, "readers are held back for {:?}", killed.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
            readers.look();
        }
        world.replace(consumer);
        // Without an open transaction it took no longer than a commit.
        if killed.elapsed() > Duration::from_secs(1) {
            break killed.elapsed();
        }
    };
    println!("readers were held back for {:.1} s after kill {kills}", held_back.as_secs_f64());
    let verdict = world.end(&groups).await;
    world.report("a killed transaction", &verdict);
    check_bills(&server.bootstrap());
}
