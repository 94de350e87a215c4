//! Consumers of Open edX and of this crate share a group, and some are killed while they hold entries.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::mpsc::Sender;
use std::time::Duration;

use events_server_tests::RedisServer;
use events_server_tests::mixed_group::{Log, Member, Told};
use events_server_tests::openedx::{FULL_TOPIC, bus, emit, python};

const GROUP: &str = "shared";
/// The age at which our members take over entries of others. Open edX's do so when they start.
const CLAIM: Duration = Duration::from_secs(3);

fn theirs(server: &RedisServer, name: &'static str, hold: usize, claim: u128, tell: &Sender<Told>) -> Member {
    let (hold, claim) = (hold.to_string(), claim.to_string());
    Member::start(python(&server.url(), "member", &[GROUP, name, &hold, &claim]), name, tell)
}

fn ours(server: &RedisServer, name: &'static str, hold: usize, tell: &Sender<Told>) -> Member {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logins_member"));
    let url = format!("{}?claim_msgs_older_than={}ms", server.url(), CLAIM.as_millis());
    command.args([&url, GROUP, name, &hold.to_string()]);
    Member::start(command, name, tell)
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
    let dying_theirs = theirs(&server, "python-dies", 20, 0, &tell);
    let dying_ours = ours(&server, "rust-dies", 20, &tell);
    let _theirs = theirs(&server, "python-lives", 0, 0, &tell);
    let _ours = ours(&server, "rust-lives", 0, &tell);

    let (first, count) = (THEIRS.start.to_string(), (THEIRS.end - THEIRS.start).to_string());
    let mut producer = python(&server.url(), "send", &[&count, &first]).spawn().expect("it runs");
    let sender = bus(&server.url()).await;
    let mut sent = 0;
    while sent < AT_LEAST || log.held.len() < 2 {
        assert!(sent < AT_MOST, "a member gets nothing: {log}");
        emit(&sender, sent..sent + 10).await;
        sent += 10;
        // Free members receive the next entries, so that no member receives all.
        log.pause(Duration::from_millis(20));
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
    let dying = ours(&server, "rust-dies", 15, &tell);
    log.until("ours holds one", |log| log.held.len() == 1);
    dying.kill();
    let idle = Duration::from_secs(1);
    log.until("all it left is old enough", |_| pending(&server, idle) == pending(&server, Duration::ZERO));
    let left = pending(&server, Duration::ZERO);
    assert!(left > 0, "{log}");

    let _theirs = theirs(&server, "python-lives", 0, idle.as_millis(), &tell);
    log.until("all is handled", |log| log.all() == (0..100).collect());
    log.until("nothing is pending", |_| pending(&server, Duration::ZERO) == 0);
    println!("{left} left behind by ours: {log}");
    assert!(log.has("python-lives", log.held["rust-dies"]), "{log}");

    // The state of our members must not block these entries or redeliver them.
    let before = log.count("python-lives");
    let _ours = ours(&server, "rust-lives", 0, &tell);
    let mut sent = 100;
    while log.count("rust-lives") == 0 || log.count("python-lives") == before {
        assert!(sent < 20_000, "a member gets nothing: {log}");
        emit(&sender, sent..sent + 10).await;
        sent += 10;
        log.pause(Duration::from_millis(20));
    }
    log.until("the new ones are handled", |log| log.all() == (0..sent).collect());
    log.until("nothing is pending", |_| pending(&server, Duration::ZERO) == 0);
    println!("then {sent} were sent: {log}");
    let again = log.handled["rust-lives"].iter().find(|number| **number < 100);
    assert_eq!(again, None, "ours got again what theirs had acknowledged: {log}");
}
