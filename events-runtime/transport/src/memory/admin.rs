//! Listings of topics and groups, and operations on them.

use std::collections::BTreeMap;

use super::group::Group;
use super::log::Stored;
use super::store::Store;
use crate::{
    ConsumerGroup, GroupStatus, Health, PartitionStatus, Position, SchemaId, StartPosition, StoredMessage,
    Topic, TopicStatus, TransportError, Trimmed,
};

impl Store {
    pub(super) fn health(&self) -> Health {
        let state = self.lock();
        let messages: usize = state.topics.values().map(|entry| entry.log.messages.len()).sum();
        Health {
            facts: vec![
                ("durability", "none: messages end with the process".to_owned()),
                ("topics", state.topics.len().to_string()),
                ("messages", messages.to_string()),
            ],
            warnings: vec!["durability"],
        }
    }

    pub(super) fn topics(&self) -> Vec<TopicStatus> {
        let state = self.lock();
        state
            .topics
            .iter()
            .map(|(topic, entry)| {
                let messages = entry.log.messages.len() as u64;
                let at = |seq| (messages > 0).then_some(Position::Sequence(seq));
                let Some(partitions) = &entry.log.partitions else {
                    return TopicStatus::new(
                        topic.clone(),
                        messages,
                        at(entry.log.removed + 1),
                        at(entry.log.last()),
                    );
                };
                let ranges = partitions.iter(entry.log.removed + 1).map(|(range, _)| range);
                TopicStatus::new(topic.clone(), messages, None, None).with_partitions(ranges.collect())
            })
            .collect()
    }

    pub(super) fn groups(&self, topic: &Topic) -> Result<Vec<GroupStatus>, TransportError> {
        let state = self.lock();
        let entry =
            state.topics.get(topic).ok_or_else(|| TransportError::no_topic("list the groups of", topic))?;
        Ok(entry
            .groups
            .iter()
            .map(|(name, group)| {
                let (in_flight, waiting) = (group.in_flight() as u64, group.waiting() as u64);
                let lag = in_flight + waiting + entry.log.last().saturating_sub(group.cursor);
                let next = (lag > 0).then(|| Position::Sequence(group.low_water()));
                let status = GroupStatus::new(name.clone(), lag, in_flight, waiting);
                let Some(partitions) = &entry.log.partitions else { return status.next(next) };
                let partitions = (0..).zip(partitions.iter(entry.log.removed + 1));
                let partitions = partitions.map(|(partition, (range, seqs))| {
                    let unsettled = || seqs.iter().filter(|seq| group.is_unsettled(**seq));
                    let in_flight = seqs.iter().filter(|seq| group.holds(**seq)).count() as u64;
                    let next = unsettled().next().and_then(|seq| entry.log.get(*seq));
                    PartitionStatus::new(partition, unsettled().count() as u64)
                        .in_flight(in_flight)
                        .next(next.map_or(range.end, |stored| stored.position))
                });
                status.with_partitions(partitions.collect())
            })
            .collect())
    }

    pub(super) fn unsettled(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> Result<Vec<StoredMessage>, TransportError> {
        const OPERATION: &str = "look into";
        let state = self.lock();
        let entry = state.topics.get(topic).ok_or_else(|| TransportError::no_topic(OPERATION, topic))?;
        if entry.log.partitions.is_some() {
            if after.is_some_and(|after| after.partition().is_none()) {
                return Err(self.invalid_position(OPERATION, topic));
            }
            let group = entry.groups.get(group);
            let numbered = (entry.log.removed + 1..).zip(&entry.log.messages);
            let mut found: Vec<_> = numbered
                .filter(|(seq, _)| group.is_none_or(|group| group.is_unsettled(*seq)))
                .map(|(_, stored)| stored)
                .filter(|stored| after.is_none_or(|after| stored.position.sort_key() > after.sort_key()))
                .collect();
            found.sort_by_key(|stored| stored.position.sort_key());
            let found = found.into_iter().take(max);
            let message =
                |stored: &Stored| StoredMessage::new(stored.message.clone(), stored.position, stored.time);
            return Ok(found.map(message).collect());
        }
        let group = entry.groups.get(group);
        let earliest = group.map_or(entry.log.removed + 1, Group::low_water);
        let first = match after {
            Some(Position::Sequence(after)) => after.saturating_add(1).max(entry.log.removed + 1),
            Some(_) => return Err(self.invalid_position(OPERATION, topic)),
            None => earliest,
        };
        let found = (first.max(earliest)..=entry.log.last())
            .filter(|seq| group.is_none_or(|group| group.is_unsettled(*seq)))
            .filter_map(|seq| {
                let stored = entry.log.get(seq)?;
                Some(StoredMessage::new(stored.message.clone(), Position::Sequence(seq), stored.time))
            });
        Ok(found.take(max).collect())
    }

    pub(super) fn seek(
        &self,
        topic: &Topic,
        group: &ConsumerGroup,
        start: &StartPosition,
    ) -> Result<(), TransportError> {
        let mut state = self.lock();
        let entry =
            state.topics.get_mut(topic).ok_or_else(|| TransportError::no_topic("move a group on", topic))?;
        let moved = self.group_at("move a group on", entry, topic, group, start)?;
        entry.groups.insert(group.clone(), moved);
        entry.wake();
        Ok(())
    }

    pub(super) fn remove_group(&self, topic: &Topic, group: &ConsumerGroup) -> Result<(), TransportError> {
        const OPERATION: &str = "remove a group from";
        let mut state = self.lock();
        let entry = state.topics.get_mut(topic).ok_or_else(|| TransportError::no_topic(OPERATION, topic))?;
        entry.groups.remove(group).ok_or_else(|| TransportError::no_group(OPERATION, topic, group))?;
        // Its members then fail with an error.
        entry.wake();
        Ok(())
    }

    pub(super) fn store_schema(&self, topic: &Topic, schema: &SchemaId, text: &str) {
        let mut state = self.lock();
        state.schemas.entry(topic.clone()).or_default().insert(schema.clone(), text.to_owned());
    }

    pub(super) fn schema(&self, topic: &Topic, schema: &SchemaId) -> Option<String> {
        self.lock().schemas.get(topic)?.get(schema).cloned()
    }

    pub(super) fn schemas(&self, topic: &Topic) -> Vec<SchemaId> {
        let state = self.lock();
        let schemas = state.schemas.get(topic).into_iter().flat_map(BTreeMap::keys);
        schemas.take(SchemaId::LISTED_MAX).cloned().collect()
    }

    pub(super) fn trim(&self) -> Trimmed {
        let mut state = self.lock();
        let mut total = Trimmed::default();
        for (topic, entry) in &mut state.topics {
            let trimmed = entry.trim(topic, &self.policy);
            total.add(trimmed);
        }
        total
    }
}
