//! The inbox as a store for deduplication.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_postgres::Client;
use uuid::Uuid;

use super::PostgresInbox;
use crate::inbox::SeenEvents;
use events_core::BoxError;
use events_transport::{BoxFuture, ConsumerGroup};

type Connect = dyn Fn() -> BoxFuture<'static, Result<Client, BoxError>> + Send + Sync;

/// A Postgres inbox for [`Consume::dedup`](crate::bus::Consume::dedup); clones share the connection.
#[derive(Clone)]
pub struct PostgresSeenEvents(Arc<Inner>);

struct Inner {
    inbox: PostgresInbox,
    connect: Box<Connect>,
    /// Held while connecting, so that concurrent events open only one connection.
    client: tokio::sync::Mutex<Option<Arc<Client>>>,
    groups: Mutex<HashMap<ConsumerGroup, PostgresInbox>>,
}

impl PostgresSeenEvents {
    pub(super) fn new(
        inbox: &PostgresInbox,
        connect: impl Fn() -> BoxFuture<'static, Result<Client, BoxError>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            inbox: inbox.clone(),
            connect: Box::new(connect),
            client: tokio::sync::Mutex::default(),
            groups: Mutex::default(),
        }))
    }

    async fn client(&self) -> Result<Arc<Client>, BoxError> {
        let mut client = self.0.client.lock().await;
        match &*client {
            Some(open) if !open.is_closed() => Ok(Arc::clone(open)),
            _ => Ok(Arc::clone(client.insert(Arc::new((self.0.connect)().await?)))),
        }
    }

    fn inbox(&self, group: &ConsumerGroup) -> PostgresInbox {
        // A poisoned lock is safe to use: no critical section leaves the map inconsistent.
        let mut groups = self.0.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.entry(group.clone()).or_insert_with_key(|group| self.0.inbox.of_group(group)).clone()
    }
}

impl SeenEvents for PostgresSeenEvents {
    fn contains<'a>(&'a self, group: &'a ConsumerGroup, id: Uuid) -> BoxFuture<'a, Result<bool, BoxError>> {
        Box::pin(async move {
            let (client, inbox) = (self.client().await?, self.inbox(group));
            Ok(inbox.contains(&*client, id).await.map_err(|error| inbox.explain(error))?)
        })
    }

    fn insert<'a>(&'a self, group: &'a ConsumerGroup, id: Uuid) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(async move {
            let (client, inbox) = (self.client().await?, self.inbox(group));
            inbox.add(&*client, id).await.map(|_| ()).map_err(|error| inbox.explain(error))?;
            Ok(())
        })
    }
}

impl fmt::Debug for PostgresSeenEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSeenEvents").finish_non_exhaustive()
    }
}
