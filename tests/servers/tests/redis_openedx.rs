//! Open edX's own `edx-event-bus-redis` and ours over one server: each reads what the other wrote,
//! and members of both share a group.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use events_runtime::{Config, Event, EventBus, Hub, Signal};
use events_server_tests::RedisServer;
use events_tests::openedx::{SessionLoginCompleted, user};
use tokio::sync::{mpsc, oneshot};

/// Open edX's program, which `tests/run` installs.
fn python(server: &RedisServer, mode: &str, rest: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(".venv/bin/python");
    assert!(
        python.is_file(),
        "there is no `.venv` with Open edX's packages: run `tests/run redis`, which makes it"
    );
    let mut command = Command::new(python);
    command
        .arg(root.join("tests/interop/redis_peer.py"))
        .args([mode, &server.url(), "dev", "logins"])
        .args(rest);
    command.stdout(Stdio::piped());
    command
}

async fn finish(mut command: Command) -> Output {
    let run =
        tokio::task::spawn_blocking(move || command.spawn().and_then(std::process::Child::wait_with_output));
    let output = run.await.expect("no panic").expect("it runs");
    assert!(output.status.success(), "{output:?}");
    output
}

async fn bus(server: &RedisServer) -> EventBus {
    let config = Config::from_toml(&format!(
        "[service]\nname = 'lms'\ntopic_prefix = 'dev'\n[bus]\nurl = '{}'\n\
         [routes.'org.openedx.learning.auth.session.login.completed.v1']\nlogins = {{ key = 'user.pii.username' }}",
        server.url()
    ));
    EventBus::builder().config(config.expect("a configuration")).hub(Hub::new()).start().await.expect("a bus")
}

async fn emit(bus: &EventBus, numbers: std::ops::Range<i64>) {
    for id in numbers {
        let mut user = user("Bob Föö");
        user.id = id;
        bus.hub().emit(SessionLoginCompleted { user }).delivered().await.expect("it is sent");
    }
}

/// Takes so many events with a member of this group.
async fn take(bus: &EventBus, group: &str, enough: impl Fn(&BTreeSet<i64>) -> bool) -> BTreeSet<i64> {
    let (tell, mut told) = mpsc::unbounded_channel();
    bus.hub().scope(|| {
        Signal::<SessionLoginCompleted>::new().connect(
            "receiver",
            move |event: &Event<SessionLoginCompleted>| {
                assert_eq!(event.user.pii.name, "Bob Föö");
                assert_eq!(event.metadata().source(), "openedx/lms/web");
                let _ = tell.send(event.user.id);
            },
        )
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let consume = bus.consume("logins").group(group);
    let running = tokio::spawn(async move { consume.run_until(async { drop(stopped.await) }).await });
    let mut taken = BTreeSet::new();
    while !enough(&taken) {
        taken.insert(told.recv().await.expect("the receiver is there"));
    }
    drop(stop);
    let consumed = running.await.expect("no panic").expect("it consumes");
    assert_eq!((consumed.dead_lettered, consumed.skipped), (0, 0));
    taken
}

fn users(output: &Output) -> BTreeSet<i64> {
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |line: &str| line.split_once("\"user\": ")?.1.split_once(',')?.0.parse().ok();
    text.lines().map(|line| number(line).expect("a line of the consumer")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_open_edx_wrote_is_read_here() {
    let server = RedisServer::start();
    finish(python(&server, "send", &["20"])).await;
    let taken = take(&bus(&server).await, "ours", |taken| taken.len() == 20).await;
    assert_eq!(taken, (0..20).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_here_is_read_by_open_edx() {
    let server = RedisServer::start();
    emit(&bus(&server).await, 0..20).await;
    let output = finish(python(&server, "consume", &["theirs", "20"])).await;
    assert_eq!(users(&output), (0..20).collect());
    let first = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
    println!("{first}");
    assert!(first.contains("\"source\": \"openedx/lms/web\""), "{first}");

    let mut raw = redis::Client::open(server.url()).expect("a URL").get_connection().expect("it answers");
    let entries: Vec<(String, Vec<Vec<u8>>)> = redis::cmd("XRANGE")
        .arg("dev-logins")
        .arg("-")
        .arg("+")
        .arg("COUNT")
        .arg(1)
        .query(&mut raw)
        .expect("entries");
    let names: Vec<_> =
        entries[0].1.iter().step_by(2).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let wanted = ["type", "id", "source", "time", "minorversion", "sourcehost", "sourcelib", "event_data"];
    assert_eq!(names[..8], wanted);
    println!("fields behind them: {:?}", &names[8..]);
    assert!(names[8..].contains(&"key".to_owned()) && names[8..].contains(&"schemafp".to_owned()));
}

/// Nothing is lost, whoever takes it, and Redis's own list of what is pending is empty then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_both_share_a_group() {
    let server = RedisServer::start();
    // A bus of its own: what is emitted runs the receivers of its hub at once.
    let (sender, bus) = (bus(&server).await, bus(&server).await);
    emit(&sender, 0..10).await;
    let mut theirs = python(&server, "consume", &["shared", "25"]).spawn().expect("it runs");
    let (url, mut lines) = (server.url(), BTreeSet::new());
    // So that both are members before most of it is sent.
    events_tests::until(|| async {
        let transport =
            events_runtime::transport::connect(&url, &events_runtime::transport::ConnectOptions::new())
                .expect("a URL");
        let topic = events_runtime::transport::Topic::new("dev-logins").expect("a name");
        transport.groups(&topic).await.is_ok_and(|groups| groups.iter().any(|group| group.lag == 0))
    })
    .await;
    let sending = tokio::spawn(async move { emit(&sender, 10..400).await });
    let taken = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        let read = tokio::task::spawn_blocking(move || {
            let output = std::io::read_to_string(theirs.stdout.take().expect("its output"));
            theirs.wait().expect("it ends");
            output.expect("text")
        });
        // Theirs ends after 25, ours takes the rest.
        let ours = take(&bus, "shared", |taken| taken.len() == 375).await;
        let text = read.await.expect("no panic");
        lines.extend(
            text.lines()
                .filter_map(|line| line.split_once("\"user\": ")?.1.split_once(',')?.0.parse::<i64>().ok()),
        );
        ours
    })
    .await
    .expect("all is taken");
    sending.await.expect("no panic");
    println!("{} were theirs, {} ours", lines.len(), taken.len());
    let all: BTreeSet<i64> = taken.union(&lines).copied().collect();
    let both: Vec<_> = taken.intersection(&lines).collect();
    assert!(both.is_empty(), "{both:?} came to both");
    assert_eq!(all, (0..400).collect());
}
