//! The settings of librdkafka for each client.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use super::context::Context;
use super::properties::{Property, Role};
use super::tokens::TokenProvider;

/// What this transport sets, unless the URL sets another value.
const DEFAULTS: &[(&str, &str)] = &[
    // librdkafka doubles the wait up to 10 s: a broker that restarts in 3 s would be missed for 10 s.
    ("reconnect.backoff.ms", "50"),
    ("reconnect.backoff.max.ms", "500"),
    // A connection that a firewall dropped is noticed without traffic.
    ("socket.keepalive.enable", "true"),
    // A partition that was added is found within a minute, not five.
    ("topic.metadata.refresh.interval.ms", "60000"),
    // A topic is created by `create_topics` only, with its partitions and replication, never by a request for
    // metadata.
    ("allow.auto.create.topics", "false"),
    // The log goes to `tracing` once the client exists; before that it would go to stderr.
    ("log_level", "0"),
    // The broker would get the names and the counts of this client.
    ("enable.metrics.push", "false"),
];

const PRODUCER_DEFAULTS: &[(&str, &str)] = &[
    // A request that is sent again is stored once, in its place.
    ("enable.idempotence", "true"),
    // An error that would leave a gap stops the client: no later message of a key is stored after a failed one.
    ("enable.gapless.guarantee", "true"),
    // Every replica in sync has an acknowledged message.
    ("request.required.acks", "all"),
    // No message fails alone by time, since later ones of its key would be stored. `retry_for` fails all.
    ("message.timeout.ms", "0"),
    // A second of messages at full speed. More wait in the transport, which has a limit of its own.
    ("queue.buffering.max.messages", "100000"),
    // A batch is as large as what gathers in 5 ms: ten times fewer requests, and no wait that is noticed.
    ("queue.buffering.max.ms", "5"),
    // The limit is the topic's `max.message.bytes`. Brokers close the connection at 100 MB
    // (`socket.request.max.bytes`), and the client would try that record again for ever.
    ("message.max.bytes", "94371840"),
    // A topic that was deleted is reported while its messages are still wanted.
    ("topic.metadata.propagation.max.ms", "5000"),
    // CRC32 of the key: programs with librdkafka, such as Open edX's, put a key into the same partition.
    ("partitioner", "consistent_random"),
];

const CONSUMER_DEFAULTS: &[(&str, &str)] = &[
    // Offsets are committed when their messages are settled.
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // Each partition has a queue of its own: what is fetched ahead, beside one response. It is looked at again soon
    // after it was full, not after a second.
    ("queued.max.messages.kbytes", "2048"),
    ("fetch.queue.backoff.ms", "10"),
];

/// The default of `transaction.timeout.ms`. Brokers abort a transaction that is open for longer: that of a dead member
/// holds back readers until then. A leader or coordinator that fails is replaced in 10 s, within the same transaction.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(20);
/// The default of `session.timeout.ms`, and of the brokers' `group.consumer.session.timeout.ms`.
const SESSION: Duration = Duration::from_secs(45);
/// The default of `batch.size` in librdkafka.
const BATCH_BYTES: usize = 1_000_000;

/// The settings of all clients of a transport.
pub(crate) struct ClientSettings {
    brokers: String,
    timeout: Duration,
    /// From the URL, by their names without aliases.
    own: BTreeMap<&'static str, String>,
    tokens: Option<TokenProvider>,
}

/// Shows the names only: values may be secrets.
impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings")
            .field("brokers", &self.brokers)
            .field("own", &self.own.keys())
            .finish_non_exhaustive()
    }
}

impl ClientSettings {
    pub(crate) const fn new(
        brokers: String,
        timeout: Duration,
        own: BTreeMap<&'static str, String>,
        tokens: Option<TokenProvider>,
    ) -> Self {
        Self { brokers, timeout, own, tokens }
    }

    /// How long a call waits for the cluster.
    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The value that the URL sets.
    pub(crate) fn own(&self, name: &str) -> Option<&str> {
        self.own.get(name).map(String::as_str)
    }

    /// How long a transaction may be open.
    pub(crate) fn transaction_timeout(&self) -> Duration {
        let own = self.own("transaction.timeout.ms").and_then(|text| text.parse().ok());
        own.map_or(TRANSACTION_TIMEOUT, Duration::from_millis)
    }

    /// After which time the brokers drop a member that is silent.
    pub(crate) fn session(&self) -> Duration {
        let own = self.own("session.timeout.ms").and_then(|text| text.parse().ok());
        own.map_or(SESSION, Duration::from_millis)
    }

    /// The limit of a batch, in bytes.
    pub(crate) fn batch_bytes(&self) -> usize {
        let number = |name| self.own(name).and_then(|text| text.parse().ok());
        let (batch, message) = (number("batch.size"), number("message.max.bytes"));
        batch.unwrap_or(BATCH_BYTES).min(message.unwrap_or(usize::MAX))
    }

    /// Whether batches are compressed.
    pub(crate) fn is_compressed(&self) -> bool {
        self.own("compression.codec").is_some_and(|codec| codec != "none")
    }

    /// The settings of a producer.
    pub(crate) fn producer(&self) -> ClientConfig {
        self.client(Role::Producer, PRODUCER_DEFAULTS)
    }

    /// The settings of a member of this group.
    pub(crate) fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client(Role::Consumer, CONSUMER_DEFAULTS);
        config.set("group.id", group);
        config
    }

    /// The settings of rdkafka's `AdminClient`, which never serves its log and its errors: they are switched off, or
    /// they would gather.
    pub(crate) fn admin(&self) -> ClientConfig {
        let mut config = self.client(Role::Any, &[]);
        config.set_log_level(RDKafkaLogLevel::Emerg);
        config
    }

    /// The context of a client.
    pub(crate) fn context(&self) -> Context {
        Context::new(self.tokens.clone())
    }

    fn client(&self, role: Role, defaults: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        for (name, value) in DEFAULTS.iter().chain(defaults) {
            config.set(*name, *value);
        }
        // A leader that is paused holds a request until it times out. The brokers elect another leader after 9 s
        // (`broker.session.timeout.ms`): a shorter timeout finds it at once.
        let timeout = self.timeout.as_millis();
        config.set("socket.timeout.ms", timeout.clamp(1_000, 300_000).to_string());
        config.set("socket.connection.setup.timeout.ms", timeout.max(1_000).to_string());
        if role == Role::Producer {
            config.set("request.timeout.ms", timeout.clamp(1_000, 900_000).to_string());
        }
        for (name, value) in &self.own {
            if Property::find(name).is_some_and(|property| property.is_for(role)) {
                config.set(*name, value);
            }
        }
        config.set_log_level(if self.own.contains_key("debug") {
            RDKafkaLogLevel::Debug
        } else {
            RDKafkaLogLevel::Info
        });
        config
    }
}

/// Whether librdkafka knows a setting.
#[cfg(test)]
pub(crate) fn knows(name: &str) -> bool {
    use rdkafka::error::KafkaError::ClientConfig as Rejected;
    use rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN;
    let created = ClientConfig::new().set(name, "").create_native_config();
    !matches!(created.err(), Some(Rejected(RD_KAFKA_CONF_UNKNOWN, ..)))
}
