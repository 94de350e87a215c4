//! The settings, with their types, defaults and meanings.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use super::Config;
use super::consumers::{self, GroupSettings};
use super::error::{ConfigError, Problem};
use super::section::{Findings, Section};
use super::transports::{self, RouteTransports};
use super::tree::Node;
use super::url::BusUrl;
use super::value::{Choice, FilePath, Interval, Limit};
use events_transport::url::example;
use events_transport::{Retention, Scheme, StartPosition, Topic, TopicPrefix, TransportName};

/// `[service]`: the identity of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceSettings {
    /// `name`: the source of the events that this program emits, and its client name at the broker.
    /// Default: the source that is used without a configuration.
    pub name: Option<String>,
    /// `topic_prefix`: the prefix of every topic's name at the broker, followed by a `-`. The configuration
    /// and all commands use names without it.
    pub topic_prefix: Option<TopicPrefix>,
    /// `expect`: the event types that must be linked into the program.
    pub expect: Vec<String>,
}

/// `[bus]`: how events are sent and received.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BusSettings {
    /// `url`: the transport and its address, then after a `?` the settings of that transport, such as
    /// `sqlite://events.db?synchronous=normal`; see [`transport`](events_transport). A relative path, also
    /// in `error_log` and `schemas`, is relative to the process's working directory, not to the
    /// configuration file; [`Config::explain`] and `doctor` show the absolute path.
    pub url: BusUrl,
    /// `queue_capacity`: the maximum number of events waiting for their topic's acknowledgement; further
    /// emissions report an error. Default: 10,000 events.
    pub queue_capacity: NonZeroUsize,
    /// `batch_size`: the maximum number of events per send call, which also ends at 8 MiB of data. Default: 1,000.
    pub batch_size: NonZeroUsize,
    /// `linger`: how long an event may wait for more events in its batch. Default: zero.
    pub linger: Duration,
    /// `max_in_flight`: the maximum number of send calls of a topic that are under way at once. A call behind another
    /// one begins when its batch is full. Transports without
    /// [`ordered_sends`](events_transport::Capability::ordered_sends) have one at a time. Default: 4.
    pub max_in_flight: NonZeroUsize,
    /// `retain_age`, `retain_count`, `retain_unsettled`: the retention of topics without such a setting in
    /// `[topics.NAME]`. Default: seven days and any number; for `memory:`, any age and 10,000 messages.
    /// Messages that a group has not settled are kept beyond these limits. A limit can be `unlimited`.
    /// Dead-letter topics, whose names end in `.dlq`, keep everything unless
    /// `[topics."orders.billing.dlq"]` sets a limit.
    pub retention: Retention,
    /// `audit`: whether to log each message that is sent, received or settled, without its payload, on the
    /// target [`AUDIT_TARGET`](crate::bus::AUDIT_TARGET). Default: `false`.
    pub audit: bool,
    /// `error_log`: the file for whole events that were not sent or became dead letters, one line of JSON
    /// each; `produce --from-log` sends them again. Default: none.
    pub error_log: Option<PathBuf>,
    /// `error_log_max_bytes`: before the error log exceeds this size, it is renamed with the suffix `.1`
    /// and replaces the earlier one, whose events are counted as lost. Default: 268,435,456 bytes (256
    /// MiB).
    pub error_log_max_bytes: NonZeroU64,
    /// `[bus.retry]`.
    pub retry: RetrySettings,
    /// `[bus.consumer]`.
    pub consumer: ConsumerSettings,
}

/// `[bus.retry]`: retries after a failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetrySettings {
    /// `initial`: the pause after the first failure; it doubles with each failure. Default: 100 ms.
    pub initial: Duration,
    /// `max`: the longest pause. Default: 30 s.
    pub max: Duration,
    /// `max_attempts`: the number of deliveries of an event to the receivers, the first one included,
    /// before it becomes a dead letter. Default: 5.
    pub max_attempts: NonZeroU32,
}

/// `[bus.consumer]`: how events are consumed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerSettings {
    /// `start`: where a new group starts, written like a
    /// [`StartPosition`](events_transport::StartPosition); an existing group continues at its position.
    /// Default: `earliest`.
    pub start: StartPosition,
    /// `enabled`: whether consumers receive events. If not, they are paused until
    /// [`EventBus::resume_consumers`](crate::bus::EventBus::resume_consumers). Default: `true`.
    pub enabled: bool,
    /// `batch_size`: the maximum number of events per fetch. Default: 256.
    pub batch_size: NonZeroUsize,
    /// `lease`: how long a fetched event is reserved for its consumer; an event not settled by then is
    /// redelivered. Default: 30 s.
    pub lease: Duration,
    /// `concurrency`: the maximum number of events in flight, never two of one key. Default: 1.
    pub concurrency: NonZeroUsize,
    /// `max_consecutive_errors`: the number of consecutive failures after which the consumer ends with an
    /// error; 0 means never. Default: 0.
    pub max_consecutive_errors: Option<NonZeroU32>,
    /// `drain_timeout`: how long a stopping consumer waits for receivers in flight and for the transport,
    /// or `unlimited`. Default: 30 s.
    pub drain_timeout: Option<Duration>,
    /// `exhausted`: the policy for an event whose attempts are exhausted. Default: `dead-letter`.
    pub exhausted: Exhausted,
    /// `unknown_events`: the policy for an event whose type is not linked. Default: `skip`.
    pub unknown_events: UnknownEvents,
    /// `unhandled`: the policy for an event whose type is linked and that no receiver of this program takes.
    /// Default: `error`.
    pub unhandled: UnhandledEvents,
    /// `expect_receivers`: the event types that a receiver of this program must take; a consumer without one does
    /// not start. Default: none.
    pub expect_receivers: Vec<String>,
    /// `unknown_schema`: the policy for an event whose schema is not known.
    pub unknown_schema: UnknownSchema,
    /// `transactions`: whether events that receivers emit while they handle an event are stored together with
    /// its acknowledgement; see [`Consume::transactions`](crate::bus::Consume::transactions). Default: `false`.
    pub transactions: bool,
    /// `schemas`: a folder of writer schemas, `<event_type>/<minor>.avsc`, in addition to the published
    /// versions of the definitions. It is read when a bus starts.
    pub schemas: Option<PathBuf>,
    /// `lag_interval`: how often a running consumer polls its group's lag, for the gauge
    /// `events_consumer_lag`; `off` means never. Default: 15 s.
    pub lag_interval: Option<Duration>,
}

/// The policy for an event whose type is not linked into the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownEvents {
    /// `skip`: acknowledge and count it, and log its type once.
    Skip,
    /// `dead-letter`: move it to the dead letters.
    DeadLetter,
    /// `stop`: end the consumer with an error; the event stays unacknowledged.
    Stop,
}

impl Choice for UnknownEvents {
    const EXPECTED: &'static str = "`skip`, `dead-letter` or `stop`";
    const CHOICES: &'static [(&'static str, Self)] =
        &[("skip", Self::Skip), ("dead-letter", Self::DeadLetter), ("stop", Self::Stop)];
}

/// The policy for an event whose type is linked into the program and that none of its receivers takes: none is
/// connected, or all of them refuse events from a bus. Its definition was linked without the crate that has its
/// receivers, or the program does not want it.
///
/// The policy applies to the moment at which the event arrives: connect receivers before the consumer starts. A
/// [`Recorder`](events_core::testing::Recorder) counts as a receiver.
#[doc(alias("unreceived", "dlq"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnhandledEvents {
    /// `error`: end the consumer with an error; the event is released, without an attempt.
    Error,
    /// `dead-letter`: move it to the dead letters.
    DeadLetter,
    /// `skip`: acknowledge and count it, and log its type once.
    Skip,
}

impl Choice for UnhandledEvents {
    const EXPECTED: &'static str = "`error`, `dead-letter` or `skip`";
    const CHOICES: &'static [(&'static str, Self)] =
        &[("error", Self::Error), ("dead-letter", Self::DeadLetter), ("skip", Self::Skip)];
}

/// `unknown_schema`: the policy for an event whose schema is neither a version that the program has nor stored
/// beside the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownSchema {
    /// `wait`: how long such an event waits for its schema, counted from the first one in this process, before it
    /// becomes a dead letter; `0s` for at once. Default: 10 minutes.
    pub wait: Duration,
}

impl UnknownSchema {
    const DEFAULT: Self = Self { wait: Duration::from_secs(10 * 60) };

    /// Reads the table of this name within another one.
    pub(super) fn read(findings: &mut Findings, section: &mut Section<'_>, default: Self) -> Self {
        let mut table = section.table(findings, "unknown_schema");
        let policy = Self { wait: table.or(findings, "wait", default.wait) };
        table.finish(findings);
        policy
    }
}

/// The policy for an event whose attempts are exhausted.
#[doc(alias("dlq", "poison"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exhausted {
    /// `dead-letter`: move it to the dead letters and continue with the next event of its key.
    DeadLetter,
    /// `park`: keep it and redeliver it after the longest pause until it succeeds; later events of its key
    /// wait, other keys continue.
    Park,
}

impl Choice for Exhausted {
    const EXPECTED: &'static str = "`dead-letter` or `park`";
    const CHOICES: &'static [(&'static str, Self)] =
        &[("dead-letter", Self::DeadLetter), ("park", Self::Park)];
}

/// `[routes."EVENT TYPE"] TOPIC = { … }`: a topic that the events of a type go to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The event type.
    pub event_type: String,
    /// The topic's base name.
    pub topic: Topic,
    /// `transport`: the transport of the topic, or a list of transports, by the names of
    /// `[transports.NAME]`. Default: `bus`, the transport of `[bus]`.
    pub transports: Vec<TransportName>,
    /// `key`: the path of the key field for this topic. Default: the definition's key.
    pub key: Option<String>,
    /// `enabled`: whether the route is used. Default: `true`.
    pub enabled: bool,
}

/// Reads the whole tree and collects all problems.
pub(super) fn read(tree: &Node, found_before: Vec<Problem>) -> Result<Config, ConfigError> {
    let mut findings = Findings::default();
    let mut root = Section::root(tree);
    let table = root.table(&mut findings, "service");
    let service = service(&mut findings, table);
    let table = root.table(&mut findings, "bus");
    let bus = bus(&mut findings, table);
    let table = root.table(&mut findings, "transports");
    let transports = transports::read(&mut findings, &table, bus.as_ref());
    let table = root.table(&mut findings, "routes");
    let prefix = service.topic_prefix.as_ref();
    let routes = routes(&mut findings, &table, prefix);
    let table = root.table(&mut findings, "topics");
    let default = bus.as_ref().map_or_else(Retention::default, |bus| bus.retention);
    let topics = topics(&mut findings, &table, prefix, default);
    let table = root.table(&mut findings, "consumers");
    let usual = bus.as_ref().map(GroupSettings::of);
    let groups = consumers::read(&mut findings, &table, prefix, usual.as_ref());
    root.finish(&mut findings);
    let Findings { mut problems, explanation } = findings;
    problems.splice(0..0, found_before);
    match bus {
        Some(bus) if problems.is_empty() => {
            let warnings = Vec::new();
            Ok(Config { service, bus, transports, routes, topics, groups, explanation, warnings })
        }
        _ => Err(ConfigError::new(problems)),
    }
}

fn service(findings: &mut Findings, mut section: Section<'_>) -> ServiceSettings {
    let service = ServiceSettings {
        name: section.optional(findings, "name", "(none)"),
        topic_prefix: section.optional(findings, "topic_prefix", "(none)"),
        expect: section.or(findings, "expect", Vec::new()),
    };
    section.finish(findings);
    service
}

/// The default of `batch_size`.
pub(super) const BATCH_SIZE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);
/// The default of `max_in_flight`.
pub(super) const MAX_IN_FLIGHT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(3);
/// 256 MiB.
const ERROR_LOG_MAX_BYTES: NonZeroU64 = NonZeroU64::MIN.saturating_add((256 << 20) - 1);

fn bus(findings: &mut Findings, mut section: Section<'_>) -> Option<BusSettings> {
    let number = |number: usize| NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN);
    let advice = format!("write the address of the bus, such as {}", example());
    let url = section.required(findings, "url", &advice);
    let queue_capacity = section.or(findings, "queue_capacity", number(10_000));
    let batch_size = section.or(findings, "batch_size", BATCH_SIZE);
    let linger = section.or(findings, "linger", Duration::ZERO);
    let max_in_flight = section.or(findings, "max_in_flight", MAX_IN_FLIGHT);
    let scheme = url.as_ref().map(BusUrl::scheme).and_then(Scheme::linked);
    // A file with other problems may lack the URL.
    let usual = scheme.map_or(Retention::WEEK, |scheme: Scheme| scheme.retention);
    let retention = retention(findings, &mut section, usual);
    let audit = section.or(findings, "audit", false);
    let error_log = section.optional::<FilePath>(findings, "error_log", "(none)").map(|path| path.0);
    let error_log_max_bytes = section.or(findings, "error_log_max_bytes", ERROR_LOG_MAX_BYTES);

    let mut table = section.table(findings, "retry");
    let retry = RetrySettings {
        initial: table.or(findings, "initial", Duration::from_millis(100)),
        max: table.or(findings, "max", Duration::from_secs(30)),
        max_attempts: table.or(findings, "max_attempts", NonZeroU32::MIN.saturating_add(4)),
    };
    if retry.max < retry.initial {
        table.problem(findings, "`max` is shorter than `initial`");
    }
    table.finish(findings);

    let mut table = section.table(findings, "consumer");
    let consumer = ConsumerSettings {
        start: table.or(findings, "start", StartPosition::Earliest),
        enabled: table.or(findings, "enabled", true),
        batch_size: table.or(findings, "batch_size", number(256)),
        lease: table.or(findings, "lease", Duration::from_secs(30)),
        concurrency: table.or(findings, "concurrency", NonZeroUsize::MIN),
        max_consecutive_errors: NonZeroU32::new(table.or(findings, "max_consecutive_errors", 0)),
        drain_timeout: table.or(findings, "drain_timeout", Limit(Some(Duration::from_secs(30)))).0,
        exhausted: table.or(findings, "exhausted", Exhausted::DeadLetter),
        unknown_events: table.or(findings, "unknown_events", UnknownEvents::Skip),
        unhandled: table.or(findings, "unhandled", UnhandledEvents::Error),
        expect_receivers: table.or(findings, "expect_receivers", Vec::new()),
        unknown_schema: UnknownSchema::read(findings, &mut table, UnknownSchema::DEFAULT),
        transactions: table.or(findings, "transactions", false),
        schemas: table.optional::<FilePath>(findings, "schemas", "(none)").map(|path| path.0),
        lag_interval: table.or(findings, "lag_interval", Interval(Some(Duration::from_secs(15)))).0,
    };
    if consumer.lease < Duration::from_millis(100) {
        table.problem(findings, "`lease` must be 100ms or longer");
    }
    table.finish(findings);

    section.finish(findings);
    Some(BusSettings {
        url: url?,
        queue_capacity,
        batch_size,
        linger,
        max_in_flight,
        retention,
        audit,
        error_log,
        error_log_max_bytes,
        retry,
        consumer,
    })
}

fn routes(findings: &mut Findings, section: &Section<'_>, prefix: Option<&TopicPrefix>) -> Vec<Route> {
    let mut routes = Vec::new();
    for (event_type, event) in section.tables(findings) {
        if event_type.trim().is_empty() {
            event.problem(findings, "an event type can't be empty");
        }
        for (name, mut table) in event.tables(findings) {
            let topic = topic(findings, &table, name, prefix);
            let default = RouteTransports(vec![TransportName::default()]);
            let transports = table.or(findings, "transport", default).0;
            let key = table.optional(findings, "key", "(the definition's)");
            let enabled = table.or(findings, "enabled", true);
            table.finish(findings);
            routes.extend(topic.map(|topic| Route {
                event_type: event_type.to_owned(),
                topic,
                transports,
                key,
                enabled,
            }));
        }
    }
    routes
}

fn topics(
    findings: &mut Findings,
    section: &Section<'_>,
    prefix: Option<&TopicPrefix>,
    default: Retention,
) -> BTreeMap<Topic, Retention> {
    let mut topics = BTreeMap::new();
    for (name, mut table) in section.tables(findings) {
        let topic = topic(findings, &table, name, prefix);
        let letters = topic.as_ref().is_some_and(Topic::holds_dead_letters);
        let default = if letters { Retention::unlimited() } else { default };
        let retention = retention(findings, &mut table, default);
        table.finish(findings);
        topics.extend(topic.map(|topic| (topic, retention)));
    }
    topics
}

/// The retention settings of `[bus]` and `[transports.NAME]` (all topics) and of `[topics.NAME]` (one topic).
pub(super) fn retention(findings: &mut Findings, table: &mut Section<'_>, default: Retention) -> Retention {
    let age = table.or(findings, "retain_age", Limit(default.max_age));
    let count = table.or(findings, "retain_count", Limit(default.max_count.and_then(NonZeroU64::new)));
    let unsettled = table.or(findings, "retain_unsettled", !default.drop_unsettled);
    let mut retention = Retention::unlimited();
    retention.max_age = age.0;
    retention.max_count = count.0.map(NonZeroU64::get);
    retention.drop_unsettled = !unsettled;
    retention
}

pub(super) fn topic(
    findings: &mut Findings,
    table: &Section<'_>,
    name: &str,
    prefix: Option<&TopicPrefix>,
) -> Option<Topic> {
    // The prefixed name must be valid too; it is created later.
    match Topic::new(name).and_then(|topic| topic.with_prefix(prefix).map(|_| topic)) {
        Ok(topic) => Some(topic),
        Err(error) => {
            table.problem(findings, error.to_string());
            None
        }
    }
}
