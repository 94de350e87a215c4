//! The links of a transport, for calls that are made once in a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ::redis::RedisResult;

use super::super::Topic;
use super::endpoint::Place;
use super::link::{Link, Patience};
use super::settings::Settings;

/// One link for all topics; in a cluster, one for each topic and node that was asked for.
pub(super) struct Links {
    settings: Arc<Settings>,
    made: Mutex<HashMap<Place, Arc<Link>>>,
}

impl Links {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, made: Mutex::default() }
    }

    /// The link to the server that has this topic.
    pub(super) fn of(&self, topic: &Topic) -> Arc<Link> {
        self.at(self.settings.endpoint.place(topic))
    }

    /// The links to all servers that take writes.
    pub(super) async fn all(&self) -> RedisResult<Vec<Arc<Link>>> {
        let mut patience = Patience::new(self.settings.clone());
        loop {
            match self.settings.endpoint.places().await {
                Ok(places) => return Ok(places.into_iter().map(|place| self.at(place)).collect()),
                Err(error) if patience.allows(&error).await => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn at(&self, place: Place) -> Arc<Link> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let link = |place: &Place| Arc::new(Link::sharing(self.settings.clone(), place.clone()));
        made.entry(place).or_insert_with_key(link).clone()
    }
}
