//! One emission through a hub: metadata, receivers, bus.

use std::sync::Arc;

use super::identity::Identity;
use super::roster::{Entry, Receivers, Start};
use super::task::ReceiverTask;
use super::{AnyEvent, Hub, Roster, SlotIndex, Surroundings};
use crate::metadata::{Extensions, new_id, new_openedx_id, now};
use crate::private::Profile;
use crate::signal::{
    AnyEmission, Event, Origin, Outcome, Pending, PendingReceiver, PendingTopic, ReceiverError, Responses,
    StrictError,
};
use crate::{Emission, EmitOptions, EventMetadata, EventType, PublicSignal};

impl Hub {
    pub(crate) fn emit_at<E: PublicSignal>(
        &self,
        slot: SlotIndex,
        payload: E,
        options: Option<EmitOptions>,
    ) -> Emission<E> {
        let surroundings = self.0.surroundings.load();
        let metadata = new_metadata::<E>(&surroundings.identity, options);
        let event = Arc::new(Event::of(Origin::Local, payload, metadata));
        let outcome = self.dispatch(slot, &surroundings, &event);
        Emission { event, outcome }
    }

    pub(crate) fn emit_strict_at<E: PublicSignal>(
        &self,
        slot: SlotIndex,
        payload: E,
        options: EmitOptions,
    ) -> Result<Emission<E>, StrictError> {
        let surroundings = self.0.surroundings.load();
        let metadata = new_metadata::<E>(&surroundings.identity, Some(options));
        let event = Arc::new(Event::of(Origin::Local, payload, metadata));
        let roster = self.find_roster::<E>(slot);
        if roster.is_some_and(|roster| !roster.is_enabled()) {
            let outcome = Outcome::suppressed();
            return Ok(Emission { event, outcome });
        }
        surroundings.observe(&event);
        let receivers = roster.map(Roster::receivers);
        let responses = match &receivers {
            None => Responses::none(),
            Some(receivers) => receivers
                .run_strict(&event)
                .map_err(|responses| StrictError { event_type: E::EVENT_TYPE, responses })?,
        };
        let receivers = receivers.as_deref().map(Arc::as_ref);
        let outcome = self.set_off(&surroundings, receivers, &event, responses);
        Ok(Emission { event, outcome })
    }

    /// An event of another process: its metadata is kept, no bus takes it again.
    pub(crate) fn emit_received<E: PublicSignal>(&self, payload: E, metadata: EventMetadata) -> AnyEmission {
        self.scope(|| {
            let event = Arc::new(Event::of(Origin::Bus, payload, metadata));
            let surroundings = self.0.surroundings.load();
            AnyEmission::new(self.dispatch(SlotIndex::of::<E>(), &surroundings, &event))
        })
    }

    fn dispatch<E: PublicSignal>(
        &self,
        slot: SlotIndex,
        surroundings: &Surroundings,
        event: &Arc<Event<E>>,
    ) -> Outcome {
        let Some(roster) = self.find_roster::<E>(slot) else {
            surroundings.observe(event);
            return self.set_off(surroundings, None, event, Responses::none());
        };
        if !roster.is_enabled() {
            return Outcome::suppressed();
        }
        surroundings.observe(event);
        let receivers = roster.receivers();
        let responses = receivers.run(event);
        self.set_off(surroundings, Some(&receivers), event, responses)
    }

    /// Starts what goes on after the sync receivers.
    fn set_off<E: PublicSignal>(
        &self,
        surroundings: &Surroundings,
        receivers: Option<&Receivers<E>>,
        event: &Arc<Event<E>>,
        responses: Responses,
    ) -> Outcome {
        let receivers = receivers.filter(|receivers| !receivers.starts.is_empty());
        let has_bus = !surroundings.outbounds.is_empty() && event.origin() == Origin::Local;
        let pending = (receivers.is_some() || has_bus).then(|| {
            Box::new(Pending {
                receivers: receivers.map(|receivers| self.start(receivers, event)).unwrap_or_default(),
                topics: if has_bus { surroundings.offer(&**event) } else { Vec::new() },
            })
        });
        Outcome { responses, pending, suppressed: false }
    }

    fn start<E: PublicSignal>(
        &self,
        receivers: &Receivers<E>,
        event: &Arc<Event<E>>,
    ) -> Vec<PendingReceiver> {
        let spawner = self.0.executor.spawner();
        let start = |entry: &Entry<Start<E>>| {
            let (mut task, pending) = ReceiverTask::new(
                self.clone(),
                Arc::clone(&entry.name),
                event.metadata().clone(),
                (entry.run)(Arc::clone(event)),
            );
            match &spawner {
                Ok(spawner) => spawner.spawn(task),
                Err(error) => task.finish(Err(ReceiverError::NotStarted(Arc::clone(error)))),
            }
            pending
        };
        receivers.starts.iter().map(start).collect()
    }
}

impl Surroundings {
    fn offer(&self, event: &dyn AnyEvent) -> Vec<PendingTopic> {
        self.outbounds.iter().flat_map(|outbound| outbound.offer(event)).collect()
    }

    fn observe<E: PublicSignal>(&self, event: &Arc<Event<E>>) {
        for observer in &self.observers {
            observer.observe(Arc::clone(event) as _);
        }
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
        time,
        source,
        extensions,
    }
}
