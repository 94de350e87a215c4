//! Consumers of Open edX and of this crate share a group, and some are killed while they hold entries.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use events_server_tests::RedisServer;
use events_server_tests::openedx::{FULL_TOPIC, bus, emit, python};

const GROUP: &str = "shared";
/// The age at which our members take over entries of others. Open edX's do so when they start.
const CLAIM: Duration = Duration::from_secs(3);
/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(2 * 60);

/// A running member; killed on drop.
struct Member(Child);

impl Member {
    fn start(mut command: Command, name: &'static str, tell: &Sender<Told>) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
        let (lines, tell) = (BufReader::new(child.stdout.take().expect("its output")).lines(), tell.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let (what, number) = line.split_once(' ').expect("two words");
                let number = number.parse().expect("a number");
                // The test may have ended.
                let _ = tell.send(Told { member: name, holds: what == "holding", number });
            }
        });
        Self(child)
    }

    fn theirs(
        server: &RedisServer,
        name: &'static str,
        hold: usize,
        claim: u128,
        tell: &Sender<Told>,
    ) -> Self {
        let (hold, claim) = (hold.to_string(), claim.to_string());
        Self::start(python(&server.url(), "member", &[GROUP, name, &hold, &claim]), name, tell)
    }

    fn ours(server: &RedisServer, name: &'static str, hold: usize, tell: &Sender<Told>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redis_member"));
        let url = format!("{}?claim_msgs_older_than={}ms", server.url(), CLAIM.as_millis());
        command.args([&url, GROUP, name, &hold.to_string()]);
        Self::start(command, name, tell)
    }

    fn kill(self) {
        drop(self);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Fails if it has exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Told {
    member: &'static str,
    holds: bool,
    number: i64,
}

/// The output of members.
struct Log {
    told: Receiver<Told>,
    handled: BTreeMap<&'static str, Vec<i64>>,
    held: BTreeMap<&'static str, i64>,
}

impl Log {
    fn new() -> (Sender<Told>, Self) {
        let (tell, told) = channel();
        (tell, Self { told, handled: BTreeMap::new(), held: BTreeMap::new() })
    }

    /// Reads output until the condition holds.
    fn until(&mut self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let started = Instant::now();
        while !so(self) {
            assert!(started.elapsed() < PATIENCE, "waited in vain until {what}: {self}");
            match self.told.recv_timeout(Duration::from_millis(20)) {
                Ok(Told { member, holds: true, number }) => drop(self.held.insert(member, number)),
                Ok(Told { member, number, .. }) => self.handled.entry(member).or_default().push(number),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("no member is left"),
            }
        }
    }

    fn count(&self, member: &str) -> usize {
        self.handled.get(member).map_or(0, Vec::len)
    }

    fn all(&self) -> BTreeSet<i64> {
        self.handled.values().flatten().copied().collect()
    }

    fn has(&self, member: &str, number: i64) -> bool {
        self.handled.get(member).is_some_and(|handled| handled.contains(&number))
    }
}

impl std::fmt::Display for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (member, handled) in &self.handled {
            write!(f, "{member} handled {}, ", handled.len())?;
        }
        let times: usize = self.handled.values().map(Vec::len).sum();
        write!(
            f,
            "{} entries in all, {} of them again; held: {:?}",
            self.all().len(),
            times - self.all().len(),
            self.held
        )
    }
}

/// The number of entries that members hold for at least this time.
fn pending(server: &RedisServer, idle: Duration) -> usize {
    let mut raw = server.connection();
    let mut command = redis::cmd("XPENDING");
    command
        .arg(FULL_TOPIC)
        .arg(GROUP)
        .arg("IDLE")
        .arg(idle.as_millis().to_string())
        .arg(&["-", "+", "10000"]);
    command.query::<Vec<redis::Value>>(&mut raw).expect("pending entries").len()
}

/// Two members of each kind share the group while both producers send. One of each kind is killed while it holds
/// entries. The others take these over, and in the end all entries are settled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_both_kinds_share_a_group_and_take_over_from_killed_ones() {
    const AT_LEAST: i64 = 300;
    const AT_MOST: i64 = 20_000;
    const THEIRS: std::ops::Range<i64> = 100_000..100_300;

    let server = RedisServer::start();
    let (tell, mut log) = Log::new();
    let dying_theirs = Member::theirs(&server, "python-dies", 20, 0, &tell);
    let dying_ours = Member::ours(&server, "rust-dies", 20, &tell);
    let _theirs = Member::theirs(&server, "python-lives", 0, 0, &tell);
    let _ours = Member::ours(&server, "rust-lives", 0, &tell);

    let (first, count) = (THEIRS.start.to_string(), (THEIRS.end - THEIRS.start).to_string());
    let mut producer = python(&server.url(), "send", &[&count, &first]).spawn().expect("it runs");
    let sender = bus(&server.url()).await;
    let mut sent = 0;
    while sent < AT_LEAST || log.held.len() < 2 {
        assert!(sent < AT_MOST, "a member gets nothing: {log}");
        emit(&sender, sent..sent + 10).await;
        sent += 10;
        // Free members receive the next entries, so that no member receives all.
        let until = Instant::now() + Duration::from_millis(20);
        log.until("a moment is over", |_| Instant::now() > until);
    }
    dying_theirs.kill();
    dying_ours.kill();
    let in_hands = pending(&server, Duration::ZERO);
    emit(&sender, sent..sent + 200).await;
    sent += 200;
    assert!(producer.wait().expect("it ends").success());

    let wanted: BTreeSet<i64> = (0..sent).chain(THEIRS).collect();
    log.until("all is handled", |log| log.all() == wanted);
    log.until("nothing is pending", |_| pending(&server, Duration::ZERO) == 0);
    println!(
        "{in_hands} in members' hands at the kill, {sent} sent by us, {count} by Open edX's producer: {log}"
    );
    for member in ["python-dies", "rust-dies", "python-lives", "rust-lives"] {
        assert!(log.count(member) > 0, "{member}: {log}");
    }
    for (member, number) in &log.held {
        assert!(!log.has(member, *number), "{member} was to die before it had handled {number}");
        let heir = ["python-lives", "rust-lives"].into_iter().find(|heir| log.has(heir, *number));
        println!("what {member} held was handled by {}", heir.expect("a member that lives"));
    }
}

/// Open edX's consumers claim entries of others when they start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_open_edx_takes_over_entries_of_ours() {
    let server = RedisServer::start();
    let (tell, mut log) = Log::new();
    let sender = bus(&server.url()).await;
    emit(&sender, 0..100).await;
    let dying = Member::ours(&server, "rust-dies", 15, &tell);
    log.until("ours holds one", |log| log.held.len() == 1);
    dying.kill();
    let idle = Duration::from_secs(1);
    log.until("all it left is old enough", |_| pending(&server, idle) == pending(&server, Duration::ZERO));
    let left = pending(&server, Duration::ZERO);
    assert!(left > 0, "{log}");

    let _theirs = Member::theirs(&server, "python-lives", 0, idle.as_millis(), &tell);
    log.until("all is handled", |log| log.all() == (0..100).collect());
    log.until("nothing is pending", |_| pending(&server, Duration::ZERO) == 0);
    println!("{left} left behind by ours: {log}");
    assert!(log.has("python-lives", log.held["rust-dies"]), "{log}");

    // The state of our members must not block these entries or redeliver them.
    let before = log.count("python-lives");
    let _ours = Member::ours(&server, "rust-lives", 0, &tell);
    let mut sent = 100;
    while log.count("rust-lives") == 0 || log.count("python-lives") == before {
        assert!(sent < 20_000, "a member gets nothing: {log}");
        emit(&sender, sent..sent + 10).await;
        sent += 10;
        let until = Instant::now() + Duration::from_millis(20);
        log.until("a moment is over", |_| Instant::now() > until);
    }
    log.until("the new ones are handled", |log| log.all() == (0..sent).collect());
    log.until("nothing is pending", |_| pending(&server, Duration::ZERO) == 0);
    println!("then {sent} were sent: {log}");
    let again = log.handled["rust-lives"].iter().find(|number| **number < 100);
    assert_eq!(again, None, "ours got again what theirs had acknowledged: {log}");
}
