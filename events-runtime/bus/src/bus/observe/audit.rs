//! Audit lines: a log event for each step of a message, without its payload.

use tracing::Level;

use super::{Consuming, Observe};
use crate::bus::destination::Destination;
use crate::envelope::Envelope;
use events_transport::{ConsumerGroup, Delivery, Message, Position, Topic, TransportName};

/// The `tracing` target of the audit lines, enabled with `bus.audit = true`.
///
/// An info event for each message that was acknowledged by its topic (`sent`) or `received`, and for its
/// outcome: `acked`, `skipped`, `retried`, `unfinished`, `parked`, `paused`, `dead-lettered`. Fields: `action`,
/// `topic`, `event_type`, `id`, `key`, `position`; for a received message `group` and `attempt`; and
/// `transport` unless it is the one of `[bus]`. The
/// payload is never included. The key is `***` unless it is known to be the value of a field without
/// `#[event(pii)]`.
pub const AUDIT_TARGET: &str = "events_runtime::audit";

/// The step that an audit line reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bus) enum Action {
    Received,
    Acked,
    Skipped,
    Retried,
    Postponed,
    Unfinished,
    Parked,
    Paused,
    DeadLettered,
}

impl Action {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Acked => "acked",
            Self::Skipped => "skipped",
            Self::Retried => "retried",
            Self::Postponed => "postponed",
            Self::Unfinished => "unfinished",
            Self::Parked => "parked",
            Self::Paused => "paused",
            Self::DeadLettered => "dead-lettered",
        }
    }
}

/// The content of a delivery's audit line, which outlives the delivery.
#[derive(Debug)]
pub(in crate::bus) struct AuditLine {
    topic: Topic,
    transport: TransportName,
    group: ConsumerGroup,
    event_type: Option<String>,
    id: Option<String>,
    key: Option<String>,
    pub(in crate::bus) position: Position,
    attempt: u32,
}

impl AuditLine {
    /// Logs the line.
    pub(in crate::bus) fn log(&self, action: Action) {
        tracing::info!(
            target: AUDIT_TARGET,
            action = action.as_str(),
            topic = self.topic.as_str(),
            transport = self.transport.named(),
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
    /// Whether audit lines are enabled and have a subscriber.
    pub(in crate::bus) fn audits(&self) -> bool {
        self.audit && tracing::enabled!(target: AUDIT_TARGET, Level::INFO)
    }

    /// Logs a message that a topic acknowledged.
    pub(in crate::bus) fn sent(&self, to: &Destination, message: &Message, position: Position) {
        if !self.audits() {
            return;
        }
        tracing::info!(
            target: AUDIT_TARGET,
            action = "sent",
            topic = to.topic.as_str(),
            transport = to.transport.named(),
            event_type = Envelope::event_type_of(message),
            id = Envelope::id_of(message),
            key = self.keys.masked_key(&to.topic, message).as_deref(),
            position = %position,
            "a message was sent"
        );
    }
}

impl Consuming {
    /// The audit line of a delivery; `None` if audit lines are off.
    pub(in crate::bus) fn audit_line(&self, delivery: &Delivery) -> Option<AuditLine> {
        if !self.observe.audits() {
            return None;
        }
        let message = delivery.message();
        Some(AuditLine {
            topic: delivery.topic().clone(),
            transport: self.transport.clone(),
            group: delivery.group().clone(),
            event_type: Envelope::event_type_of(message).map(str::to_owned),
            id: Envelope::id_of(message).map(str::to_owned),
            key: self.observe.keys.masked_key(delivery.topic(), message),
            position: delivery.position(),
            attempt: delivery.attempt(),
        })
    }
}
