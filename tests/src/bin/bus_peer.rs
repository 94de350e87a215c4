//! Another process on a bus, for tests that need one to run beside them or to be killed.
//!
//! ```text
//! bus_peer send URL TOPIC FIRST COUNT KEYS     tells each message that the store acknowledged
//! bus_peer consume URL TOPIC GROUP LEASE LOG   tells each acknowledgement that the store took
//! bus_peer retry URL TOPIC GROUP LEASE         sends dead letters again, tells it, and removes none
//! bus_peer emit URL TOPIC TEXT…                emits an event for each text, with the text as its key
//! bus_peer handle URL TOPIC GROUP LEASE LOG    consumes these events as a bus does; aborts at `deadly`
//! ```
//!
//! Message `n` has the key `k<n % KEYS>` and the text `n`. A consumer appends the text of each
//! message to the file LOG before it acknowledges it: one file, in the order of all consumers.

use std::io::Write as _;
use std::time::Duration;

use events_runtime::bus::DeadLetters;
use events_runtime::transport::{
    ConnectOptions, ConsumerGroup, Message, Subscription, Topic, Transport, connect,
};
use events_runtime::{Config, Event, EventBus, PublicSignal};
use events_tests::conformance::dead_letters::hanging;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["send", url, topic, first, count, keys] => {
            let transport = connect(url, &ConnectOptions::new())?;
            send(&*transport, &Topic::new(*topic)?, first.parse()?, count.parse()?, keys.parse()?).await
        }
        ["consume", url, topic, group, lease, log] => {
            let transport = connect(url, &ConnectOptions::new())?;
            let subscription = Subscription::new(Topic::new(*topic)?, ConsumerGroup::new(*group)?)
                .lease(Duration::from_millis(lease.parse()?));
            consume(&*transport, subscription, log).await
        }
        ["retry", url, topic, group, lease] => {
            let transport = connect(url, &ConnectOptions::new())?;
            let (sent, mut was_sent) = tokio::sync::mpsc::channel(1);
            let hanging = hanging(&*transport, sent);
            let letters = DeadLetters::of(&hanging, Topic::new(*topic)?, ConsumerGroup::new(*group)?)?
                .lease(Duration::from_millis(lease.parse()?));
            let tell = async {
                if was_sent.recv().await.is_some() {
                    println!("sent");
                }
                std::future::pending::<()>().await;
            };
            tokio::join!(letters.retry(|_| true), tell).0?;
            Ok(())
        }
        ["emit", url, topic, texts @ ..] => emit(url, topic, texts).await,
        ["handle", url, topic, group, lease, log] => handle(url, topic, group, lease.parse()?, log).await,
        _ => Err("call it as its documentation says".into()),
    }
}

async fn send(
    transport: &dyn Transport,
    topic: &Topic,
    first: usize,
    count: usize,
    keys: usize,
) -> Result<(), Failure> {
    let producer = transport.producer().await?;
    let numbers: Vec<usize> = (first..first + count).collect();
    for chunk in numbers.chunks(7) {
        let batch: Vec<Message> =
            chunk.iter().map(|n| Message::new(n.to_string()).with_key(format!("k{}", n % keys))).collect();
        for (n, sent) in chunk.iter().zip(producer.send(topic, &batch).await) {
            sent?;
            tell(&n.to_string())?;
        }
    }
    Ok(())
}

async fn consume(transport: &dyn Transport, subscription: Subscription, log: &str) -> Result<(), Failure> {
    let mut consumer = transport.consumer(subscription).await?;
    let mut log = std::fs::File::options().append(true).create(true).open(log)?;
    loop {
        for delivery in consumer.receive(5, Duration::from_secs(60 * 60)).await? {
            let text = String::from_utf8(delivery.message().data.to_vec())?;
            log.write_all(format!("{text}\n").as_bytes())?;
            delivery.ack().await?;
            tell(&text)?;
        }
    }
}

/// What `emit` and `handle` speak of.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.peer.told.v1", key = text)]
struct Told {
    text: String,
}

async fn bus(url: &str, topic: &str) -> Result<EventBus, Failure> {
    let config = format!(
        "[service]\nname = \"peer\"\n[bus]\nurl = \"{url}\"\n[routes.\"org.acme.peer.told.v1\"]\n{topic} = {{}}\n"
    );
    Ok(EventBus::builder().config(Config::from_toml(&config)?).start().await?)
}

async fn emit(url: &str, topic: &str, texts: &[&str]) -> Result<(), Failure> {
    let bus = bus(url, topic).await?;
    for text in texts {
        TOLD.emit(Told { text: (*text).to_owned() }).delivered().await?;
    }
    Ok(bus.shutdown(Duration::from_secs(10)).await?)
}

async fn handle(url: &str, topic: &str, group: &str, lease: u64, log: &str) -> Result<(), Failure> {
    let log = std::sync::Mutex::new(std::fs::File::options().append(true).create(true).open(log)?);
    TOLD.connect("log", move |event: &Event<Told>| {
        let mut log = log.lock().map_err(|_| std::io::Error::other("the log is poisoned"))?;
        log.write_all(format!("{}\n", event.text).as_bytes())?;
        if event.text == "deadly" {
            std::process::abort();
        }
        tell(&event.text)
    });
    let bus = bus(url, topic).await?;
    bus.consume(topic).group(group).lease(Duration::from_millis(lease)).max_attempts(5).run().await?;
    Ok(())
}

fn tell(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
