//! The links of a transport, for calls that are made once in a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ::redis::RedisResult;

use super::super::Topic;
use super::config::Config;
use super::connection::{Backoff, Connection};
use super::endpoint::Destination;

/// One link for all topics; in a cluster, one for each topic and node that was asked for.
pub(super) struct ConnectionPool {
    config: Arc<Config>,
    made: Mutex<HashMap<Destination, Arc<Connection>>>,
}

impl ConnectionPool {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self { config, made: Mutex::default() }
    }

    /// The link to the server that has this topic.
    pub(super) fn of(&self, topic: &Topic) -> Arc<Connection> {
        self.at(self.config.endpoint.destination(topic))
    }

    /// The links to all servers that take writes.
    pub(super) async fn all(&self) -> RedisResult<Vec<Arc<Connection>>> {
        let mut backoff = Backoff::new(self.config.clone());
        loop {
            match self.config.endpoint.places().await {
                Ok(places) => {
                    return Ok(places.into_iter().map(|destination| self.at(destination)).collect());
                }
                Err(error) if backoff.should_retry(&error).await => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn at(&self, destination: Destination) -> Arc<Connection> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = |destination: &Destination| {
            Arc::new(Connection::sharing(self.config.clone(), destination.clone()))
        };
        made.entry(destination).or_insert_with_key(connection).clone()
    }
}
