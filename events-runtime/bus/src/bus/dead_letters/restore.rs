//! Restores exported dead letters, portion by portion.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use super::leased_batch::CHUNK;
use super::{DeadLetters, Restored};
use events_transport::{ErrorKind, Message, Producer, TransportError};

/// The state of a restore.
pub struct Restoring<'l, 't> {
    dead_letters: &'l DeadLetters<'t>,
    producer: Arc<dyn Producer>,
    seen: Seen,
}

/// The existing dead letters, each as two digests with secret keys.
struct Seen {
    keys: [RandomState; 2],
    digests: HashSet<[u64; 2]>,
}

impl Seen {
    /// Adds a message. Returns whether it is new.
    fn insert(&mut self, message: &Message) -> bool {
        let headers: Vec<_> = message.headers.iter().collect();
        let whole = (&message.key, headers, &message.data);
        self.digests.insert(self.keys.each_ref().map(|key| key.hash_one(&whole)))
    }
}

impl<'t> DeadLetters<'t> {
    /// Reads the existing dead letters, to restore others.
    #[doc(hidden)]
    pub async fn restoring<'l>(&'l self) -> Result<Restoring<'l, 't>, TransportError> {
        let producer = self.transport.producer().await?;
        let keys = [RandomState::new(), RandomState::new()];
        let mut seen = Seen { keys, digests: HashSet::new() };
        self.for_each(|dead_letter| {
            seen.insert(dead_letter.message());
            Ok::<_, TransportError>(())
        })
        .await?;
        Ok(Restoring { dead_letters: self, producer, seen })
    }

    fn of_others(&self) -> TransportError {
        let message = format!(
            "the dead letter belongs to another topic or group than `{}` and `{}`: restore it there",
            self.origin, self.group
        );
        TransportError::new(ErrorKind::Invalid, "restore into", &self.topic, message)
    }
}

impl Restoring<'_, '_> {
    /// Stores the messages that do not exist yet.
    #[doc(hidden)]
    pub async fn add(&mut self, messages: Vec<Message>) -> Restored {
        let mut restored = Restored::default();
        let (new, old): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| self.seen.insert(message));
        restored.present = old.len() as u64;
        let (new, foreign): (Vec<_>, Vec<_>) =
            new.into_iter().partition(|message| self.dead_letters.is_ours(message));
        restored.failed.extend(foreign.into_iter().map(|message| (message, self.dead_letters.of_others())));
        let sends: Vec<_> =
            new.chunks(CHUNK).map(|chunk| self.producer.send(&self.dead_letters.topic, chunk)).collect();
        let mut results = Vec::with_capacity(new.len());
        for send in sends {
            results.append(&mut send.await);
        }
        for (message, result) in new.into_iter().zip(results) {
            match result {
                Ok(_) => restored.stored += 1,
                Err(error) => restored.failed.push((message, error)),
            }
        }
        restored
    }
}
