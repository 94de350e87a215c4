//! Rejected messages whose dead letters are not stored yet. Other keys continue meanwhile: the store of the
//! dead letters may be unreachable while that of the messages is not.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use tracing::Span;

use super::observe::AuditLine;
use super::verdict::InboundError;
use events_transport::{BoxFuture, Delivery, Message, Position, Topic, TransportError};

/// The limit of pending rejections for smaller batches.
const MIN_LIMIT: usize = 16;

/// The pending rejections, up to a limit.
pub(super) struct Rejections {
    under_way: Vec<PendingRejection>,
    limit: usize,
}

/// A rejected message, with what is reported once the rejection is stored.
pub(super) struct PendingRejection {
    pub(super) topic: Topic,
    pub(super) message: Message,
    pub(super) position: Position,
    pub(super) attempt: u32,
    pub(super) error: InboundError,
    /// `None` if audit lines are off.
    pub(super) line: Option<AuditLine>,
    pub(super) span: Span,
    pub(super) stored: BoxFuture<'static, Result<(), TransportError>>,
}

impl Rejections {
    pub(super) fn new(batch_size: usize) -> Self {
        Self { under_way: Vec::new(), limit: batch_size.max(MIN_LIMIT) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() < self.limit
    }

    /// Whether a message may be started: no message of its key in its topic has a pending rejection, which may fail.
    pub(super) fn admits(&self, delivery: &Delivery) -> bool {
        let key = &delivery.message().key;
        let is_of_key = |rejection: &PendingRejection| {
            rejection.message.key == *key && rejection.topic == *delivery.topic()
        };
        key.is_none() || !self.under_way.iter().any(is_of_key)
    }

    pub(super) fn push(&mut self, rejection: PendingRejection) {
        self.under_way.push(rejection);
    }

    /// Waits for the next result; forever if nothing is pending. Cancel safe.
    pub(super) async fn next(&mut self) -> (PendingRejection, Result<(), TransportError>) {
        let (index, result) = poll_fn(|context| {
            let mut under_way = self.under_way.iter_mut().enumerate();
            let stored =
                under_way.find_map(|(index, rejection)| match rejection.stored.as_mut().poll(context) {
                    Poll::Ready(result) => Some((index, result)),
                    Poll::Pending => None,
                });
            stored.map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        (self.under_way.swap_remove(index), result)
    }
}

impl PendingRejection {
    pub(super) fn key(&self) -> Option<&Bytes> {
        self.message.key.as_ref()
    }
}
