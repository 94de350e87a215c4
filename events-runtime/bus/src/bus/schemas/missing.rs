//! The schemas that are looked for and not found yet.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::fetched::{Found, Key, Patience};
use events_transport::Later as _;

/// The maximum number of schemas of one topic whose waiting time is remembered. A hostile program can send any
/// number of fingerprints.
const MAX_MISSING: usize = 10_000;
/// The maximum number in a status.
const MAX_LISTED: usize = 100;
/// The shortest pause.
const MIN_PAUSE: Duration = Duration::from_millis(1);

/// A schema that messages of a topic wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingSchema {
    /// The event type.
    pub event_type: &'static str,
    /// The fingerprint in the messages.
    pub fingerprint: u64,
    /// When this process received the first such message.
    pub since: Timestamp,
}

/// The time on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    instant: Instant,
    time: Timestamp,
}

impl Now {
    pub(super) fn read() -> Self {
        Self { instant: Instant::now(), time: Timestamp::now() }
    }
}

/// The missing schemas, by event type and fingerprint.
#[derive(Default)]
pub(super) struct Missing(HashMap<Key, Entry>);

struct Entry {
    since: Timestamp,
    /// Begins at the first message. Moved on by the time in which the transport failed.
    began: Instant,
    /// When a message of it was received last.
    met: Instant,
    /// When the transport is asked again, and the answers so far without the schema.
    next: Instant,
    failures: u32,
    /// Why it was not found; `None` before the first answer.
    reason: Option<String>,
    /// Since when the transport fails, and how often.
    unavailable: Option<(Instant, u32)>,
    /// Held during a call.
    call: Arc<tokio::sync::Mutex<()>>,
}

impl Missing {
    /// What the last answer says while the next is not due; otherwise the lock for asking again.
    pub(super) fn look(
        &mut self,
        key: Key,
        patience: Patience,
        now: Now,
    ) -> Result<Found, Arc<tokio::sync::Mutex<()>>> {
        self.make_room(key, patience, now.instant);
        let has_room = self.0.len() < MAX_MISSING;
        let entry = match self.0.entry(key) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            // Asked each time: the schemas in use are found also in a flood of others.
            std::collections::hash_map::Entry::Vacant(_) if !has_room => return Err(Arc::default()),
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(Entry::new(now)),
        };
        entry.met = now.instant;
        match &entry.reason {
            Some(reason) if now.instant < entry.next => {
                Ok(entry.found(reason.clone(), patience, now.instant))
            }
            _ => Err(Arc::clone(&entry.call)),
        }
    }

    /// Drops a schema that was not met for long, if there is no room for another.
    fn make_room(&mut self, key: Key, patience: Patience, now: Instant) {
        if self.0.len() < MAX_MISSING || self.0.contains_key(&key) {
            return;
        }
        // Messages that wait are met again after each pause.
        let idle = patience.backoff.max().saturating_mul(2);
        let oldest = self.0.iter().min_by_key(|(_, entry)| entry.met);
        if let Some((&key, _)) = oldest.filter(|(_, entry)| now.duration_since(entry.met) > idle) {
            self.0.remove(&key);
        }
    }

    /// Records an answer without the schema. Also returns whether the reason is new.
    pub(super) fn failed(&mut self, key: Key, patience: Patience, reason: String, now: Now) -> (Found, bool) {
        let Some(entry) = self.0.get_mut(&key) else {
            return (Found::Waits(patience.backoff.max(), reason), false);
        };
        if let Some((since, _)) = entry.unavailable.take() {
            entry.began = entry.began.later(now.instant.duration_since(since));
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.next = now.instant.later(patience.backoff.after(entry.failures).max(MIN_PAUSE));
        let is_new = entry.reason.as_ref() != Some(&reason);
        entry.reason = Some(reason.clone());
        (entry.found(reason, patience, now.instant), is_new)
    }

    /// Records that the transport failed. Returns the pause, and whether it is the first failure in a row.
    pub(super) fn unavailable(&mut self, key: Key, patience: Patience, now: Now) -> (Duration, bool) {
        let Some(entry) = self.0.get_mut(&key) else {
            return (patience.backoff.max(), false);
        };
        let (since, failures) = entry.unavailable.unwrap_or((now.instant, 0));
        let failures = failures.saturating_add(1);
        entry.unavailable = Some((since, failures));
        (patience.backoff.after(failures).max(MIN_PAUSE), failures == 1)
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.0.remove(&key);
    }

    /// The schemas that messages wait for, those that are waited for longest first.
    pub(super) fn list(&self) -> Vec<MissingSchema> {
        let missing = self.0.iter().map(|(&(event_type, fingerprint), entry)| MissingSchema {
            event_type,
            fingerprint,
            since: entry.since,
        });
        let mut missing: Vec<_> = missing.collect();
        missing.sort_by_key(|missing| (missing.since, missing.event_type, missing.fingerprint));
        missing.truncate(MAX_LISTED);
        missing
    }
}

impl Entry {
    fn new(now: Now) -> Self {
        Self {
            since: now.time,
            began: now.instant,
            met: now.instant,
            next: now.instant,
            failures: 0,
            reason: None,
            unavailable: None,
            call: Arc::default(),
        }
    }

    fn found(&self, reason: String, patience: Patience, now: Instant) -> Found {
        let left = patience.wait.saturating_sub(now.duration_since(self.began));
        if left.is_zero() {
            return Found::Missing(reason);
        }
        let pause = self.next.duration_since(now).min(left);
        Found::Waits(pause.max(MIN_PAUSE), reason)
    }
}

impl Found {
    /// Why the schema was not found.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Waits(_, reason) | Self::Missing(reason) => reason,
            Self::Schema(_) | Self::Failed(..) => "",
        }
    }
}
