//! Offsets of partitions and groups.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionListElem};

use super::{Session, TopicPartition};
use crate::client::error;
use crate::client::record::first_millis;
use crate::client::topics::refresh;
use events_support::error_chain::caught;
use events_transport::TransportError;

/// How long a broker that has just started may not know a partition that the cluster has named.
const HEARD: Duration = Duration::from_secs(10);

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: u64,
    pub(crate) metadata: String,
}

/// Whether offsets were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// They are stored.
    Stored,
    /// The group has members, and its offsets are theirs.
    HasMembers,
}

impl Session {
    /// The first stored offset and the next offset of each partition.
    pub(crate) fn ranges(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Range<u64>>, TransportError> {
        let first = self.offsets(partitions, Offset::Beginning)?;
        let mut end = self.offsets(partitions, Offset::End)?;
        let range = |(partition, first): (TopicPartition, u64)| {
            let end = end.remove(&partition)?;
            Some((partition, first..end.max(first)))
        };
        Ok(first.into_iter().filter_map(range).collect())
    }

    /// The offset of the first message that was stored at this time or later; absent if there is none.
    pub(crate) fn at_time(
        &self,
        partitions: &[TopicPartition],
        time: SystemTime,
    ) -> Result<BTreeMap<TopicPartition, u64>, TransportError> {
        self.offsets(partitions, Offset::Offset(first_millis(time)))
    }

    fn offsets(
        &self,
        partitions: &[TopicPartition],
        wanted: Offset,
    ) -> Result<BTreeMap<TopicPartition, u64>, TransportError> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let list = || list(partitions.iter().map(|partition| (partition, wanted, "")));
        let heard_by = Instant::now() + HEARD;
        let found = self.served(|consumer, wait| {
            let found = consumer.offsets_for_times(list()?, wait).and_then(checked);
            found.map_err(|error| {
                refresh(consumer, partitions.iter().map(|(topic, _)| topic.as_str()), wait);
                let is_passing = match error::code_of(&error) {
                    // No partition of the list has a leader.
                    Some(RDKafkaErrorCode::UnknownPartition) => true,
                    Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Instant::now() < heard_by,
                    _ => false,
                };
                if is_passing {
                    KafkaError::MetadataFetch(RDKafkaErrorCode::LeaderNotAvailable)
                } else {
                    error
                }
            })
        })?;
        Ok(numbers(&found).into_iter().map(|(at, found)| (at, found.offset)).collect())
    }

    /// The offsets that the group of this client has committed.
    pub(crate) fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<BTreeMap<TopicPartition, Committed>, TransportError> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let list = || list(partitions.iter().map(|partition| (partition, Offset::Invalid, "")));
        let found = self.served(|consumer, wait| checked(consumer.committed_offsets(list()?, wait)?))?;
        Ok(numbers(&found))
    }

    /// Commits offsets for the group of this client, unless it has members.
    pub(crate) fn commit(
        &self,
        offsets: &BTreeMap<TopicPartition, Committed>,
    ) -> Result<Change, TransportError> {
        let offset =
            |committed: &Committed| Offset::Offset(i64::try_from(committed.offset).unwrap_or(i64::MAX));
        let offsets =
            offsets.iter().map(|(partition, committed)| (partition, offset(committed), &*committed.metadata));
        let list = || list(offsets.clone());
        self.served(|_, wait| {
            // A commit has no deadline of its own.
            let (sender, receiver) = mpsc::channel();
            let (consumer, list) = (Arc::clone(&self.consumer), list()?);
            std::thread::spawn(move || drop(sender.send(consumer.commit(&list, CommitMode::Sync))));
            let late = Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut));
            match receiver.recv_timeout(wait).unwrap_or(late) {
                Ok(()) => Ok(Change::Stored),
                Err(error) if is_of_member(&error) => Ok(Change::HasMembers),
                Err(error) => Err(error),
            }
        })
    }
}

/// Whether a commit was refused because the group has members.
fn is_of_member(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::ConsumerCommit(
            RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::StaleMemberEpoch,
        )
    )
}

/// A list in whose partitions nothing failed.
fn checked(list: TopicPartitionList) -> KafkaResult<TopicPartitionList> {
    list.elements().iter().try_for_each(TopicPartitionListElem::error)?;
    Ok(list)
}

/// The offsets of a list that are numbers.
fn numbers(list: &TopicPartitionList) -> BTreeMap<TopicPartition, Committed> {
    let mut found = BTreeMap::new();
    for element in list.elements() {
        let Ok(partition) = u32::try_from(element.partition()) else { continue };
        if let Offset::Offset(offset) = element.offset()
            && let Ok(offset) = u64::try_from(offset)
        {
            // rdkafka panics at metadata that is not UTF-8.
            let metadata = caught(|| element.metadata().to_owned()).unwrap_or_default();
            found.insert((element.topic().to_owned(), partition), Committed { offset, metadata });
        }
    }
    found
}

/// A list of partitions with offsets and metadata.
pub(super) fn list<'a>(
    partitions: impl IntoIterator<Item = (&'a TopicPartition, Offset, &'a str)>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset, metadata) in partitions {
        let mut element = list.add_partition(topic, i32::try_from(*partition).unwrap_or(i32::MAX));
        if offset != Offset::Invalid {
            element.set_offset(offset)?;
        }
        if !metadata.is_empty() {
            element.set_metadata(metadata);
        }
    }
    Ok(list)
}
