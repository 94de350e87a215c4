//! Clusters of brokers for tests.

use super::broker::Broker;
use super::settings::Ports;

/// Three brokers, each with a copy of every partition; two copies must be stored before a message counts as
/// sent.
#[derive(Debug)]
pub struct KafkaCluster {
    brokers: Vec<Broker>,
}

impl KafkaCluster {
    /// The number of brokers.
    pub const BROKERS: usize = 3;

    /// Starts the brokers.
    #[must_use]
    pub fn start() -> Self {
        let ports: Vec<_> = (0..Self::BROKERS).map(|_| Ports::plain()).collect();
        let mut brokers: Vec<_> = (1..=Self::BROKERS).map(|id| Broker::new(id, &ports, &[])).collect();
        brokers.iter_mut().for_each(Broker::spawn);
        brokers.iter_mut().for_each(Broker::until_ready);
        Self { brokers }
    }

    /// The URL, which lists all brokers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("kafka://{}", self.bootstrap())
    }

    /// The addresses of all brokers.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<_> =
            self.brokers.iter().map(|broker| format!("127.0.0.1:{}", broker.ports().plain)).collect();
        addresses.join(",")
    }

    /// Kills a broker, from 0, as in a power failure, and waits until its process is gone.
    pub fn kill(&mut self, broker: usize) {
        self.brokers[broker].kill();
    }

    /// Terminates a broker, which first hands its partitions and groups to the others, and waits for its exit.
    pub fn stop(&mut self, broker: usize) {
        self.brokers[broker].stop();
    }

    /// Restarts a broker with its ports and data, unless it is running.
    pub fn start_again(&mut self, broker: usize) {
        self.brokers[broker].start_again();
    }

    /// Sends a signal to a broker, such as `STOP` or `CONT`.
    pub fn signal(&self, broker: usize, name: &str) {
        self.brokers[broker].signal(name);
    }
}
