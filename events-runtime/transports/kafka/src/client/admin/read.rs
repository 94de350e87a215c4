//! Reads stored records.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::Offset;

use super::offsets::list;
use super::{Session, TICK, TopicPartition};
use crate::client::record::{message_of, time_of};
use events_transport::{Message, TransportError};

/// A stored record.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) offset: u64,
    pub(crate) time: SystemTime,
    pub(crate) message: Message,
    /// Whether the record has no value, which compaction takes as the end of its key.
    pub(crate) is_tombstone: bool,
}

impl Record {
    fn of(record: &BorrowedMessage<'_>) -> Self {
        Self {
            offset: u64::try_from(record.offset()).unwrap_or_default(),
            time: time_of(record),
            message: message_of(record),
            is_tombstone: record.payload().is_none(),
        }
    }
}

impl Session {
    /// Reads a partition from an offset, until the end of the range, the current end of the partition, or a
    /// break. The deadline applies to each message.
    pub(crate) fn read(
        &mut self,
        (topic, partition): &TopicPartition,
        range: Range<u64>,
        mut take: impl FnMut(Record) -> ControlFlow<()>,
    ) -> Result<(), TransportError> {
        let first = Offset::Offset(i64::try_from(range.start).unwrap_or(i64::MAX));
        let list = list([(&(topic.clone(), *partition), first, "")]);
        let assigned = list.and_then(|list| self.consumer.assign(&list));
        assigned.map_err(|error| self.error(error))?;
        let consumer = Arc::clone(&self.consumer);
        let mut last_error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
        let read = loop {
            let deadline = Instant::now() + self.timeout();
            let polled = loop {
                match consumer.poll(TICK) {
                    Some(polled) => break Some(polled),
                    None if Instant::now() >= deadline => break None,
                    None => {}
                }
            };
            match polled {
                Some(Ok(message)) => {
                    let record = Record::of(&message);
                    let next = record.offset + 1;
                    if record.offset >= range.end || take(record).is_break() || next >= range.end {
                        break Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => break Ok(()),
                // librdkafka reconnects; the deadline ends the attempts.
                Some(Err(error)) => last_error = error,
                None => break Err(self.error(last_error)),
            }
        };
        self.consumer.unassign().map_err(|error| self.error(error))?;
        read
    }
}
