//! Temporary states of the server: messages stay queued and consumers wait. Also, the documented ACL permissions.

use std::time::Duration;

use events_runtime::bus::Backoff;
use events_runtime::transport::{ErrorKind, Message};
use events_runtime::{Config, Event, EventBus, Hub, PublicSignal, Signal};
use events_server_tests::RedisServer;
use events_server_tests::orders::{orders, transport};
use tokio::sync::{mpsc, oneshot};

const LONG: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PublicSignal)]
#[public_signal(event_type = "org.acme.states.thing.done.v1", key = number)]
struct Done {
    number: u64,
}

/// Sends and consumes before, during and after a state of the server.
async fn passes(url: &str, begin: impl FnOnce(), end: impl FnOnce()) {
    let config = format!(
        "[service]\nname = 'shop'\n[bus]\nurl = '{url}'\nretry = {{ initial = '5ms', max = '20ms' }}\n\
         [routes.'org.acme.states.thing.done.v1']\norders = {{}}\n"
    );
    let config = Config::from_toml(&config).expect("a configuration");
    let bus = EventBus::builder().config(config).hub(Hub::new()).start().await.expect("a bus");
    let (tell, mut told) = mpsc::unbounded_channel();
    bus.hub().scope(|| {
        Signal::<Done>::new().connect("receiver", move |event: &Event<Done>| {
            let _ = tell.send(event.number);
        })
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let soon = Backoff::new(Duration::from_millis(5), Duration::from_millis(20));
    let consumer = bus.consume("orders").group("billing").backoff(soon);
    let running = tokio::spawn(async move { consumer.run_until(async { drop(stopped.await) }).await });
    let mut sent = vec![bus.hub().emit(Done { number: 0 })];
    assert_eq!(tokio::time::timeout(LONG, told.recv()).await.expect("it comes"), Some(0));
    begin();
    sent.extend((1..500).map(|number| bus.hub().emit(Done { number })));
    // Long enough for several attempts; the status shows the error.
    events_tests::until(|| async { bus.status().queues.iter().any(|lane| lane.circuit.failures() >= 3) })
        .await;
    let lane = bus.status().queues.remove(0);
    assert!(lane.circuit.last_error().is_some() && lane.queue_depth > 0, "{lane:?}");
    assert!(lane.circuit.needs_operator() && bus.status().needs_operator(), "{lane:?}");
    assert!(!running.is_finished(), "the consumer waits");
    end();
    for emission in sent {
        emission.delivered().await.expect("the queue is kept");
    }
    let mut numbers = std::collections::BTreeSet::from([0]);
    while numbers.len() < 500 {
        numbers
            .insert(tokio::time::timeout(LONG, told.recv()).await.expect("it comes").expect("the receiver"));
    }
    drop(stop);
    running.await.expect("no panic").expect("the consumer went on");
}

fn ask(raw: &mut redis::Connection, words: &[&str]) {
    redis::cmd(words[0]).arg(&words[1..]).exec(raw).expect("the server does so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_snapshot_keeps_the_queue_and_the_consumer_waits() {
    let server = RedisServer::with(&["--save", "3600 1000000", "--dbfilename", "taken"]);
    let (mut raw, mut after) = (server.connection(), server.connection());
    passes(
        &server.url(),
        move || {
            // A folder at the path of the snapshot: even root can't overwrite it.
            let folder: Vec<String> =
                redis::cmd("CONFIG").arg(&["GET", "dir"]).query(&mut raw).expect("told");
            std::fs::create_dir_all(format!("{}/taken/full", folder[1])).expect("a folder");
            ask(&mut raw, &["BGSAVE"]);
            while !redis::cmd("INFO")
                .arg("persistence")
                .query::<String>(&mut raw)
                .expect("told")
                .contains("rdb_last_bgsave_status:err")
            {
                std::thread::sleep(Duration::from_millis(10));
            }
        },
        move || ask(&mut after, &["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_password_keeps_the_queue_and_the_consumer_waits() {
    let server = RedisServer::with(&["--requirepass", "first"]);
    let url = format!("redis://:first@127.0.0.1:{}/0?retry_for=100ms", server.port());
    let connection =
        || redis::Client::open(url.as_str()).expect("a URL").get_connection().expect("it answers");
    let (mut raw, mut after) = (connection(), connection());
    passes(
        &url,
        move || {
            ask(&mut raw, &["CONFIG", "SET", "requirepass", "second"]);
            let clients: String = redis::cmd("CLIENT").arg(&["LIST"]).query(&mut raw).expect("told");
            let own: u64 = redis::cmd("CLIENT").arg("ID").query(&mut raw).expect("told");
            // All connections but this one.
            let ids =
                clients.lines().filter_map(|line| line.strip_prefix("id=")?.split(' ').next()?.parse().ok());
            for id in ids.filter(|id: &u64| *id > own + 1) {
                drop(redis::cmd("CLIENT").arg(&["KILL", "ID", &id.to_string()]).query::<u64>(&mut raw));
            }
        },
        move || ask(&mut after, &["CONFIG", "SET", "requirepass", "first"]),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_permission_keeps_the_queue_and_the_consumer_waits() {
    let server = RedisServer::start();
    let (mut raw, mut after) = (server.connection(), server.connection());
    ask(&mut raw, &["ACL", "SETUSER", "shop", "on", ">word", "~*", "+@all"]);
    let url = format!("redis://shop:word@127.0.0.1:{}/0", server.port());
    passes(
        &url,
        move || ask(&mut raw, &["ACL", "SETUSER", "shop", "-@all"]),
        move || ask(&mut after, &["ACL", "SETUSER", "shop", "+@all"]),
    )
    .await;
}

/// The unit tests of `acl.rs` check that each permission is needed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_exactly_the_documented_permissions_can_do_everything() {
    let server = RedisServer::start();
    let mut raw = server.connection();
    ask(&mut raw, &["ACL", "SETUSER", "shop", "on", ">word", "-@all"]);
    let url = format!("redis://shop:word@127.0.0.1:{}/1", server.port());
    let producer = transport(&url).producer().await.expect("a producer");
    let error = producer.send(&orders(), &[Message::new("1")]).await.remove(0).expect_err("it has no rights");
    assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    let text = error.to_string();
    let commands = text
        .split('`')
        .find(|part| part.starts_with("+select"))
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned();
    let mut user = vec!["ACL", "SETUSER", "shop"];
    user.extend(["~orders", "~{orders}:*", "~orders.billing.dlq", "~{orders.billing.dlq}:*"]);
    user.extend(commands.split(' '));
    ask(&mut raw, &user);
    everything(&url).await;
}

/// All operations of the transport.
async fn everything(url: &str) {
    use events_runtime::transport::{Delivery, SchemaId, StartPosition, Subscription, ack_all};
    use events_server_tests::orders::billing;
    let transport = transport(&format!("{url}?claim_msgs_older_than=1&consumer_name=lms-1"));
    let producer = transport.producer().await.expect("a producer");
    let batch: Vec<_> = (0..20).map(|n| Message::new(n.to_string()).with_key((n % 3).to_string())).collect();
    for sent in producer.send(&orders(), &batch).await {
        sent.expect("it is stored");
    }
    let schema = SchemaId::new("org.acme.orders.order.placed.v1", 7);
    transport.store_schema(&orders(), &schema, "text").await.expect("the schema is stored");
    assert_eq!(transport.schema(&orders(), &schema).await.expect("read").as_deref(), Some("text"));
    assert_eq!(transport.schemas(&orders()).await.expect("listed"), [schema]);
    let subscription: Subscription = billing().lease(Duration::from_millis(200));
    let mut consumer = transport.consumer(subscription.clone()).await.expect("a consumer");
    let mut second = transport.consumer(subscription).await.expect("a consumer");
    let mut taken: Vec<Delivery> = consumer.receive(4, LONG).await.expect("received");
    for delivery in &taken {
        delivery.renew().await.expect("renewed");
    }
    taken.pop().expect("one").reject("wrong").await.expect("a dead letter");
    taken.pop().expect("one").retry(Duration::ZERO).await.expect("it comes again");
    taken.pop().expect("one").release().await.expect("it comes again");
    // Its lease expires, and another member receives it.
    std::mem::forget(taken);
    let mut settled = 0;
    while settled < 19 {
        let consumer = if settled % 2 == 0 { &mut consumer } else { &mut second };
        let got = consumer.receive(3, Duration::from_millis(300)).await.expect("received");
        settled += ack_all(got).await.into_iter().flatten().count();
    }
    transport.check().await.expect("the server is sound");
    assert_eq!(transport.topics().await.expect("topics").len(), 2);
    let groups = transport.groups(&orders()).await.expect("groups");
    assert_eq!(groups[0].lag, 0);
    transport.trim().await.expect("trimmed");
    transport.seek(&orders(), &groups[0].group, StartPosition::Earliest).await.expect("moved");
    consumer.close().await.expect("it leaves");
    second.close().await.expect("it leaves");
    transport.remove_group(&orders(), &groups[0].group).await.expect("removed");
}
