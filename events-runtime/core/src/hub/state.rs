//! The state of a hub that all its event types share: identity, buses, observers.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::delivery::PendingTopics;
use super::frozen::Frozen;
use super::identity::Identity;
use crate::event::AnyEvent;

/// A bus, attached to a hub.
pub trait Outbound: Send + Sync {
    /// Queues an event for every topic that it is routed to. Called once for each event of local origin,
    /// after the sync receivers. Must not block. Adds a result for each topic, also if it failed.
    fn offer(&self, event: &dyn AnyEvent, pending: &mut PendingTopics);
}

/// Observes each event of a hub once, before its receivers run.
pub(crate) trait Observer: Send + Sync {
    /// An event was emitted.
    fn observe(&self, event: Arc<dyn AnyEvent>);
}

/// What an emission needs in addition to the receivers; copied on write.
#[derive(Clone)]
pub(super) struct HubState {
    pub(super) identity: Identity,
    pub(super) outbounds: Vec<Arc<dyn Outbound>>,
    pub(super) observers: Vec<Arc<dyn Observer>>,
    /// Observers that belong to the recorder of another hub.
    pub(super) bystanders: Vec<Arc<dyn Observer>>,
    /// The last one is in force.
    pub(super) frozen: Vec<Arc<Frozen>>,
}

impl HubState {
    /// Whether an observer is attached.
    pub(super) fn is_observed(&self) -> bool {
        !self.observers.is_empty() || !self.bystanders.is_empty()
    }

    /// Whether a recorder of this hub is attached.
    pub(super) fn is_recorded(&self) -> bool {
        !self.observers.is_empty()
    }

    /// Offers an event to every bus.
    pub(super) fn offer(&self, event: &dyn AnyEvent) -> PendingTopics {
        let mut pending = PendingTopics::new();
        for outbound in &self.outbounds {
            outbound.offer(event, &mut pending);
        }
        pending
    }

    pub(super) fn observe(&self, event: &Arc<impl AnyEvent>) {
        for observer in self.observers.iter().chain(&self.bystanders) {
            observer.observe(Arc::clone(event) as _);
        }
    }
}

/// Keeps a copy of its hub's state: a receiver set, so that an emission loads one snapshot only.
pub(super) trait StateHolder: Send + Sync {
    fn set_state(&self, state: &Arc<HubState>);
}

/// The current state, and the holders that are updated when it changes.
pub(super) struct SharedState(Mutex<Shared>);

struct Shared {
    current: Arc<HubState>,
    holders: Vec<Weak<dyn StateHolder>>,
}

impl SharedState {
    pub(super) fn new(identity: Identity) -> Self {
        let current = HubState {
            identity,
            outbounds: Vec::new(),
            observers: Vec::new(),
            bystanders: Vec::new(),
            frozen: Vec::new(),
        };
        Self(Mutex::new(Shared { current: Arc::new(current), holders: Vec::new() }))
    }

    pub(super) fn current(&self) -> Arc<HubState> {
        let shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&shared.current)
    }

    /// Creates a holder of the current state, which is updated when the state changes.
    pub(super) fn share_with<T: StateHolder + 'static>(
        &self,
        make: impl FnOnce(Arc<HubState>) -> Arc<T>,
    ) -> Arc<T> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = make(Arc::clone(&shared.current));
        let weak: Weak<T> = Arc::downgrade(&holder);
        shared.holders.push(weak);
        holder
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut HubState)) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = HubState::clone(&shared.current);
        change(&mut new);
        let new = Arc::new(new);
        let old = std::mem::replace(&mut shared.current, Arc::clone(&new));
        for holder in shared.holders.iter().filter_map(Weak::upgrade) {
            holder.set_state(&new);
        }
        drop(shared);
        // Dropped without the lock: it may be the last handle of a bus, whose destructor may call this hub.
        drop(old);
    }
}
