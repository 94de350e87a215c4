//! Kafka brokers for tests.

mod broker;
mod certificates;
mod cluster;
mod kills;
mod raw;
mod records;
mod settings;

use std::path::PathBuf;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

pub use certificates::Certificates;
pub use cluster::KafkaCluster;
pub use kills::{Killed, Kills};
pub use raw::{RawRecord, store_raw};
pub use records::{CommittedRecord, HeldBack, Readers, committed_records};

use self::broker::Broker;
use self::settings::Ports;
use crate::free_port;

/// The user of the listeners with SASL, and its password.
pub const USER: (&str, &str) = ("alice", "alice-secret");

/// One broker with a data folder of its own.
///
/// A topic has three partitions unless its creator says otherwise.
#[derive(Debug)]
pub struct KafkaServer(Broker);

impl KafkaServer {
    /// Starts a broker without data and without security.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a broker without data, with additional properties.
    #[must_use]
    pub fn with(properties: &[(&str, &str)]) -> Self {
        Self::of(&Ports::plain(), properties)
    }

    /// Starts a broker that also listens with TLS, SASL and both, and asks for a client's certificate on one
    /// of its ports.
    #[must_use]
    pub fn secured() -> Self {
        Self::secured_with(&[])
    }

    /// As [`secured`](Self::secured), with additional properties.
    #[must_use]
    pub fn secured_with(properties: &[(&str, &str)]) -> Self {
        Self::of(&Ports::secured(), properties)
    }

    /// Starts a broker whose clients reach it through `advertised`, the port of a proxy before `port`.
    #[must_use]
    pub fn behind(port: u16, advertised: u16) -> Self {
        Self::of(&Ports::behind(port, advertised), &[])
    }

    fn of(ports: &Ports, properties: &[(&str, &str)]) -> Self {
        let mut broker = Broker::new(1, std::slice::from_ref(ports), properties);
        broker.start_again();
        Self(broker)
    }

    /// The URL of the listener without security.
    #[must_use]
    pub fn url(&self) -> String {
        format!("kafka://{}", self.bootstrap())
    }

    /// The address of the listener without security, also while the broker is down.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.0.ports().advertised)
    }

    /// The port of the listener without security.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.ports().plain
    }

    /// The port of the listener with TLS.
    ///
    /// # Panics
    /// If the server is not [`secured`](Self::secured), as the others of its kind.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.0.ports().secure().tls
    }

    /// The port of the listener with SASL and TLS: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, of [`USER`].
    #[must_use]
    pub fn sasl_tls_port(&self) -> u16 {
        self.0.ports().secure().sasl_tls
    }

    /// The port of the listener with SASL without TLS.
    #[must_use]
    pub fn sasl_port(&self) -> u16 {
        self.0.ports().secure().sasl
    }

    /// The port of the listener with TLS that asks for a client's certificate.
    #[must_use]
    pub fn mutual_tls_port(&self) -> u16 {
        self.0.ports().secure().mutual
    }

    /// Restarts the broker with its ports and data, unless it is running.
    pub fn start_again(&mut self) {
        self.0.start_again();
    }

    /// Kills the broker, as in a power failure, and waits until its process is gone.
    pub fn kill(&mut self) {
        self.0.kill();
    }

    /// Terminates the broker and waits for its exit.
    pub fn stop(&mut self) {
        self.0.stop();
    }

    /// Sends a signal to the broker, such as `STOP` or `CONT`.
    ///
    /// # Panics
    /// If the broker is not running.
    pub fn signal(&self, name: &str) {
        self.0.signal(name);
    }

    /// The process of the broker.
    ///
    /// # Panics
    /// If the broker is not running.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.0.process()
    }

    /// What the broker has logged since its last start.
    #[must_use]
    pub fn log(&self) -> String {
        self.0.log()
    }

    /// The folder of the jars, for Kafka's own tools.
    #[must_use]
    pub fn jars() -> PathBuf {
        broker::jars()
    }
}

/// Ports that no other test uses.
fn ports<const COUNT: usize>() -> [u16; COUNT] {
    std::array::from_fn(|_| free_port())
}

/// Creates a topic with so many partitions and one replica.
///
/// # Panics
/// If the broker refuses it.
pub async fn create_topic(server: &KafkaServer, name: &str, partitions: i32) {
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", server.bootstrap());
    let admin: AdminClient<DefaultClientContext> = settings.create().expect("a client");
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    let created = admin.create_topics([&topic], &options).await.expect("an answer");
    assert_eq!(created, [Ok(name.to_owned())]);
}
