//! What becomes of malformed records of other programs, which a test stores in the topic `orders`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use events_runtime::bus::{Consumed, DeadLetters};
use events_runtime::transport::{ConnectOptions, connect};
use events_runtime::{Config, Event, EventBus, Hub, Signal};
use events_tests::openedx::SessionLoginCompleted;
use tokio::sync::{mpsc, oneshot};

use crate::orders::{billing, orders};

/// A login as encoded by Open edX's library.
pub const DATUM: &[u8] = b"\xf6\x01\x01\x0cfoobob\x1ebob@foo.example\x0eBob Foo";
/// The type of [`DATUM`].
pub const TYPE: &str = "org.openedx.learning.auth.session.login.completed.v1";

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(2 * 60);

/// The outcome of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// Its receiver succeeded.
    Taken,
    /// Its event type is unknown to this process.
    Skipped,
    /// It became a dead letter of this kind.
    Letter(&'static str),
}

use End::{Letter, Skipped, Taken};

impl End {
    /// A dead letter whose envelope can't be read.
    pub const ENVELOPE: Self = Letter("envelope");
    /// A dead letter whose datum can't be decoded.
    pub const DECODE: Self = Letter("decode");
    /// A dead letter whose schema is not found.
    pub const UNKNOWN_SCHEMA: Self = Letter("unknown-schema");
    const LETTERS: [Self; 3] = [Self::ENVELOPE, Self::DECODE, Self::UNKNOWN_SCHEMA];
}

/// A stored record, and the outcome that a test expects.
#[derive(Debug)]
pub struct Expected {
    /// What is wrong with it.
    pub name: &'static str,
    /// Its position in the topic.
    pub position: String,
    /// Its outcome.
    pub end: End,
}

/// Consumes all records of `orders` by the group `billing`, and asserts what became of each. An unknown schema is
/// waited for so long, such as `0s`. Returns the errors of the dead letters by the names of the records.
///
/// # Panics
/// If a record stops the consumer or has another outcome.
pub async fn judge(url: &str, wait: &str, expected: &[Expected]) -> BTreeMap<&'static str, String> {
    let (taken, consumed) = consume(url, wait).await;
    let letters = letters(url).await;
    let wrong: Vec<_> = expected
        .iter()
        .filter_map(|Expected { name, position, end }| {
            let wanted = matches!(end, Letter(_)).then_some(*end);
            let found = letters.get(position).map(|(end, _)| *end);
            (found != wanted).then(|| format!("{position} {name}: {found:?}, expected {wanted:?}"))
        })
        .collect();
    println!("{} records: {taken} taken, {consumed:?}", expected.len());
    assert_eq!(wrong, Vec::<String>::new());
    let count = |is: fn(&End) -> bool| expected.iter().filter(|one| is(&one.end)).count() as u64;
    let wanted = count(|end| *end == Taken);
    assert_eq!(taken, wanted);
    assert_eq!(consumed.acked, wanted);
    assert_eq!(consumed.skipped, count(|end| *end == Skipped));
    assert_eq!(consumed.dead_lettered, count(|end| matches!(end, Letter(_))));
    assert_eq!(consumed.retried, 0);
    let errors = |one: &Expected| Some((one.name, letters.get(&one.position)?.1.clone()));
    expected.iter().filter_map(errors).collect()
}

/// The dead letters of `billing` with their errors, by position.
async fn letters(url: &str) -> BTreeMap<String, (End, String)> {
    let transport = connect(url, &ConnectOptions::new()).expect("a URL");
    let letters = DeadLetters::of(&*transport, orders(), billing().group).expect("a name");
    let mut ends = BTreeMap::new();
    for letter in letters.list().await.expect("the letters").dead_letters {
        let header = |name| {
            let value = letter.message().headers.get(name).expect("a dead letter has this header");
            String::from_utf8(value.to_vec()).expect("text")
        };
        let kind = header("dlq_kind");
        let is_it = |end: &End| matches!(end, Letter(known) if *known == kind);
        let end = End::LETTERS.into_iter().find(is_it).expect("a known kind");
        let errors = letter.reason().into_iter().chain(letter.causes()).collect::<Vec<_>>().join(": ");
        let position = header("dlq_position");
        println!("{position}: {kind}: {errors}");
        assert!(ends.insert(position.clone(), (end, errors)).is_none(), "{position} is two letters");
    }
    ends
}

/// Consumes until the group has settled all records; returns the number of received events, and the metrics.
async fn consume(url: &str, wait: &str) -> (u64, Consumed) {
    let config = Config::from_toml(&format!(
        "[service]\nname = 'billing'\n[bus]\nurl = '{url}'\n[bus.consumer]\nunknown_schema = {{ wait = '{wait}' }}",
    ));
    let bus = EventBus::builder()
        .config(config.expect("a configuration"))
        .hub(Hub::new())
        .start()
        .await
        .expect("a bus");
    let (tell, mut told) = mpsc::unbounded_channel();
    bus.hub().scope(|| {
        Signal::<SessionLoginCompleted>::new().connect(
            "receiver",
            move |event: &Event<SessionLoginCompleted>| {
                let _ = tell.send(event.user.id);
            },
        )
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let consumer = bus.consume("orders").group("billing");
    let running = tokio::spawn(async move { consumer.run_until(async { drop(stopped.await) }).await });
    let started = Instant::now();
    loop {
        let groups = bus.transport().groups(&orders()).await;
        if groups.as_ref().is_ok_and(|groups| groups.iter().any(|group| group.lag == 0)) {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "not all records are settled: {groups:?}, {:?}", bus.status());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(stop);
    let counts = running.await.expect("no panic").expect("the consumer goes on");
    let mut taken = 0;
    while told.try_recv().is_ok() {
        taken += 1;
    }
    (taken, counts)
}
