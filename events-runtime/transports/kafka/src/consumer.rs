//! A consumer: one member of a group in one or several topics.

mod joining;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::joining::{Joining, Reads, is_known};
use super::acker::{Acker, AckerOf};
use super::client::{At, Place, Topics, off_thread, persist};
use super::config::Config;
use super::control_watch::ControlWatches;
use super::member::{Closing, Member, Stage, TopicState};
use super::moves::{Moves, Open};
use super::registry::Registry;
use super::transactions::Transactions;
use super::worker::Worker;
use events_transport::{
    BoxFuture, Consumer, Delivery, ErrorKind, Position, Recipient, Subscription, TransportError,
};

/// The pause before the offsets of a group are looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

pub(super) struct KafkaConsumer {
    member: Arc<Member>,
    /// One for each topic that is read.
    recipients: Vec<Arc<Recipient>>,
    registry: Option<Arc<Registry>>,
    timeout: Duration,
}

impl KafkaConsumer {
    /// Joins a group. The subscriptions have one group and different topics.
    pub(super) async fn subscribe(
        config: Arc<Config>,
        topics: Arc<Topics>,
        watches: Arc<ControlWatches>,
        open: Open,
        subscriptions: Vec<Subscription>,
    ) -> Result<Self, TransportError> {
        let Some(first) = subscriptions.first().cloned() else {
            let message = "a consumer needs at least one topic";
            return Err(TransportError::new(ErrorKind::Invalid, "subscribe to", "", message));
        };
        if tokio::runtime::Handle::try_current().is_err() {
            let message =
                "a consumer needs a tokio runtime: subscribe in one, with `enable_time` or `enable_all`";
            return Err(TransportError::new(ErrorKind::Unsupported, "subscribe to", &first.topic, message));
        }
        let mut dead_letter_topics = Vec::with_capacity(subscriptions.len());
        for subscription in &subscriptions {
            dead_letter_topics.push(subscription.dead_letter_topic()?);
        }
        let reads = Reads::of(&config, &subscriptions).await?;
        let names = reads.topics().cloned().collect();
        let subject = first.topic.to_string();
        let (of_config, of_outputs, of_reads) = (Arc::clone(&config), Arc::clone(&topics), reads.clone());
        let of_joining = subscriptions.clone();
        let joining = off_thread("subscribe to", &subject, move || {
            joining::prepare(&of_config, &topics, &watches, &of_joining, &of_reads)
        })
        .await?;
        let Joining { client, sources, control, unlisted } = joining;
        let client = Arc::new(client);
        let member = Arc::new(Member::new(
            first.group.clone(),
            names,
            first.lease,
            config.retry_for,
            Arc::clone(&client),
        ));
        let moves = Arc::new(Moves::new(open));
        let transactions = Arc::new(Transactions::new(Arc::clone(&config), of_outputs, Arc::clone(&member)));
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let spawned = thread::Builder::new().name(name.to_owned()).spawn(run);
            spawned.map(drop).map_err(|source| {
                let message = "the system can't start a thread: check its limits";
                TransportError::new(ErrorKind::Unavailable, "subscribe to", &first.topic, message)
                    .with_source(source)
            })
        };
        let (of_member, of_client) = (Arc::clone(&member), Arc::clone(&client));
        spawn("events-kafka-commits", Box::new(move || of_member.run_commits(&of_client)))?;
        let registry = config.registry.clone();
        let worker =
            Worker::new(Arc::clone(&member), client, sources, control, Arc::clone(&moves), registry.clone());
        if let Err(error) = spawn("events-kafka-consumer", Box::new(move || worker.run())) {
            member.end_commits();
            return Err(error);
        }
        let ackers: Vec<_> = subscriptions
            .into_iter()
            .zip(dead_letter_topics)
            .zip(reads.retry_topics())
            .map(|((subscription, dead_letter_topic), retry_topics)| {
                Arc::new(AckerOf {
                    member: Arc::clone(&member),
                    topic: subscription.topic,
                    dead_letter_topic,
                    retry_topics: retry_topics.clone(),
                    is_transactional: subscription.transactions,
                    moves: Arc::clone(&moves),
                    transactions: Arc::clone(&transactions),
                    registry: registry.clone(),
                })
            })
            .collect();
        // The messages of a retry topic are those of the topic that they come from.
        let recipient = |(topic, of): (usize, usize)| {
            let of = Arc::clone(ackers.get(of)?);
            let of_topic = of.topic.clone();
            Some(Arc::new(Recipient::new(of_topic, first.group.clone(), Arc::new(Acker { topic, of }))))
        };
        let recipients = reads.owners().enumerate().filter_map(recipient).collect();
        let consumer = Self { member, recipients, registry, timeout: config.client.timeout() };
        consumer.start(unlisted, config.retry_for).await?;
        Ok(consumer)
    }

    /// Waits until the member has its partitions and the group is listed in its topics.
    async fn start(&self, unlisted: Vec<Place>, retry_for: Duration) -> Result<(), TransportError> {
        // A rebalance may take longer while other members finish their work. The first `receive` waits on, but a group
        // that is not listed has no place that holds: this waits for it.
        let longest = if unlisted.is_empty() { self.timeout } else { self.timeout.max(retry_for) };
        let deadline = Instant::now() + longest;
        self.joined(deadline).await?;
        self.started(deadline).await;
        if unlisted.is_empty() {
            return Ok(());
        }
        // Other members may have the partitions, also of programs that commit later.
        let deadline = Instant::now() + self.timeout;
        if !self.listed(unlisted, deadline).await? {
            tracing::debug!(
                group = %self.member.group,
                topics = self.member.names(),
                "the other members of the group have not committed an offset yet: it is not listed"
            );
        }
        Ok(())
    }

    /// Waits until the member has its partitions. Returns whether it has.
    async fn joined(&self, deadline: Instant) -> Result<bool, TransportError> {
        loop {
            let woken = self.member.wake.notified();
            {
                let mut state = self.member.state();
                if let Some(error) = state.fatal.clone() {
                    return Err(error);
                }
                if let Some(error) = state.error.take() {
                    return Err(error);
                }
                let is_away = state.subscribed.contains(&TopicState::Away);
                if state.stage == Stage::Joined && !is_away {
                    return Ok(true);
                }
                if !is_away && !state.subscribed.contains(&TopicState::Subscribed) {
                    return Ok(true);
                }
            }
            if timeout(deadline.saturating_duration_since(Instant::now()), woken).await.is_err() {
                return Ok(false);
            }
        }
    }

    /// Waits until the start of a new group is committed, so that the group is listed.
    async fn started(&self, deadline: Instant) {
        let answers: Vec<_> = {
            let mut state = self.member.state();
            let places: Vec<Place> = state.partitions.keys().copied().collect();
            self.member.commit(&mut state);
            places.into_iter().filter_map(|place| state.committed(place)).collect()
        };
        for answer in answers {
            // If it fails, the next commit has the start.
            let _ = timeout(deadline.saturating_duration_since(Instant::now()), answer).await;
        }
    }

    /// Waits until the group has a committed offset in each topic of these partitions. Returns whether it has.
    async fn listed(&self, places: Vec<Place>, deadline: Instant) -> Result<bool, TransportError> {
        let topics: BTreeSet<usize> = places.iter().map(|place| place.topic).collect();
        loop {
            let Some(client) = self.member.client() else { return Ok(false) };
            let (asked, wait) = (places.clone(), self.timeout);
            let names = self.member.names();
            match off_thread("subscribe to", &names, move || client.committed(&asked, wait)).await {
                Ok(found) => {
                    let known = found.iter().filter(|(_, committed)| is_known(committed.as_ref()));
                    if known.map(|(place, _)| place.topic).collect::<BTreeSet<_>>() == topics {
                        return Ok(true);
                    }
                }
                Err(error) if error.is_retryable() => {}
                Err(error) => return Err(error),
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Claims what there is. Returns when to look again if that is nothing.
    fn claim(&self, max: usize) -> Result<(Vec<Delivery>, Option<std::time::Instant>), TransportError> {
        let mut state = self.member.state();
        if let Some(error) = state.fatal.clone() {
            return Err(error);
        }
        let (token, claimed, due) = state.claim(max, self.member.lease);
        if claimed.is_empty() {
            if let Some(error) = state.error.take() {
                return Err(error);
            }
            let removed = state.subscribed.iter().position(|topic| *topic == TopicState::Removed);
            if let Some(topic) = removed.and_then(|index| self.member.topics.get(index)) {
                return Err(TransportError::no_group("receive from", topic, &self.member.group));
            }
        }
        let has_made_room = std::mem::take(&mut state.has_made_room);
        drop(state);
        if has_made_room && let Some(client) = self.member.client() {
            client.ring();
        }
        let deliver = |(place, claimed): (Place, super::partition::Claimed)| {
            let recipient = Arc::clone(self.recipients.get(place.topic)?);
            let position = Position::Record { partition: place.partition, offset: claimed.offset };
            let record = claimed.record;
            let (origin, time) = (record.position(place.partition, claimed.offset), record.stored());
            let message = match &self.registry {
                Some(registry) => registry.refreshed(record.message),
                None => record.message,
            };
            let delivery = Delivery::new(message, position, claimed.attempt, time, token, recipient);
            Some(delivery.moved_from(origin))
        };
        Ok((claimed.into_iter().filter_map(deliver).collect(), due))
    }

    async fn receive(&self, max: usize, wait: Duration) -> Result<Vec<Delivery>, TransportError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let _receiving = Receiving::new(&self.member);
        // No deadline if it exceeds the range of the clock.
        let deadline = Instant::now().checked_add(wait);
        if wait.is_zero() {
            let (deliveries, _) = self.claim(max)?;
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
            self.caught_up().await?;
            return self.claim(max).map(|(deliveries, _)| deliveries);
        }
        loop {
            let woken = self.member.wake.notified();
            let (deliveries, due) = self.claim(max)?;
            if !deliveries.is_empty() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(deliveries);
            }
            let until = [due.map(Instant::from_std), deadline].into_iter().flatten().min();
            tokio::select! {
                () = woken => {}
                () = async {
                    match until {
                        Some(at) => sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                } => {}
            }
        }
    }

    /// Keeps the ends of the partitions that are fetched and not read up to there.
    fn keep_behind(&self, ends: &mut Vec<(Place, u64)>) {
        let state = self.member.state();
        ends.retain(|(place, end)| {
            let assigned = state.partitions.get(place);
            assigned.is_some_and(|one| one.room() > 0 && one.partition.next() < *end)
        });
    }

    /// Waits until every message is fetched that is stored now.
    async fn caught_up(&self) -> Result<(), TransportError> {
        let deadline = Instant::now() + self.timeout;
        if !self.joined(deadline).await? {
            return Ok(());
        }
        let fetching = || -> Vec<Place> {
            let state = self.member.state();
            let fetching = state.partitions.iter().filter(|(_, one)| one.room() > 0);
            fetching.map(|(place, _)| *place).collect()
        };
        let (places, Some(client)) = (fetching(), self.member.client()) else { return Ok(()) };
        if places.is_empty() {
            return Ok(());
        }
        let offsets_at = async |places: Vec<Place>, at| {
            let (client, wait) = (Arc::clone(&client), self.timeout);
            let look = move || persist(wait, |wait| client.offsets_at(&places, at, wait));
            off_thread("receive from", &self.member.names(), look).await
        };
        let mut ends = offsets_at(places, At::End).await?;
        self.keep_behind(&mut ends);
        if ends.is_empty() {
            return Ok(());
        }
        // Retention may have removed all that is left.
        for (place, first) in offsets_at(ends.iter().map(|(place, _)| *place).collect(), At::Earliest).await?
        {
            ends.retain(|(other, end)| *other != place || first < *end);
        }
        let _catching_up = CatchingUp::new(&self.member);
        loop {
            let woken = self.member.wake.notified();
            self.keep_behind(&mut ends);
            if ends.is_empty() {
                return Ok(());
            }
            if timeout(deadline.saturating_duration_since(Instant::now()), woken).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Notes that a `receive` waits until all is fetched that is stored.
struct CatchingUp<'m>(&'m Member);

impl<'m> CatchingUp<'m> {
    fn new(member: &'m Member) -> Self {
        member.state().catching_up += 1;
        Self(member)
    }
}

impl Drop for CatchingUp<'_> {
    fn drop(&mut self) {
        self.0.state().catching_up -= 1;
    }
}

/// Notes that a `receive` is under way.
struct Receiving<'m>(&'m Member);

impl<'m> Receiving<'m> {
    fn new(member: &'m Member) -> Self {
        let mut state = member.state();
        state.is_receiving = true;
        state.received = std::time::Instant::now();
        state.expired = None;
        Self(member)
    }
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_receiving = false;
        state.received = std::time::Instant::now();
    }
}

impl Consumer for KafkaConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin((*self).receive(max, wait))
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        let (reply, answer) = oneshot::channel();
        self.member.state().closing = Some(Closing(Some(reply)));
        let closed = self.member.closed("leave");
        Box::pin(async move { answer.await.unwrap_or(Err(closed)) })
    }
}

impl Drop for KafkaConsumer {
    fn drop(&mut self) {
        let mut state = self.member.state();
        if state.closing.is_none() {
            state.closing = Some(Closing(None));
        }
    }
}
