//! Acknowledgements with outputs: the outputs and the offsets are stored in one transaction of Kafka.
//!
//! A thread gathers what was acknowledged while the last transaction ran, and commits it together. While it does,
//! the member commits no offsets otherwise: an older commit that arrives later would take acknowledgements back. A
//! message stays in flight, without a lease, until its transaction is over.
//!
//! The offsets are committed by the member and its generation (KIP-447): a member that lost its partitions stores
//! nothing. If it is not known whether a transaction was committed, the producer is replaced, which ends the
//! transaction, and the offsets of the group tell.
//!
//! An acknowledgement that a commit can't record, since its metadata is full, waits: another member would handle the
//! message again, and store its outputs again.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::client::{GroupClient, Membership, Place, Topics, TransactionFailure, Transactional};
use super::config::Config;
use super::member::{Member, Sent, Stored};
use super::partition::Requeue;
use events_support::error_chain::chain;
use events_transport::{ErrorKind, Message, Topic, TransportError};

const OPERATION: &str = "commit a transaction of";

/// The most acknowledgements of one transaction.
const MOST: usize = 500;
/// The pause after a transaction that failed.
const PAUSE: Duration = Duration::from_millis(100);
/// The pause of a message whose outputs were not stored.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a question for committed offsets may take.
const ASK: Duration = Duration::from_secs(2);
/// How long the thread waits for work before it looks whether the consumer has ended.
const IDLE: Duration = Duration::from_secs(1);

/// An acknowledgement with its outputs.
pub(super) struct Acknowledged {
    pub(super) place: Place,
    pub(super) offset: u64,
    pub(super) claim: u64,
    pub(super) outputs: Vec<(Topic, Message)>,
    /// How the message is returned if the outputs are not stored; by default soon, and counted if they are at fault.
    pub(super) again: Option<Requeue>,
    pub(super) since: Instant,
    /// `None` once it is answered.
    pub(super) reply: Option<oneshot::Sender<Stored>>,
}

impl Acknowledged {
    fn answer(&mut self, stored: Stored) {
        if let Some(reply) = self.reply.take() {
            // Nobody waits if the future was dropped.
            let _ = reply.send(stored);
        }
    }
}

/// The transactions of a member. The thread starts with the first of them, and ends with this.
pub(super) struct Transactions {
    shared: Arc<Shared>,
}

struct Shared {
    config: Arc<Config>,
    topics: Arc<Topics>,
    member: Arc<Member>,
    /// Differs for each member: the generation of the group keeps an earlier one away.
    id: String,
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Acknowledged>,
    is_started: bool,
    is_closed: bool,
}

/// The part of a transaction that its failure is about.
enum Failed {
    /// All are tried again.
    Later(TransportError),
    /// One of them fails again.
    Refused(TransportError),
}

impl Transactions {
    pub(super) fn new(config: Arc<Config>, topics: Arc<Topics>, member: Arc<Member>) -> Self {
        let id = format!("{}.{}", config.namespace.kafka_group(&member.group), uuid::Uuid::new_v4());
        let (queue, wake) = (Mutex::default(), Condvar::new());
        Self { shared: Arc::new(Shared { config, topics, member, id, queue, wake }) }
    }

    /// Adds an acknowledgement to the next transaction.
    pub(super) fn add(&self, acknowledged: Acknowledged) {
        let mut queue = self.shared.queue();
        if !queue.is_started {
            let shared = Arc::clone(&self.shared);
            let thread = std::thread::Builder::new().name("events-kafka-transactions".to_owned());
            if let Err(source) = thread.spawn(move || shared.run()) {
                drop(queue);
                let message = "the system can't start a thread: check its limits";
                let error = self.shared.error(ErrorKind::Unavailable, message).with_source(source);
                return self.shared.give_back(acknowledged, &error, Requeue::Uncounted(AGAIN));
            }
            queue.is_started = true;
        }
        queue.waiting.push(acknowledged);
        drop(queue);
        self.shared.wake.notify_one();
    }
}

impl Drop for Transactions {
    fn drop(&mut self) {
        self.shared.queue().is_closed = true;
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, kind: ErrorKind, message: &str) -> TransportError {
        TransportError::new(kind, OPERATION, self.member.names(), message)
    }

    fn run(self: Arc<Self>) {
        let mut producer = None;
        // Topics of outputs that exist.
        let mut known = HashSet::new();
        let mut alone = false;
        loop {
            let mut queue = self.queue();
            while queue.waiting.is_empty() {
                if queue.is_closed {
                    return;
                }
                queue = self.wake.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner).0;
            }
            let most = if alone { 1 } else { MOST.min(queue.waiting.len()) };
            let batch: Vec<_> = queue.waiting.drain(..most).collect();
            drop(queue);
            let (rest, failed) = self.commit(batch, &mut producer, &mut known);
            self.member.end_transaction();
            self.member.wake.notify_one();
            alone = false;
            match failed {
                None => {}
                Some(Failed::Refused(error)) if rest.len() == 1 => {
                    for one in rest {
                        // The attempt counts: the message becomes a dead letter in the end.
                        self.give_back(one, &error, Requeue::Counted(AGAIN));
                    }
                }
                Some(Failed::Refused(_)) => {
                    alone = true;
                    self.put_back(rest);
                }
                Some(Failed::Later(error)) => self.later(rest, &error),
            }
        }
    }

    /// Puts acknowledgements before those that wait.
    fn put_back(&self, mut rest: Vec<Acknowledged>) {
        let mut queue = self.queue();
        rest.append(&mut queue.waiting);
        queue.waiting = rest;
    }

    /// Tries again. Those that have waited too long are answered, and stay where they are: a later message of their
    /// key must not be stored before them.
    fn later(&self, rest: Vec<Acknowledged>, error: &TransportError) {
        tracing::debug!(error = chain(error), "a transaction failed, and is tried again");
        if rest.is_empty() {
            return;
        }
        self.put_back(rest);
        for one in &mut self.queue().waiting {
            if one.since.elapsed() > self.config.retry_for {
                one.answer(Err(error.clone()));
            }
        }
        std::thread::sleep(PAUSE);
    }

    /// Returns a message whose outputs are not stored.
    fn give_back(&self, mut one: Acknowledged, error: &TransportError, how: Requeue) {
        // Its partition may belong to another member now.
        let how = one.again.unwrap_or(how);
        let _ = self.member.state().requeue(one.place, one.offset, one.claim, how);
        self.member.wake.notify_one();
        one.answer(Err(error.clone()));
    }

    /// Commits a transaction. Returns what is not stored, and why.
    fn commit(
        &self,
        batch: Vec<Acknowledged>,
        producer: &mut Option<Transactional>,
        known: &mut HashSet<Topic>,
    ) -> (Vec<Acknowledged>, Option<Failed>) {
        let Some(client) = self.member.client() else { return (self.lost(batch, |_| false), None) };
        let later = |message| Some(Failed::Later(self.error(ErrorKind::Unavailable, message)));
        if !self.member.begin_transaction(self.config.client.timeout()) {
            return (batch, later("an earlier commit of offsets was not answered in time"));
        }
        // Before the look at what the member holds: see `Transactional::run`.
        let membership = client.membership();
        let batch = self.held(batch);
        if batch.is_empty() {
            return (batch, None);
        }
        let Some(membership) = membership else {
            return (batch, later("the group went on without this member, which joins it again"));
        };
        let (mut batch, mut rest, commits) = self.recorded(batch);
        if !batch.is_empty() {
            let open = match producer.take().map_or_else(|| self.open(), Ok) {
                Ok(open) => producer.insert(open),
                Err(error) => {
                    batch.append(&mut rest);
                    return (batch, Some(failed(error)));
                }
            };
            let offsets: Vec<_> =
                commits.iter().map(|one| (one.place, one.offset, one.metadata.clone())).collect();
            let stored = self.store(&batch, open, known, &client, &membership, &offsets);
            let stored = match stored {
                Err(TransactionFailure::Unknown(error)) => {
                    // Replacing the producer ends the transaction; then the offsets say how.
                    *producer = None;
                    match self.was_committed(&client, producer, &offsets, &mut batch, &error) {
                        Some(true) => Ok(()),
                        Some(false) => Err(Failed::Later(error)),
                        // Another member continues where the transaction has left the group.
                        None => {
                            batch.append(&mut rest);
                            return (self.lost(batch, |_| false), None);
                        }
                    }
                }
                Err(TransactionFailure::Refused(error)) => Err(Failed::Refused(error)),
                Err(TransactionFailure::Rebalance(error)) => Err(Failed::Later(error)),
                Err(TransactionFailure::Aborted(error)) => Err(failed(error)),
                Ok(()) => Ok(()),
            };
            match stored {
                Ok(()) => self.settled(batch, commits),
                Err(failed) => {
                    batch.append(&mut rest);
                    return (batch, Some(failed));
                }
            }
        }
        if rest.is_empty() {
            return (rest, None);
        }
        let full = "the commit metadata has no room for more messages that are acknowledged before earlier ones of \
                    their partition: they wait for the earlier ones";
        (rest, later(full))
    }

    /// What the member still holds. The others are answered.
    fn held(&self, batch: Vec<Acknowledged>) -> Vec<Acknowledged> {
        let mut state = self.member.state();
        let is_held = |one: &Acknowledged| state.hold_order(one.place, one.offset, one.claim);
        let held: Vec<bool> = batch.iter().map(is_held).collect();
        drop(state);
        let mut held = held.into_iter();
        self.lost(batch, |_| held.next().unwrap_or_default())
    }

    /// What the next commit can record, what it can't, and the commit.
    fn recorded(&self, batch: Vec<Acknowledged>) -> (Vec<Acknowledged>, Vec<Acknowledged>, Vec<Sent>) {
        let mut settled: BTreeMap<Place, BTreeSet<u64>> = BTreeMap::new();
        for one in &batch {
            settled.entry(one.place).or_default().insert(one.offset);
        }
        let commits = self.member.state().commits_of(&mut settled);
        let is_recorded =
            |one: &Acknowledged| settled.get(&one.place).is_some_and(|offsets| offsets.contains(&one.offset));
        let (batch, rest) = batch.into_iter().partition(is_recorded);
        (batch, rest, commits)
    }

    fn open(&self) -> Result<Transactional, TransportError> {
        let group = self.config.namespace.kafka_group(&self.member.group);
        Transactional::create(&self.config.client, &self.id, &group)
    }

    /// Stores the outputs of a batch, and offsets.
    fn store(
        &self,
        batch: &[Acknowledged],
        open: &Transactional,
        known: &mut HashSet<Topic>,
        client: &GroupClient,
        membership: &Membership,
        offsets: &[(Place, u64, String)],
    ) -> Result<(), TransactionFailure> {
        let mut records = Vec::new();
        for (topic, message) in batch.iter().flat_map(|one| &one.outputs) {
            if !known.contains(topic) {
                open.ensure(&self.topics, topic).map_err(TransactionFailure::Aborted)?;
                known.insert(topic.clone());
            }
            let named = self.config.namespace.checked_topic(topic, OPERATION);
            let name = named.map_err(TransactionFailure::Refused)?;
            let message = match &self.config.registry {
                Some(registry) => {
                    Cow::Owned(registry.frame(topic, message).map_err(TransactionFailure::Refused)?)
                }
                None => Cow::Borrowed(message),
            };
            records.push((name, message));
        }
        let records = records.iter().map(|(name, message)| (name.as_str(), &**message));
        open.run(client, membership, offsets, records)
    }

    /// Settles what a transaction has stored.
    fn settled(&self, batch: Vec<Acknowledged>, commits: Vec<Sent>) {
        let mut state = self.member.state();
        state.transacted(commits);
        for mut one in batch {
            // The partition may have been lost since: the transaction was stored before.
            let _ = state.settle(one.place, one.offset, one.claim);
            one.answer(Ok(()));
        }
    }

    /// Whether the offsets of a transaction are those of the group. Asks until the cluster answers; the batch is
    /// answered with the error if that takes longer than `retry_for`. `None` if the consumer ends before.
    fn was_committed(
        &self,
        client: &GroupClient,
        producer: &mut Option<Transactional>,
        offsets: &[(Place, u64, String)],
        batch: &mut [Acknowledged],
        error: &TransportError,
    ) -> Option<bool> {
        let started = Instant::now();
        let places: Vec<Place> = offsets.iter().map(|(place, ..)| *place).collect();
        loop {
            let ended = producer.take().map_or_else(|| self.open(), Ok);
            let asked = ended.and_then(|ended| {
                *producer = Some(ended);
                client.committed(&places, ASK)
            });
            match asked {
                Ok(committed) => {
                    let found: BTreeMap<_, _> = committed.into_iter().collect();
                    return Some(offsets.iter().all(|(place, offset, metadata)| {
                        found.get(place).and_then(Option::as_ref).is_some_and(|found| {
                            u64::try_from(found.offset).ok() == Some(*offset) && found.metadata == *metadata
                        })
                    }));
                }
                Err(error) => {
                    tracing::debug!(error = chain(&error), "the end of a transaction is not known yet");
                }
            }
            if self.queue().is_closed || self.member.client().is_none() {
                return None;
            }
            if started.elapsed() > self.config.retry_for {
                for one in batch.iter_mut() {
                    one.answer(Err(error.clone()));
                }
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Answers those that the member no longer holds, and returns the others.
    fn lost(
        &self,
        batch: Vec<Acknowledged>,
        mut is_held: impl FnMut(&Acknowledged) -> bool,
    ) -> Vec<Acknowledged> {
        let (held, lost): (Vec<_>, Vec<_>) = batch.into_iter().partition(|one| is_held(one));
        for mut one in lost {
            let error = self.member.lost("settle", one.place, one.offset);
            one.answer(Err(error));
        }
        held
    }
}

/// A failure before a transaction, or in one that was aborted.
fn failed(error: TransportError) -> Failed {
    let is_refused = !error.is_retryable() || error.kind().needs_operator();
    if is_refused { Failed::Refused(error) } else { Failed::Later(error) }
}
