//! The consumer's way out: which outcomes are stored, and what its death does to the rest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Fault;
use super::history::{Action, Effect, Step};
use super::state::{Echo, Progress, State};
use super::transport::{Sim, now, unavailable};
use events_transport::{
    BoxFuture, ConsumerGroup, Delivery, ErrorKind, Outcome, Position, Producer, Receipt, Recipient, Settle,
    Settlement, Topic, TransportError,
};

/// One consumer's side of the simulator.
pub(super) struct Ledger {
    sim: Sim,
    number: u64,
    topic: Topic,
    group: ConsumerGroup,
    producer: Arc<dyn Producer>,
    dead_letter: Topic,
    /// Locked before the simulator's state.
    hands: Mutex<Hands>,
}

#[derive(Default)]
struct Hands {
    crashed: bool,
    /// By token, which is the order of handing out.
    held: BTreeMap<u64, Held>,
}

/// What a consumer holds.
pub(super) enum Held {
    /// A delivery of the store.
    Stored(Delivery),
    /// A message that the store has done with.
    Echo(Echo),
}

impl Held {
    pub(super) const fn key(&self) -> Option<&Bytes> {
        match self {
            Self::Stored(delivery) => delivery.message().key.as_ref(),
            Self::Echo(echo) => echo.message.key.as_ref(),
        }
    }

    const fn position(&self) -> Position {
        match self {
            Self::Stored(delivery) => delivery.position(),
            Self::Echo(echo) => echo.position,
        }
    }
}

pub(super) fn crashed(operation: &'static str, topic: &Topic) -> TransportError {
    TransportError::new(
        ErrorKind::Closed,
        operation,
        topic,
        "this consumer crashed in the simulation: start another one",
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
        Self { sim, number, topic, group, producer, dead_letter, hands: Mutex::default() }
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

    /// Nothing under the lock panics halfway through a change.
    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_crashed(&self) -> bool {
        self.hands().crashed
    }

    pub(super) fn fails_to_receive(&self) -> bool {
        let mut state = self.state();
        let fails = state.dice.strikes(Fault::FailReceive);
        if fails {
            state.history.push(self.step(Action::Fetch).struck(Fault::FailReceive, Effect::Failed));
        }
        fails
    }

    /// How many echoes are due, up to `max`, and when the next will be.
    pub(super) fn echoes_due(&self, max: usize) -> (usize, Option<Instant>) {
        let mut state = self.state();
        let echoes = &state.progress(&self.topic, &self.group).echoes;
        let now = Instant::now();
        let due = echoes.keys().take(max).take_while(|(due, _)| *due <= now).count();
        (due, echoes.keys().map(|(due, _)| *due).find(|due| *due > now))
    }

    /// Takes echoes that are due.
    pub(super) fn echoes(&self, max: usize) -> Vec<Held> {
        let mut state = self.state();
        let due = state.progress(&self.topic, &self.group).due(Instant::now(), max);
        due.into_iter().map(Held::Echo).collect()
    }

    /// How long a message is kept back, where it is.
    pub(super) fn delays(&self, position: Position) -> Option<Duration> {
        let mut state = self.state();
        if !state.dice.strikes(Fault::Delay) {
            return None;
        }
        let step = self.step(Action::Fetch).at(position).struck(Fault::Delay, Effect::Delayed);
        state.history.push(step);
        *state.progress(&self.topic, &self.group).uncounted.entry(position).or_default() += 1;
        Some(state.dice.pause(Fault::Delay))
    }

    /// Whether the consumer dies with what it has just fetched; then it all goes back.
    pub(super) fn crashes_with(&self, hand: &mut Vec<Held>) -> bool {
        let mut hands = self.hands();
        {
            let mut state = self.state();
            if !state.dice.strikes(Fault::Crash) {
                return false;
            }
            let step = self.step(Action::Fetch).struck(Fault::Crash, Effect::CrashedBefore);
            state.history.push(step);
        }
        for held in hand.drain(..) {
            // No receiver saw it: it comes again, but repeats nothing.
            self.give_back(held, Duration::ZERO, None);
        }
        self.crash(&mut hands);
        drop(hands);
        self.wake();
        true
    }

    pub(super) fn hand_out(&self, held: Held, recipient: &Arc<Recipient>) -> Delivery {
        let mut hands = self.hands();
        let mut state = self.state();
        let position = held.position();
        let (message, attempt, time, cause) = match &held {
            Held::Stored(delivery) => {
                let attempt = state.progress(&self.topic, &self.group).attempt(delivery);
                let cause = state.cause(&self.topic, &self.group, position);
                (delivery.message().clone(), attempt, delivery.time(), cause)
            }
            Held::Echo(echo) => (echo.message.clone(), echo.attempt, echo.time, echo.cause),
        };
        state.tokens += 1;
        let token = state.tokens;
        let mut step = self.step(Action::Deliver).at(position).because(cause);
        step.attempt = Some(attempt);
        state.history.push(step);
        hands.held.insert(token, held);
        Delivery::new(self.sim.reveal(message), position, attempt, time, token, recipient.clone())
    }

    /// The end of this consumer: what it holds comes again.
    fn crash(&self, hands: &mut Hands) {
        hands.crashed = true;
        for held in std::mem::take(&mut hands.held).into_values() {
            self.give_back(held, Duration::ZERO, Some(Fault::Crash));
        }
        self.state().crashes += 1;
    }

    /// A delivery without a stored outcome: it comes again. The fault is not the event's, so that no
    /// attempt is counted: however often it strikes, no event is given up for it.
    fn give_back(&self, held: Held, after: Duration, cause: Option<Fault>) {
        let mut state = self.state();
        let progress = state.progress(&self.topic, &self.group);
        match held {
            Held::Stored(delivery) => {
                if let Some(cause) = cause {
                    progress.causes.insert(delivery.position(), cause);
                }
                *progress.uncounted.entry(delivery.position()).or_default() += 1;
                // A lease that ended means that it went back already.
                let _ = now(delivery.settle(Outcome::Retry(after)));
            }
            Held::Echo(mut echo) => {
                if progress.give_back(echo.position) {
                    echo.cause = cause.or(echo.cause);
                    progress.echo(after, echo);
                }
            }
        }
    }

    /// Stores an outcome.
    fn store(&self, held: Held, outcome: Outcome) -> Result<(), TransportError> {
        let outcome = match outcome {
            Outcome::Reject(letter) => Outcome::Reject(Box::new(self.sim.hide(*letter))),
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
            Held::Echo(echo) => self.store_echo(echo, outcome),
        }
    }

    fn store_echo(&self, mut echo: Echo, outcome: Outcome) -> Result<(), TransportError> {
        if !self.state().progress(&self.topic, &self.group).give_back(echo.position) {
            return Err(TransportError::lease_lost("settle", &self.topic, &self.group, echo.position));
        }
        let after = match outcome {
            Outcome::Ack => None,
            Outcome::Reject(letter) => {
                let sent = now(self.producer.send(&self.dead_letter, &[*letter]));
                sent.into_iter().collect::<Result<Vec<_>, _>>()?;
                None
            }
            Outcome::Retry(after) => {
                echo.attempt += 1;
                Some(after)
            }
            Outcome::Release => Some(Duration::ZERO),
        };
        let mut state = self.state();
        let progress = state.progress(&self.topic, &self.group);
        if let Some(after) = after {
            progress.echo(after, echo);
        }
        Ok(())
    }

    fn settle_one(&self, hands: &mut Hands, settlement: Settlement) -> Result<(), TransportError> {
        let Settlement { receipt, outcome, .. } = settlement;
        if hands.crashed {
            return Err(crashed("settle", &self.topic));
        }
        let Some(held) = hands.held.remove(&receipt.token) else {
            return Err(TransportError::lease_lost("settle", &self.topic, &self.group, receipt.position));
        };
        let step = self.step(match outcome {
            Outcome::Ack => Action::Ack,
            Outcome::Retry(_) => Action::Retry,
            Outcome::Release => Action::Release,
            Outcome::Reject(_) => Action::Reject,
        });
        let step = step.at(receipt.position);

        let mut state = self.state();
        if state.dice.strikes(Fault::Crash) {
            let is_stored = state.dice.case(Fault::Crash, 2) == 1;
            let effect = if is_stored { Effect::CrashedAfter } else { Effect::CrashedBefore };
            state.history.push(step.struck(Fault::Crash, effect));
            drop(state);
            if is_stored {
                self.store(held, outcome)?;
            } else {
                self.give_back(held, Duration::ZERO, Some(Fault::Crash));
            }
            self.crash(hands);
            return Err(crashed("settle", &self.topic));
        }
        if state.dice.strikes(Fault::LoseAck) {
            let is_told = state.dice.case(Fault::LoseAck, 2) == 1;
            let pause = state.dice.pause(Fault::LoseAck);
            let effect = if is_told { Effect::Failed } else { Effect::ReportedDone };
            state.history.push(step.struck(Fault::LoseAck, effect));
            drop(state);
            self.give_back(held, pause, Some(Fault::LoseAck));
            return if is_told { Err(unavailable("settle", &self.topic, Fault::LoseAck)) } else { Ok(()) };
        }
        let again = (outcome == Outcome::Ack && state.dice.strikes(Fault::Redeliver)).then(|| {
            let pause = state.dice.pause(Fault::Redeliver);
            (pause, echo_of(&held, state.progress(&self.topic, &self.group)))
        });
        drop(state);
        self.store(held, outcome)?;
        let mut state = self.state();
        match again {
            Some((after, echo)) => {
                state.progress(&self.topic, &self.group).echo(after, echo);
                state.history.push(step.struck(Fault::Redeliver, Effect::ComesAgain));
            }
            None => state.history.push(step),
        }
        Ok(())
    }
}

fn echo_of(held: &Held, progress: &Progress) -> Echo {
    let (message, position, attempt, time) = match held {
        Held::Stored(delivery) => {
            (delivery.message(), delivery.position(), progress.attempt(delivery), delivery.time())
        }
        Held::Echo(echo) => (&echo.message, echo.position, echo.attempt, echo.time),
    };
    Echo { message: message.clone(), position, attempt, time, cause: Some(Fault::Redeliver) }
}

impl Settle for Ledger {
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        let mut hands = self.hands();
        let results: Vec<_> =
            settlements.into_iter().map(|settlement| self.settle_one(&mut hands, settlement)).collect();
        drop(hands);
        self.wake();
        Box::pin(std::future::ready(results))
    }

    fn abandon(&self, receipt: Receipt) {
        let mut hands = self.hands();
        // A crashed consumer holds nothing.
        if let Some(held) = hands.held.remove(&receipt.token) {
            self.state().history.push(self.step(Action::Abandon).at(receipt.position));
            // Nobody can be told that its lease has ended, which means that it went back already.
            let _ = self.store(held, Outcome::Retry(Duration::ZERO));
        }
        drop(hands);
        self.wake();
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        let hands = self.hands();
        let renew = |receipt: Receipt| match hands.held.get(&receipt.token) {
            Some(Held::Stored(delivery)) => now(delivery.renew()),
            Some(Held::Echo(_)) => Ok(()),
            None => Err(TransportError::lease_lost("renew", &self.topic, &self.group, receipt.position)),
        };
        let results: Vec<_> = receipts.into_iter().map(renew).collect();
        drop(hands);
        Box::pin(std::future::ready(results))
    }
}
