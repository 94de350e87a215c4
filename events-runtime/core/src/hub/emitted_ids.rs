//! Finds receivers that run twice for one event, because their process emits it and consumes it too.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use uuid::Uuid;

use super::receiver_set::Snapshot;
use crate::EventMetadata;

/// How many ids are kept for each event type. An id replaces the one of its slot, so an event that returns
/// after many others may be missed; a later one is found.
const SLOTS: usize = 1024;

/// The last ids of an event type that this process emitted to a bus.
#[derive(Default)]
pub(super) struct EmittedIds(OnceLock<Mutex<Table>>);

struct Table {
    slots: Box<[Option<EmittedId>]>,
    /// The serial numbers of the receivers that are reported.
    reported: Vec<u64>,
}

#[derive(Clone, Copy)]
struct EmittedId {
    id: Uuid,
    /// The last serial number at the emission: receivers of later numbers did not run.
    serial: u64,
}

impl EmittedIds {
    /// Keeps the id of an event that a bus is about to get.
    pub(super) fn add(&self, id: Uuid, serial: u64) {
        let table = self.0.get_or_init(|| {
            Mutex::new(Table { slots: vec![None; SLOTS].into_boxed_slice(), reported: Vec::new() })
        });
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = table.slots.get_mut(slot_of(id)) {
            *slot = Some(EmittedId { id, serial });
        }
    }

    /// Logs the receivers that have now run twice for an event that a bus delivered, each once.
    pub(super) fn report_twice<E>(&self, snapshot: &Snapshot<E>, metadata: &EventMetadata) {
        let Some(table) = self.0.get() else { return };
        let id = metadata.id();
        for receiver in unreported(table, snapshot, id) {
            tracing::warn!(
                event_type = metadata.event_type().as_str(),
                %id,
                receiver = &*receiver,
                "a receiver ran twice for one event: when this process emitted it, and when the bus delivered it; write `#[receiver(SIGNAL, from = \"bus\")]` or `.from(Origin::Bus)` to run it on delivery only, `from = \"local\"` or `.from(Origin::Local)` to run it in `emit` only"
            );
        }
    }
}

/// The receivers of both origins that ran when the event was emitted and are not reported yet.
fn unreported<E>(table: &Mutex<Table>, snapshot: &Snapshot<E>, id: Uuid) -> Vec<Arc<str>> {
    let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
    let Table { slots, reported } = &mut *table;
    let Some(&Some(emitted)) = slots.get(slot_of(id)) else { return Vec::new() };
    if emitted.id != id {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (name, serial) in snapshot.of_both_origins() {
        if serial <= emitted.serial && !reported.contains(&serial) {
            reported.push(serial);
            found.push(Arc::clone(name));
        }
    }
    found
}

/// The slot of an id. Ids of version 1 differ in their first half only, ids of version 7 mostly in the second.
#[expect(clippy::cast_possible_truncation, reason = "below `SLOTS`")]
fn slot_of(id: Uuid) -> usize {
    let (first, second) = id.as_u64_pair();
    let mixed = (first ^ second.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // The upper bits are the mixed ones.
    (mixed >> (u64::BITS - SLOTS.ilog2())) as usize
}
