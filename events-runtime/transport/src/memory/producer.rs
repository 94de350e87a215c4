//! Sends messages: appends them to the log of their topic.

use std::sync::Arc;

use super::ready;
use super::store::Store;
use crate::{BoxFuture, Message, Position, Producer, Topic, TransportError};

pub(super) struct MemoryProducer {
    pub(super) store: Arc<Store>,
}

impl Producer for MemoryProducer {
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
        let positions = self.store.send(topic, batch);
        ready(positions.into_iter().map(Ok).collect())
    }
}
