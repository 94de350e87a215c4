//! The settling side of a consumer: which outcomes are stored, and what is redelivered after a crash.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Fault;
use super::history::{Action, Effect, Step};
use super::state::{Progress, Redelivery, State};
use super::transport::{Sim, now, unavailable};
use events_transport::{
    BoxFuture, ConsumerGroup, Delivery, ErrorKind, Outcome, Position, Producer, Receipt, Recipient, Settle,
    Settlement, Topic, TransportError,
};

/// The deliveries of one consumer and their outcomes.
pub(super) struct Ledger {
    sim: Sim,
    number: u64,
    topic: Topic,
    group: ConsumerGroup,
    producer: Arc<dyn Producer>,
    dead_letter: Topic,
    /// Locked before the simulator's state.
    in_flight: Mutex<InFlight>,
}

#[derive(Default)]
struct InFlight {
    crashed: bool,
    /// By token, in the order of delivery.
    held: BTreeMap<u64, Held>,
}

/// A message that a consumer holds.
pub(super) enum Held {
    /// A delivery of the store.
    Stored(Delivery),
    /// A message that is settled in the store.
    Redelivery(Redelivery),
}

impl Held {
    pub(super) const fn key(&self) -> Option<&Bytes> {
        match self {
            Self::Stored(delivery) => delivery.message().key.as_ref(),
            Self::Redelivery(redelivery) => redelivery.message.key.as_ref(),
        }
    }

    const fn position(&self) -> Position {
        match self {
            Self::Stored(delivery) => delivery.position(),
            Self::Redelivery(redelivery) => redelivery.position,
        }
    }
}

pub(super) fn crashed(operation: &'static str, topic: &Topic) -> TransportError {
    TransportError::new(
        ErrorKind::Closed,
        operation,
        topic,
        "this consumer crashed in the simulation: start a new one",
    )
}

impl Ledger {
    pub(super) fn join(
        sim: Sim,
        topic: Topic,
        group: ConsumerGroup,
        producer: Arc<dyn Producer>,
        dead_letter: Topic,
    ) -> Self {
        let mut state = sim.state();
        state.consumers += 1;
        let number = state.consumers;
        state.history.push(Step::new(Action::Join, topic.clone()).by(number));
        drop(state);
        Self { sim, number, topic, group, producer, dead_letter, in_flight: Mutex::default() }
    }

    pub(super) const fn topic(&self) -> &Topic {
        &self.topic
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.sim.state()
    }

    pub(super) fn wake(&self) {
        self.sim.wake();
    }

    pub(super) fn step(&self, action: Action) -> Step {
        Step::new(action, self.topic.clone()).by(self.number)
    }

    /// Ignores poisoning: no panic leaves a change incomplete.
    fn in_flight(&self) -> MutexGuard<'_, InFlight> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_crashed(&self) -> bool {
        self.in_flight().crashed
    }

    pub(super) fn fails_to_receive(&self) -> bool {
        let mut state = self.state();
        let fails = state.dice.occurs(Fault::FailReceive);
        if fails {
            state.history.push(self.step(Action::Fetch).with_fault(Fault::FailReceive, Effect::Failed));
        }
        fails
    }

    /// The number of redeliveries that are due, up to `max`, and when the next is due.
    pub(super) fn redeliveries_due(&self, max: usize) -> (usize, Option<Instant>) {
        let mut state = self.state();
        let redeliveries = &state.progress(&self.topic, &self.group).redeliveries;
        let now = Instant::now();
        let due = redeliveries.keys().take(max).take_while(|(due, _)| *due <= now).count();
        (due, redeliveries.keys().map(|(due, _)| *due).find(|due| *due > now))
    }

    /// Takes up to `max` redeliveries that are due.
    pub(super) fn take_redeliveries(&self, max: usize) -> Vec<Held> {
        let mut state = self.state();
        let due = state.progress(&self.topic, &self.group).due(Instant::now(), max);
        due.into_iter().map(Held::Redelivery).collect()
    }

    /// The delay of a message, if it is delayed.
    pub(super) fn delays(&self, position: Position) -> Option<Duration> {
        let mut state = self.state();
        if !state.dice.occurs(Fault::Delay) {
            return None;
        }
        let step = self.step(Action::Fetch).at(position).with_fault(Fault::Delay, Effect::Delayed);
        state.history.push(step);
        *state.progress(&self.topic, &self.group).uncounted.entry(position).or_default() += 1;
        Some(state.dice.pause(Fault::Delay))
    }

    /// Whether the consumer crashes after this fetch; then all fetched messages are requeued.
    pub(super) fn crashes_with(&self, batch: &mut Vec<Held>) -> bool {
        let mut in_flight = self.in_flight();
        {
            let mut state = self.state();
            if !state.dice.occurs(Fault::Crash) {
                return false;
            }
            let step = self.step(Action::Fetch).with_fault(Fault::Crash, Effect::CrashedBefore);
            state.history.push(step);
        }
        for held in batch.drain(..) {
            // No receiver has seen it, so its next delivery is not a repeat.
            self.requeue(held, Duration::ZERO, None);
        }
        self.crash(&mut in_flight);
        drop(in_flight);
        self.wake();
        true
    }

    pub(super) fn deliver(&self, held: Held, recipient: &Arc<Recipient>) -> Delivery {
        let mut in_flight = self.in_flight();
        let mut state = self.state();
        let position = held.position();
        let (message, attempt, time, cause) = match &held {
            Held::Stored(delivery) => {
                let attempt = state.progress(&self.topic, &self.group).attempt(delivery);
                let cause = state.cause(&self.topic, &self.group, position);
                (delivery.message().clone(), attempt, delivery.time(), cause)
            }
            Held::Redelivery(redelivery) => {
                (redelivery.message.clone(), redelivery.attempt, redelivery.time, redelivery.cause)
            }
        };
        state.tokens += 1;
        let token = state.tokens;
        let mut step = self.step(Action::Deliver).at(position).because(cause);
        step.attempt = Some(attempt);
        state.history.push(step);
        in_flight.held.insert(token, held);
        Delivery::new(self.sim.restore_key(message), position, attempt, time, token, recipient.clone())
    }

    /// Crashes the consumer: the messages that it holds are redelivered.
    fn crash(&self, in_flight: &mut InFlight) {
        in_flight.crashed = true;
        for held in std::mem::take(&mut in_flight.held).into_values() {
            self.requeue(held, Duration::ZERO, Some(Fault::Crash));
        }
        self.state().crashes += 1;
    }

    /// Requeues a message without a stored outcome. The event did not cause the fault, so no attempt is
    /// counted: repeated faults do not exhaust the attempts.
    fn requeue(&self, held: Held, after: Duration, cause: Option<Fault>) {
        let mut state = self.state();
        let progress = state.progress(&self.topic, &self.group);
        match held {
            Held::Stored(delivery) => {
                if let Some(cause) = cause {
                    progress.causes.insert(delivery.position(), cause);
                }
                *progress.uncounted.entry(delivery.position()).or_default() += 1;
                // Fails only if the lease has ended; then the message is requeued already.
                let _ = now(delivery.settle(Outcome::Retry(after)));
            }
            Held::Redelivery(mut redelivery) => {
                if progress.remove_held(redelivery.position) {
                    redelivery.cause = cause.or(redelivery.cause);
                    progress.redeliver(after, redelivery);
                }
            }
        }
    }

    fn store(&self, held: Held, outcome: Outcome) -> Result<(), TransportError> {
        let outcome = match outcome {
            Outcome::Reject(dead_letter) => Outcome::Reject(Box::new(self.sim.hide_key(*dead_letter))),
            other => other,
        };
        match held {
            Held::Stored(delivery) => {
                let (position, is_done) =
                    (delivery.position(), matches!(outcome, Outcome::Ack | Outcome::Reject(_)));
                now(delivery.settle(outcome))?;
                if is_done {
                    self.state().progress(&self.topic, &self.group).uncounted.remove(&position);
                }
                Ok(())
            }
            Held::Redelivery(redelivery) => self.store_redelivery(redelivery, outcome),
        }
    }

    fn store_redelivery(&self, mut redelivery: Redelivery, outcome: Outcome) -> Result<(), TransportError> {
        if !self.state().progress(&self.topic, &self.group).remove_held(redelivery.position) {
            return Err(TransportError::lease_lost("settle", &self.topic, &self.group, redelivery.position));
        }
        let after = match outcome {
            Outcome::Ack | Outcome::AckWith(_) => None,
            Outcome::Reject(dead_letter) => {
                let sent = now(self.producer.send(&self.dead_letter, &[*dead_letter]));
                sent.into_iter().collect::<Result<Vec<_>, _>>()?;
                None
            }
            Outcome::Retry(after) => {
                redelivery.attempt += 1;
                Some(after)
            }
            Outcome::Release => Some(Duration::ZERO),
            Outcome::Postpone(after) => Some(after),
        };
        let mut state = self.state();
        let progress = state.progress(&self.topic, &self.group);
        if let Some(after) = after {
            progress.redeliver(after, redelivery);
        }
        Ok(())
    }

    fn settle_one(&self, in_flight: &mut InFlight, settlement: Settlement) -> Result<(), TransportError> {
        let Settlement { receipt, mut outcome, .. } = settlement;
        if matches!(outcome, Outcome::AckWith(_)) {
            // The simulator has no transactions, so the bus does not ask for them.
            outcome = Outcome::Release;
        }
        if in_flight.crashed {
            return Err(crashed("settle", &self.topic));
        }
        let Some(held) = in_flight.held.remove(&receipt.token) else {
            return Err(TransportError::lease_lost("settle", &self.topic, &self.group, receipt.position));
        };
        let step = self.step(match outcome {
            Outcome::Ack | Outcome::AckWith(_) => Action::Ack,
            Outcome::Retry(_) => Action::Retry,
            Outcome::Release | Outcome::Postpone(_) => Action::Release,
            Outcome::Reject(_) => Action::Reject,
        });
        let step = step.at(receipt.position);

        let mut state = self.state();
        if state.dice.occurs(Fault::Crash) {
            let is_stored = state.dice.case(Fault::Crash, 2) == 1;
            let effect = if is_stored { Effect::CrashedAfter } else { Effect::CrashedBefore };
            state.history.push(step.with_fault(Fault::Crash, effect));
            drop(state);
            if is_stored {
                self.store(held, outcome)?;
            } else {
                self.requeue(held, Duration::ZERO, Some(Fault::Crash));
            }
            self.crash(in_flight);
            return Err(crashed("settle", &self.topic));
        }
        if state.dice.occurs(Fault::LoseAck) {
            let is_reported = state.dice.case(Fault::LoseAck, 2) == 1;
            let pause = state.dice.pause(Fault::LoseAck);
            let effect = if is_reported { Effect::Failed } else { Effect::ReportedDone };
            state.history.push(step.with_fault(Fault::LoseAck, effect));
            drop(state);
            self.requeue(held, pause, Some(Fault::LoseAck));
            return if is_reported {
                Err(unavailable("settle", &self.topic, Fault::LoseAck))
            } else {
                Ok(())
            };
        }
        let again = (outcome == Outcome::Ack && state.dice.occurs(Fault::Redeliver)).then(|| {
            let pause = state.dice.pause(Fault::Redeliver);
            (pause, redelivery_of(&held, state.progress(&self.topic, &self.group)))
        });
        drop(state);
        self.store(held, outcome)?;
        let mut state = self.state();
        match again {
            Some((after, redelivery)) => {
                state.progress(&self.topic, &self.group).redeliver(after, redelivery);
                state.history.push(step.with_fault(Fault::Redeliver, Effect::ComesAgain));
            }
            None => state.history.push(step),
        }
        Ok(())
    }
}

fn redelivery_of(held: &Held, progress: &Progress) -> Redelivery {
    let (message, position, attempt, time) = match held {
        Held::Stored(delivery) => {
            (delivery.message(), delivery.position(), progress.attempt(delivery), delivery.time())
        }
        Held::Redelivery(redelivery) => {
            (&redelivery.message, redelivery.position, redelivery.attempt, redelivery.time)
        }
    };
    Redelivery { message: message.clone(), position, attempt, time, cause: Some(Fault::Redeliver) }
}

impl Settle for Ledger {
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        let mut in_flight = self.in_flight();
        let results: Vec<_> =
            settlements.into_iter().map(|settlement| self.settle_one(&mut in_flight, settlement)).collect();
        drop(in_flight);
        self.wake();
        Box::pin(std::future::ready(results))
    }

    fn abandon(&self, receipt: Receipt) {
        let mut in_flight = self.in_flight();
        // A crashed consumer holds nothing.
        if let Some(held) = in_flight.held.remove(&receipt.token) {
            self.state().history.push(self.step(Action::Abandon).at(receipt.position));
            // Fails only if the lease has ended; then the message is requeued already.
            let _ = self.store(held, Outcome::Retry(Duration::ZERO));
        }
        drop(in_flight);
        self.wake();
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        let in_flight = self.in_flight();
        let renew = |receipt: Receipt| match in_flight.held.get(&receipt.token) {
            Some(Held::Stored(delivery)) => now(delivery.renew()),
            Some(Held::Redelivery(_)) => Ok(()),
            None => Err(TransportError::lease_lost("renew", &self.topic, &self.group, receipt.position)),
        };
        let results: Vec<_> = receipts.into_iter().map(renew).collect();
        drop(in_flight);
        Box::pin(std::future::ready(results))
    }
}
