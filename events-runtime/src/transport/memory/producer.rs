//! Appends messages to the log of their topic.

use std::sync::Arc;

use super::super::{BoxFuture, Message, Position, Producer, Topic, TransportError};
use super::ready;
use super::store::Store;

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
        ready(positions.map(|seq| Ok(Position::Sequence(seq))).collect())
    }
}
