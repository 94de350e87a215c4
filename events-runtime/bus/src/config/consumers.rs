//! `[consumers.TOPIC.GROUP]`: settings of one group that override `[bus]`.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::section::{Findings, Section};
use super::settings::{BusSettings, Exhausted, UnhandledEvents, UnknownSchema, topic};
use events_transport::{ConsumerGroup, StartPosition, Topic, TopicPrefix, TransportName};

/// The settings of a group's consumers of one topic, unless the program overrides them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupSettings {
    /// `transport`: the transport of the topic, by the name of `[transports.NAME]`. Default: `bus`, the
    /// transport of `[bus]`.
    pub transport: TransportName,
    /// `start`: default as in `[bus.consumer]`.
    pub start: StartPosition,
    /// `initial`: default as in `[bus.retry]`.
    pub initial: Duration,
    /// `max`: default as in `[bus.retry]`.
    pub max: Duration,
    /// `max_attempts`: default as in `[bus.retry]`.
    pub max_attempts: NonZeroU32,
    /// `concurrency`: default as in `[bus.consumer]`.
    pub concurrency: NonZeroUsize,
    /// `exhausted`: default as in `[bus.consumer]`.
    pub exhausted: Exhausted,
    /// `unhandled`: default as in `[bus.consumer]`.
    pub unhandled: UnhandledEvents,
    /// `expect_receivers`: default as in `[bus.consumer]`.
    pub expect_receivers: Vec<String>,
    /// `unknown_schema`: default as in `[bus.consumer]`.
    pub unknown_schema: UnknownSchema,
    /// `transactions`: default as in `[bus.consumer]`.
    pub transactions: bool,
}

impl GroupSettings {
    /// The settings of `[bus]` for all groups.
    pub(super) fn of(bus: &BusSettings) -> Self {
        Self {
            transport: TransportName::default(),
            start: bus.consumer.start.clone(),
            initial: bus.retry.initial,
            max: bus.retry.max,
            max_attempts: bus.retry.max_attempts,
            concurrency: bus.consumer.concurrency,
            exhausted: bus.consumer.exhausted,
            unhandled: bus.consumer.unhandled,
            expect_receivers: bus.consumer.expect_receivers.clone(),
            unknown_schema: bus.consumer.unknown_schema,
            transactions: bus.consumer.transactions,
        }
    }
}

/// The groups with a table of their own, by the topic's base name.
pub(super) type Groups = BTreeMap<Topic, BTreeMap<ConsumerGroup, GroupSettings>>;

pub(super) fn read(
    findings: &mut Findings,
    section: &Section<'_>,
    prefix: Option<&TopicPrefix>,
    default: Option<&GroupSettings>,
) -> Groups {
    let mut groups = Groups::new();
    for (name, table) in section.tables(findings) {
        let topic = topic(findings, &table, name, prefix);
        for (name, mut table) in table.tables(findings) {
            // If `[bus]` is invalid, that is reported already and there are no defaults.
            let Some(default) = default else { continue };
            let settings = GroupSettings {
                transport: table.or(findings, "transport", default.transport.clone()),
                start: table.or(findings, "start", default.start.clone()),
                initial: table.or(findings, "initial", default.initial),
                max: table.or(findings, "max", default.max),
                max_attempts: table.or(findings, "max_attempts", default.max_attempts),
                concurrency: table.or(findings, "concurrency", default.concurrency),
                exhausted: table.or(findings, "exhausted", default.exhausted),
                unhandled: table.or(findings, "unhandled", default.unhandled),
                expect_receivers: table.or(findings, "expect_receivers", default.expect_receivers.clone()),
                unknown_schema: UnknownSchema::read(findings, &mut table, default.unknown_schema),
                transactions: table.or(findings, "transactions", default.transactions),
            };
            if settings.max < settings.initial {
                table.problem(findings, "`max` is shorter than `initial`");
            }
            match ConsumerGroup::new(name) {
                Ok(group) => {
                    if let Some(topic) = &topic {
                        groups.entry(topic.clone()).or_default().insert(group, settings);
                    }
                }
                Err(error) => table.problem(findings, error.to_string()),
            }
            table.finish(findings);
        }
    }
    groups
}
