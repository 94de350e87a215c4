//! Replaces the first release of both services by the second one while events flow, for tests on each store.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use events_runtime::transport::{ConnectOptions, connect};

const PLACED: &str = "org.acme.upgrade.order.placed.v1";
const PACKED: &str = "org.acme.upgrade.order.packed.v1";
const SHIPPED: &str = "org.acme.upgrade.order.shipped.v1";

/// The number of events between two replacements.
const EVENTS: usize = 500;
/// The longest time for one step.
const PATIENCE: Duration = Duration::from_secs(60);

/// The programs of both releases.
#[derive(Clone, Copy)]
pub(crate) struct Releases {
    pub(crate) first: &'static str,
    pub(crate) second: &'static str,
}

/// An event as a service prints it.
struct Line {
    verb: String,
    id: String,
    field: String,
}

fn parse(line: &str) -> Option<Line> {
    let words: Vec<_> = line.split(' ').collect();
    let [verb, id, _, field] = words.as_slice() else { return None };
    Some(Line { verb: (*verb).to_owned(), id: (*id).to_owned(), field: (*field).to_owned() })
}

/// A running service. It is killed if the test fails.
struct Service {
    process: Child,
    /// Passes its lines on until it ends.
    reader: Option<JoinHandle<()>>,
}

impl Service {
    fn start(program: &str, arguments: &[&str], url: &str, lines: &Sender<Line>) -> Self {
        // Without files: what a service knows of the other release, it has from the store.
        let mut child = Command::new(program)
            .args(arguments)
            .env("EVENTS_BUS__URL", url)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let stdout = child.stdout.take().expect("piped");
        let lines = lines.clone();
        let reader = thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // The test may have ended.
                if parse(&line).is_some_and(|line| lines.send(line).is_err()) {
                    break;
                }
            }
        });
        Self { process: child, reader: Some(reader) }
    }

    /// Ends the service as an orchestrator does, with SIGTERM, and waits until its last line was passed on.
    fn stop(mut self) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("`kill` runs");
        assert!(sent.success(), "the service runs");
        let asked = Instant::now();
        loop {
            match self.process.try_wait().expect("its status") {
                Some(status) => break assert!(status.success(), "{status}"),
                None => assert!(asked.elapsed() < PATIENCE, "the service does not end"),
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.reader.take().expect("it is stopped once").join().expect("the reader does not panic");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the services have printed so far.
struct Log {
    lines: Receiver<Line>,
    placed: HashSet<String>,
    billed: HashSet<String>,
    fields: HashSet<String>,
    received: usize,
}

impl Log {
    /// Reads until a condition holds.
    #[track_caller]
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!(
                    "{what}: {} placed, {} billed after {PATIENCE:?}",
                    self.placed.len(),
                    self.billed.len()
                )
            };
            self.add(line);
        }
    }

    fn add(&mut self, line: Line) {
        if line.verb == "placed" {
            self.placed.insert(line.id);
        } else {
            self.billed.insert(line.id);
            self.fields.insert(line.field);
            self.received += 1;
        }
    }

    /// Reads what was printed so far: after a service has stopped, all of its lines.
    fn catch_up(&mut self) {
        while let Ok(line) = self.lines.try_recv() {
            self.add(line);
        }
    }

    /// Lets events flow for a while.
    #[track_caller]
    fn flow(&mut self) {
        let (placed, billed) = (self.placed.len() + EVENTS, self.billed.len() + EVENTS);
        self.until("events flow", |log| log.placed.len() >= placed && log.billed.len() >= billed);
    }

    /// Waits until the events of the shops that have stopped are billed.
    #[track_caller]
    fn all_billed(&mut self) {
        self.catch_up();
        let placed = self.placed.clone();
        self.until("every placed event is billed", |log| placed.is_subset(&log.billed));
    }
}

fn log() -> (Log, Sender<Line>) {
    let (sender, lines) = mpsc::channel();
    let (placed, billed, fields) = (HashSet::new(), HashSet::new(), HashSet::new());
    (Log { lines, placed, billed, fields, received: 0 }, sender)
}

/// The shop first, then billing. `drains`: billing finishes the first shop's events before it is replaced, because the
/// second release can't read them.
fn producers_first(releases: Releases, url: &str, event_type: &str, drains: bool) -> Log {
    let (mut log, lines) = log();
    let start = |program, arguments: &[&str]| Service::start(program, arguments, url, &lines);
    let (billing, shop) = (start(releases.first, &["billing"]), start(releases.first, &["shop", event_type]));
    log.flow();
    shop.stop();
    let shop = start(releases.second, &["shop", event_type]);
    log.flow();
    if drains {
        log.all_billed();
    }
    billing.stop();
    let billing = start(releases.second, &["billing"]);
    log.flow();
    shop.stop();
    log.all_billed();
    billing.stop();
    log.catch_up();
    log
}

/// Billing first, then the shop.
fn consumers_first(releases: Releases, url: &str, event_type: &str) -> Log {
    let (mut log, lines) = log();
    let start = |program, arguments: &[&str]| Service::start(program, arguments, url, &lines);
    let (billing, shop) = (start(releases.first, &["billing"]), start(releases.first, &["shop", event_type]));
    log.flow();
    billing.stop();
    let billing = start(releases.second, &["billing"]);
    log.flow();
    shop.stop();
    let shop = start(releases.second, &["shop", event_type]);
    log.flow();
    shop.stop();
    log.all_billed();
    billing.stop();
    log.catch_up();
    log
}

/// Upgrades both services with a change of each compatibility, in each order that it allows. `store` makes the URL of
/// an empty store.
pub(crate) fn upgrade_in_any_order(releases: Releases, store: impl Fn() -> String) {
    // The last word is what a release reads where the other one has written something else.
    type Case = (&'static str, &'static str, fn(Releases, &str, &str) -> Log, &'static str);
    let cases: [Case; 4] = [
        ("full, producers first", PLACED, |r, url, of| producers_first(r, url, of, false), "no-note"),
        ("full, consumers first", PLACED, consumers_first, "web"),
        ("forward, producers first", SHIPPED, |r, url, of| producers_first(r, url, of, true), "post"),
        ("backward, consumers first", PACKED, consumers_first, "1"),
    ];
    for (name, event_type, upgrade, crossed) in cases {
        let url = store();
        let log = upgrade(releases, &url, event_type);
        let (placed, billed) = (log.placed.len(), log.billed.len());
        println!("{name}: {placed} placed, {billed} billed, {} repeated", log.received - billed);
        assert_eq!(dead_letters(&url), 0, "{name}");
        assert!(log.fields.contains(crossed), "{name}: the releases met: {:?}", log.fields);
        assert!(placed >= 3 * EVENTS, "{name}");
        assert_eq!(log.placed, log.billed, "{name}: none is lost, and none is made up");
    }
}

/// The number of dead letters in the store.
fn dead_letters(url: &str) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let transport = connect(url, &ConnectOptions::new()).expect("the store");
        let topics = transport.topics().await.expect("the topics");
        let dead = topics.iter().filter(|status| status.topic.as_str().ends_with(".dlq"));
        dead.map(|status| status.messages).sum()
    })
}
