//! Consumers of Open edX and of this crate share a group of Kafka.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::mpsc::Sender;
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, Subscription, Topic, connect};
use events_server_tests::kafka::create_topic;
use events_server_tests::mixed_group::{Log, Member, Told};
use events_server_tests::openedx::{FULL_TOPIC, KEYS, bus, emit, kafka_python};
use events_server_tests::{KafkaServer, RegistryServer};

const GROUP: &str = "shared";
const PARTITIONS: i32 = 8;
/// The members compute the assignment, by a strategy that those of Open edX have too.
const STRATEGY: &str =
    "partition.assignment.strategy=range,roundrobin&session.timeout.ms=6000&heartbeat.interval.ms=500";
/// The broker computes the assignment, also for members that don't know this.
const BROKER: &str = "group_protocol=consumer";
/// The logins that Open edX's producer sends.
const THEIRS: std::ops::Range<i64> = 100_000..100_400;

struct Servers {
    broker: KafkaServer,
    registry: RegistryServer,
}

impl Servers {
    /// With a group at the start of the topic: a member of Open edX skips what is in a partition without an offset.
    /// Its `offset_time` commits nothing for an empty partition; a first member of ours commits the start of each.
    async fn start() -> Self {
        let servers = Self { broker: KafkaServer::start(), registry: RegistryServer::start() };
        create_topic(&servers.broker, FULL_TOPIC, PARTITIONS).await;
        let transport = connect(&servers.url(), &ConnectOptions::new()).expect("a URL");
        let group = Subscription::new(FULL_TOPIC.parse().expect("a name"), GROUP.parse().expect("a name"));
        let first = transport.consumer(group).await.expect("a member");
        first.close().await.expect("it leaves");
        servers
    }

    fn python(&self, mode: &str, rest: &[&str]) -> Command {
        kafka_python(&self.broker, &self.registry, mode, rest)
    }

    fn url(&self) -> String {
        format!("{}?registry={}", self.broker.url(), self.registry.url())
    }

    fn theirs(&self, name: &'static str, fail: &[&str], tell: &Sender<Told>) -> Member {
        Member::start(self.python("member", &[&[GROUP], fail].concat()), name, tell)
    }

    fn ours(&self, name: &'static str, protocol: &str, hold: usize, tell: &Sender<Told>) -> Member {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logins_member"));
        let url = format!("{}&{protocol}", self.url());
        command.args([&url, GROUP, name, &hold.to_string()]);
        Member::start(command, name, tell)
    }

    /// The number of messages that the group has not settled.
    async fn lag(&self) -> u64 {
        let transport = connect(&self.url(), &ConnectOptions::new()).expect("a URL");
        let groups = transport.groups(&Topic::new(FULL_TOPIC).expect("a name")).await.expect("the groups");
        groups.iter().find(|group| group.group.as_str() == GROUP).expect("the group").lag
    }

    async fn until_all_is_settled(&self) {
        events_tests::until(|| async { self.lag().await == 0 }).await;
    }
}

/// Whether each member handled the logins of each key in their order.
fn in_order(log: &Log) -> bool {
    log.handled.values().all(|handled| {
        let mut last = BTreeMap::new();
        // The two producers count apart.
        handled.iter().all(|number| {
            let before = last.insert((number % KEYS, *number >= THEIRS.start), *number);
            before.is_none_or(|before| before < *number)
        })
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_both_kinds_with_one_strategy_share_a_group_and_handle_each_login_once() {
    share(STRATEGY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_both_protocols_share_a_group_and_handle_each_login_once() {
    share(BROKER).await;
}

async fn share(protocol: &str) {
    let servers = Servers::start().await;
    let (tell, mut log) = Log::new();
    let theirs = servers.theirs("python", &[], &tell);
    let _theirs = servers.theirs("python-lives", &[], &tell);
    let ours = servers.ours("rust", protocol, 0, &tell);
    let _ours = servers.ours("rust-lives", protocol, 0, &tell);
    // Four members of eight partitions.
    let has_two = |log: &Log, name| log.partitions.get(name) == Some(&2);
    log.until("all have joined", |log| has_two(log, "python") && has_two(log, "python-lives"));

    let (first, count) = (THEIRS.start.to_string(), (THEIRS.end - THEIRS.start).to_string());
    let mut producer = servers.python("send", &[&count, &first]).spawn().expect("it runs");
    let sender = bus(&servers.url()).await;
    emit(&sender, 0..400).await;
    assert!(producer.wait().expect("it ends").success());
    let wanted: BTreeSet<i64> = (0..400).chain(THEIRS).collect();
    log.until("all is handled", |log| log.all() == wanted);
    servers.until_all_is_settled().await;
    println!("four members: {log}");
    assert_eq!(log.times(), wanted.len(), "{log}");
    for member in ["python", "python-lives", "rust", "rust-lives"] {
        assert!(log.count(member) > 0, "{member}: {log}");
    }
    assert!(in_order(&log));

    // One of each kind leaves: what it acknowledged does not come again.
    theirs.leave();
    ours.leave();
    emit(&sender, 400..800).await;
    let wanted: BTreeSet<i64> = (0..800).chain(THEIRS).collect();
    log.until("all is handled", |log| log.all() == wanted);
    servers.until_all_is_settled().await;
    println!("two members: {log}");
    assert_eq!(log.times(), wanted.len(), "{log}");
    assert!(in_order(&log));
}

/// A member of ours dies while it holds a login. What it settled behind that login is in its commit, and a member
/// of Open edX can't read it: such logins may come again, and none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_open_edx_takes_over_from_a_killed_one_of_ours() {
    let servers = Servers::start().await;
    let (tell, mut log) = Log::new();
    let sender = bus(&servers.url()).await;
    emit(&sender, 0..100).await;
    let dying = servers.ours("rust-dies", STRATEGY, 15, &tell);
    log.until("ours holds one", |log| log.held.len() == 1);
    dying.kill();
    let _theirs = servers.theirs("python-lives", &[], &tell);
    log.until("all is handled", |log| log.all() == (0..100).collect());
    servers.until_all_is_settled().await;
    println!("{log}");
    assert!(log.has("python-lives", log.held["rust-dies"]), "{log}");
    assert!(log.times() < 200, "{log}");

    // The offsets that the other kind committed, without the state of ours, are where ours goes on.
    let _ours = servers.ours("rust-lives", STRATEGY, 0, &tell);
    let mut sent = 100;
    while log.count("rust-lives") == 0 {
        assert!(sent < 20_000, "a member gets nothing: {log}");
        emit(&sender, sent..sent + 10).await;
        sent += 10;
        log.pause(Duration::from_millis(20));
    }
    log.until("the new ones are handled", |log| log.all() == (0..sent).collect());
    servers.until_all_is_settled().await;
    println!("then {sent} were sent: {log}");
    let again = log.handled["rust-lives"].iter().find(|number| **number < 100);
    assert_eq!(again, None, "ours got again what theirs had committed: {log}");
}

/// The reason why a group should have members of one kind: Open edX's commit whatever happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_receiver_of_open_edx_fails_never_comes_to_ours() {
    let servers = Servers::start().await;
    let (tell, mut log) = Log::new();
    let sender = bus(&servers.url()).await;
    let theirs = servers.theirs("python", &["7"], &tell);
    emit(&sender, 0..20).await;
    log.until("theirs has them", |log| log.count("python") == 19 && log.failed.contains_key("python"));
    servers.until_all_is_settled().await;
    theirs.leave();
    let _ours = servers.ours("rust", STRATEGY, 0, &tell);
    emit(&sender, 20..40).await;
    log.until("the new ones are handled", |log| log.all() == (0..40).filter(|number| *number != 7).collect());
    servers.until_all_is_settled().await;
    assert!(!log.has("rust", 7), "{log}");
}
