//! A transactional producer: stores records together with the offsets of a group.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events_transport::{ErrorKind, Message, Topic, TransportError};
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer as _;

use super::consumer::{GroupClient, Membership, Place};
use super::error::convert;
use super::producer::{Failed, Native, Receipt, Refused, Stored};
use super::settings::ClientSettings;
use super::topics::{TopicInfo, Topics};

const OPERATION: &str = "commit a transaction of";

/// How long one step of a transaction is served.
const STEP: Duration = Duration::from_millis(50);

/// A producer with a transactional id of its own.
pub(crate) struct Transactional {
    native: Native<Outcome>,
    group: String,
    timeout: Duration,
    /// How long a transaction may be open.
    open_for: Duration,
    /// The first record that failed.
    failed: Arc<Mutex<Option<Failed>>>,
}

/// The receipt of a record.
pub(crate) struct Outcome(Arc<Mutex<Option<Failed>>>);

impl Receipt for Outcome {
    fn deliver(self, outcome: Result<Stored, Failed>) {
        if let Err(failed) = outcome {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failed);
        }
    }
}

/// Why a transaction was not committed.
#[derive(Debug)]
pub(crate) enum TransactionFailure {
    /// It was aborted; the same one may succeed later.
    Aborted(TransportError),
    /// It was aborted: the group went on without this member.
    Rebalance(TransportError),
    /// It was aborted, and one of its records fails again.
    Refused(TransportError),
    /// It may be committed. The producer must be replaced, which ends the transaction.
    Unknown(TransportError),
}

impl fmt::Debug for Transactional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transactional").field("group", &self.group).finish_non_exhaustive()
    }
}

impl Transactional {
    /// Creates a producer. A transaction that an earlier one of this id left open is ended. Blocks.
    ///
    /// # Errors
    /// A [`TransportError`] if the cluster can't be reached, or refuses transactions.
    pub(crate) fn create(settings: &ClientSettings, id: &str, group: &str) -> Result<Self, TransportError> {
        let native = Native::transactional(settings, id, OPERATION, group)?;
        let producer = Self {
            native,
            group: group.to_owned(),
            timeout: settings.timeout(),
            open_for: settings.transaction_timeout(),
            failed: Arc::default(),
        };
        producer
            .within(producer.timeout * 2, |wait| producer.native.producer().init_transactions(wait))
            .map_err(|error| convert(error, OPERATION, group))?;
        Ok(producer)
    }

    /// Looks up a topic of outputs, and creates it if that is configured. Blocks.
    ///
    /// # Errors
    /// A [`TransportError`], of kind [`NotFound`](ErrorKind::NotFound) if it is missing.
    pub(crate) fn ensure(&self, topics: &Topics, topic: &Topic) -> Result<TopicInfo, TransportError> {
        topics.ensure(self.native.client(), topic, OPERATION)
    }

    /// Stores records and offsets, all or none. Blocks.
    ///
    /// `membership`: as it was when the member held the partitions of the offsets. A later one would commit offsets
    /// of partitions that another member has since.
    ///
    /// # Errors
    /// A [`TransactionFailure`].
    pub(crate) fn run<'m>(
        &self,
        group: &GroupClient,
        membership: &Membership,
        offsets: &[(Place, u64, String)],
        records: impl Iterator<Item = (&'m str, &'m Message)>,
    ) -> Result<(), TransactionFailure> {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let producer = self.native.producer();
        // Of an earlier transaction whose abort did not succeed, this fails: the producer is replaced.
        producer.begin_transaction().map_err(|error| self.unknown(error))?;
        let stored = self.send(records).and_then(|()| self.send_offsets(group, membership, offsets));
        if let Err(failure) = stored {
            return Err(self.abort(failure));
        }
        match self.within(self.open_for, |wait| producer.commit_transaction(wait)) {
            Ok(()) => Ok(()),
            Err(error) if requires_abort(&error) => {
                let failure = self.aborted(error);
                Err(self.abort(failure))
            }
            Err(error) => Err(self.unknown(error)),
        }
    }

    fn send<'m>(
        &self,
        records: impl Iterator<Item = (&'m str, &'m Message)>,
    ) -> Result<(), TransactionFailure> {
        let deadline = Instant::now() + self.open_for;
        let late = || TransactionFailure::Aborted(self.late());
        for (topic, message) in records {
            loop {
                match self.native.offer(topic, message, Outcome(Arc::clone(&self.failed))) {
                    Ok(()) => break,
                    Err(Refused::QueueFull) if Instant::now() < deadline => self.native.poll(STEP),
                    Err(Refused::QueueFull | Refused::Broken) => return Err(late()),
                    Err(Refused::Record(error)) => return Err(TransactionFailure::Refused(error)),
                }
            }
        }
        while self.native.in_flight() > 0 {
            if Instant::now() >= deadline {
                return Err(late());
            }
            self.native.poll(STEP);
        }
        match *self.failed.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(failed) => {
                let error = failed.error("send to", &self.group);
                Err(if error.is_retryable() {
                    TransactionFailure::Aborted(error)
                } else {
                    TransactionFailure::Refused(error)
                })
            }
        }
    }

    fn send_offsets(
        &self,
        group: &GroupClient,
        membership: &Membership,
        offsets: &[(Place, u64, String)],
    ) -> Result<(), TransactionFailure> {
        let list = group.offsets(offsets).map_err(|error| self.aborted(error))?;
        self.within(self.timeout * 2, |wait| {
            self.native.producer().send_offsets_to_transaction(&list, &membership.0, wait)
        })
        .map_err(|error| self.aborted(error))
    }

    /// Aborts the transaction. What can't be aborted is over only when the producer is replaced.
    fn abort(&self, failure: TransactionFailure) -> TransactionFailure {
        self.native.purge();
        self.native.poll(Duration::ZERO);
        match self.within(self.open_for, |wait| self.native.producer().abort_transaction(wait)) {
            Ok(()) => failure,
            Err(error) => self.unknown(error),
        }
    }

    /// Repeats a step while the client says that this helps.
    fn within(
        &self,
        longest: Duration,
        step: impl Fn(Duration) -> Result<(), KafkaError>,
    ) -> Result<(), KafkaError> {
        let deadline = Instant::now() + longest;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match step(self.timeout.min(left)) {
                Err(error) if is_retriable(&error) && Instant::now() < deadline => self.native.poll(STEP),
                done => return done,
            }
        }
    }

    fn aborted(&self, error: KafkaError) -> TransactionFailure {
        let is_of_group = GroupClient::is_rebalance(&error);
        let error = convert(error, OPERATION, &self.group);
        if is_of_group { TransactionFailure::Rebalance(error) } else { TransactionFailure::Aborted(error) }
    }

    fn unknown(&self, error: KafkaError) -> TransactionFailure {
        TransactionFailure::Unknown(convert(error, OPERATION, &self.group))
    }

    fn late(&self) -> TransportError {
        let message = "the cluster did not accept the records of a transaction in time: they are sent again";
        let error = TransportError::new(ErrorKind::Unavailable, OPERATION, &self.group, message);
        match self.native.reported(self.open_for, OPERATION, &self.group) {
            Some(reported) => error.with_source(reported),
            None => error,
        }
    }
}

fn is_retriable(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_retriable())
}

fn requires_abort(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.txn_requires_abort())
}
