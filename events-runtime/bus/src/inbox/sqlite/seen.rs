//! The inbox as a store for deduplication.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use uuid::Uuid;

use super::SqliteInbox;
use crate::inbox::{InboxError, SeenEvents};
use events_core::BoxError;
use events_transport::{BoxFuture, ConsumerGroup};

/// A `SQLite` inbox for [`Consume::dedup`](crate::bus::Consume::dedup); clones share the connection. Its
/// calls run on tokio's blocking threads.
#[derive(Clone)]
pub struct SqliteSeenEvents(Arc<Mutex<Inner>>);

struct Inner {
    connection: Connection,
    inbox: SqliteInbox,
    groups: HashMap<ConsumerGroup, SqliteInbox>,
}

impl SqliteSeenEvents {
    pub(super) fn new(inbox: &SqliteInbox, connection: Connection) -> Self {
        Self(Arc::new(Mutex::new(Inner { connection, inbox: inbox.clone(), groups: HashMap::new() })))
    }

    async fn ask<T: Send + 'static>(
        &self,
        group: &ConsumerGroup,
        ask: impl FnOnce(&SqliteInbox, &Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BoxError> {
        let (shared, group) = (Arc::clone(&self.0), group.clone());
        let asked = tokio::task::spawn_blocking(move || {
            // A poisoned lock is safe to use: a statement that panicked leaves no transaction open, since
            // none is begun here.
            let mut inner = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let Inner { connection, inbox, groups } = &mut *inner;
            let inbox = groups.entry(group).or_insert_with_key(|group| inbox.of_group(group));
            ask(inbox, connection).map_err(|error| inbox.explain(error))
        });
        let answer: Result<T, InboxError> = asked.await?;
        Ok(answer?)
    }
}

impl SeenEvents for SqliteSeenEvents {
    fn contains<'a>(&'a self, group: &'a ConsumerGroup, id: Uuid) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(self.ask(group, move |inbox, connection| inbox.contains(connection, id)))
    }

    fn insert<'a>(&'a self, group: &'a ConsumerGroup, id: Uuid) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(self.ask(group, move |inbox, connection| inbox.add(connection, id).map(|_| ())))
    }
}

impl fmt::Debug for SqliteSeenEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteSeenEvents").finish_non_exhaustive()
    }
}
