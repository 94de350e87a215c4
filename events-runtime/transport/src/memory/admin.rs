//! Listings of topics and groups, and operations on them.

use super::group::Group;
use super::store::Store;
use crate::{
    ConsumerGroup, GroupStatus, Health, Position, StartPosition, StoredMessage, Topic, TopicStatus,
    TransportError, Trimmed,
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
                TopicStatus::new(topic.clone(), messages, at(entry.log.removed + 1), at(entry.log.last()))
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
                GroupStatus::new(name.clone(), lag, in_flight, waiting).next(next)
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
        let group = entry.groups.get(group);
        let earliest = group.map_or(entry.log.removed + 1, Group::low_water);
        let first = match after {
            Some(position) => self.cursor(OPERATION, entry, topic, position.after().into())? + 1,
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
        start: StartPosition,
    ) -> Result<(), TransportError> {
        let mut state = self.lock();
        let entry =
            state.topics.get_mut(topic).ok_or_else(|| TransportError::no_topic("move a group on", topic))?;
        let cursor = self.cursor("move a group on", entry, topic, start)?;
        entry.groups.insert(group.clone(), Group::at(cursor));
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
