//! Open edX's `edx-event-bus-redis` and this crate on one server: each reads the other's entries.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use events_runtime::{Event, EventBus, Signal};
use events_server_tests::RedisServer;
use events_server_tests::openedx::{bus, emit, python};
use events_tests::openedx::SessionLoginCompleted;
use tokio::sync::{mpsc, oneshot};

async fn finish(mut command: Command) -> Output {
    let run =
        tokio::task::spawn_blocking(move || command.spawn().and_then(std::process::Child::wait_with_output));
    let output = run.await.expect("no panic").expect("it runs");
    assert!(output.status.success(), "{output:?}");
    output
}

/// Receives this many events as a member of a group.
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
async fn entries_of_open_edx_are_read_here() {
    let server = RedisServer::start();
    finish(python(&server.url(), "send", &["20"])).await;
    let taken = take(&bus(&server.url()).await, "ours", |taken| taken.len() == 20).await;
    assert_eq!(taken, (0..20).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_written_here_are_read_by_open_edx() {
    let server = RedisServer::start();
    emit(&bus(&server.url()).await, 0..20).await;
    let output = finish(python(&server.url(), "consume", &["theirs", "20"])).await;
    assert_eq!(users(&output), (0..20).collect());
    let first = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned();
    println!("{first}");
    assert!(first.contains("\"source\": \"openedx/lms/web\""), "{first}");

    let mut raw = server.connection();
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
