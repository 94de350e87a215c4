//! `[consumers.TOPIC.GROUP]`: what one group does otherwise than `[bus]` says.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::section::{Findings, Section};
use super::settings::{BusSettings, Exhausted, topic};
use crate::transport::{ConsumerGroup, StartPosition, Topic, TopicPrefix};

/// What a group's consumers of one topic go by, where the program itself says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupSettings {
    /// `start`: as in `[bus.consumer]`, which is the default.
    pub start: StartPosition,
    /// `initial`: as in `[bus.retry]`, which is the default.
    pub initial: Duration,
    /// `max`: as in `[bus.retry]`, which is the default.
    pub max: Duration,
    /// `max_attempts`: as in `[bus.retry]`, which is the default.
    pub max_attempts: NonZeroU32,
    /// `concurrency`: as in `[bus.consumer]`, which is the default.
    pub concurrency: NonZeroUsize,
    /// `exhausted`: as in `[bus.consumer]`, which is the default.
    pub exhausted: Exhausted,
}

impl GroupSettings {
    /// What `[bus]` says for all groups.
    pub(super) fn of(bus: &BusSettings) -> Self {
        Self {
            start: bus.consumer.start,
            initial: bus.retry.initial,
            max: bus.retry.max,
            max_attempts: bus.retry.max_attempts,
            concurrency: bus.consumer.concurrency,
            exhausted: bus.consumer.exhausted,
        }
    }
}

/// The groups that have a table, by the topic's base name.
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
            // Without a `[bus]` that can be read, there is a problem already and nothing to default to.
            let Some(default) = default else { continue };
            let settings = GroupSettings {
                start: table.or(findings, "start", default.start),
                initial: table.or(findings, "initial", default.initial),
                max: table.or(findings, "max", default.max),
                max_attempts: table.or(findings, "max_attempts", default.max_attempts),
                concurrency: table.or(findings, "concurrency", default.concurrency),
                exhausted: table.or(findings, "exhausted", default.exhausted),
            };
            if settings.max < settings.initial {
                table.fault(findings, "`max` is shorter than `initial`");
            }
            match ConsumerGroup::new(name) {
                Ok(group) => {
                    if let Some(topic) = &topic {
                        groups.entry(topic.clone()).or_default().insert(group, settings);
                    }
                }
                Err(error) => table.fault(findings, error.to_string()),
            }
            table.finish(findings);
        }
    }
    groups
}
