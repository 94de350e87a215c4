//! The embedded bus beside raw SQLite, interleaved in one run, medians of the rounds.
//!
//! ```text
//! cargo bench -p events-benches --bench embedded [-- ROUNDS]
//! ```
//!
//! A message is a small event: ten headers, a key, 249 bytes of Avro. The raw side writes the same bytes into
//! one table with multi-row inserts, 256 messages per transaction, at the same durability: the maximum of
//! SQLite for batches of this size.

use std::time::{Duration, Instant};

use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, Message, Producer, Subscription, Topic, Transport, ack_all, connect,
};
use rusqlite::{Connection, params_from_iter, types::Value};

type Failure = Box<dyn std::error::Error>;

const BATCH: usize = 256;
const BATCHES: usize = 80;
const COUNT: usize = BATCH * BATCHES;

fn main() -> Result<(), Failure> {
    let rounds: usize = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(7);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    println!(
        "{COUNT} messages of {} bytes, batches of {BATCH}, medians of {rounds} rounds\n",
        message(0).size()
    );
    for synchronous in ["full", "normal"] {
        let mut runs: Vec<(&str, Vec<f64>)> = Vec::new();
        for _ in 0..rounds {
            let mut measured = vec![("raw SQLite, multi-row inserts", raw(synchronous)?)];
            measured.extend(runtime.block_on(bus(synchronous))?);
            for (index, (name, rate)) in measured.into_iter().enumerate() {
                if runs.len() <= index {
                    runs.push((name, Vec::new()));
                }
                runs[index].1.push(rate);
            }
        }
        println!("synchronous={synchronous}");
        let base = median(&mut runs[0].1);
        for (name, rates) in &mut runs {
            let rate = median(rates);
            println!("  {name:<44} {rate:>10.0} messages/s  {:>5.0} % of raw", rate / base * 100.0);
        }
        println!();
    }
    Ok(())
}

fn median(rates: &mut [f64]) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

#[allow(clippy::cast_precision_loss)]
fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn message(n: usize) -> Message {
    [
        ("ce_specversion", "1.0"),
        ("content-type", "application/avro"),
        ("ce_datacontenttype", "application/avro"),
        ("ce_type", "org.openedx.learning.course.enrollment.created.v1"),
        ("ce_source", "openedx/lms/web"),
        ("ce_time", "2023-01-02T03:04:05.678901+00:00"),
        ("ce_minorversion", "0"),
        ("sourcehost", "lms-6f9d7c5b8-x2k4q"),
        ("ce_schemafp", "00abcdef01234567"),
    ]
    .into_iter()
    .fold(Message::new(vec![0x5a; 249]), |message, (name, value)| message.with_header(name, value))
    .with_header("ce_id", format!("01890a5d-ac96-774b-bcce-{n:012x}"))
    .with_key(format!("user-{}", n % 1_000))
}

/// The headers as one blob, as the bus stores them.
fn blob(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in message.headers.iter() {
        for bytes in [name.as_bytes(), &value[..]] {
            out.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
            out.extend_from_slice(bytes);
        }
    }
    out
}

fn raw(synchronous: &str) -> Result<f64, Failure> {
    let folder = tempfile::tempdir()?;
    let conn = Connection::open(folder.path().join("raw.db"))?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", synchronous)?;
    conn.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    conn.execute_batch(
        "CREATE TABLE messages(seq INTEGER PRIMARY KEY, time INTEGER, key BLOB, headers BLOB, data BLOB)",
    )?;
    let messages: Vec<_> = (0..COUNT).map(message).collect();
    let rows = vec!["(?,?,?,?,?)"; 64].join(",");
    let sql = format!("INSERT INTO messages VALUES {rows}");
    let started = Instant::now();
    let mut seq = 0_i64;
    for batch in messages.chunks(BATCH) {
        conn.execute_batch("BEGIN IMMEDIATE")?;
        for chunk in batch.chunks(64) {
            let mut values = Vec::with_capacity(chunk.len() * 5);
            for message in chunk {
                seq += 1;
                values.push(Value::Integer(seq));
                values.push(Value::Integer(1_700_000_000_000));
                values.push(Value::Blob(message.key.as_deref().unwrap_or_default().to_vec()));
                values.push(Value::Blob(blob(message)));
                values.push(Value::Blob(message.data.to_vec()));
            }
            conn.prepare_cached(&sql)?.execute(params_from_iter(values))?;
        }
        conn.execute_batch("COMMIT")?;
    }
    Ok(rate(COUNT, started.elapsed()))
}

/// Each figure has a file of its own, as raw SQLite has: a checkpoint of the log, which comes with every 4,000 pages,
/// would otherwise be in the figure that happens to be measured meanwhile.
async fn bus(synchronous: &str) -> Result<Vec<(&'static str, f64)>, Failure> {
    let messages: Vec<_> = (0..COUNT).map(message).collect();
    let topic = Topic::new("one")?;
    let mut rates = Vec::new();
    for (name, ahead) in [("send, one batch at a time", 1), ("send, four batches under way", 4)] {
        let file = File::open(synchronous)?;
        rates.push((name, send(&*file.transport.producer().await?, &topic, &messages, ahead).await?));
    }
    let file = File::open(synchronous)?;
    let singly = send_singly(&file.transport.producer().await?, &topic, &messages[..COUNT / 4]).await?;
    rates.push(("send, one message each, 256 senders", singly));
    for (name, ahead) in
        [("receive + acknowledge, one batch at a time", 1), ("receive + acknowledge, four under way", 4)]
    {
        let file = File::open(synchronous)?;
        send(&*file.transport.producer().await?, &topic, &messages, 1).await?;
        rates.push((name, consume(&*file.transport, "one", "billing", ahead).await?));
    }
    Ok(rates)
}

struct File {
    transport: Box<dyn Transport>,
    _folder: tempfile::TempDir,
}

impl File {
    fn open(synchronous: &str) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}/events.db?synchronous={synchronous}", folder.path().display());
        Ok(Self { transport: connect(&url, &ConnectOptions::new())?, _folder: folder })
    }
}

async fn send(
    producer: &dyn Producer,
    topic: &Topic,
    messages: &[Message],
    ahead: usize,
) -> Result<f64, Failure> {
    let started = Instant::now();
    let mut under_way = std::collections::VecDeque::new();
    for batch in messages.chunks(BATCH) {
        under_way.push_back(producer.send(topic, batch));
        while under_way.len() >= ahead {
            if let Some(sending) = under_way.pop_front() {
                sending.await.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
        }
    }
    for sending in under_way {
        sending.await.into_iter().collect::<Result<Vec<_>, _>>()?;
    }
    Ok(rate(messages.len(), started.elapsed()))
}

/// Many tasks, each of which waits for its own message: the case for group commit.
async fn send_singly(
    producer: &std::sync::Arc<dyn Producer>,
    topic: &Topic,
    messages: &[Message],
) -> Result<f64, Failure> {
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for share in messages.chunks(messages.len().div_ceil(256)) {
        let (producer, topic, share) = (producer.clone(), topic.clone(), share.to_vec());
        tasks.spawn(async move {
            for message in share {
                producer.send(&topic, &[message]).await.remove(0)?;
            }
            Ok::<_, events_runtime::transport::TransportError>(())
        });
    }
    while let Some(sent) = tasks.join_next().await {
        sent??;
    }
    Ok(rate(messages.len(), started.elapsed()))
}

async fn consume(transport: &dyn Transport, topic: &str, group: &str, ahead: usize) -> Result<f64, Failure> {
    let subscription = Subscription::new(Topic::new(topic)?, ConsumerGroup::new(group)?);
    let mut consumer = transport.consumer(subscription).await?;
    let started = Instant::now();
    let mut under_way = std::collections::VecDeque::new();
    let mut received = 0;
    while received < COUNT {
        let batch = consumer.receive(BATCH, Duration::from_secs(5)).await?;
        received += batch.len();
        under_way.push_back(ack_all(batch));
        while under_way.len() >= ahead {
            if let Some(acks) = under_way.pop_front() {
                acks.await.into_iter().collect::<Result<Vec<_>, _>>()?;
            }
        }
    }
    for acks in under_way {
        acks.await.into_iter().collect::<Result<Vec<_>, _>>()?;
    }
    Ok(rate(COUNT, started.elapsed()))
}
