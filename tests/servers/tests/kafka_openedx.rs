//! Open edX's `edx-event-bus-kafka` and this crate on one broker and one registry: each reads the other's records.

use std::time::Duration;

use events_server_tests::kafka::create_topic;
use events_server_tests::openedx::{FULL_TOPIC, bus, emit, finish, kafka_python, take, users};
use events_server_tests::{KafkaServer, RegistryServer};
use jiff::Timestamp;

/// Before all events.
const EARLIER: &str = "2000-01-01T00:00:00+00:00";

struct Servers {
    broker: KafkaServer,
    registry: RegistryServer,
}

impl Servers {
    async fn start() -> Self {
        let servers = Self { broker: KafkaServer::start(), registry: RegistryServer::start() };
        create_topic(&servers.broker, FULL_TOPIC, 4).await;
        servers
    }

    fn url(&self) -> String {
        format!("{}?registry={}", self.broker.url(), self.registry.url())
    }

    fn python(&self, mode: &str, rest: &[&str]) -> std::process::Command {
        kafka_python(&self.broker, &self.registry, mode, rest)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_open_edx_are_read_here() {
    let servers = Servers::start().await;
    finish(servers.python("send", &["20"])).await;
    let taken = take(&bus(&servers.url()).await, "ours", |taken| taken.len() == 20).await;
    assert_eq!(taken, (0..20).collect());
}

/// Without `offset_time`, a group of Open edX starts behind the last record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_written_here_are_read_by_open_edx() {
    let servers = Servers::start().await;
    emit(&bus(&servers.url()).await, 0..20).await;
    finish(servers.python("reset", &["theirs", EARLIER])).await;
    let output = finish(servers.python("consume", &["theirs", "20"])).await;
    assert_eq!(users(&output), (0..20).collect());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("\"source\": \"openedx/lms/web\""), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_has_the_headers_of_open_edx_in_its_order_and_then_ours() {
    let servers = Servers::start().await;
    emit(&bus(&servers.url()).await, 0..1).await;
    let output = finish(servers.python("records", &[])).await;
    let text = String::from_utf8_lossy(&output.stdout);
    let names: Vec<_> = text.split("[\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect();
    let wanted = [
        "ce_specversion",
        "content-type",
        "ce_datacontenttype",
        "ce_type",
        "ce_id",
        "ce_source",
        "ce_time",
        "ce_minorversion",
        "sourcehost",
        "sourcelib",
    ];
    assert_eq!(names[..10], wanted);
    assert_eq!(names[10..], ["ce_schemafp", "ce_schemaid"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offset_time_moves_a_group_at_each_start_as_open_edx_does() {
    let servers = Servers::start().await;
    let sender = bus(&servers.url()).await;
    emit(&sender, 0..20).await;
    take(&bus(&servers.url()).await, "ours", |taken| taken.len() == 20).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let time = Timestamp::now();
    emit(&sender, 20..40).await;
    take(&bus(&servers.url()).await, "ours", |taken| taken.len() == 20).await;

    let url = format!("{}&offset_time={time}", servers.url());
    let again = take(&bus(&url).await, "ours", |taken| taken.len() == 20).await;
    assert_eq!(again, (20..40).collect());

    let at = time.to_string().replace('Z', "+00:00");
    finish(servers.python("reset", &["theirs", &at])).await;
    let output = finish(servers.python("consume", &["theirs", "20"])).await;
    assert_eq!(users(&output), again);
}

/// What Open edX's program resets is where ours goes on: both keep a group's place as the broker's offsets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_open_edx_goes_on_as_a_group_of_ours() {
    let servers = Servers::start().await;
    finish(servers.python("send", &["10"])).await;
    finish(servers.python("reset", &["moving", EARLIER])).await;
    let output = finish(servers.python("consume", &["moving", "10"])).await;
    assert_eq!(users(&output), (0..10).collect());
    finish(servers.python("send", &["10", "10"])).await;
    let taken = take(&bus(&servers.url()).await, "moving", |taken| taken.len() >= 10).await;
    assert_eq!(taken, (10..20).collect());
    emit(&bus(&servers.url()).await, 20..30).await;
    let output = finish(servers.python("consume", &["moving", "10"])).await;
    assert_eq!(users(&output), (20..30).collect());
}
