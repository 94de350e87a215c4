//! The command line on a Redis server: looking changes nothing, and an outage ends no watch.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use events_runtime::transport::Message;
use events_server_tests::RedisServer;
use events_server_tests::orders::{billing, orders, transport};
use events_tests::sandbox::Sandbox;

fn shop(server: &RedisServer) -> Sandbox {
    let config = format!("[service]\nname = 'shop'\n[bus]\nurl = '{}'\n", server.url());
    Sandbox::with_config(env!("CARGO_BIN_EXE_redis_events"), &config)
}

/// Stores messages. `billing` rejects one and has one in flight.
async fn fill(server: &RedisServer) {
    let transport = transport(&server.url());
    let producer = transport.producer().await.expect("a producer");
    let batch: Vec<_> = (0..5).map(|n| Message::new(n.to_string()).with_key(format!("k{n}"))).collect();
    for sent in producer.send(&orders(), &batch).await {
        sent.expect("it is stored");
    }
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    let deliveries = consumer.receive(2, Duration::from_secs(5)).await.expect("messages are received");
    let mut deliveries = deliveries.into_iter();
    deliveries.next().expect("a delivery").reject("no such customer").await.expect("it is stored");
    std::mem::forget(deliveries);
    std::mem::forget(consumer);
}

/// Every key of the server with its value in Redis's own form.
fn dump(server: &RedisServer) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut raw = server.connection();
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut raw).expect("the keys are listed");
    let value = |key: Vec<u8>| {
        let value = redis::cmd("DUMP").arg(&key).query(&mut raw).expect("the value is read");
        (key, value)
    };
    keys.into_iter().map(value).collect()
}

#[tokio::test]
async fn peek_changes_no_key_of_the_server() {
    let server = RedisServer::start();
    fill(&server).await;
    let shop = shop(&server);
    let before = dump(&server);
    let lines =
        |arguments: &[&str]| shop.out(&[&["peek", "--json", "--topic"], arguments].concat()).lines().count();
    assert_eq!(lines(&["orders"]), 5);
    assert_eq!(lines(&["orders", "--last", "2"]), 2);
    assert_eq!(lines(&["orders", "--from", "2020-01-01T00:00:00Z", "-n", "3"]), 3);
    assert_eq!(lines(&["orders", "--from", "2999-01-01T00:00:00Z"]), 0);
    assert_eq!(lines(&["orders.billing.dlq"]), 1);
    assert!(shop.out(&["offsets", "list", "--topic", "orders"]).contains("billing"));
    let missing = shop.run(&["peek", "--topic", "ordres"]);
    assert!(missing.code == 1 && missing.err.contains("did you mean `orders`?"), "{}", missing.err);
    assert_eq!(dump(&server), before);
}

#[tokio::test]
async fn consume_leaves_no_key_for_more_than_an_hour_and_refuses_a_group_that_exists() {
    let server = RedisServer::start();
    fill(&server).await;
    let shop = shop(&server);
    let before: Vec<_> = dump(&server).into_keys().collect();
    for _ in 0..2 {
        let out = shop.out(&["consume", "--topic", "orders", "--idle", "200ms", "--json"]);
        assert_eq!(out.lines().count(), 5, "{out}");
    }
    let refused = shop.run(&["consume", "--topic", "orders", "--group", "billing"]);
    assert!(
        refused.code == 1 && refused.err.contains("4 unsettled messages, 1 in flight"),
        "{}",
        refused.err
    );
    let mut raw = server.connection();
    for key in dump(&server).into_keys().filter(|key| !before.contains(key)) {
        let millis: i64 = redis::cmd("PTTL").arg(&key).query(&mut raw).expect("the time is read");
        assert!((1..=3_600_000).contains(&millis), "{} stays {millis} ms", key.escape_ascii());
    }
    let groups = transport(&server.url()).groups(&orders()).await.expect("the groups are listed");
    assert_eq!(groups.iter().map(|status| status.group.as_str()).collect::<Vec<_>>(), ["billing"]);
}

#[tokio::test]
async fn a_watch_reports_that_the_server_is_down_and_continues() {
    let mut server = RedisServer::start();
    fill(&server).await;
    let shop = shop(&server);
    let mut child = shop
        .command(&["offsets", "list", "--topic", "orders", "--watch=100ms", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    let mut next = |text: &str| lines.find(|line| line.contains(text)).expect("the program runs");
    assert!(next("billing").contains(r#""dead_letters":1"#));
    server.stop();
    assert!(next(r#""error":""#).contains("orders"));
    server.start_again();
    assert!(next("billing").contains(r#""dead_letters":1"#));
    let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signalled.expect("`kill` runs").success());
    while lines.next().is_some() {}
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}
