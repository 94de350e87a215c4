//! The offsets of a group, and those of the log.

use std::time::{Duration, Instant, SystemTime};

use events_support::error_chain::caught;
use events_transport::{ErrorKind, TransportError};
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use super::{GroupClient, Place, kafka_partition};
use crate::client::error::convert;
use crate::client::record::first_millis;
use crate::client::topics::refresh;

/// The pause before a broker is asked again for a topic of which it has not heard.
const HEARD: Duration = Duration::from_millis(100);

/// Why a commit was not stored.
#[derive(Debug, Clone)]
pub(crate) enum CommitFailure {
    /// The member no longer has its place in the group, or the group is rebalancing: it goes on after that.
    Rebalance,
    /// The cluster is not reached, or has no coordinator now.
    Unavailable(TransportError),
    /// The metadata is longer than the brokers accept.
    TooMuchMetadata,
    /// The same commit fails again.
    Refused(TransportError),
}

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    pub(crate) offset: i64,
    /// Empty if it is not UTF-8.
    pub(crate) metadata: String,
}

/// A timestamp that the brokers resolve to an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Earliest,
    /// The offset of the next message.
    End,
    Time(SystemTime),
}

impl GroupClient {
    /// The committed offsets of partitions; `None` where nothing is committed.
    ///
    /// # Errors
    /// A [`TransportError`] if the cluster is not reached within `wait`.
    pub(crate) fn committed(
        &self,
        places: &[Place],
        wait: Duration,
    ) -> Result<Vec<(Place, Option<CommittedOffset>)>, TransportError> {
        let found = self
            .consumer
            .committed_offsets(self.list(places.iter().map(|place| (*place, None))), wait)
            .map_err(|error| convert(error, "read the offsets of", &self.group))?;
        self.each(&found, |one| match one.offset() {
            Offset::Offset(offset) => {
                // rdkafka panics at metadata that is not UTF-8.
                let metadata = caught(|| one.metadata().to_owned()).unwrap_or_default();
                Some(CommittedOffset { offset, metadata })
            }
            _ => None,
        })
    }

    /// The offsets at a time in these partitions; the end of the partition if it has no message of that time or
    /// later.
    ///
    /// # Errors
    /// A [`TransportError`] if the cluster is not reached within `wait`.
    pub(crate) fn offsets_at(
        &self,
        places: &[Place],
        at: At,
        wait: Duration,
    ) -> Result<Vec<(Place, u64)>, TransportError> {
        // The brokers take -1 and -2 as the end and the beginning.
        let time = match at {
            At::Earliest => Offset::Beginning,
            At::End => Offset::End,
            At::Time(time) => Offset::Offset(first_millis(time)),
        };
        let mut list = TopicPartitionList::with_capacity(places.len());
        for place in places {
            let added = list.add_partition_offset(self.name(place.topic), kafka_partition(*place), time);
            added.map_err(|error| convert(error, "look for a time in", self.name(place.topic)))?;
        }
        let deadline = Instant::now() + wait;
        let found = loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(HEARD);
            let found = self.consumer.offsets_for_times(list.clone(), left);
            let found = found.map_err(|error| convert(error, "look for offsets in", self.names()));
            let found = found.and_then(|found| {
                self.each(&found, |one| match one.offset() {
                    Offset::Offset(offset) => u64::try_from(offset).ok(),
                    _ => None,
                })
            });
            let Err(error) = found else { break found? };
            // The topic was created a moment ago, and this broker has not heard of it; or it has just started.
            let is_passing = error.kind() == ErrorKind::NotFound || error.is_retryable();
            refresh(&self.consumer, places.iter().map(|place| self.name(place.topic)), left);
            if !is_passing || Instant::now() >= deadline {
                return Err(error);
            }
            std::thread::sleep(HEARD);
        };
        let missing: Vec<Place> =
            found.iter().filter(|(_, offset)| offset.is_none()).map(|(place, _)| *place).collect();
        let mut offsets: Vec<_> =
            found.into_iter().filter_map(|(place, offset)| Some((place, offset?))).collect();
        if !missing.is_empty() && at != At::End {
            offsets.extend(self.offsets_at(&missing, At::End, wait)?);
        }
        Ok(offsets)
    }

    /// Reads each element, or fails with the error of one of them.
    pub(super) fn each<T>(
        &self,
        list: &TopicPartitionList,
        read: impl Fn(&TopicPartitionListElem<'_>) -> T,
    ) -> Result<Vec<(Place, T)>, TransportError> {
        let mut all = Vec::with_capacity(list.count());
        for one in list.elements() {
            one.error().map_err(|error| convert(error, "read offsets of", one.topic()))?;
            if let Some(place) = self.consumer.context().place(one.topic(), one.partition()) {
                all.push((place, read(&one)));
            }
        }
        Ok(all)
    }

    /// Commits offsets and waits for the result, which may take long while there is no coordinator.
    ///
    /// # Errors
    /// A [`CommitFailure`]; of the kind `Rebalance` if the group has members and this is none of them. An error of
    /// some of several partitions is not reported by librdkafka.
    pub(crate) fn commit(&self, offsets: &[(Place, u64, String)]) -> Result<(), CommitFailure> {
        let list = self.offsets(offsets).map_err(failure)?;
        // The result of an asynchronous commit is never reported, since rdkafka sets no callback for it.
        self.consumer.commit(&list, CommitMode::Sync).map_err(failure)
    }

    /// Offsets with their metadata.
    pub(in crate::client) fn offsets(
        &self,
        offsets: &[(Place, u64, String)],
    ) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (place, offset, metadata) in offsets {
            let mut one = list.add_partition(self.name(place.topic), kafka_partition(*place));
            one.set_offset(Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX)))?;
            one.set_metadata(metadata);
        }
        Ok(list)
    }
}

pub(super) fn failure(error: KafkaError) -> CommitFailure {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(
            Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::RebalanceInProgress
            | Code::FencedInstanceId
            | Code::StaleMemberEpoch
            | Code::FencedMemberEpoch
            | Code::AssignmentLost,
        ) => CommitFailure::Rebalance,
        Some(Code::OffsetMetadataTooLarge) => CommitFailure::TooMuchMetadata,
        _ => {
            let error = convert(error, "commit to", "the group");
            if error.is_retryable() {
                CommitFailure::Unavailable(error)
            } else {
                CommitFailure::Refused(error)
            }
        }
    }
}
