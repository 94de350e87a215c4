//! The settings of librdkafka, from `CONFIGURATION.md` of the version that is built.

/// A setting of librdkafka.
#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    role: Role,
    rule: Rule,
}

/// The clients that have a setting; others log a warning about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Any,
    Producer,
    Consumer,
}

/// What the URL may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Any value.
    Passed,
    /// As the setting of this name.
    Alias(&'static str),
    /// Only these values, since another would break a promise; the reason.
    Only(&'static [&'static str], &'static str),
}

impl Property {
    /// The setting of this name; an alias is followed.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        let property = PROPERTIES.iter().find(|property| property.name == name)?;
        match property.rule {
            Rule::Alias(name) => Self::find(name),
            _ => Some(property),
        }
    }

    /// Whether a client of this role has the setting.
    pub(crate) fn is_for(&self, role: Role) -> bool {
        self.role == Role::Any || self.role == role
    }

    /// Why the URL must not set this value.
    pub(crate) fn objection(&self, value: &str) -> Option<&'static str> {
        match self.rule {
            Rule::Only(allowed, reason) if !allowed.contains(&value) => Some(reason),
            _ => None,
        }
    }
}

const fn any(name: &'static str) -> Property {
    Property { name, role: Role::Any, rule: Rule::Passed }
}

const fn producer(name: &'static str) -> Property {
    Property { name, role: Role::Producer, rule: Rule::Passed }
}

const fn consumer(name: &'static str) -> Property {
    Property { name, role: Role::Consumer, rule: Rule::Passed }
}

impl Property {
    const fn alias(self, name: &'static str) -> Self {
        Self { rule: Rule::Alias(name), ..self }
    }

    const fn only(self, values: &'static [&'static str], reason: &'static str) -> Self {
        Self { rule: Rule::Only(values, reason), ..self }
    }
}

/// All settings that have a text form.
pub(crate) const PROPERTIES: [Property; 163] = [
    any("client.id"),
    any("metadata.broker.list").only(&[], "write the brokers as hosts of the URL"),
    any("bootstrap.servers").only(&[], "write the brokers as hosts of the URL"),
    any("message.max.bytes"),
    any("message.copy.max.bytes"),
    any("receive.message.max.bytes"),
    any("max.in.flight.requests.per.connection"),
    any("max.in.flight").alias("max.in.flight.requests.per.connection"),
    any("metadata.recovery.strategy"),
    any("metadata.recovery.rebootstrap.trigger.ms"),
    any("topic.metadata.refresh.interval.ms"),
    any("metadata.max.age.ms"),
    any("topic.metadata.refresh.fast.interval.ms"),
    any("topic.metadata.refresh.fast.cnt"),
    any("topic.metadata.refresh.sparse"),
    any("topic.metadata.propagation.max.ms"),
    any("topic.blacklist"),
    any("debug"),
    any("socket.timeout.ms"),
    any("socket.blocking.max.ms"),
    any("socket.send.buffer.bytes"),
    any("socket.receive.buffer.bytes"),
    any("socket.keepalive.enable"),
    any("socket.nagle.disable"),
    any("socket.max.fails"),
    any("broker.address.ttl"),
    any("broker.address.family"),
    any("socket.connection.setup.timeout.ms"),
    any("connections.max.idle.ms"),
    any("reconnect.backoff.jitter.ms"),
    any("reconnect.backoff.ms"),
    any("reconnect.backoff.max.ms"),
    any("statistics.interval.ms"),
    any("enabled_events").only(&[], "the transport handles all events of the client"),
    any("log_level").only(&[], "the log is written to `tracing`: filter the target `librdkafka`"),
    any("log.queue").only(&[], "the log is written to `tracing`: filter the target `librdkafka`"),
    any("log.thread.name"),
    any("enable.random.seed"),
    any("log.connection.close"),
    any("internal.termination.signal").only(&[], "a signal must not be taken from the program"),
    any("api.version.request"),
    any("api.version.request.timeout.ms"),
    any("api.version.fallback.ms"),
    any("broker.version.fallback"),
    any("allow.auto.create.topics")
        .only(&["false"], "`create_topics=true` creates missing topics, with `partitions` and `replication`"),
    any("security.protocol").only(
        &[],
        "the scheme decides about TLS (`kafka:` or `kafkas:`), and a user or `sasl.mechanism` about SASL",
    ),
    any("ssl.cipher.suites"),
    any("ssl.curves.list"),
    any("ssl.sigalgs.list"),
    any("ssl.key.location"),
    any("ssl.key.password"),
    any("ssl.key.pem"),
    any("ssl.certificate.location"),
    any("ssl.certificate.pem"),
    any("ssl.ca.location"),
    any("https.ca.location"),
    any("https.ca.pem"),
    any("ssl.ca.pem"),
    any("ssl.ca.certificate.stores"),
    any("ssl.crl.location"),
    any("ssl.keystore.location"),
    any("ssl.keystore.password"),
    any("ssl.providers"),
    any("ssl.engine.location"),
    any("ssl.engine.id"),
    any("enable.ssl.certificate.verification"),
    any("ssl.endpoint.identification.algorithm"),
    any("sasl.mechanisms"),
    any("sasl.mechanism").alias("sasl.mechanisms"),
    any("sasl.kerberos.service.name"),
    any("sasl.kerberos.principal"),
    any("sasl.kerberos.kinit.cmd"),
    any("sasl.kerberos.keytab"),
    any("sasl.kerberos.min.time.before.relogin"),
    any("sasl.username"),
    any("sasl.password"),
    any("sasl.oauthbearer.config"),
    any("enable.sasl.oauthbearer.unsecure.jwt")
        .only(&["false"], "a program gives its own tokens: `register_token_provider`"),
    any("sasl.oauthbearer.method"),
    any("sasl.oauthbearer.client.id"),
    any("sasl.oauthbearer.client.credentials.client.id").alias("sasl.oauthbearer.client.id"),
    any("sasl.oauthbearer.client.credentials.client.secret").alias("sasl.oauthbearer.client.secret"),
    any("sasl.oauthbearer.client.secret"),
    any("sasl.oauthbearer.scope"),
    any("sasl.oauthbearer.extensions"),
    any("sasl.oauthbearer.token.endpoint.url"),
    any("sasl.oauthbearer.grant.type"),
    any("sasl.oauthbearer.assertion.algorithm"),
    any("sasl.oauthbearer.assertion.private.key.file"),
    any("sasl.oauthbearer.assertion.private.key.passphrase"),
    any("sasl.oauthbearer.assertion.private.key.pem"),
    any("sasl.oauthbearer.assertion.file"),
    any("sasl.oauthbearer.assertion.claim.aud"),
    any("sasl.oauthbearer.assertion.claim.exp.seconds"),
    any("sasl.oauthbearer.assertion.claim.iss"),
    any("sasl.oauthbearer.assertion.claim.jti.include"),
    any("sasl.oauthbearer.assertion.claim.nbf.seconds"),
    any("sasl.oauthbearer.assertion.claim.sub"),
    any("sasl.oauthbearer.assertion.jwt.template.file"),
    any("sasl.oauthbearer.metadata.authentication.type"),
    any("plugin.library.paths"),
    consumer("group.id").only(&[], "the consumer names its group"),
    consumer("group.instance.id").only(&[], "the consumers of a program would be one member"),
    consumer("partition.assignment.strategy"),
    consumer("session.timeout.ms"),
    consumer("heartbeat.interval.ms"),
    consumer("group.protocol.type"),
    consumer("group.protocol").only(&[], "write `group_protocol`"),
    consumer("group.remote.assignor"),
    consumer("coordinator.query.interval.ms"),
    consumer("max.poll.interval.ms"),
    consumer("enable.auto.commit").only(&["false"], "an offset is committed when its message is settled"),
    consumer("auto.commit.interval.ms").only(&[], "an offset is committed when its message is settled"),
    consumer("enable.auto.offset.store")
        .only(&["false"], "an offset is committed when its message is settled"),
    consumer("queued.min.messages"),
    consumer("queued.max.messages.kbytes"),
    consumer("fetch.wait.max.ms"),
    consumer("fetch.queue.backoff.ms"),
    consumer("fetch.message.max.bytes"),
    consumer("max.partition.fetch.bytes").alias("fetch.message.max.bytes"),
    consumer("fetch.max.bytes"),
    consumer("fetch.min.bytes"),
    consumer("fetch.error.backoff.ms"),
    consumer("offset.store.method").only(&["broker"], "offsets are stored in the cluster"),
    consumer("isolation.level")
        .only(&["read_committed"], "messages of transactions that were aborted would be delivered"),
    consumer("enable.partition.eof").only(&[], "the transport detects the end of a partition itself"),
    consumer("check.crcs"),
    any("client.rack"),
    producer("transactional.id").only(&[], "each consumer with `transactions` has an id of its own"),
    producer("transaction.timeout.ms"),
    producer("enable.idempotence")
        .only(&["true"], "without it, a resend could store a message twice or out of order"),
    producer("enable.gapless.guarantee")
        .only(&["true"], "without it, messages could be stored after a failed one of their key"),
    producer("queue.buffering.max.messages"),
    producer("queue.buffering.max.kbytes"),
    producer("queue.buffering.max.ms"),
    producer("linger.ms").alias("queue.buffering.max.ms"),
    producer("message.send.max.retries")
        .only(&[], "`retry_for` limits the time for which messages are sent again"),
    producer("retries").alias("message.send.max.retries"),
    any("retry.backoff.ms"),
    any("retry.backoff.max.ms"),
    producer("queue.buffering.backpressure.threshold"),
    producer("compression.codec"),
    producer("compression.type").alias("compression.codec"),
    producer("batch.num.messages"),
    producer("batch.size"),
    producer("delivery.report.only.error").only(&["false"], "the position of each message is reported"),
    producer("sticky.partitioning.linger.ms"),
    any("client.dns.lookup"),
    any("enable.metrics.push"),
    producer("request.required.acks")
        .only(&["all", "-1"], "an acknowledged message must be on every replica in sync"),
    producer("acks").alias("request.required.acks"),
    producer("request.timeout.ms"),
    producer("message.timeout.ms")
        .only(&["0"], "`retry_for` limits the time for which messages are sent again"),
    producer("delivery.timeout.ms").alias("message.timeout.ms"),
    producer("queuing.strategy").only(&["fifo"], "messages of a key keep their order"),
    producer("produce.offset.report"),
    producer("partitioner"),
    producer("compression.level"),
    consumer("auto.commit.enable").only(&["false"], "an offset is committed when its message is settled"),
    consumer("auto.offset.reset").only(&[], "the consumer says where a new group starts"),
    consumer("offset.store.path").only(&[], "offsets are stored in the cluster"),
    consumer("offset.store.sync.interval.ms").only(&[], "offsets are stored in the cluster"),
    consumer("consume.callback.max.messages"),
];
