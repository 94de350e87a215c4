//! What can go wrong, and how often.

use std::fmt;
use std::time::Duration;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// The consumer dies: after it fetched and before any receiver ran, before an outcome was
    /// stored, or right after. What it held comes again; no attempt is counted.
    Crash,
    /// An outcome is not stored, and the consumer may or may not be told: the message comes again.
    LoseAck,
    /// A message comes again although its acknowledgement was stored.
    Redeliver,
    /// A message comes late, and those of its key with it, or a send is answered late.
    Delay,
    /// Messages of different keys change places, and batches are cut short.
    Reorder,
    /// A message is not stored; sending it again helps.
    FailSend,
    /// A message is stored and reported as not stored: the one who sends it again stores it twice.
    LoseSendAck,
    /// Receiving fails; trying again helps.
    FailReceive,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Crash,
        Self::LoseAck,
        Self::Redeliver,
        Self::Delay,
        Self::Reorder,
        Self::FailSend,
        Self::LoseSendAck,
        Self::FailReceive,
    ];

    /// The name of the method of [`Faults`] that sets it.
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
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A plan of faults: the probability of each kind at each point where it can strike.
///
/// ```
/// use events_runtime::testing::sim::Faults;
///
/// let faults = Faults::none().crash(0.1).redeliver(0.2).reorder(0.3);
/// assert_eq!(faults.to_string(), "Faults::none().crash(0.1).redeliver(0.2).reorder(0.3)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// By the place in [`Fault::ALL`].
    probabilities: [f64; Fault::ALL.len()],
    pub(super) longest_delay: Duration,
    pub(super) order_per_key: bool,
}

impl Faults {
    /// A fault that is more likely might let nothing arrive.
    const MOST: f64 = 0.9;

    /// No fault at all.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            probabilities: [0.0; Fault::ALL.len()],
            longest_delay: Duration::from_secs(5),
            order_per_key: true,
        }
    }

    /// Every kind of fault, each often enough to meet the others.
    #[must_use]
    pub fn all() -> Self {
        Fault::ALL.into_iter().fold(Self::none(), |faults, fault| faults.with(fault, 0.1)).reorder(0.5)
    }

    /// The same with this probability of one kind.
    ///
    /// # Panics
    /// When it is no probability, or above 0.9: what always fails lets nothing arrive.
    #[must_use]
    pub fn with(mut self, fault: Fault, probability: f64) -> Self {
        assert!(
            (0.0..=Self::MOST).contains(&probability),
            "the probability of `{fault}` is from 0 to {}, not {probability}: what always fails lets nothing arrive",
            Self::MOST
        );
        if let Some(place) = self.probabilities.get_mut(fault as usize) {
            *place = probability;
        }
        self
    }

    /// The same with this probability of a [`Fault::Crash`].
    #[must_use]
    pub fn crash(self, probability: f64) -> Self {
        self.with(Fault::Crash, probability)
    }

    /// The same with this probability of a [`Fault::LoseAck`].
    #[must_use]
    pub fn lose_ack(self, probability: f64) -> Self {
        self.with(Fault::LoseAck, probability)
    }

    /// The same with this probability of a [`Fault::Redeliver`].
    #[must_use]
    pub fn redeliver(self, probability: f64) -> Self {
        self.with(Fault::Redeliver, probability)
    }

    /// The same with this probability of a [`Fault::Delay`].
    #[must_use]
    pub fn delay(self, probability: f64) -> Self {
        self.with(Fault::Delay, probability)
    }

    /// The same with this probability of a [`Fault::Reorder`].
    #[must_use]
    pub fn reorder(self, probability: f64) -> Self {
        self.with(Fault::Reorder, probability)
    }

    /// The same with this probability of a [`Fault::FailSend`].
    #[must_use]
    pub fn fail_send(self, probability: f64) -> Self {
        self.with(Fault::FailSend, probability)
    }

    /// The same with this probability of a [`Fault::LoseSendAck`].
    #[must_use]
    pub fn lose_send_ack(self, probability: f64) -> Self {
        self.with(Fault::LoseSendAck, probability)
    }

    /// The same with this probability of a [`Fault::FailReceive`].
    #[must_use]
    pub fn fail_receive(self, probability: f64) -> Self {
        self.with(Fault::FailReceive, probability)
    }

    /// The same with delays and redeliveries up to this long; 5 seconds unless set.
    #[must_use]
    pub const fn longest_delay(mut self, delay: Duration) -> Self {
        self.longest_delay = delay;
        self
    }

    /// Whether the messages of a key come in order for the first time, as on the brokers of this
    /// crate. `false` stands for a broker that knows no keys.
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

    /// The kinds that can strike.
    pub fn kinds(&self) -> impl Iterator<Item = Fault> {
        Fault::ALL.into_iter().filter(|fault| self.of(*fault) > 0.0)
    }
}

/// The plan as a Rust expression, to be copied into a test.
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
    fn a_plan_is_shown_as_what_makes_it() {
        let faults = Faults::none().crash(0.25).fail_receive(0.1).order_per_key(false);
        assert_eq!(faults.to_string(), "Faults::none().crash(0.25).fail_receive(0.1).order_per_key(false)");
        assert_eq!(Faults::all().kinds().collect::<Vec<_>>(), Fault::ALL);
        assert_eq!(Faults::none().kinds().count(), 0);
    }

    #[test]
    #[should_panic(expected = "the probability of `crash` is from 0 to 0.9, not 1")]
    fn a_fault_that_always_strikes_is_refused() {
        let _ = Faults::none().crash(1.0);
    }
}
