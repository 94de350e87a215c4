//! Servers that crash, hang, lose connections or reject calls: acknowledged messages are not lost, and each
//! error has the right kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use events_runtime::transport::{ErrorKind, Message, Topic};
use events_server_tests::orders::{billing, orders, transport};
use events_server_tests::workload::run_with_faults;
use events_server_tests::{Proxy, RedisServer};
use events_tests::log::Log;

const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_the_server_is_killed() {
    let mut server = RedisServer::start();
    let url = server.url();
    run_with_faults("killed", &url, 12, move || {
        server.kill();
        std::thread::sleep(Duration::from_millis(50));
        server.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_the_server_is_killed_and_calls_are_not_retried() {
    let mut server = RedisServer::start();
    let url = format!("{}?retry_for=0s", server.url());
    run_with_faults("killed, without patience,", &url, 12, move || {
        server.kill();
        std::thread::sleep(Duration::from_millis(50));
        server.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_the_server_is_restarted() {
    let mut server = RedisServer::start();
    let url = server.url();
    run_with_faults("restarted", &url, 12, move || {
        server.stop();
        server.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_the_server_hangs() {
    let server = RedisServer::start();
    let url = format!("{}?timeout=150ms", server.url());
    run_with_faults("paused", &url, 6, move || {
        server.signal("STOP");
        std::thread::sleep(Duration::from_millis(500));
        server.signal("CONT");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_connections_are_closed() {
    let server = RedisServer::start();
    let proxy = Proxy::before(server.port());
    let url = format!("redis://127.0.0.1:{}/0", proxy.port());
    let cut = Arc::new(AtomicUsize::new(0));
    let count = cut.clone();
    run_with_faults("cut off", &url, 30, move || {
        count.fetch_add(proxy.cut(), Ordering::Relaxed);
    })
    .await;
    println!("{} connections were cut", cut.load(Ordering::Relaxed));
}

/// A waiting consumer reconnects and continues.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_read_survives_a_restart() {
    let mut server = RedisServer::start();
    let url = server.url();
    let mut consumer = transport(&url).consumer(billing()).await.expect("a consumer");
    let waiting = tokio::spawn(async move { consumer.receive(1, LONG).await.map(|got| got.len()) });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.kill();
    server.start_again();
    let producer = transport(&url).producer().await.expect("a producer");
    producer.send(&orders(), &[Message::new("1")]).await.pop().expect("a result").expect("it is stored");
    let got = tokio::time::timeout(LONG, waiting).await.expect("it is woken").expect("no panic");
    assert_eq!(got.expect("messages are received"), 1);
}

/// A paused server causes a retryable error rather than an endless call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_server_is_unavailable() {
    let server = RedisServer::start();
    let transport = transport(&format!("{}?timeout=200ms&retry_for=0s", server.url()));
    let producer = transport.producer().await.expect("a producer");
    producer.send(&orders(), &[Message::new("1")]).await.pop().expect("a result").expect("it is stored");
    let mut consumer = transport.consumer(billing()).await.expect("a consumer");
    server.signal("STOP");
    let sent = producer.send(&orders(), &[Message::new("2")]).await.pop().expect("a result");
    let received = consumer.receive(1, LONG).await.map(|got| got.len());
    let groups = transport.groups(&orders()).await.map(|groups| groups.len());
    server.signal("CONT");
    for error in
        [sent.expect_err("no answer"), received.expect_err("no answer"), groups.expect_err("no answer")]
    {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    let mut got = Vec::new();
    while got.len() < 2 {
        for delivery in consumer.receive(2, LONG).await.expect("messages are received") {
            got.push(delivery.message().data.clone());
            delivery.ack().await.expect("the acknowledgement is stored");
        }
    }
    assert_eq!(got, ["1", "2"], "what was asked while it hung is done once it goes on");
}

/// Each error has its kind, and none contains the password.
#[tokio::test]
async fn each_error_of_the_server_has_its_kind() {
    let server = RedisServer::with(&["--requirepass", "hunter2"]);
    let port = server.port();
    let one = [Message::new("1")];
    let send = |url: String| async move {
        let transport = transport(&url);
        let producer = transport.producer().await.expect("a producer");
        producer.send(&orders(), &one.clone()).await.pop().expect("a result")
    };
    let send = &send;
    let url = format!("redis://:hunter2@127.0.0.1:{port}/0");
    send.clone()(url.clone()).await.expect("it is stored");
    for wrong in
        [format!("redis://127.0.0.1:{port}/0"), format!("redis://:hunter3@127.0.0.1:{port}/0?retry_for=0s")]
    {
        let error = send.clone()(wrong).await.expect_err("the user is refused");
        assert_eq!(error.kind(), ErrorKind::Permission, "{error} {error:?}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter"), "{shown}");
    }
    // Every accepted form of the URL is masked.
    for form in [url.clone(), url.replace("://", ":"), url.replace("redis://", " REDIS://")] {
        send.clone()(form.clone()).await.expect("it is stored");
        let shown = transport(&form).url().to_owned();
        assert!(!shown.contains("hunter") && shown.contains("127.0.0.1"), "{shown}");
    }

    let mut raw = redis::Client::open(url.as_str()).expect("a URL").get_connection().expect("it answers");
    let mut ask = |command: &[&str]| {
        let mut cmd = redis::cmd(command[0]);
        cmd.arg(&command[1..]);
        cmd.query::<redis::Value>(&mut raw).expect("the server does so")
    };
    ask(&["SET", "plain", "text"]);
    let producer = transport(&url).producer().await.expect("a producer");
    let plain = Topic::new("plain").expect("a name");
    let error =
        producer.send(&plain, &[Message::new("1")]).await.pop().expect("a result").expect_err("no stream");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");

    let mut consumer = transport(&url).consumer(billing()).await.expect("a consumer");
    ask(&["CONFIG", "SET", "maxmemory", "1mb"]);
    let batch = [Message::new("1").with_key("k"), Message::new("2").with_key("k")];
    for result in producer.send(&orders(), &batch).await {
        let error = result.expect_err("there is no room");
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    }
    // Stored messages can still be consumed and settled.
    let delivery = consumer.receive(1, LONG).await.expect("messages are received").pop().expect("one");
    delivery.ack().await.expect("the acknowledgement is stored");
    ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let error = transport(&url).check().await.expect_err("topics may be thrown away");
    assert!(error.to_string().contains("noeviction"), "{error}");
    ask(&["CONFIG", "SET", "maxmemory", "0"]);
    let health = transport(&url).check().await.expect("the server is sound");
    let told = format!("{health:?}");
    assert!(told.contains("appendfsync always"), "{told}");
    ask(&["REPLICAOF", "127.0.0.1", "1"]);
    let error = transport(&format!("{url}?retry_for=0s")).producer().await.expect("a producer");
    let error =
        error.send(&orders(), &[Message::new("1")]).await.pop().expect("a result").expect_err("a replica");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    drop(server);
    let away =
        transport(&format!("{url}?retry_for=0s")).groups(&orders()).await.expect_err("nobody is there");
    assert_eq!(away.kind(), ErrorKind::Unavailable, "{away}");
}

#[tokio::test]
async fn a_send_is_not_stored_as_long_as_the_failure_of_an_earlier_one_was_not_returned() {
    let server = RedisServer::start();
    let mut raw = redis::Client::open(server.url()).expect("a URL").get_connection().expect("it answers");
    let mut set_room = |limit: &str| {
        let mut set = redis::cmd("CONFIG");
        set.arg(&["SET", "maxmemory", limit]).query::<()>(&mut raw).expect("the server does so");
    };
    let producer = transport(&server.url()).producer().await.expect("a producer");
    let message = |text: &str| [Message::new(text.to_owned()).with_key("k")];
    set_room("1mb");
    let first = producer.send(&orders(), &message("1"));
    // It fails after the first one.
    let other = Topic::new("other").expect("a name");
    let failed = producer.send(&other, &message("x")).await.pop().expect("a result");
    assert_eq!(failed.expect_err("there is no room").kind(), ErrorKind::Full);
    set_room("0");
    producer.send(&other, &message("x")).await.pop().expect("a result").expect("topics are independent");
    let second = producer.send(&orders(), &message("2")).await.pop().expect("a result");
    assert_eq!(second.expect_err("the first is sent again before it").kind(), ErrorKind::Unavailable);
    let first = first.await.pop().expect("a result");
    assert_eq!(first.expect_err("there was no room").kind(), ErrorKind::Full);
    let both = [message("1"), message("2")].concat();
    for sent in producer.send(&orders(), &both).await {
        sent.expect("it is stored");
    }
    let stored: usize = redis::cmd("XLEN").arg("orders").query(&mut raw).expect("a length");
    assert_eq!(stored, 2);
}

/// One log line with the whole chain of causes, each once.
#[test]
fn an_unavailable_server_is_logged_with_the_whole_cause() {
    let mut server = RedisServer::start();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime of this thread");
    let log = Log::of(|| {
        runtime.block_on(async {
            let redis = transport(&format!("{}?retry_for=100ms", server.url()));
            server.kill();
            let producer = redis.producer().await.expect("a producer");
            producer.send(&orders(), &[Message::new("lost")]).await.remove(0).expect_err("nobody is there");
        });
    });
    let mut told = log.lines().filter(|line| line.starts_with("error="));
    let error = told.next().expect("the log says that the server is away");
    assert!(error.contains("can't reach the server"), "{error}");
    assert_eq!(error.matches("Connection refused").count(), 1, "{error}");
}
