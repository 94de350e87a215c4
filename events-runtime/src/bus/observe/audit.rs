//! The audit lines: a log event for each step of a message, without its payload.

use tracing::Level;

use super::{Consuming, Observe};
use crate::envelope::Envelope;
use crate::transport::{ConsumerGroup, Delivery, Message, Position, Topic};

/// The `tracing` target of the audit lines, which `bus.audit = true` switches on.
///
/// An info event for each message that a topic acknowledged (`sent`), that was `received`, and for
/// what became of it: `acked`, `skipped`, `retried`, `unfinished`, `parked`, `dead-lettered`. Fields:
/// `action`, `topic`, `event_type`, `id`, `key`, `position`, and of a received message `group` and
/// `attempt`. Never the payload. The key is `***` unless it is known to be the value of a field that is
/// not marked `#[event(pii)]`.
pub const AUDIT_TARGET: &str = "events_runtime::audit";

/// What became of a received message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bus) enum Action {
    Received,
    Acked,
    Skipped,
    Retried,
    Unfinished,
    Parked,
    DeadLettered,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Acked => "acked",
            Self::Skipped => "skipped",
            Self::Retried => "retried",
            Self::Unfinished => "unfinished",
            Self::Parked => "parked",
            Self::DeadLettered => "dead-lettered",
        }
    }
}

/// What an audit line says of a delivery, kept beyond the delivery.
#[derive(Debug)]
pub(in crate::bus) struct AuditLine {
    topic: Topic,
    group: ConsumerGroup,
    event_type: Option<String>,
    id: Option<String>,
    key: Option<String>,
    pub(in crate::bus) position: Position,
    attempt: u32,
}

impl AuditLine {
    /// Writes the line.
    pub(in crate::bus) fn log(&self, action: Action) {
        tracing::info!(
            target: AUDIT_TARGET,
            action = action.as_str(),
            topic = self.topic.as_str(),
            event_type = self.event_type.as_deref(),
            id = self.id.as_deref(),
            key = self.key.as_deref(),
            position = %self.position,
            group = self.group.as_str(),
            attempt = self.attempt,
            "a message was handled"
        );
    }
}

impl Observe {
    /// Whether anybody reads audit lines.
    pub(in crate::bus) fn audits(&self) -> bool {
        self.audit && tracing::enabled!(target: AUDIT_TARGET, Level::INFO)
    }

    /// A topic acknowledged a message.
    pub(in crate::bus) fn sent(&self, topic: &Topic, message: &Message, position: Position) {
        if !self.audits() {
            return;
        }
        tracing::info!(
            target: AUDIT_TARGET,
            action = "sent",
            topic = topic.as_str(),
            event_type = Envelope::event_type_of(message),
            id = Envelope::id_of(message),
            key = self.keys.shown(topic, message).as_deref(),
            position = %position,
            "a message was sent"
        );
    }
}

impl Consuming {
    /// What the audit lines of a delivery say; nothing where nobody reads them.
    pub(in crate::bus) fn audit_line(&self, delivery: &Delivery) -> Option<AuditLine> {
        if !self.observe.audits() {
            return None;
        }
        let message = delivery.message();
        Some(AuditLine {
            topic: delivery.topic().clone(),
            group: delivery.group().clone(),
            event_type: Envelope::event_type_of(message).map(str::to_owned),
            id: Envelope::id_of(message).map(str::to_owned),
            key: self.observe.keys.shown(delivery.topic(), message),
            position: delivery.position(),
            attempt: delivery.attempt(),
        })
    }
}
