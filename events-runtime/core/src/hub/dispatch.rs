//! One emission through a hub: metadata, receivers, bus.

use std::convert::Infallible;
use std::sync::Arc;

use super::delivery::{Pending, PendingReceiver};
use super::emission::{AnyEmission, Emission, Held, Outcome, StrictError};
use super::emit_options::EmitOptions;
use super::identity::Identity;
use super::receiver_set::{Entry, Snapshot, Start};
use super::task::ReceiverTask;
use super::{Hub, TypeIndex};
use crate::event::{Event, Origin};
use crate::metadata::{Extensions, TimeText, new_id, new_openedx_id, now};
use crate::receiver::{ReceiverError, Responses};
use crate::registry::signal_descriptor::Profile;
use crate::{EventMetadata, EventType, PublicSignal};
use events_support::error_chain::drop_quietly;

impl Hub {
    #[inline]
    pub(crate) fn emit_at<E: PublicSignal>(
        &self,
        index: TypeIndex,
        payload: E,
        options: Option<EmitOptions>,
    ) -> Emission<E> {
        let snapshot = self.receivers::<E>(index).snapshot();
        let metadata = new_metadata::<E>(&snapshot.state.identity, options);
        // Built where it is returned: a copy of what was just written would stall.
        let mut emission = snapshot.emission(Event::of(Origin::Local, payload, metadata));
        emission.outcome = self.dispatch(&snapshot, &emission.event);
        emission
    }

    pub(crate) fn emit_strict_at<E: PublicSignal>(
        &self,
        index: TypeIndex,
        payload: E,
        options: EmitOptions,
    ) -> Result<Emission<E>, StrictError> {
        let snapshot = self.receivers::<E>(index).snapshot();
        let metadata = new_metadata::<E>(&snapshot.state.identity, Some(options));
        let mut emission = snapshot.emission(Event::of(Origin::Local, payload, metadata));
        match self.dispatch_with(&snapshot, &emission.event, Snapshot::run_strict) {
            Ok(outcome) => {
                emission.outcome = outcome;
                Ok(emission)
            }
            Err(responses) => {
                drop_quietly(emission);
                Err(StrictError { event_type: E::EVENT_TYPE, responses })
            }
        }
    }

    /// An event of another process: its metadata is kept, no bus takes it again.
    pub(crate) fn emit_received<E: PublicSignal>(&self, payload: E, metadata: EventMetadata) -> AnyEmission {
        self.scope(|| {
            let snapshot = self.receivers::<E>(TypeIndex::of::<E>()).snapshot();
            let emission = snapshot.emission(Event::of(Origin::Bus, payload, metadata));
            let outcome = self.dispatch(&snapshot, &emission.event);
            drop_quietly(emission);
            AnyEmission::new(outcome)
        })
    }

    fn dispatch<E: PublicSignal>(&self, snapshot: &Snapshot<E>, event: &Held<E>) -> Outcome {
        let run = |snapshot: &Snapshot<E>, event: &Event<E>| Ok::<_, Infallible>(snapshot.run(event));
        let Ok(outcome) = self.dispatch_with(snapshot, event, run);
        outcome
    }

    /// Runs the sync receivers and, unless `run` fails, starts what goes on after them.
    #[inline]
    fn dispatch_with<E: PublicSignal, X>(
        &self,
        snapshot: &Snapshot<E>,
        event: &Held<E>,
        run: impl FnOnce(&Snapshot<E>, &Event<E>) -> Result<Responses, X>,
    ) -> Result<Outcome, X> {
        if !snapshot.enabled {
            return Ok(Outcome::suppressed());
        }
        let state = &snapshot.state;
        if let Held::Shared(event) = event {
            state.observe(event);
        }
        let responses = run(snapshot, event.get())?;
        let receivers = match event {
            Held::Shared(event) => self.start(snapshot, event),
            Held::Own(_) => Vec::new(),
        };
        // An event that came from a bus never goes to one.
        let has_bus = event.get().origin() == Origin::Local && !state.outbounds.is_empty();
        let pending = (has_bus || !receivers.is_empty()).then(|| {
            let topics = if has_bus { state.offer(event.get()) } else { Vec::new() };
            Box::new(Pending { receivers, topics })
        });
        Ok(Outcome { responses, pending, suppressed: false })
    }

    fn start<E: PublicSignal>(&self, snapshot: &Snapshot<E>, event: &Arc<Event<E>>) -> Vec<PendingReceiver> {
        if snapshot.starts.is_empty() {
            return Vec::new();
        }
        let spawner = self.0.executor.spawner();
        let start = |entry: &Entry<Start<E>>| {
            let (mut task, pending) = ReceiverTask::new(
                self.clone(),
                Arc::clone(&entry.name),
                (event.origin(), event.metadata().clone()),
                (entry.run)(Arc::clone(event)),
            );
            match &spawner {
                Ok(spawner) => spawner.spawn(task),
                Err(error) => task.finish(Err(ReceiverError::NotStarted(Arc::clone(error)))),
            }
            pending
        };
        snapshot.starts.iter().map(start).collect()
    }
}

impl<E> Snapshot<E> {
    /// An emission that has come to nothing yet.
    #[inline]
    fn emission(&self, event: Event<E>) -> Emission<E> {
        let event = if self.starts.is_empty() && self.state.observers.is_empty() {
            Held::Own(event)
        } else {
            Held::Shared(Arc::new(event))
        };
        Emission { event, outcome: Outcome::suppressed() }
    }
}

#[inline]
fn new_metadata<E: PublicSignal>(identity: &Identity, options: Option<EmitOptions>) -> EventMetadata {
    let profile = E::DESCRIPTOR.profile;
    let now = now();
    let new_id = || match profile {
        Profile::OpenEdx => new_openedx_id(),
        _ => new_id(now),
    };
    let own_source = || Arc::clone(identity.source(profile));
    let (id, time, source, extensions) = match options {
        None => (new_id(), now, own_source(), Extensions::new()),
        Some(options) => (
            options.id.unwrap_or_else(new_id),
            options.time.unwrap_or(now),
            options.source.unwrap_or_else(own_source),
            options.extensions,
        ),
    };
    EventMetadata {
        event_type: EventType::defined(E::EVENT_TYPE),
        id,
        minor_version: E::MINOR_VERSION,
        time: TimeText::new(time),
        source,
        extensions,
    }
}
