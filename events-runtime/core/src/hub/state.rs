//! What all event types of a hub have around them: an identity, buses, observers.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::delivery::PendingTopic;
use super::identity::Identity;
use crate::event::AnyEvent;

/// The road out of the process: a bus.
pub trait Outbound: Send + Sync {
    /// Takes an event for every topic that it is routed to. Called once for each event of local
    /// origin, after the sync receivers ran; never blocks. A failure is a topic that is settled
    /// with it.
    fn offer(&self, event: &dyn AnyEvent) -> Vec<PendingTopic>;
}

/// Somebody who watches the events go by: each once, before its receivers run.
pub(crate) trait Observer: Send + Sync {
    /// An event was emitted.
    fn observe(&self, event: Arc<dyn AnyEvent>);
}

/// What an emission needs besides the receivers; copied on write.
#[derive(Clone)]
pub(super) struct HubState {
    pub(super) identity: Identity,
    pub(super) outbounds: Vec<Arc<dyn Outbound>>,
    pub(super) observers: Vec<Arc<dyn Observer>>,
}

impl HubState {
    /// Hands an event to every bus.
    pub(super) fn offer(&self, event: &dyn AnyEvent) -> Vec<PendingTopic> {
        self.outbounds.iter().flat_map(|outbound| outbound.offer(event)).collect()
    }

    pub(super) fn observe(&self, event: &Arc<impl AnyEvent>) {
        for observer in &self.observers {
            observer.observe(Arc::clone(event) as _);
        }
    }
}

/// Something that keeps its hub's state at hand: a roster, so that an emission reads one
/// snapshot only.
pub(super) trait StateHolder: Send + Sync {
    fn surround(&self, state: &Arc<HubState>);
}

/// The present state, and all that must learn of new ones.
pub(super) struct SharedState(Mutex<State>);

struct State {
    present: Arc<HubState>,
    surrounded: Vec<Weak<dyn StateHolder>>,
}

impl SharedState {
    pub(super) fn new(identity: Identity) -> Self {
        let present = HubState { identity, outbounds: Vec::new(), observers: Vec::new() };
        Self(Mutex::new(State { present: Arc::new(present), surrounded: Vec::new() }))
    }

    /// Makes something within the present state; it will learn of later ones.
    pub(super) fn share_with<T: StateHolder + 'static>(
        &self,
        make: impl FnOnce(Arc<HubState>) -> Arc<T>,
    ) -> Arc<T> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = make(Arc::clone(&state.present));
        let weak: Weak<T> = Arc::downgrade(&kept);
        state.surrounded.push(weak);
        kept
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut HubState)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = HubState::clone(&state.present);
        change(&mut new);
        let new = Arc::new(new);
        let old = std::mem::replace(&mut state.present, Arc::clone(&new));
        for surrounded in state.surrounded.iter().filter_map(Weak::upgrade) {
            surrounded.surround(&new);
        }
        drop(state);
        // May be the last handle of a bus, which may come back here when it is dropped.
        drop(old);
    }
}
