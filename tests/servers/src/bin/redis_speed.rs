//! How fast the transport `redis:` sends and consumes, beside `redis-benchmark` and a raw reader:
//! `cargo run --release -p events-server-tests --bin redis_speed`.

use std::process::Command;
use std::time::{Duration, Instant};

use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, Message, Subscription, Topic, Transport, ack_all, connect,
};
use events_server_tests::{RedisServer, program};

const COUNT: usize = 200_000;
const BATCH: usize = 100;

type Entries = Vec<(String, Vec<Vec<u8>>)>;

const FIELDS: [(&str, &str); 7] = [
    ("type", "org.openedx.learning.auth.session.login.completed.v1"),
    ("id", "6c2b4c3e-8a0d-11ed-a1eb-0242ac120002"),
    ("source", "openedx/lms/web"),
    ("time", "2023-01-02T03:04:05.678901+00:00"),
    ("minorversion", "0"),
    ("sourcehost", "edx.devstack.lms"),
    ("sourcelib", "10.5.0"),
];
const DATUM: &str = "a datum of some thirty-four bytes.";

fn event(key: Option<usize>) -> Message {
    let mut message = Message::new(DATUM)
        .with_header("ce_specversion", "1.0")
        .with_header("content-type", "application/avro")
        .with_header("ce_datacontenttype", "application/avro");
    for (name, value) in FIELDS {
        let host = name.starts_with("sourceh") || name.starts_with("sourcel");
        let header = if host { name.to_owned() } else { format!("ce_{name}") };
        message = message.with_header(header, value);
    }
    match key {
        Some(key) => message.with_key(format!("customer-{key}")),
        None => message,
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = RedisServer::with(&["--appendonly", "no"]);
    benchmark(&server);
    raw(&server);
    let options = ConnectOptions::new();
    let transport = connect(&server.url(), &options).expect("a URL");
    for (name, keys) in [("without keys", None), ("with 1,000 keys", Some(1_000)), ("with 3 keys", Some(3))] {
        let topic = Topic::new(name.replace([' ', ','], "-")).expect("a name");
        send(&*transport, &topic, name, keys).await;
        consume(&*transport, &topic, name).await;
    }
}

fn report(what: &str, count: usize, elapsed: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "a rate of some digits")]
    let rate = count as f64 / elapsed.as_secs_f64();
    println!("{what}: {rate:.0} a second");
}

fn benchmark(server: &RedisServer) {
    let mut command = Command::new(program("redis-benchmark", &["/usr/bin", "/usr/local/bin"]));
    command.args(["-p", &server.port().to_string(), "-c", "1", "-P", "100", "-q", "-n", &COUNT.to_string()]);
    command.args(["XADD", "raw", "*"]);
    for (name, value) in FIELDS {
        command.args([name, value]);
    }
    command.args(["event_data", DATUM]);
    let output = command.output().expect("redis-benchmark runs");
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "\n");
    println!("redis-benchmark: {}", text.lines().last().unwrap_or_default());
}

/// What `redis-benchmark` stored, read and acknowledged by single commands.
fn raw(server: &RedisServer) {
    let mut raw = redis::Client::open(server.url()).expect("a URL").get_connection().expect("it answers");
    redis::cmd("XGROUP").arg(&["CREATE", "raw", "g", "0-0"]).exec(&mut raw).expect("a group");
    for acknowledge in [false, true] {
        redis::cmd("XGROUP").arg(&["SETID", "raw", "g", "0-0"]).exec(&mut raw).expect("moved");
        let started = Instant::now();
        let mut count = 0;
        loop {
            let mut read = redis::cmd("XREADGROUP");
            read.arg(&["GROUP", "g", "c", "COUNT", "100", "STREAMS", "raw", ">"]);
            let found: Option<Vec<(String, Entries)>> = read.query(&mut raw).expect("entries");
            let Some((_, entries)) = found.and_then(|mut streams| streams.pop()) else { break };
            count += entries.len();
            if acknowledge {
                let mut ack = redis::cmd("XACK");
                ack.arg("raw").arg("g").arg(entries.iter().map(|(id, _)| id).collect::<Vec<_>>());
                ack.exec(&mut raw).expect("acknowledged");
            }
        }
        let what = if acknowledge { "raw XREADGROUP COUNT 100 and XACK" } else { "raw XREADGROUP COUNT 100" };
        report(what, count, started.elapsed());
    }
}

async fn send(transport: &dyn Transport, topic: &Topic, name: &str, keys: Option<usize>) {
    let producer = transport.producer().await.expect("a producer");
    let batches: Vec<Vec<Message>> = (0..COUNT / BATCH)
        .map(|batch| (0..BATCH).map(|n| event(keys.map(|keys| (batch * BATCH + n) % keys))).collect())
        .collect();
    let started = Instant::now();
    for batch in &batches {
        for sent in producer.send(topic, batch).await {
            sent.expect("it is stored");
        }
    }
    report(&format!("send {name}, one batch of {BATCH} after the other"), COUNT, started.elapsed());
    let started = Instant::now();
    let mut sends = std::collections::VecDeque::new();
    for batch in &batches {
        sends.push_back(producer.send(topic, batch));
        if sends.len() > 8 {
            sends.pop_front().expect("a send").await;
        }
    }
    for send in sends {
        send.await;
    }
    report(&format!("send {name}, eight batches ahead"), COUNT, started.elapsed());
}

async fn consume(transport: &dyn Transport, topic: &Topic, name: &str) {
    let group = ConsumerGroup::new("g").expect("a name");
    let mut consumer = transport.consumer(Subscription::new(topic.clone(), group)).await.expect("a consumer");
    for most in [BATCH, 256] {
        let started = Instant::now();
        let mut count = 0;
        while count < COUNT {
            let deliveries = consumer.receive(most, Duration::from_secs(10)).await.expect("messages");
            count += deliveries.len();
            // The next are fetched while these are settled.
            drop(ack_all(deliveries));
        }
        report(&format!("receive and acknowledge {name}, {most} at once"), count, started.elapsed());
    }
}
