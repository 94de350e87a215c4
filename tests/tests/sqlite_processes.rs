//! One SQLite file, shared by several processes, some of which are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, connect};
use events_tests::conformance::{LONG, ack, group, named, receive_one, subscribe, texts};

const KEYS: usize = 5;

/// A process and its output lines.
struct Peer {
    child: Child,
    lines: Receiver<String>,
}

impl Peer {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bus_peer"))
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer starts");
        let out = child.stdout.take().expect("a pipe");
        let (line_sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if line_sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    fn sender(url: &str, first: usize, count: usize) -> Self {
        Self::start(&["send", url, "orders", &first.to_string(), &count.to_string(), &KEYS.to_string()])
    }

    fn consumer(url: &str, log: &Path) -> Self {
        let log = log.to_str().expect("a path in UTF-8");
        Self::start(&["consume", url, "orders", "billing", "700", log])
    }

    /// The next lines, exactly this number.
    fn lines(&self, count: usize) -> Vec<usize> {
        let next = |_| self.lines.recv_timeout(LONG).expect("the peer goes on");
        (0..count).map(next).map(|line| line.parse().expect("a number")).collect()
    }

    fn assert_running(&mut self) {
        let ended = self.child.try_wait().expect("the peer can be asked");
        assert!(ended.is_none(), "the peer ended by itself: {ended:?}");
    }

    /// Kills the process and returns the remaining lines.
    fn kill(mut self) -> Vec<usize> {
        self.child.kill().expect("the peer is killed");
        self.child.wait().expect("the peer has ended");
        // A truncated line does not count.
        self.lines.iter().filter_map(|line| line.parse().ok()).collect()
    }

    fn finish(mut self) -> Vec<usize> {
        let lines = self.lines.iter().map(|line| line.parse().expect("a number")).collect();
        assert!(self.child.wait().expect("the peer ends").success());
        lines
    }
}

struct Place {
    _folder: tempfile::TempDir,
    url: String,
    log: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite://{}/events.db", folder.path().display());
        let log = folder.path().join("log");
        Self { _folder: folder, url, log }
    }

    /// The log of all consumers, in order.
    fn logged(&self) -> Vec<usize> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().map(|line| line.parse().expect("a number")).collect()
    }
}

/// Asserts that each message was first handled after all earlier ones of its key.
fn assert_key_order(logged: &[usize]) {
    let mut seen = BTreeSet::new();
    let mut latest: BTreeMap<usize, usize> = BTreeMap::new();
    for &n in logged {
        if seen.insert(n)
            && let Some(earlier) = latest.insert(n % KEYS, n)
        {
            assert!(earlier < n, "{n} was handled after {earlier}, which has the same key");
        }
    }
}

#[test]
fn processes_share_a_group_without_duplicates_and_in_key_order() {
    const COUNT: usize = 300;
    let place = Place::new();
    let consumers: Vec<_> = (0..2).map(|_| Peer::consumer(&place.url, &place.log)).collect();
    let sent = Peer::sender(&place.url, 0, COUNT).finish();
    assert_eq!(sent, (0..COUNT).collect::<Vec<_>>());
    let mut left = COUNT;
    while left > 0 {
        for consumer in &consumers {
            left -= consumer.lines.recv_timeout(Duration::from_millis(5)).iter().count();
        }
    }
    for mut consumer in consumers {
        consumer.assert_running();
        consumer.kill();
    }
    let logged = place.logged();
    assert_eq!(logged.len(), COUNT, "each message was handled once");
    assert_key_order(&logged);
}

#[test]
fn processes_may_make_the_file_at_the_same_time() {
    for _ in 0..8 {
        let place = Place::new();
        let senders: Vec<_> = (0..4).map(|first| Peer::sender(&place.url, first, 1)).collect();
        for (first, sender) in senders.into_iter().enumerate() {
            assert_eq!(sender.finish(), [first]);
        }
    }
}

#[tokio::test]
async fn a_process_wakes_the_consumer_of_another() {
    let place = Place::new();
    let transport = connect(&place.url, &ConnectOptions::new()).expect("the file opens");
    let subscription = events_runtime::transport::Subscription::new(named("orders"), group("billing"));
    let mut consumer = subscribe(&*transport, subscription).await;
    let waiting = tokio::spawn(async move { receive_one(&mut *consumer).await });
    Peer::sender(&place.url, 0, 1).finish();
    let delivery = waiting.await.expect("the message came");
    assert_eq!(texts(std::slice::from_ref(&delivery)), ["0"]);
    ack(vec![delivery]).await;
}

#[tokio::test]
async fn an_event_that_kills_its_process_is_a_dead_letter_and_no_other_is() {
    let place = Place::new();
    let texts: Vec<String> =
        (0..20).map(|n| if n == 5 { "deadly".to_owned() } else { n.to_string() }).collect();
    let mut emit = vec!["emit", &place.url, "orders"];
    emit.extend(texts.iter().map(String::as_str));
    assert!(Peer::start(&emit).child.wait().expect("it ends").success());

    let log = place.log.to_str().expect("a path in UTF-8");
    let transport = connect(&place.url, &ConnectOptions::new()).expect("the file opens");
    let lag = async || transport.groups(&named("orders")).await.expect("the groups are listed")[0].lag;
    let mut ended = 0;
    loop {
        let mut peer = Peer::start(&["handle", &place.url, "orders", "billing", "300", log]);
        let died = loop {
            if peer.child.try_wait().expect("the peer can be asked").is_some() {
                break true;
            }
            if ended > 0 && lag().await == 0 {
                break false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        if !died {
            peer.kill();
            break;
        }
        ended += 1;
        assert!(ended <= 5, "it was delivered more often than its attempts allow");
    }
    assert_eq!(ended, 5, "each of its attempts ended a process");
    let logged = std::fs::read_to_string(&place.log).expect("the log");
    let handled: BTreeSet<&str> = logged.lines().collect();
    assert_eq!(handled, texts.iter().map(String::as_str).collect(), "all were handled");
    let mut dead = subscribe(
        &*transport,
        events_runtime::transport::Subscription::new(named("orders.billing.dlq"), group("look")),
    )
    .await;
    let letters = dead.receive(20, Duration::ZERO).await.expect("the dead letters are read");
    assert_eq!(
        letters.len(),
        1,
        "no other event lost its attempts: {:?}",
        events_tests::conformance::texts(&letters)
    );
    let header = |name| letters[0].message().headers.get(name).expect("a header");
    assert_eq!(header("dlq_kind"), b"abandoned".as_slice());
    assert_eq!(header("dlq_attempts"), b"5".as_slice());
}

#[tokio::test]
async fn killed_processes_lose_nothing_that_was_acknowledged() {
    const ROUNDS: usize = 6;
    const EACH: usize = 400;
    let place = Place::new();
    let mut sent = BTreeSet::new();
    let mut acked = Vec::new();
    let mut survivor = Peer::consumer(&place.url, &place.log);
    for round in 0..ROUNDS {
        let sender = Peer::sender(&place.url, round * EACH, EACH);
        let victim = Peer::consumer(&place.url, &place.log);
        // Each dies at an arbitrary point of its work.
        sent.extend(sender.lines(60 + 37 * round));
        acked.extend(survivor.lines(20 + 11 * round));
        sent.extend(sender.kill());
        acked.extend(victim.kill());
        if round % 2 == 1 {
            survivor.assert_running();
            acked.extend(survivor.kill());
            survivor = Peer::consumer(&place.url, &place.log);
        }
    }
    acked.extend(survivor.kill());

    // A last member gets the rest; remaining leases expire soon.
    let transport = connect(&place.url, &ConnectOptions::new()).expect("the file opens");
    transport.check().await.expect("the file is sound");
    let subscription = events_runtime::transport::Subscription::new(named("orders"), group("billing"));
    let mut consumer = subscribe(&*transport, subscription).await;
    let mut drained = Vec::new();
    loop {
        let rest = consumer.receive(100, Duration::from_secs(2)).await.expect("messages are received");
        if rest.is_empty() {
            break;
        }
        drained.extend(texts(&rest).iter().map(|text| text.parse::<usize>().expect("a number")));
        ack(rest).await;
    }
    let acked: BTreeSet<usize> = acked.into_iter().collect();
    let again: Vec<_> = drained.iter().filter(|n| acked.contains(n)).collect();
    assert!(again.is_empty(), "redelivered after the acknowledgement: {again:?}");
    let mut handled = place.logged();
    handled.extend(&drained);
    let unique: BTreeSet<usize> = handled.iter().copied().collect();
    let lost: Vec<_> = sent.difference(&unique).collect();
    assert!(lost.is_empty(), "acknowledged to the sender and never handled: {lost:?}");
    assert_key_order(&handled);
    let status = transport.groups(&named("orders")).await.expect("the groups are listed");
    assert_eq!(status[0].lag, 0, "{status:?}");
    println!(
        "{} sent and acknowledged, {} handled, {} of them twice",
        sent.len(),
        unique.len(),
        handled.len() - unique.len()
    );
}
