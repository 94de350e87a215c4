//! The end of a member.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::{LAST_COMMIT, Pending, SHORT_TICK, Worker};
use crate::client::{GroupEvent, Place};
use crate::member::{Assigned, Stored};
use events_transport::{ErrorKind, TransportError};

impl Worker {
    /// Commits what is settled and leaves the group.
    pub(super) fn close(mut self, reply: Option<oneshot::Sender<Stored>>) {
        self.is_closing = true;
        let until = Instant::now() + LAST_COMMIT;
        while self.moves.poll() && Instant::now() < until {
            self.client.wait(SHORT_TICK);
            self.serve();
        }
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::Assign { places, .. } => self.client.discard(&places),
                Pending::Revoke { places, commit, .. } => {
                    self.pending.push_back(Pending::Revoke { places, finish: Instant::now(), commit });
                }
            }
        }
        self.client.unsubscribe();
        loop {
            for event in self.client.take_events() {
                match event {
                    GroupEvent::Assigned(places) => self.client.discard(&places),
                    revoked @ GroupEvent::Revoked { .. } => self.on_event(revoked),
                }
            }
            self.advance();
            let is_done = self.member.state().partitions.is_empty() && self.pending.is_empty();
            if is_done || Instant::now() >= until {
                break;
            }
            self.client.wait(SHORT_TICK);
            self.serve();
        }
        let left: Vec<Place> = self.member.state().partitions.keys().copied().collect();
        let is_stored = !left
            .iter()
            .any(|place| self.member.state().partitions.get(place).is_some_and(Assigned::is_dirty));
        self.drop_partitions(&left);
        self.member.end_commits();
        drop(self.member.take_client());
        // The last one that uses the client waits for the answer of the coordinator: this thread, unless a call takes
        // too long.
        let mut client = self.client;
        while let Err(shared) = Arc::try_unwrap(client) {
            client = shared;
            if Instant::now() >= until {
                break;
            }
            std::thread::sleep(SHORT_TICK);
        }
        if let Some(reply) = reply {
            let message = "the last outcomes could not be committed: their messages are delivered again";
            let kind = ErrorKind::Unavailable;
            let failed = || TransportError::new(kind, "leave", self.member.names(), message);
            let _ = reply.send(if is_stored { Ok(()) } else { Err(failed()) });
        }
    }
}
