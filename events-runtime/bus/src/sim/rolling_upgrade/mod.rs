//! Rolling upgrades: programs of an older and a newer version of an event, on one topic.
//!
//! ```text
//! version  the current version and the published ones, as writer and as reader
//!   sample a sample of the current version as a value of an older one
//! plan     which versions meet, and in which order they are replaced
//! run      one upgrade on a simulator
//! ```

mod plan;
mod run;
mod sample;
mod version;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use super::{Failure, Fault, Faults, Sim, check};
use events_core::PublicSignal;
use plan::{Plan, plans};
use run::Run;
use version::{Version, versions};

/// The number of events that each program sends in a phase.
const EVENTS: u32 = 6;

/// Runs the published versions of an event against each other; see [`RollingUpgrade`]. `sample` makes a payload from
/// a number.
///
/// ```no_run
/// # use events_runtime::testing::sim;
/// # #[derive(Debug, Clone, PartialEq, events_runtime::PublicSignal)]
/// # #[public_signal(event_type = "org.acme.orders.order.paid.v1", key = order)]
/// # pub struct OrderPaid { pub order: String, pub amount: u64 }
/// // In a test of the crate that defines the event and has its locked files:
/// sim::rolling_upgrade(|number| OrderPaid { order: format!("o-{number}"), amount: 5 }).check(0..1_000);
/// ```
pub fn rolling_upgrade<E: PublicSignal>(sample: impl Fn(u64) -> E + 'static) -> RollingUpgrade<E> {
    RollingUpgrade { sample: Box::new(sample), faults: Faults::all(), events: EVENTS }
}

/// Rolling upgrades of an event on a [`Sim`], from [`rolling_upgrade`].
///
/// Each seed runs one upgrade from a published version to a newer one, in three phases: programs of the older version
/// send and consume; then one side is replaced while events are unread; then the other one is. The seeds go through
/// all pairs of versions, and through all orders that the event's compatibility allows:
///
/// | compatibility | orders |
/// |---|---|
/// | `full` | producers first; consumers first; both together |
/// | `backward` | consumers first |
/// | `forward`, `openedx` | producers first; the older consumers finish the older events before they are replaced |
/// | `none` | none |
///
/// The current version sends and consumes through a bus. A published version has no Rust type any more: its consumer
/// is a bus that decodes with the published schema, and its producer stores the schema and then the messages, as a
/// bus does. Its events are the samples, without the fields that it lacks; a field that only it has gets its default,
/// or a zero. No program knows a later version: it has to fetch the schema from the broker.
///
/// Every event must be received, with the values that Avro's schema resolution gives, and none may become a dead
/// letter.
pub struct RollingUpgrade<E> {
    sample: Box<dyn Fn(u64) -> E>,
    faults: Faults,
    events: u32,
}

impl<E: PublicSignal> RollingUpgrade<E> {
    /// Sets the faults; [`Faults::all`] by default.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Sets the number of events that each program sends in a phase; 6 by default.
    #[must_use]
    pub fn events(mut self, events: u32) -> Self {
        self.events = events;
        self
    }

    /// Runs an upgrade for each seed.
    ///
    /// # Panics
    /// With the first [`Failure`], which says what was lost, dead-lettered or decoded wrongly, and the seed. Also if
    /// there is nothing to check: no version but the current one is published, or the event promises nothing.
    #[track_caller]
    pub fn check(&self, seeds: impl IntoIterator<Item = u64>) -> Upgraded {
        self.upgrade(seeds).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// The first failure, with the fewest kinds of faults that cause it.
    ///
    /// # Panics
    /// If there is nothing to check, as for [`check`](Self::check).
    #[track_caller]
    pub fn find(&self, seeds: impl IntoIterator<Item = u64>) -> Option<Failure> {
        self.upgrade(seeds).err().map(|failure| *failure)
    }

    #[track_caller]
    fn upgrade(&self, seeds: impl IntoIterator<Item = u64>) -> Result<Upgraded, Box<Failure>> {
        let versions = versions::<E>();
        let plans = plans(E::DESCRIPTOR.schemas.compatibility, versions.len());
        assert!(
            !plans.is_empty(),
            "`{}` has no upgrade to check: it needs a published version that differs from the code, and a compatibility other than `none`",
            E::EVENT_TYPE
        );
        let upgraded = RefCell::new(Upgraded::default());
        for (seed, plan) in seeds.into_iter().map(|seed| (seed, chosen(&plans, seed))) {
            let test = async |sim: &Sim| self.run(sim, &versions, plan, &upgraded).await;
            if let Some(failure) = check::find([seed], self.faults, test) {
                return Err(Box::new(failure));
            }
        }
        Ok(upgraded.into_inner())
    }

    async fn run(&self, sim: &Sim, versions: &[Version], plan: Plan, upgraded: &RefCell<Upgraded>) {
        let run = Run::new(sim, versions, plan, &*self.sample, self.events);
        let name = run.describe();
        let counts = run.run().await;
        let mut upgraded = upgraded.borrow_mut();
        *upgraded.runs.entry(name).or_default() += 1;
        upgraded.events += counts.sent;
        upgraded.received += counts.received;
        let history = sim.history();
        for fault in Fault::ALL {
            *upgraded.faults.entry(fault).or_default() += history.count(fault) as u64;
        }
    }
}

impl<E> fmt::Debug for RollingUpgrade<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RollingUpgrade")
            .field("faults", &self.faults)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// The plan of a seed. Consecutive seeds have different ones.
fn chosen(plans: &[Plan], seed: u64) -> Plan {
    let index = seed % (plans.len() as u64).max(1);
    let index = usize::try_from(index).unwrap_or_default();
    *plans.get(index).expect("there is a plan")
}

/// What ran without a failure.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Upgraded {
    /// The upgrades, such as `from version 0 to version 1, producers first`, and how often each of them ran.
    pub runs: BTreeMap<String, u64>,
    /// The number of events that were sent. All of them were received.
    pub events: u64,
    /// The number of received events, repeated ones included.
    pub received: u64,
    /// How often each kind of fault occurred.
    pub faults: BTreeMap<Fault, u64>,
}

impl fmt::Display for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, events, received, faults } = self;
        write!(f, "{events} events sent, {received} received, 0 lost, 0 dead letters")?;
        runs.iter().try_for_each(|(name, count)| write!(f, "\n  {count} times {name}"))?;
        f.write_str("\n  faults:")?;
        faults.iter().try_for_each(|(fault, count)| write!(f, " {fault} {count}"))
    }
}
