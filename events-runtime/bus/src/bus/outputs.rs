//! The events that receivers emit while they handle a message: with `transactions`, they are stored if, and only
//! if, the message is acknowledged.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::destination::Destination;
use super::observe::Observe;
use super::schemas::store_known;
use super::verdict::{InboundError, Verdict};
use events_core::internal::{InUnit, current_unit};
use events_transport::{Message, SchemaId, Topic, Transport, TransportError, TransportName};

/// What a consumer with transactions needs to collect outputs.
pub(super) struct Transacting {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) name: TransportName,
    /// Identifies the bus: another bus of the process stores its own events.
    pub(super) observe: Arc<Observe>,
    /// The schemas that are stored beside each topic.
    pub(super) stored: tokio::sync::Mutex<HashMap<Topic, HashSet<SchemaId>>>,
}

/// The outputs of one message that is being handled.
pub(super) struct Outputs {
    name: TransportName,
    observe: Arc<Observe>,
    /// `None` when the message is handled: what is emitted later is sent as usual.
    messages: Mutex<Option<Vec<(Topic, Message)>>>,
}

impl Outputs {
    /// The outputs that an event for this destination belongs to.
    pub(super) fn for_queue(to: &Destination, observe: &Arc<Observe>) -> Option<Arc<Self>> {
        let outputs = current_unit()?.downcast::<Self>().ok()?;
        (outputs.name == to.transport && Arc::ptr_eq(&outputs.observe, observe)).then_some(outputs)
    }

    /// Adds a message, or returns it if the handling has ended.
    pub(super) fn add(&self, topic: &Topic, message: Message) -> Result<(), Message> {
        match &mut *self.lock() {
            Some(messages) => {
                messages.push((topic.clone(), message));
                Ok(())
            }
            None => Err(message),
        }
    }

    fn end(&self) -> Vec<(Topic, Message)> {
        self.lock().take().unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<(Topic, Message)>>> {
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
            Ok(()) => Verdict::DoneWith(messages),
            Err(error) => Verdict::Retry(InboundError::Outputs(error), super::retry::Pause::BACKOFF),
        }
    }

    async fn store_schemas(&self, messages: &[(Topic, Message)]) -> Result<(), TransportError> {
        let mut stored = self.stored.lock().await;
        for (topic, message) in messages {
            let of_topic = stored.entry(topic.clone()).or_default();
            store_known(&*self.transport, topic, std::slice::from_ref(message), of_topic).await?;
        }
        Ok(())
    }
}
