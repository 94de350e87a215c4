//! The messages that are given up and whose dead letters are not stored yet. Other keys go on meanwhile:
//! the dead letters may stand where nothing answers, and the messages where all is well.

use std::collections::VecDeque;

use bytes::Bytes;
use tracing::Span;

use super::error::InboundError;
use super::observe::Noted;
use crate::transport::{BoxFuture, Delivery, Message, Position, TransportError};

/// Those on their way to the transport, oldest first, up to so many.
pub(super) struct Rejections {
    under_way: VecDeque<Rejection>,
    limit: usize,
}

/// A message that is given up, and what is told of it once that is stored.
pub(super) struct Rejection {
    pub(super) message: Message,
    pub(super) position: Position,
    pub(super) attempt: u32,
    pub(super) error: InboundError,
    /// The audit line; none where nobody reads it.
    pub(super) line: Option<Noted>,
    pub(super) span: Span,
    pub(super) stored: BoxFuture<'static, Result<(), TransportError>>,
}

impl Rejections {
    pub(super) const fn new(limit: usize) -> Self {
        Self { under_way: VecDeque::new(), limit }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() < self.limit
    }

    /// Whether a message may be started: none of its key is being given up, which may fail.
    pub(super) fn admits(&self, delivery: &Delivery) -> bool {
        let key = &delivery.message().key;
        key.is_none() || self.under_way.iter().all(|rejection| rejection.message.key != *key)
    }

    pub(super) fn push(&mut self, rejection: Rejection) {
        self.under_way.push_back(rejection);
    }

    /// Waits for the oldest; for ever where there is none. Dropping the wait loses nothing.
    pub(super) async fn next(&mut self) -> (Rejection, Result<(), TransportError>) {
        if let Some(oldest) = self.under_way.front_mut() {
            let result = oldest.stored.as_mut().await;
            if let Some(rejection) = self.under_way.pop_front() {
                return (rejection, result);
            }
        }
        std::future::pending().await
    }
}

impl Rejection {
    pub(super) fn key(&self) -> Option<&Bytes> {
        self.message.key.as_ref()
    }
}
