//! Emits one event in a hub: metadata, receivers, bus.

use std::convert::Infallible;
use std::sync::Arc;

use super::delivery::{Pending, PendingReceiver, PendingTopics};
use super::emission::{AnyEmission, Emission, EmittedEvent, StrictError};
use super::emit_options::EmitOptions;
use super::receiver_set::{AsyncCall, Entry, Selected, Snapshot};
use super::state::HubState;
use super::task::ReceiverTask;
use super::{Hub, TypeIndex, scope};
use crate::event::{Event, Origin};
use crate::metadata::{Extensions, TimeText, new_id, new_openedx_id, now};
use crate::receiver::{ReceiverError, Responses};
use crate::registry::signal_descriptor::Profile;
use crate::{EventMetadata, EventType, PublicSignal};
use events_support::error_chain::{Quiet, drop_quietly};

impl Hub {
    #[inline]
    pub(crate) fn emit_at<E: PublicSignal>(
        &self,
        index: TypeIndex,
        payload: E,
        options: Option<EmitOptions>,
    ) -> Emission<E> {
        let snapshot = self.receivers::<E>(index).snapshot();
        let metadata = new_metadata::<E>(&snapshot.state, options);
        // Built in place: a copy right after the writes would stall the processor.
        let mut emission = snapshot.local.emission(Event::of(Origin::Local, payload, metadata));
        emission.outcome = self.dispatch(&snapshot, &snapshot.local, &emission.event);
        emission
    }

    pub(crate) fn emit_strict_at<E: PublicSignal>(
        &self,
        index: TypeIndex,
        payload: E,
        options: EmitOptions,
    ) -> Result<Emission<E>, StrictError> {
        let snapshot = self.receivers::<E>(index).snapshot();
        let metadata = new_metadata::<E>(&snapshot.state, Some(options));
        let mut emission = snapshot.local.emission(Event::of(Origin::Local, payload, metadata));
        match self.dispatch_with(&snapshot, &snapshot.local, &emission.event, Selected::run_strict) {
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

    /// An event with the metadata that it would have if it were emitted in this hub.
    pub(crate) fn new_event<E: PublicSignal>(
        &self,
        origin: Origin,
        payload: E,
        options: EmitOptions,
    ) -> Event<E> {
        Event::of(origin, payload, new_metadata::<E>(&self.0.state.current(), Some(options)))
    }

    /// Emits an event that a bus received: keeps its metadata and sends it to no bus.
    pub(crate) fn emit_received<E: PublicSignal>(&self, payload: E, metadata: EventMetadata) -> AnyEmission {
        let _entered = scope::enter(self.clone());
        let snapshot = self.receivers::<E>(TypeIndex::of::<E>()).snapshot();
        let event = snapshot.bus.received(payload, metadata);
        let Some(event) = event.get() else { return AnyEmission::suppressed() };
        let outcome = self.dispatch(&snapshot, &snapshot.bus, event);
        if let Some(emitted) = &snapshot.emitted
            && snapshot.enabled
        {
            emitted.report_twice(&snapshot, event.get().metadata());
        }
        outcome
    }

    fn dispatch<E: PublicSignal>(
        &self,
        snapshot: &Snapshot<E>,
        receivers: &Selected<E>,
        event: &EmittedEvent<E>,
    ) -> AnyEmission {
        let run = |receivers: &Selected<E>, event: &Event<E>| Ok::<_, Infallible>(receivers.run(event));
        let Ok(outcome) = self.dispatch_with(snapshot, receivers, event, run);
        outcome
    }

    /// Runs the sync receivers. Unless `run` fails, then starts the async receivers and offers the event to
    /// the buses.
    #[inline]
    fn dispatch_with<E: PublicSignal, X>(
        &self,
        snapshot: &Snapshot<E>,
        receivers: &Selected<E>,
        event: &EmittedEvent<E>,
        run: impl FnOnce(&Selected<E>, &Event<E>) -> Result<Responses, X>,
    ) -> Result<AnyEmission, X> {
        if !snapshot.enabled {
            return Ok(AnyEmission::suppressed());
        }
        let state = &snapshot.state;
        if let EmittedEvent::Shared(event) = event {
            state.observe(event);
        }
        let responses = run(receivers, event.get())?;
        let receivers = match event {
            EmittedEvent::Shared(event) => self.start(receivers, event),
            EmittedEvent::Owned(_) => Vec::new(),
        };
        // An event from a bus is never sent to a bus.
        let has_bus = event.get().origin() == Origin::Local && !state.outbounds.is_empty();
        let pending = (has_bus || !receivers.is_empty()).then(|| {
            let topics = if has_bus { snapshot.offer(event.get()) } else { PendingTopics::new() };
            Box::new(Pending { receivers, topics })
        });
        let recorded = state.is_recorded();
        Ok(AnyEmission { responses, pending, suppressed: false, recorded })
    }

    fn start<E: PublicSignal>(&self, receivers: &Selected<E>, event: &Arc<Event<E>>) -> Vec<PendingReceiver> {
        if receivers.asynchronous.is_empty() {
            return Vec::new();
        }
        let spawner = self.0.executor.spawner();
        let start = |entry: &Entry<AsyncCall<E>>| {
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
        receivers.asynchronous.iter().map(start).collect()
    }
}

impl<E: PublicSignal> Snapshot<E> {
    /// Offers an event to every bus. Its id is kept first: a fast bus may deliver the event at once.
    fn offer(&self, event: &Event<E>) -> PendingTopics {
        if let Some(emitted) = &self.emitted {
            emitted.add(event.metadata().id(), self.serial);
        }
        self.state.offer(event)
    }
}

impl<E> Selected<E> {
    /// An emission without results yet.
    #[inline]
    fn emission(&self, event: Event<E>) -> Emission<E> {
        Emission { event: self.event(event), outcome: AnyEmission::suppressed() }
    }

    /// The event, shared if a receiver keeps it.
    #[inline]
    fn event(&self, event: Event<E>) -> EmittedEvent<E> {
        if self.shares_event { EmittedEvent::Shared(Arc::new(event)) } else { EmittedEvent::Owned(event) }
    }

    /// The event of a bus, built and dropped in its place: it may be large.
    #[inline]
    fn received(&self, payload: E, metadata: EventMetadata) -> Quiet<EmittedEvent<E>> {
        if self.shares_event {
            Quiet::new(EmittedEvent::Shared(Arc::new(Event::of(Origin::Bus, payload, metadata))))
        } else {
            Quiet::new(EmittedEvent::Owned(Event::of(Origin::Bus, payload, metadata)))
        }
    }
}

#[inline]
fn new_metadata<E: PublicSignal>(state: &HubState, options: Option<EmitOptions>) -> EventMetadata {
    let options = match state.frozen.last() {
        None => options,
        Some(frozen) => Some(frozen.complete(options)),
    };
    let profile = E::DESCRIPTOR.profile;
    let now = now();
    let new_id = || match profile {
        Profile::OpenEdx => new_openedx_id(),
        _ => new_id(now),
    };
    let own_source = || Arc::clone(state.identity.source(profile));
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
