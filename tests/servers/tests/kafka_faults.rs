//! Brokers that crash, hang, lose connections or hand over what they lead: no acknowledged message is lost, and
//! the order of each key is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use events_runtime::transport::Message;
use events_server_tests::orders::{billing, orders, transport};
use events_server_tests::workload::run_with_faults;
use events_server_tests::{KafkaCluster, KafkaServer, Proxy, free_port};

const LONG: Duration = Duration::from_secs(60);

fn with_topics(url: &str) -> String {
    format!("{url}?create_topics=true&partitions=3")
}

async fn killed(name: &str, setting: &str) {
    let mut server = KafkaServer::start();
    let url = format!("{}&{setting}", with_topics(&server.url()));
    run_with_faults(name, &url, 4, move || {
        server.kill();
        server.start_again();
        // The group comes together again.
        std::thread::sleep(Duration::from_secs(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_the_broker_is_killed() {
    killed("killed", "group_protocol=classic").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_the_broker_that_assigns_partitions_is_killed() {
    killed("killed, assigning,", "group_protocol=consumer").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_the_broker_is_restarted() {
    let mut server = KafkaServer::start();
    let url = with_topics(&server.url());
    run_with_faults("restarted", &url, 4, move || {
        server.stop();
        server.start_again();
        // Messages go through between two restarts.
        std::thread::sleep(Duration::from_secs(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_the_broker_hangs() {
    let server = KafkaServer::start();
    let url = format!("{}&timeout=1s", with_topics(&server.url()));
    run_with_faults("paused", &url, 4, move || {
        server.signal("STOP");
        std::thread::sleep(Duration::from_millis(2_500));
        server.signal("CONT");
        std::thread::sleep(Duration::from_secs(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_connections_are_closed() {
    let port = free_port();
    let proxy = Proxy::before(port);
    let server = KafkaServer::behind(port, proxy.port());
    let url = with_topics(&server.url());
    let cut = Arc::new(AtomicUsize::new(0));
    let count = cut.clone();
    run_with_faults("cut off", &url, 20, move || {
        let _ = &server;
        count.fetch_add(proxy.cut(), Ordering::Relaxed);
        // The clients connect again after at most 500 ms, and messages go through.
        std::thread::sleep(Duration::from_millis(900));
    })
    .await;
    println!("{} connections were cut", cut.load(Ordering::Relaxed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_the_leader_and_the_coordinator_are_killed() {
    let mut cluster = KafkaCluster::start();
    let url = with_topics(&cluster.url());
    let mut turn = 0;
    run_with_faults("leader and coordinator killed", &url, 4, move || {
        turn += 1;
        let broker = match turn % 2 {
            0 => cluster.coordinator("billing"),
            _ => cluster.leader("orders", turn % 3),
        };
        cluster.kill(broker);
        std::thread::sleep(Duration::from_secs(4));
        cluster.start_again(broker);
        cluster.until_in_sync();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_the_leader_and_the_coordinator_move() {
    let mut cluster = KafkaCluster::start();
    let url = with_topics(&cluster.url());
    let mut turn = 0;
    run_with_faults("leader and coordinator moved", &url, 4, move || {
        turn += 1;
        let broker = match turn % 2 {
            0 => cluster.coordinator("billing"),
            _ => cluster.leader("orders", turn % 3),
        };
        cluster.stop(broker);
        cluster.start_again(broker);
        cluster.until_in_sync();
    })
    .await;
}

/// A waiting consumer reconnects and continues.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_read_survives_a_restart() {
    let mut server = KafkaServer::start();
    let url = with_topics(&server.url());
    let mut consumer = transport(&url).consumer(billing()).await.expect("a consumer");
    let waiting = tokio::spawn(async move { consumer.receive(1, LONG).await.map(|got| got.len()) });
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.kill();
    server.start_again();
    let producer = transport(&url).producer().await.expect("a producer");
    producer.send(&orders(), &[Message::new("1")]).await.pop().expect("a result").expect("it is stored");
    let got = tokio::time::timeout(LONG, waiting).await.expect("it is woken").expect("no panic");
    assert_eq!(got.expect("messages are received"), 1);
}
