//! What all event types of a hub have around them: an identity, buses, observers.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::hooks::{AnyEvent, Observer, Outbound};
use super::identity::Identity;
use crate::signal::PendingTopic;

/// What an emission needs besides the receivers; copied on write.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) identity: Identity,
    pub(super) outbounds: Vec<Arc<dyn Outbound>>,
    pub(super) observers: Vec<Arc<dyn Observer>>,
}

impl Surroundings {
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

/// Something that keeps its hub's surroundings at hand: a roster, so that an emission reads one
/// snapshot only.
pub(super) trait Surrounded: Send + Sync {
    fn surround(&self, surroundings: &Arc<Surroundings>);
}

/// The present surroundings, and all that must learn of new ones.
pub(super) struct Around(Mutex<State>);

struct State {
    present: Arc<Surroundings>,
    surrounded: Vec<Weak<dyn Surrounded>>,
}

impl Around {
    pub(super) fn new(identity: Identity) -> Self {
        let present = Surroundings { identity, outbounds: Vec::new(), observers: Vec::new() };
        Self(Mutex::new(State { present: Arc::new(present), surrounded: Vec::new() }))
    }

    /// Makes something within the present surroundings; it will learn of later ones.
    pub(super) fn within<T: Surrounded + 'static>(
        &self,
        make: impl FnOnce(Arc<Surroundings>) -> Arc<T>,
    ) -> Arc<T> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = make(Arc::clone(&state.present));
        let weak: Weak<T> = Arc::downgrade(&kept);
        state.surrounded.push(weak);
        kept
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Surroundings)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = Surroundings::clone(&state.present);
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
