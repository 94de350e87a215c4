//! Middleware around each message, composed like the layers of a server.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::Instrument;

use super::guarded::Guarded;
use super::inbound::Inbound;
use super::observe::{extract, record_error};
use super::retry::Pause;
use super::verdict::{self, InboundError, Verdict};
use crate::envelope::Envelope;
use events_core::BoxError;
use events_core::receiver::{Disposition, disposition};
use events_support::error_chain::{caught, drop_quietly, links};
use events_transport::{BoxFuture, ConsumerGroup, Delivery, Message, Position, Topic};

/// A type-erased middleware.
pub(super) type Middleware =
    Arc<dyn Fn(MessageInfo, Next) -> BoxFuture<'static, Result<Processed, BoxError>> + Send + Sync>;

/// The message that a middleware wraps.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MessageInfo {
    /// The topic's full name.
    pub topic: Topic,
    /// The consumer's group.
    pub group: ConsumerGroup,
    /// The message's position in its topic.
    pub position: Position,
    /// The number of deliveries of the message to the group, this one included.
    pub attempt: u32,
    /// When the transport stored the message.
    pub time: SystemTime,
    /// The message as it was stored.
    pub message: Message,
}

impl MessageInfo {
    fn of(delivery: &Delivery) -> Self {
        Self {
            topic: delivery.topic().clone(),
            group: delivery.group().clone(),
            position: delivery.position(),
            attempt: delivery.attempt(),
            time: delivery.time(),
            message: delivery.message().clone(),
        }
    }

    /// The event type according to the message's headers.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        Envelope::event_type_of(&self.message)
    }

    /// The id according to the message's headers.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        Envelope::id_of(&self.message)
    }
}

/// The rest of the chain: the middleware added later, then decoding and the receivers.
#[must_use = "a message whose middleware does not run it fails"]
pub struct Next {
    info: MessageInfo,
    middleware: Arc<[Middleware]>,
    /// The index of the next middleware.
    at: usize,
    inbound: Arc<Inbound>,
}

impl Next {
    /// Processes the message: emits the event and waits for all receivers.
    ///
    /// Sync receivers run within this future, so a task-local scope around it reaches them. Async receivers
    /// run on their own tasks.
    pub async fn run(mut self) -> Processed {
        let Some(middleware) = self.middleware.get(self.at).cloned() else {
            return Processed(self.inbound.process(&self.info.message).await);
        };
        self.at += 1;
        Processed(run(&middleware, self.info.clone(), self).await)
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("info", &self.info).finish_non_exhaustive()
    }
}

/// The opaque result of a message, which a middleware returns unchanged. Only [`Next::run`] creates one, so
/// a middleware can't acknowledge a message that the receivers did not process.
#[must_use = "a middleware returns it"]
pub struct Processed(Verdict);

impl Processed {
    /// Why the message failed, or what it waits for; `None` if it was processed, skipped or paused.
    #[must_use]
    pub const fn error(&self) -> Option<&InboundError> {
        match &self.0 {
            Verdict::Retry(error, _) | Verdict::Wait(error, _) | Verdict::Reject(error) => Some(error),
            Verdict::Done
            | Verdict::DoneWith(_)
            | Verdict::Skip
            | Verdict::Pause { .. }
            | Verdict::Stop(_) => None,
        }
    }
}

impl fmt::Debug for Processed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processed").field("error", &self.error()).finish_non_exhaustive()
    }
}

/// Processes a message through its middleware.
pub(super) fn process(
    inbound: Arc<Inbound>,
    middleware: Arc<[Middleware]>,
    delivery: Arc<Delivery>,
) -> impl Future<Output = Verdict> + Send + 'static {
    let span = inbound.consuming.process_span(&delivery);
    extract(inbound.consuming.propagator.as_deref(), delivery.message(), &span);
    let processed = span.clone();
    async move {
        let verdict = Guarded::new(async {
            if middleware.is_empty() {
                inbound.process(delivery.message()).await
            } else {
                let info = MessageInfo::of(&delivery);
                Box::pin(Next { info, middleware, at: 0, inbound }.run()).await.0
            }
        })
        .await
        .unwrap_or_else(|panic| {
            Verdict::Retry(InboundError::Interrupted(format!("it panicked: {panic}")), Pause::BACKOFF)
        });
        if let Verdict::Retry(error, _) | Verdict::Reject(error) = &verdict {
            record_error(&processed, error.kind());
        }
        verdict
    }
    .instrument(span)
}

/// Runs one middleware. Its error or panic fails the message.
async fn run(middleware: &Middleware, info: MessageInfo, next: Next) -> Verdict {
    let panicked = |message| Verdict::Retry(InboundError::MiddlewarePanicked { message }, Pause::BACKOFF);
    let running = match caught(|| middleware(info, next)) {
        Ok(running) => running,
        Err(message) => return panicked(message),
    };
    match Guarded::new(running).await {
        Ok(Ok(Processed(verdict))) => verdict,
        Ok(Err(error)) => {
            let verdict = failed(&*error);
            drop_quietly(error);
            verdict
        }
        Err(message) => panicked(message),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Verdict {
    let disposition = disposition(error);
    let error = InboundError::Middleware { errors: links(error) };
    match (verdict::pause(disposition), disposition) {
        (Some(pause), _) => Verdict::Retry(error, pause),
        (None, Some(Disposition::Skip)) => Verdict::Skip,
        (None, _) => Verdict::Reject(error),
    }
}
