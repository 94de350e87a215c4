//! Open edX's `edx-event-bus-redis` and this crate on one server: each reads the other's entries.

use events_server_tests::RedisServer;
use events_server_tests::openedx::{bus, emit, finish, python, take, users};

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
