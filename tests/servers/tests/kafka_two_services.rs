//! The two services of the example over three transports: only the URL changes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use events_server_tests::{KafkaServer, RedisServer};

const EVENTS: usize = 2_000;
/// The longest time until everything is billed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder of the built services.
fn services() -> PathBuf {
    // The folder that this test was built in: a build with the same settings only links.
    let test = std::env::current_exe().expect("the test's own path");
    let profile = test.parent().and_then(Path::parent).expect("target/debug/deps").to_owned();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", "events-examples", "--bin", "shop", "--bin", "billing"])
        .args(["--features", "redis,kafka", "--target-dir"])
        .arg(profile.parent().expect("target"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .status();
    assert!(built.expect("cargo starts").success(), "the services can't be built");
    profile
}

/// A running service, killed if the test fails, and the file with its output.
struct Service {
    process: Child,
    output: PathBuf,
}

impl Service {
    fn start(program: &Path, arguments: &[&str], url: &str, folder: &Path) -> Self {
        let output = folder.join(program.file_name().expect("a name"));
        let file = std::fs::File::create(&output).expect("the file is created");
        let process = Command::new(program)
            .args(arguments)
            .env("EVENTS_BUS__URL", url)
            .stdout(Stdio::from(file))
            .spawn()
            .expect("the service starts");
        Self { process, output }
    }

    /// The complete lines that it has printed, in words.
    fn lines(&self) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(&self.output).expect("the output is text");
        let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
        complete.lines().map(|line| line.split(' ').map(ToOwned::to_owned).collect()).collect()
    }

    fn interrupt(&mut self) {
        let sent = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        assert!(sent.expect("`kill` runs").success(), "the service runs");
        assert!(self.process.wait().expect("its status").success(), "the service ends without an error");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Each placed order is billed, in the order of its customer.
fn every_order_is_billed_in_order(services: &Path, url: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut billing = Service::start(&services.join("billing"), &[], url, folder.path());
    let mut shop = Service::start(&services.join("shop"), &[&EVENTS.to_string()], url, folder.path());
    assert!(shop.process.wait().expect("its status").success(), "{url}: the shop failed");
    let placed: Vec<_> = shop.lines().into_iter().map(|line| line[1..].to_vec()).collect();
    assert_eq!(placed.len(), EVENTS, "{url}");

    let started = Instant::now();
    while billing.lines().len() < EVENTS {
        assert!(started.elapsed() < PATIENCE, "{url}: {} of {EVENTS} are billed", billing.lines().len());
        std::thread::sleep(Duration::from_millis(20));
    }
    billing.interrupt();
    let of_customers = |orders: Vec<Vec<String>>| {
        let mut by_customer: HashMap<String, Vec<Vec<String>>> = HashMap::new();
        for order in orders {
            by_customer.entry(order[1].clone()).or_default().push(order);
        }
        by_customer
    };
    let billed = billing.lines().into_iter().map(|line| line[1..].to_vec()).collect();
    assert_eq!(of_customers(billed), of_customers(placed), "{url}");
}

#[test]
fn one_url_moves_the_services_from_sqlite_to_redis_to_kafka() {
    let services = services();
    let folder = tempfile::tempdir().expect("a temporary folder");
    every_order_is_billed_in_order(&services, &format!("sqlite:{}/orders.db", folder.path().display()));
    every_order_is_billed_in_order(&services, &RedisServer::start().url());
    let kafka = KafkaServer::start();
    let url = format!("{}?create_topics=true&partitions=3", kafka.url());
    every_order_is_billed_in_order(&services, &url);
}
