//! The history of a simulated run.

use std::fmt;

use super::Fault;
use events_transport::{Position, Topic};

/// The action of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// A message was sent.
    Send,
    /// A consumer joined its group.
    Join,
    /// A consumer fetched messages, and a fault occurred.
    Fetch,
    /// A message was delivered to a consumer.
    Deliver,
    /// A message was acknowledged.
    Ack,
    /// A message was returned for redelivery after a time.
    Retry,
    /// A message was returned unprocessed.
    Release,
    /// A message was rejected.
    Reject,
    /// A delivery was dropped without an outcome.
    Abandon,
    /// A producer stored a schema beside the topic.
    StoreSchema,
    /// A consumer read a schema that is stored beside the topic.
    ReadSchema,
}

/// The effect of a fault on a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// The action failed, and was reported as failed.
    Failed,
    /// The action succeeded, but was reported as failed.
    ReportedFailed,
    /// The action failed, but was reported as done.
    ReportedDone,
    /// The consumer crashed before the action.
    CrashedBefore,
    /// The consumer crashed after the action.
    CrashedAfter,
    /// The action or its result was delayed.
    Delayed,
    /// The messages were reordered.
    Reordered,
    /// The action found nothing, although there is something.
    NotFound,
    /// The action succeeded, but the message is redelivered.
    ComesAgain,
}

/// One step of a simulated run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The action.
    pub action: Action,
    /// The topic.
    pub topic: Topic,
    /// The position of the message in the topic, if the step has a stored message.
    pub position: Option<Position>,
    /// The consumer, numbered from 1 in the order of joining; `None` for a producer and for the read of a schema,
    /// which does not belong to a consumer.
    pub consumer: Option<u64>,
    /// The attempt, if a message is delivered.
    pub attempt: Option<u32>,
    /// The fault that occurred, and its effect.
    pub fault: Option<(Fault, Effect)>,
    /// The earlier fault because of which the message is stored or delivered again.
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

    pub(super) const fn with_fault(mut self, fault: Fault, effect: Effect) -> Self {
        self.fault = Some((fault, effect));
        self
    }

    pub(super) const fn because(mut self, cause: Option<Fault>) -> Self {
        self.cause = cause;
        self
    }
}

/// Formats a step, for example `consumer 2: deliver orders 7, attempt 2, again because of crash`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.consumer {
            Some(consumer) => write!(f, "consumer {consumer}: ")?,
            None if self.action == Action::ReadSchema => f.write_str("consumer: ")?,
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
            Action::StoreSchema => "store a schema of",
            Action::ReadSchema => "read a schema of",
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
                Effect::Reordered => "reordered",
                Effect::NotFound => "not found",
                Effect::ComesAgain => "done, but redelivered",
            };
            write!(f, " ! {fault}: {effect}")?;
        }
        match self.cause {
            Some(cause) => write!(f, ", again because of {cause}"),
            None => Ok(()),
        }
    }
}

/// The steps of a simulated run, in order. It is formatted with one line per step, without ids and times,
/// which differ between runs: the same seed and plan give the same text.
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

    /// The number of times that a fault occurred.
    #[must_use]
    pub fn count(&self, fault: Fault) -> usize {
        self.0.iter().filter(|step| step.fault.is_some_and(|(occurred, _)| occurred == fault)).count()
    }

    /// The number of repeated deliveries because of a fault.
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
    fn a_step_is_formatted_as_a_line() {
        let topic = Topic::new("orders").unwrap();
        let step = Step::new(Action::Send, topic.clone()).at(Position::Sequence(3));
        assert_eq!(step.to_string(), "producer: send orders 3");
        let lost = step.with_fault(Fault::LoseSendAck, Effect::ReportedFailed);
        assert_eq!(lost.to_string(), "producer: send orders 3 ! lose_send_ack: done, but reported as failed");
        let hidden = Step::new(Action::ReadSchema, topic.clone());
        let hidden = hidden.with_fault(Fault::HideSchema, Effect::NotFound);
        assert_eq!(hidden.to_string(), "consumer: read a schema of orders ! hide_schema: not found");
        let mut again = Step::new(Action::Deliver, topic).at(Position::Sequence(3)).by(2);
        again.attempt = Some(2);
        assert_eq!(
            again.because(Some(Fault::Crash)).to_string(),
            "consumer 2: deliver orders 3, attempt 2, again because of crash"
        );
    }
}
