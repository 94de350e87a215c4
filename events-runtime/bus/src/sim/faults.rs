//! The kinds of faults and their probabilities.

use std::fmt;
use std::time::Duration;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// The consumer crashes: after a fetch and before any receiver runs, before an outcome is stored, or
    /// directly after. The messages that it holds are redelivered; no attempt is counted.
    Crash,
    /// An outcome is not stored, which may or may not be reported. The message is redelivered.
    LoseAck,
    /// A message is redelivered although its acknowledgement was stored.
    Redeliver,
    /// A message and the later ones of its key are delayed, or the result of a send is.
    Delay,
    /// Messages of different keys are reordered, and batches are smaller.
    Reorder,
    /// A message is not stored; the send can be retried.
    FailSend,
    /// A message is stored but reported as not stored. A retry stores it twice.
    LoseSendAck,
    /// Receiving fails; it can be retried.
    FailReceive,
    /// A schema is not stored beside a topic; the store can be retried.
    FailStoreSchema,
    /// A schema is stored but reported as not stored.
    LoseSchemaAck,
    /// Reading a stored schema fails; it can be retried.
    FailReadSchema,
    /// A stored schema is not found for a while, as on a replica that lags behind.
    HideSchema,
}

impl Fault {
    /// All kinds of faults.
    pub const ALL: [Self; 12] = [
        Self::Crash,
        Self::LoseAck,
        Self::Redeliver,
        Self::Delay,
        Self::Reorder,
        Self::FailSend,
        Self::LoseSendAck,
        Self::FailReceive,
        Self::FailStoreSchema,
        Self::LoseSchemaAck,
        Self::FailReadSchema,
        Self::HideSchema,
    ];

    /// The name of the method of [`Faults`] that sets its probability.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::LoseAck => "lose_ack",
            Self::Redeliver => "redeliver",
            Self::Delay => "delay",
            Self::Reorder => "reorder",
            Self::FailSend => "fail_send",
            Self::LoseSendAck => "lose_send_ack",
            Self::FailReceive => "fail_receive",
            Self::FailStoreSchema => "fail_store_schema",
            Self::LoseSchemaAck => "lose_schema_ack",
            Self::FailReadSchema => "fail_read_schema",
            Self::HideSchema => "hide_schema",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A plan of faults: the probability of each kind at each point where it can occur.
///
/// ```
/// use events_runtime::testing::sim::Faults;
///
/// let faults = Faults::none().crash(0.1).redeliver(0.2).reorder(0.3);
/// assert_eq!(faults.to_string(), "Faults::none().crash(0.1).redeliver(0.2).reorder(0.3)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// In the order of [`Fault::ALL`].
    probabilities: [f64; Fault::ALL.len()],
    pub(super) longest_delay: Duration,
    pub(super) order_per_key: bool,
}

impl Faults {
    /// With a higher probability, nothing might be delivered.
    const MAX_PROBABILITY: f64 = 0.9;

    /// Creates a plan without faults.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            probabilities: [0.0; Fault::ALL.len()],
            longest_delay: Duration::from_secs(5),
            order_per_key: true,
        }
    }

    /// Creates a plan with all kinds of faults, frequent enough to coincide.
    #[must_use]
    pub fn all() -> Self {
        Fault::ALL.into_iter().fold(Self::none(), |faults, fault| faults.with(fault, 0.1)).reorder(0.5)
    }

    /// Sets the probability of one kind.
    ///
    /// # Panics
    /// If the probability is not from 0 to 0.9: a fault that always occurs prevents any delivery.
    #[must_use]
    pub fn with(mut self, fault: Fault, probability: f64) -> Self {
        assert!(
            (0.0..=Self::MAX_PROBABILITY).contains(&probability),
            "the probability of `{fault}` must be from 0 to {}, not {probability}",
            Self::MAX_PROBABILITY
        );
        if let Some(entry) = self.probabilities.get_mut(fault as usize) {
            *entry = probability;
        }
        self
    }

    /// Sets the probability of [`Fault::Crash`].
    #[must_use]
    pub fn crash(self, probability: f64) -> Self {
        self.with(Fault::Crash, probability)
    }

    /// Sets the probability of [`Fault::LoseAck`].
    #[must_use]
    pub fn lose_ack(self, probability: f64) -> Self {
        self.with(Fault::LoseAck, probability)
    }

    /// Sets the probability of [`Fault::Redeliver`].
    #[must_use]
    pub fn redeliver(self, probability: f64) -> Self {
        self.with(Fault::Redeliver, probability)
    }

    /// Sets the probability of [`Fault::Delay`].
    #[must_use]
    pub fn delay(self, probability: f64) -> Self {
        self.with(Fault::Delay, probability)
    }

    /// Sets the probability of [`Fault::Reorder`].
    #[must_use]
    pub fn reorder(self, probability: f64) -> Self {
        self.with(Fault::Reorder, probability)
    }

    /// Sets the probability of [`Fault::FailSend`].
    #[must_use]
    pub fn fail_send(self, probability: f64) -> Self {
        self.with(Fault::FailSend, probability)
    }

    /// Sets the probability of [`Fault::LoseSendAck`].
    #[must_use]
    pub fn lose_send_ack(self, probability: f64) -> Self {
        self.with(Fault::LoseSendAck, probability)
    }

    /// Sets the probability of [`Fault::FailReceive`].
    #[must_use]
    pub fn fail_receive(self, probability: f64) -> Self {
        self.with(Fault::FailReceive, probability)
    }

    /// Sets the probability of [`Fault::FailStoreSchema`].
    #[must_use]
    pub fn fail_store_schema(self, probability: f64) -> Self {
        self.with(Fault::FailStoreSchema, probability)
    }

    /// Sets the probability of [`Fault::LoseSchemaAck`].
    #[must_use]
    pub fn lose_schema_ack(self, probability: f64) -> Self {
        self.with(Fault::LoseSchemaAck, probability)
    }

    /// Sets the probability of [`Fault::FailReadSchema`].
    #[must_use]
    pub fn fail_read_schema(self, probability: f64) -> Self {
        self.with(Fault::FailReadSchema, probability)
    }

    /// Sets the probability of [`Fault::HideSchema`].
    #[must_use]
    pub fn hide_schema(self, probability: f64) -> Self {
        self.with(Fault::HideSchema, probability)
    }

    /// Sets the longest delay of a message, a redelivery or a schema; 5 seconds by default.
    #[must_use]
    pub const fn longest_delay(mut self, delay: Duration) -> Self {
        self.longest_delay = delay;
        self
    }

    /// Sets whether the first deliveries of the messages of a key are in order, as on the brokers of this
    /// crate. `false` simulates a broker without keys.
    #[must_use]
    pub const fn order_per_key(mut self, kept: bool) -> Self {
        self.order_per_key = kept;
        self
    }

    /// The probability of a kind.
    #[must_use]
    pub fn of(&self, fault: Fault) -> f64 {
        self.probabilities.get(fault as usize).copied().unwrap_or_default()
    }

    /// The kinds with a probability above 0.
    pub fn kinds(&self) -> impl Iterator<Item = Fault> {
        Fault::ALL.into_iter().filter(|fault| self.of(*fault) > 0.0)
    }
}

/// Formats the plan as a Rust expression, to be copied into a test.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faults::none()")?;
        for fault in self.kinds() {
            write!(f, ".{fault}({})", self.of(fault))?;
        }
        if self.longest_delay != Self::none().longest_delay {
            write!(f, ".longest_delay(Duration::from_nanos({}))", self.longest_delay.as_nanos())?;
        }
        if !self.order_per_key {
            f.write_str(".order_per_key(false)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_formatted_as_an_expression() {
        let faults = Faults::none().crash(0.25).fail_receive(0.1).order_per_key(false);
        assert_eq!(faults.to_string(), "Faults::none().crash(0.25).fail_receive(0.1).order_per_key(false)");
        assert_eq!(Faults::all().kinds().collect::<Vec<_>>(), Fault::ALL);
        assert_eq!(Faults::none().kinds().count(), 0);
    }

    #[test]
    #[should_panic(expected = "the probability of `crash` must be from 0 to 0.9, not 1")]
    fn a_fault_that_always_occurs_is_refused() {
        let _ = Faults::none().crash(1.0);
    }
}
