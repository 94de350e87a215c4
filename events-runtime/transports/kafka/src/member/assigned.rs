//! An assigned partition, and the outcomes that wait for its commit.

use std::time::Instant;

use tokio::sync::oneshot;

use super::Stored;
use crate::partition::Partition;
use crate::progress::Progress;
use crate::worker::FRESH;

/// An assigned partition.
#[allow(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub(crate) struct Assigned {
    pub(crate) partition: Partition,
    /// It is about to be returned: nothing is claimed any more.
    pub(crate) is_revoking: bool,
    pub(crate) is_paused: bool,
    /// Records are left in the client, and the claim that makes room wakes the worker.
    waits_for_room: bool,
    /// Whether it was reported that a key holds it back.
    pub(crate) is_held_back: bool,
    /// Whether the position of the client is of this assignment.
    pub(crate) has_position: bool,
    /// What the group has committed.
    pub(super) stored: Option<(u64, String)>,
    /// Counts the changes.
    pub(super) change: u64,
    /// The change that is committed.
    pub(super) committed: u64,
    pub(super) waiters: Vec<Waiter>,
}

/// An outcome that waits for its commit.
pub(super) struct Waiter {
    pub(super) change: u64,
    pub(super) since: Instant,
    pub(super) reply: oneshot::Sender<Stored>,
}

impl Assigned {
    pub(super) fn new(progress: Progress, stored: Option<(u64, String)>) -> Self {
        Self {
            partition: Partition::new(progress),
            is_revoking: false,
            is_paused: false,
            waits_for_room: false,
            is_held_back: false,
            has_position: true,
            stored,
            change: 0,
            committed: 0,
            waiters: Vec::new(),
        }
    }

    /// How many more messages are read of it.
    pub(crate) fn room(&self) -> usize {
        if self.is_paused || self.is_revoking { 0 } else { FRESH.saturating_sub(self.partition.fresh()) }
    }

    /// Notes that records are left in the client. Returns whether a claim makes room for them; otherwise there is
    /// room already.
    pub(crate) fn wait_for_room(&mut self) -> bool {
        self.waits_for_room = self.partition.fresh() > FRESH / 2;
        self.waits_for_room
    }

    /// Whether a claim has made room that was waited for.
    pub(super) fn has_made_room(&mut self) -> bool {
        let has_made = self.waits_for_room && self.partition.fresh() <= FRESH / 2;
        self.waits_for_room &= !has_made;
        has_made
    }

    /// Whether something is not committed.
    pub(crate) const fn is_dirty(&self) -> bool {
        self.change > self.committed
    }

    /// Answers the outcomes up to this change.
    pub(super) fn answer(&mut self, change: u64, stored: &Stored) {
        let (done, rest) =
            std::mem::take(&mut self.waiters).into_iter().partition(|one| one.change <= change);
        self.waiters = rest;
        for Waiter { reply, .. } in done {
            // Nobody waits if the future was dropped.
            let _ = reply.send(stored.clone());
        }
    }
}
