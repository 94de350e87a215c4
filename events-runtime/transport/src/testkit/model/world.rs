//! Runs a history on a transport and on the model.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Cursor, DeadLetter, How, Op, Steps, Subject};
use crate::testkit::{Fixture, LONG, group, named, with_retention};
use crate::{
    ConnectOptions, Consumer, ConsumerGroup, Delivery, ErrorKind, GroupStatus, Message, Position, Retention,
    StartPosition, Subscription, Topic, Transport, TransportError,
};

/// What retention keeps of the settled messages.
const KEPT: u64 = 6;
const MEMBERS: usize = 3;

/// Why a history did not pass.
pub(super) enum Failure {
    /// The transport and the model differ.
    Differs(String),
    /// Leases ended earlier than the history allows.
    TooSlow,
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Self::Differs(format!("a call failed: {error}"))
    }
}

fn differs<T>(what: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Differs(what.into()))
}

struct Member {
    /// Its number in the model.
    number: usize,
    consumer: Box<dyn Consumer>,
}

struct InFlight {
    index: usize,
    member: usize,
    delivery: Delivery,
}

pub(super) struct World<'f> {
    fixture: &'f dyn Fixture,
    transport: Box<dyn Transport>,
    topic: Topic,
    /// Each history has a group of its own: a transport may move a group in all its topics at once.
    group: ConsumerGroup,
    lease: Duration,
    start: Instant,
    model: Cursor,
    letters: BTreeMap<usize, DeadLetter>,
    positions: Vec<Position>,
    numbers: HashMap<Position, usize>,
    members: Vec<Member>,
    joined: usize,
    in_flight: Vec<InFlight>,
    /// The lost members. Their consumers are not dropped before the end.
    lost: Vec<Member>,
    /// When the first of the leases in flight began; leases that end are part of poison histories only.
    round: Option<Instant>,
    leases_end: bool,
}

impl<'f> World<'f> {
    pub(super) async fn run(
        fixture: &'f dyn Fixture,
        subject: Subject,
        history: &[Op],
        factor: u32,
    ) -> Result<(), Failure> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let leases_end = matches!(subject, Subject::Poison { .. });
        let lease = if leases_end { Duration::from_millis(250) * factor } else { 5 * LONG };
        let transport = open(fixture);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut world = Self {
            fixture,
            transport,
            topic: named(&format!("model-{number}")),
            group: group(&format!("billing-{number}")),
            lease: lease * fixture.patience(),
            start: Instant::now(),
            model: Cursor::default(),
            letters: BTreeMap::new(),
            positions: Vec::new(),
            numbers: HashMap::new(),
            members: Vec::new(),
            joined: 0,
            in_flight: Vec::new(),
            lost: Vec::new(),
            round: None,
            leases_end,
        };
        world.join_all().await?;
        for (step, op) in history.iter().enumerate() {
            let applied = async {
                world.apply(*op).await?;
                // While the store is unavailable, a call waits for it.
                if fixture.patience() == 1 || step % 5 == 4 { world.compare().await } else { Ok(()) }
            };
            applied.await.map_err(|failure| match failure {
                Failure::Differs(what) => Failure::Differs(format!("step {}, {op:?}: {what}", step + 1)),
                Failure::TooSlow => Failure::TooSlow,
            })?;
        }
        world.drain().await
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Leases that end must not do so within a round.
    fn in_time(&self) -> Result<(), Failure> {
        let elapsed = self.round.filter(|_| self.leases_end).map(|round| round.elapsed());
        if elapsed.is_some_and(|elapsed| elapsed > self.lease * 3 / 4) {
            Err(Failure::TooSlow)
        } else {
            Ok(())
        }
    }

    async fn apply(&mut self, op: Op) -> Result<(), Failure> {
        match op {
            Op::Send { key, count } => self.send(key, count).await,
            Op::Receive { member, max } => {
                self.receive(usize::from(member) % MEMBERS, usize::from(max)).await.map(drop)
            }
            Op::Settle { pick, how } if !self.in_flight.is_empty() => {
                self.settle(usize::from(pick) % self.in_flight.len(), how).await
            }
            Op::Close { member } => self.close(usize::from(member) % MEMBERS).await,
            Op::Reopen => self.reopen().await,
            Op::Seek { to } if self.transport.capability().seek => self.seek(usize::from(to)).await,
            Op::Trim if self.transport.capability().trim => self.trim().await,
            Op::Settle { .. } | Op::Seek { .. } | Op::Trim => Ok(()),
            Op::LoseAll => self.lose_all().await,
        }
    }

    async fn join(&mut self) -> Result<Member, Failure> {
        let subscription = Subscription::new(self.topic.clone(), self.group.clone()).lease(self.lease);
        self.joined += 1;
        Ok(Member { number: self.joined, consumer: self.transport.consumer(subscription).await? })
    }

    async fn join_all(&mut self) -> Result<(), Failure> {
        while self.members.len() < MEMBERS {
            let member = self.join().await?;
            self.members.push(member);
        }
        Ok(())
    }

    async fn send(&mut self, key: u8, count: u8) -> Result<(), Failure> {
        let key = (key > 0).then(|| format!("key{key}"));
        let batch: Vec<_> = (0..count)
            .map(|_| {
                let index = self.model.send(key.as_deref());
                let message = Message::new(index.to_string()).with_header("ce_id", index.to_string());
                match &key {
                    Some(key) => message.with_key(key.clone()),
                    None => message,
                }
            })
            .collect();
        let producer = self.transport.producer().await?;
        for sent in producer.send(&self.topic, &batch).await {
            let position = sent?;
            self.numbers.insert(position, self.positions.len());
            self.positions.push(position);
        }
        Ok(())
    }

    /// Receives by one member. Returns its number, whether a message was due to it, and what it received.
    async fn receive_of(
        &mut self,
        at: usize,
        max: usize,
    ) -> Result<Option<(usize, bool, Vec<Delivery>)>, Failure> {
        let Some(member) = self.members.get_mut(at) else { return Ok(None) };
        let owes = self.model.owes(member.number, self.start.elapsed());
        let wait = if owes { LONG } else { Duration::ZERO };
        Ok(Some((member.number, owes, member.consumer.receive(max, wait).await?)))
    }

    /// Receives by the member that owns the partition, which may be moving.
    async fn receive_of_owner(
        &mut self,
        at: usize,
        max: usize,
    ) -> Result<(usize, bool, Vec<Delivery>), Failure> {
        let begun = Instant::now();
        loop {
            let (now, mut owes, mut last) = (self.start.elapsed(), false, 0);
            for index in (at..at + MEMBERS).map(|index| index % MEMBERS) {
                let Some(member) = self.members.get_mut(index) else { continue };
                owes |= self.model.owes(member.number, now);
                last = member.number;
                let received = member.consumer.receive(max, Duration::ZERO).await?;
                if !received.is_empty() {
                    return Ok((member.number, owes, received));
                }
            }
            if !owes || begun.elapsed() > LONG {
                return Ok((last, owes, Vec::new()));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns whether there was a message.
    async fn receive(&mut self, at: usize, max: usize) -> Result<bool, Failure> {
        self.in_time()?;
        let begun = Instant::now();
        let Some((number, owes, received)) = (if self.transport.capability().assigns {
            Some(self.receive_of_owner(at, max).await?)
        } else {
            self.receive_of(at, max).await?
        }) else {
            return Ok(false);
        };
        if !received.is_empty() {
            self.round.get_or_insert(begun);
        }
        self.in_time()?;
        if received.len() > max {
            return differs(format!(
                "{} messages were received, at most {max} were asked for",
                received.len()
            ));
        }
        if owes && received.is_empty() {
            return differs(format!("member {number} received nothing, but a message is due"));
        }
        let counts = self.transport.capability().counts_attempts;
        let mut batch = Vec::new();
        for delivery in received {
            let Some(index) = self.numbers.get(&delivery.position()).copied() else {
                return differs(format!("the position {} was never returned by a send", delivery.position()));
            };
            if delivery.message().data != index.to_string() {
                return differs(format!("message {index} has the data {:?}", delivery.message().data));
            }
            batch.push((index, counts.then(|| delivery.attempt())));
            self.in_flight.push(InFlight { index, member: number, delivery });
        }
        let now = self.now();
        self.model.deliver(number, &batch, now).map_err(Failure::Differs)?;
        Ok(!batch.is_empty())
    }

    /// Settles a delivery. As a consumer must: if a message comes back, so do the later ones of its key, the last
    /// one first.
    async fn settle(&mut self, at: usize, how: How) -> Result<(), Failure> {
        self.in_time()?;
        let InFlight { index, member, delivery } = self.in_flight.remove(at);
        if matches!(how, How::Retry(_) | How::Release | How::Postpone(_) | How::Drop) {
            let (later, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.in_flight)
                .into_iter()
                .partition(|other| other.index > index && self.model.are_ordered(index, other.index));
            self.in_flight = others;
            self.release(later).await?;
        }
        debug_assert!(self.model.held_by(member).any(|(held, _)| held == index));
        match how {
            How::Ack => {
                delivery.ack().await?;
                self.model.settle(index);
            }
            How::Reject => {
                delivery.reject("chosen by the history").await?;
                self.model.settle(index);
                self.letters.entry(index).or_default().reject(Steps::Settled);
            }
            How::Retry(millis) => {
                let (delay, begun) = (Duration::from_millis(millis.into()), self.now());
                delivery.retry(delay).await?;
                // Stores count milliseconds, and may round down.
                self.model.retry(index, begun, delay.saturating_sub(Duration::from_millis(2)));
            }
            How::Release => {
                delivery.release().await?;
                let now = self.now();
                self.model.release(index, now);
            }
            How::Postpone(millis) => {
                let (delay, begun) = (Duration::from_millis(millis.into()), self.now());
                delivery.postpone(delay).await?;
                self.model.postpone(index, begun, delay.saturating_sub(Duration::from_millis(2)));
            }
            How::Drop => {
                drop(delivery);
                let now = self.now();
                self.model.retry(index, now, Duration::ZERO);
            }
        }
        self.in_time()
    }

    /// Releases deliveries, the last one first, so that no message of a key is in flight behind one that waits.
    async fn release(&mut self, mut deliveries: Vec<InFlight>) -> Result<(), Failure> {
        deliveries.sort_by_key(|held| std::cmp::Reverse(held.index));
        for InFlight { index, delivery, .. } in deliveries {
            delivery.release().await?;
            let now = self.now();
            self.model.release(index, now);
        }
        Ok(())
    }

    async fn close(&mut self, at: usize) -> Result<(), Failure> {
        let next = self.join().await?;
        let member = std::mem::replace(&mut self.members[at], next);
        let (held, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.in_flight).into_iter().partition(|other| other.member == member.number);
        self.in_flight = others;
        self.release(held).await?;
        member.consumer.close().await?;
        Ok(())
    }

    async fn reopen(&mut self) -> Result<(), Failure> {
        let held = std::mem::take(&mut self.in_flight);
        self.release(held).await?;
        for member in std::mem::take(&mut self.members) {
            member.consumer.close().await?;
        }
        // A store in memory lives for as long as it has a handle.
        self.transport = open(self.fixture);
        self.join_all().await
    }

    async fn seek(&mut self, to: usize) -> Result<(), Failure> {
        if self.transport.capability().trim {
            // A transport may have applied retention by itself; the messages that are left must be known.
            self.trim().await?;
        }
        let sent = self.model.sent();
        let (start, index) = match to % (sent + 2) {
            index if index < sent && self.transport.capability().start_at_position => {
                (StartPosition::At(self.positions[index]), index)
            }
            index if index == sent => (StartPosition::Latest, sent),
            _ => (StartPosition::Earliest, 0),
        };
        self.transport.seek(&self.topic, &self.group, start).await?;
        self.model.seek(index);
        for InFlight { index, delivery, .. } in std::mem::take(&mut self.in_flight) {
            match delivery.ack().await {
                Err(error) if error.kind() == ErrorKind::LeaseLost => {}
                Err(error) => return Err(error.into()),
                Ok(()) => return differs(format!("{index} was acknowledged after the group was moved")),
            }
        }
        Ok(())
    }

    async fn trim(&mut self) -> Result<(), Failure> {
        self.transport.trim().await?;
        self.model.trim(usize::try_from(KEPT).unwrap_or(usize::MAX));
        let topics = self.transport.topics().await?;
        let stored =
            topics.iter().find(|status| status.topic == self.topic).map_or(0, |status| status.messages);
        if stored != self.model.stored() as u64 {
            return differs(format!("{stored} messages are stored, expected {}", self.model.stored()));
        }
        Ok(())
    }

    async fn lose_all(&mut self) -> Result<(), Failure> {
        self.in_time()?;
        for InFlight { delivery, .. } in std::mem::take(&mut self.in_flight) {
            std::mem::forget(delivery);
        }
        self.lost.append(&mut self.members);
        if self.round.take().is_some() {
            tokio::time::sleep(self.lease + self.lease / 5).await;
        }
        let now = self.now();
        for member in &self.lost {
            self.model.lose(member.number, now);
        }
        self.join_all().await
    }

    /// Compares what the transport reports with the model. A dropped delivery may be reported later.
    async fn compare(&self) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            let found = self.difference().await?;
            let Some(found) = found else { return Ok(()) };
            if begun.elapsed() > Duration::from_secs(5) * self.fixture.patience() {
                return differs(found);
            }
            self.in_time()?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn difference(&self) -> Result<Option<String>, Failure> {
        let Some(status) = self.transport.group(&self.topic, &self.group).await? else {
            return differs("there is no such group");
        };
        let GroupStatus { lag, in_flight, next, .. } = status;
        let unsettled = self.model.unsettled();
        let first = unsettled.first().map(|index| self.positions[*index]);
        // Leases that ended may be noticed by the next claim only.
        // Where members own partitions, the store does not know what they hold.
        let is_known = self.lost.is_empty() && !self.transport.capability().assigns;
        let in_flight = is_known.then_some(in_flight);
        // Redis 7 reports a wrong lag after a restart: its log of commands does not have what a group has read.
        let lag = if self.fixture.patience() == 1 { Some(lag) } else { None };
        let expected =
            (lag.map(|_| self.model.lag() as u64), in_flight.map(|_| self.model.in_flight() as u64));
        if (lag, in_flight) != expected {
            return Ok(Some(format!(
                "lag and messages in flight are {:?}, expected {expected:?}",
                (lag, in_flight)
            )));
        }
        if next.is_some() && next != first {
            return Ok(Some(format!("the first unsettled message is {next:?}, expected {first:?}")));
        }
        let listed = self.transport.unsettled(&self.topic, &self.group, None, usize::MAX).await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let listed: Vec<_> =
            listed.iter().map(|stored| self.numbers.get(&stored.position).copied()).collect();
        let expected: Vec<_> = unsettled.into_iter().map(Some).collect();
        Ok((listed != expected)
            .then(|| format!("the unsettled messages are {listed:?}, expected {expected:?}")))
    }

    /// Receives and acknowledges all that is left, and compares the dead letters.
    async fn drain(&mut self) -> Result<(), Failure> {
        let held = std::mem::take(&mut self.in_flight);
        self.release(held).await?;
        let begun = Instant::now();
        while self.model.lag() > 0 {
            if begun.elapsed() > LONG * self.fixture.patience() {
                return differs(format!("{:?} are never delivered", self.model.unsettled()));
            }
            self.round = None;
            if self.receive(0, 10).await? {
                while !self.in_flight.is_empty() {
                    self.settle(0, How::Ack).await?;
                }
            } else {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        self.compare().await?;
        self.compare_letters().await
    }

    /// Each rejected message has a dead letter, and no other has.
    async fn compare_letters(&self) -> Result<(), Failure> {
        let expected: BTreeSet<String> = self
            .letters
            .iter()
            .filter(|(_, letter)| letter.letters > 0)
            .map(|(index, _)| index.to_string())
            .collect();
        if expected.is_empty() {
            return Ok(());
        }
        let topic = self.topic.dead_letter(&self.group).expect("a short name");
        let mut reader = self.transport.consumer(Subscription::new(topic, group("reader"))).await?;
        let mut found = BTreeSet::new();
        while found.len() < expected.len() {
            let received = reader.receive(100, LONG).await?;
            if received.is_empty() {
                return differs(format!("the dead letters are {found:?}, expected {expected:?}"));
            }
            for delivery in received {
                found.insert(String::from_utf8_lossy(&delivery.message().data).into_owned());
                delivery.ack().await?;
            }
        }
        let more = reader.receive(100, Duration::ZERO).await?;
        found.extend(more.iter().map(|one| String::from_utf8_lossy(&one.message().data).into_owned()));
        if found == expected {
            Ok(())
        } else {
            differs(format!("the dead letters are {found:?}, expected {expected:?}"))
        }
    }
}

/// A handle with the options of all histories: a store may refuse handles that differ.
pub(super) fn open(fixture: &dyn Fixture) -> Box<dyn Transport> {
    with_retention(fixture, &ConnectOptions::new().retention(Retention::unlimited().max_count(KEPT)))
}
