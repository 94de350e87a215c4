//! Sends messages.

use std::future::ready;
use std::sync::Arc;

use events_runtime::transport::{BoxFuture, Message, Position, Producer, Topic, TransportError};

use super::failed;
use super::store::Store;

pub(super) struct FolderProducer {
    pub(super) store: Arc<Store>,
}

impl Producer for FolderProducer {
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
        let mut results = Vec::new();
        match self.store.lock() {
            Ok(store) => {
                for message in batch {
                    let stored = store.append(topic, message).map(Position::Sequence);
                    let is_stored = stored.is_ok();
                    results.push(stored.map_err(failed("send to", topic)));
                    if !is_stored {
                        break;
                    }
                }
            }
            Err(error) => results.push(Err(failed("send to", topic)(error))),
        }
        // After a failure, no later message is stored, so that sending again keeps the order of keys.
        while let Some(Err(error)) = results.last()
            && results.len() < batch.len()
        {
            results.push(Err(error.clone()));
        }
        Box::pin(ready(results))
    }
}
