//! The properties of a broker.

use std::fmt::Write as _;
use std::path::Path;

use super::{Certificates, USER, ports};

/// The ports of a broker.
#[derive(Debug, Clone)]
pub(super) struct Ports {
    pub(super) plain: u16,
    /// The port that clients are told instead of `plain`.
    pub(super) advertised: u16,
    between: u16,
    controller: u16,
    secure: Option<SecurePorts>,
}

/// The ports of the listeners with TLS or SASL.
#[derive(Debug, Clone)]
pub(super) struct SecurePorts {
    pub(super) tls: u16,
    pub(super) sasl_tls: u16,
    pub(super) sasl: u16,
    pub(super) mutual: u16,
}

impl Ports {
    pub(super) fn plain() -> Self {
        let [plain, between, controller] = ports();
        Self { plain, advertised: plain, between, controller, secure: None }
    }

    /// Clients reach `plain` through `advertised`.
    pub(super) fn behind(plain: u16, advertised: u16) -> Self {
        Self { plain, advertised, ..Self::plain() }
    }

    pub(super) fn secured() -> Self {
        let [tls, sasl_tls, sasl, mutual] = ports();
        Self { secure: Some(SecurePorts { tls, sasl_tls, sasl, mutual }), ..Self::plain() }
    }

    pub(super) fn secure(&self) -> &SecurePorts {
        self.secure.as_ref().expect("a server with TLS and SASL: `KafkaServer::secured`")
    }

    /// All ports but the controller's.
    pub(super) fn of_clients(&self) -> Vec<u16> {
        self.listeners().into_iter().map(|(_, _, port, _)| port).collect()
    }

    /// The listeners of clients and of other brokers: name, protocol, port, advertised port.
    fn listeners(&self) -> Vec<(&'static str, &'static str, u16, u16)> {
        let mut listeners = vec![
            ("PLAINTEXT", "PLAINTEXT", self.plain, self.advertised),
            ("BETWEEN", "PLAINTEXT", self.between, self.between),
        ];
        if let Some(SecurePorts { tls, sasl_tls, sasl, mutual }) = self.secure {
            listeners.extend([
                ("SSL", "SSL", tls, tls),
                ("SASL_SSL", "SASL_SSL", sasl_tls, sasl_tls),
                ("SASL_PLAINTEXT", "SASL_PLAINTEXT", sasl, sasl),
                ("MTLS", "SSL", mutual, mutual),
            ]);
        }
        listeners
    }
}

/// The number of partitions that the offsets of all groups are in.
pub(super) const OFFSETS_PARTITIONS: i32 = 4;

/// The same for all brokers. Sessions are short, so that a failure is noticed soon.
const COMMON: &str = "\
process.roles=broker,controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=BETWEEN
num.partitions=3
auto.create.topics.enable=false
transaction.state.log.num.partitions=4
transaction.state.log.min.isr=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=100
group.consumer.heartbeat.interval.ms=300
group.consumer.assignment.interval.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=400
leader.imbalance.check.interval.seconds=2
replica.lag.time.max.ms=5000
log.segment.bytes=16777216
log.initial.task.delay.ms=1000
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=2
connection.failed.authentication.delay.ms=20
";

/// The text of `server.properties` of a broker among the `all` of its cluster.
pub(super) fn text(id: usize, all: &[Ports], folder: &Path, properties: &[(String, String)]) -> String {
    let own = &all[id - 1];
    let join = |parts: Vec<String>| parts.join(",");
    let listeners = own.listeners();
    let mut bound: Vec<_> =
        listeners.iter().map(|(name, _, port, _)| format!("{name}://127.0.0.1:{port}")).collect();
    bound.push(format!("CONTROLLER://127.0.0.1:{}", own.controller));
    let advertised =
        listeners.iter().map(|(name, _, _, port)| format!("{name}://127.0.0.1:{port}")).collect();
    let mut protocols: Vec<_> =
        listeners.iter().map(|(name, protocol, ..)| format!("{name}:{protocol}")).collect();
    protocols.push("CONTROLLER:PLAINTEXT".to_owned());
    let voters =
        all.iter().enumerate().map(|(at, ports)| format!("{}@127.0.0.1:{}", at + 1, ports.controller));
    let (copies, in_sync) = (all.len(), if all.len() > 2 { 2 } else { 1 });
    let mut text = format!(
        "{COMMON}node.id={id}\nlisteners={}\nadvertised.listeners={}\nlistener.security.protocol.map={}\n\
         offsets.topic.num.partitions={OFFSETS_PARTITIONS}\ncontroller.quorum.voters={}\nlog.dirs={}\ndefault.replication.factor={copies}\n\
         min.insync.replicas={in_sync}\noffsets.topic.replication.factor={copies}\n\
         transaction.state.log.replication.factor={copies}\n\
         share.coordinator.state.topic.replication.factor={copies}\n",
        join(bound),
        join(advertised),
        join(protocols),
        join(voters.collect()),
        folder.join("data").display(),
    );
    if own.secure.is_some() {
        text.push_str(&security(&Certificates::made()));
    }
    for (name, value) in properties {
        let _ = writeln!(text, "{name}={value}");
    }
    text
}

fn security(certificates: &Certificates) -> String {
    let (user, password) = USER;
    let modules = "org.apache.kafka.common.security";
    let mut text = format!(
        "ssl.keystore.type=PEM\nssl.keystore.location={}\nssl.truststore.type=PEM\nssl.truststore.location={}\n\
         listener.name.mtls.ssl.client.auth=required\n",
        certificates.broker_keystore().display(),
        certificates.authority().display(),
    );
    for listener in ["sasl_ssl", "sasl_plaintext"] {
        let _ = write!(
            text,
            "listener.name.{listener}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n\
             listener.name.{listener}.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required \
             user_{user}=\"{password}\";\n\
             listener.name.{listener}.scram-sha-256.sasl.jaas.config={modules}.scram.ScramLoginModule required;\n\
             listener.name.{listener}.scram-sha-512.sasl.jaas.config={modules}.scram.ScramLoginModule required;\n",
        );
    }
    text
}
