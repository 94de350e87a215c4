//! The events that receivers emit while they handle a message: with `transactions`, they are stored if, and only
//! if, the message is acknowledged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::observe::Observe;
use super::retry::Pause;
use super::schemas::store;
use super::topic_queue::TopicQueue;
use super::verdict::{InboundError, Verdict};
use events_core::internal::{InUnit, current_unit};
use events_transport::{Message, Topic, Transport, TransportError, TransportName};

/// What a consumer with transactions needs to collect outputs.
pub(super) struct Transacting {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) name: TransportName,
    /// Identifies the bus: another bus of the process stores its own events.
    pub(super) observe: Arc<Observe>,
    /// The number of schemas, from the first, that are stored beside each topic.
    pub(super) stored: tokio::sync::Mutex<HashMap<Topic, usize>>,
}

/// The outputs of one message that is being handled.
pub(super) struct Outputs {
    name: TransportName,
    observe: Arc<Observe>,
    /// `None` when the message is handled: what is emitted later is sent as usual.
    messages: Mutex<Option<Vec<Output>>>,
}

/// A message and its topic.
type Output = (Arc<TopicQueue>, Message);

impl Outputs {
    /// The outputs that an event for this queue belongs to.
    pub(super) fn of(queue: &TopicQueue) -> Option<Arc<Self>> {
        let outputs = current_unit()?.downcast::<Self>().ok()?;
        let is_of = outputs.name == queue.to.transport && Arc::ptr_eq(&outputs.observe, &queue.observe);
        is_of.then_some(outputs)
    }

    /// Adds a message, or returns it if the handling has ended.
    pub(super) fn add(&self, queue: &Arc<TopicQueue>, message: Message) -> Result<(), Message> {
        match &mut *self.lock() {
            Some(messages) => {
                messages.push((Arc::clone(queue), message));
                Ok(())
            }
            None => Err(message),
        }
    }

    fn end(&self) -> Vec<Output> {
        self.lock().take().unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<Output>>> {
        // No critical section leaves the list inconsistent.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transacting {
    /// Handles a message, and adds the events that its receivers have emitted to the verdict. Their schemas are
    /// stored before.
    pub(super) async fn run(&self, work: impl Future<Output = Verdict>) -> Verdict {
        let outputs = Arc::new(Outputs {
            name: self.name.clone(),
            observe: Arc::clone(&self.observe),
            messages: Mutex::new(Some(Vec::new())),
        });
        let unit = Arc::clone(&outputs);
        let verdict = InUnit::new(unit, work).await;
        let messages = outputs.end();
        if !matches!(verdict, Verdict::Done) || messages.is_empty() {
            return verdict;
        }
        match self.store_schemas(&messages).await {
            Ok(()) => {
                let messages = messages.into_iter();
                Verdict::DoneWith(
                    messages.map(|(queue, message)| (queue.to.topic.clone(), message)).collect(),
                )
            }
            Err(error) => Verdict::Retry(InboundError::Outputs(error), Pause::BACKOFF),
        }
    }

    async fn store_schemas(&self, messages: &[Output]) -> Result<(), TransportError> {
        if !self.transport.capability().schemas {
            return Ok(());
        }
        let mut stored = self.stored.lock().await;
        for (queue, _) in messages {
            let topic = &queue.to.topic;
            let done = stored.entry(topic.clone()).or_default();
            if *done == queue.schemas.len() {
                continue;
            }
            for schema in queue.schemas.from(*done) {
                store(&*self.transport, topic, &schema).await?;
                *done += 1;
            }
        }
        Ok(())
    }
}
