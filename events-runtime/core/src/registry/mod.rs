//! The registry: all event definitions of a program by event type.
//!
//! `#[derive(PublicSignal)]` links definitions into the program; [`Registry::linked`] collects them. **A
//! crate that is in `Cargo.toml` but not named in code is not linked**: its events are unknown at run time,
//! and the compiler does not warn. Two remedies:
//!
//! - `events_runtime::link!(my_events);` names the crate;
//! - `expect` in `events.toml`, or [`Registry::expect`], lists the event types that the program needs, and
//!   fails at startup if one is missing.

mod descriptor;
mod error;
mod link;
pub(crate) mod signal_descriptor;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

pub use descriptor::Descriptor;
pub use error::{Definition, Duplicate, NotLinked, RegistryError};

use std::sync::OnceLock;

use foldhash::fast::RandomState;

use crate::PublicSignal;
use crate::hub::linked::{self, LinkedReceiver};
#[cfg(test)]
use signal_descriptor::SignalDescriptor;

/// Event definitions by their event type.
///
/// ```standalone_crate
/// use events_runtime::Registry;
///
/// let registry = Registry::linked()?;
/// assert!(registry.get("org.acme.orders.order.unheard_of.v1").is_none());
/// # Ok::<(), events_runtime::RegistryError>(())
/// ```
#[derive(Debug)]
pub struct Registry {
    by_event_type: HashMap<&'static str, Descriptor, RandomState>,
    /// Sorted when they are first listed, which a start does not need.
    in_order: OnceLock<Vec<Descriptor>>,
}

impl Registry {
    /// The definitions that are linked into the program; collected once.
    ///
    /// # Errors
    /// [`RegistryError::Duplicates`] if an event type has two definitions, or two `#[receiver]`s of a signal
    /// have the same name. The error has the locations of both: rename one.
    pub fn linked() -> Result<&'static Self, RegistryError> {
        static LINKED: OnceLock<Result<Registry, RegistryError>> = OnceLock::new();
        LINKED.get_or_init(|| Self::builder().linked().build()).as_ref().map_err(Clone::clone)
    }

    /// Builds a registry of definitions that are added one by one, for tests and for targets that `inventory`
    /// does not support.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// The definition of this event type.
    pub fn get(&self, event_type: &str) -> Option<Descriptor> {
        self.by_event_type.get(event_type).copied()
    }

    /// All definitions, ordered by event type.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Descriptor> + Clone {
        self.in_order().iter().copied()
    }

    fn in_order(&self) -> &[Descriptor] {
        self.in_order.get_or_init(|| {
            let mut all: Vec<_> = self.by_event_type.values().copied().collect();
            all.sort_unstable_by_key(|descriptor| descriptor.sort_key());
            all
        })
    }

    /// The number of definitions.
    pub fn len(&self) -> usize {
        self.by_event_type.len()
    }

    /// Whether there are no definitions.
    pub fn is_empty(&self) -> bool {
        self.by_event_type.is_empty()
    }

    /// Checks that all these event types are linked.
    ///
    /// # Errors
    /// [`RegistryError::NotLinked`] with every missing event type and the linked ones most similar to it.
    /// Correct the name, or link the crate with [`link!`](crate::link).
    pub fn expect(
        &self,
        event_types: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<(), RegistryError> {
        let missing: Vec<_> = event_types
            .into_iter()
            .filter(|event_type| self.get(event_type.as_ref()).is_none())
            .map(|event_type| NotLinked::new(event_type.as_ref(), self.iter()))
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(RegistryError::NotLinked { missing: missing.into(), known: self.len() })
        }
    }
}

impl<'a> IntoIterator for &'a Registry {
    type Item = Descriptor;
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, Descriptor>>;

    fn into_iter(self) -> Self::IntoIter {
        self.in_order().iter().copied()
    }
}

/// Collects definitions for a [`Registry`].
#[derive(Debug, Default)]
#[must_use = "a builder does nothing before `build`"]
pub struct RegistryBuilder {
    descriptors: Vec<Descriptor>,
    receivers: Vec<&'static LinkedReceiver>,
}

impl RegistryBuilder {
    /// Adds a definition.
    pub fn register<E: PublicSignal>(self) -> Self {
        self.describe(Descriptor::of::<E>())
    }

    /// Adds a definition by its descriptor.
    #[doc(hidden)]
    pub fn describe(mut self, descriptor: Descriptor) -> Self {
        self.descriptors.push(descriptor);
        self
    }

    /// Adds everything that is linked into the program.
    pub fn linked(mut self) -> Self {
        self.descriptors.extend(signal_descriptor::linked().map(Descriptor::new));
        self.receivers = linked::all();
        self
    }

    /// The registry.
    ///
    /// # Errors
    /// [`RegistryError::Duplicates`] if an event type has two definitions, or two linked receivers of a
    /// signal have the same name. Adding one definition twice is not an error.
    pub fn build(self) -> Result<Registry, RegistryError> {
        let mut by_event_type =
            HashMap::with_capacity_and_hasher(self.descriptors.len(), RandomState::default());
        let mut others = Vec::new();
        for descriptor in self.descriptors {
            match by_event_type.entry(descriptor.event_type()) {
                Entry::Vacant(vacant) => {
                    vacant.insert(descriptor);
                }
                Entry::Occupied(known) if known.get().sort_key() == descriptor.sort_key() => {}
                Entry::Occupied(known) => others.extend([*known.get(), descriptor]),
            }
        }
        others.sort_by_key(|descriptor: &Descriptor| descriptor.sort_key());
        others.dedup_by_key(|descriptor| descriptor.sort_key());
        let mut duplicates: Vec<_> = others
            .windows(2)
            .filter_map(|pair| match pair {
                [first, second] if first.event_type() == second.event_type() => {
                    Some(Duplicate::event_type(*first, *second))
                }
                _ => None,
            })
            .collect();
        duplicates.extend(duplicate_receivers(&self.receivers));
        if !duplicates.is_empty() {
            return Err(RegistryError::Duplicates { duplicates: duplicates.into() });
        }
        Ok(Registry { by_event_type, in_order: OnceLock::new() })
    }
}

fn duplicate_receivers(receivers: &[&'static LinkedReceiver]) -> Vec<Duplicate> {
    let mut known: HashMap<_, &LinkedReceiver> = HashMap::new();
    let mut duplicates = Vec::new();
    for receiver in receivers {
        match known.insert((receiver.event_type(), receiver.name), receiver) {
            None => {}
            Some(first) => duplicates.push(Duplicate::receiver(first, receiver)),
        }
    }
    duplicates
}

#[cfg(test)]
mod tests;
