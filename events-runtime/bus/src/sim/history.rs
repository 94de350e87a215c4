//! What happened, step by step.

use std::fmt;

use super::Fault;
use events_transport::{Position, Topic};

/// What was done in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// A message was sent.
    Send,
    /// A consumer joined its group.
    Join,
    /// A consumer asked for messages and got none of those that it would have got.
    Fetch,
    /// A message was handed to a consumer.
    Deliver,
    /// A message was acknowledged.
    Ack,
    /// A message was handed back, to come again after a time.
    Retry,
    /// A message was handed back unprocessed.
    Release,
    /// A message was given up for the dead letters.
    Reject,
    /// A delivery was dropped without an outcome.
    Abandon,
}

/// What a fault did in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing of it took place, and the caller was told so.
    Failed,
    /// It took place, and the caller was told the opposite.
    ReportedFailed,
    /// Nothing of it took place, and the caller was told that it did.
    ReportedDone,
    /// The consumer died before it took place.
    CrashedBefore,
    /// The consumer died when it had taken place.
    CrashedAfter,
    /// It takes place, or is answered, later.
    Delayed,
    /// It took place out of turn.
    Reordered,
    /// It took place, and the message comes again all the same.
    ComesAgain,
}

/// One step of a simulated run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// What was done.
    pub action: Action,
    /// The topic.
    pub topic: Topic,
    /// Where the message stands in it, where the step is about one that is stored.
    pub position: Option<Position>,
    /// The consumer, numbered from 1 in the order of joining, where there is one.
    pub consumer: Option<u64>,
    /// The attempt, where a message is handed out.
    pub attempt: Option<u32>,
    /// The fault that struck, and what it did.
    pub fault: Option<(Fault, Effect)>,
    /// The earlier fault that made the message be stored or come again.
    pub cause: Option<Fault>,
}

impl Step {
    pub(super) const fn new(action: Action, topic: Topic) -> Self {
        Self { action, topic, position: None, consumer: None, attempt: None, fault: None, cause: None }
    }

    pub(super) const fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    pub(super) const fn by(mut self, consumer: u64) -> Self {
        self.consumer = Some(consumer);
        self
    }

    pub(super) const fn struck(mut self, fault: Fault, effect: Effect) -> Self {
        self.fault = Some((fault, effect));
        self
    }

    pub(super) const fn because(mut self, cause: Option<Fault>) -> Self {
        self.cause = cause;
        self
    }
}

/// `consumer 2: deliver orders 7, attempt 2, again because of crash`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.consumer {
            Some(consumer) => write!(f, "consumer {consumer}: ")?,
            None => f.write_str("producer: ")?,
        }
        let action = match self.action {
            Action::Send => "send",
            Action::Join => "join",
            Action::Fetch => "fetch",
            Action::Deliver => "deliver",
            Action::Ack => "ack",
            Action::Retry => "retry",
            Action::Release => "release",
            Action::Reject => "reject",
            Action::Abandon => "abandon",
        };
        write!(f, "{action} {}", self.topic)?;
        if let Some(position) = self.position {
            write!(f, " {position}")?;
        }
        if let Some(attempt) = self.attempt {
            write!(f, ", attempt {attempt}")?;
        }
        if let Some((fault, effect)) = self.fault {
            let effect = match effect {
                Effect::Failed => "failed",
                Effect::ReportedFailed => "done, but reported as failed",
                Effect::ReportedDone => "failed, but reported as done",
                Effect::CrashedBefore => "the consumer crashed before",
                Effect::CrashedAfter => "done, then the consumer crashed",
                Effect::Delayed => "delayed",
                Effect::Reordered => "out of turn",
                Effect::ComesAgain => "done, but it comes again",
            };
            write!(f, " ! {fault}: {effect}")?;
        }
        match self.cause {
            Some(cause) => write!(f, ", again because of {cause}"),
            None => Ok(()),
        }
    }
}

/// The steps of a simulated run, in order. The text has a line for each and no ids or times, which
/// differ from run to run: the same seed and plan give the same text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History(Vec<Step>);

impl History {
    pub(super) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    /// The steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// How often a fault struck.
    #[must_use]
    pub fn count(&self, fault: Fault) -> usize {
        self.0.iter().filter(|step| step.fault.is_some_and(|(struck, _)| struck == fault)).count()
    }

    /// How many messages were handed out again because of a fault.
    #[must_use]
    pub fn repeats(&self, cause: Fault) -> usize {
        let delivered = self.0.iter().filter(|step| step.action == Action::Deliver);
        delivered.filter(|step| step.cause == Some(cause)).count()
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reads_as_a_line() {
        let topic = Topic::new("orders").unwrap();
        let step = Step::new(Action::Send, topic.clone()).at(Position::Sequence(3));
        assert_eq!(step.to_string(), "producer: send orders 3");
        let lost = step.struck(Fault::LoseSendAck, Effect::ReportedFailed);
        assert_eq!(lost.to_string(), "producer: send orders 3 ! lose_send_ack: done, but reported as failed");
        let mut again = Step::new(Action::Deliver, topic).at(Position::Sequence(3)).by(2);
        again.attempt = Some(2);
        assert_eq!(
            again.because(Some(Fault::Crash)).to_string(),
            "consumer 2: deliver orders 3, attempt 2, again because of crash"
        );
    }
}
