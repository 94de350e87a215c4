//! Checks that the receivers of expected event types are connected.

use std::fmt;

use super::{Consume, ConsumeError};
use events_core::RegistryError;

/// An expected event type that no receiver of the program takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingReceiver {
    /// The event type.
    pub event_type: String,
    /// The crate that defines it; `None` if it is not linked.
    pub defined_in: Option<&'static str>,
    /// The most similar linked event types, if it is not linked; at most three, most similar first.
    pub nearest: Vec<&'static str>,
}

impl Consume {
    /// Checks `expect_receivers` of all topics.
    pub(super) fn check_receivers(&self) -> Result<(), ConsumeError> {
        let mut missing: Vec<MissingReceiver> = Vec::new();
        for topic in self.topics() {
            let expected = match &self.overrides.expect_receivers {
                Some(expected) => expected.clone(),
                None => self.configured(topic)?.expect_receivers,
            };
            for event_type in expected {
                if missing.iter().all(|missing| missing.event_type != event_type) {
                    missing.extend(self.missing_receiver(event_type));
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(ConsumeError::NoReceivers { group: self.named_group()?, missing })
    }

    fn missing_receiver(&self, event_type: String) -> Option<MissingReceiver> {
        let registry = self.bus.registry();
        let Some(definition) = registry.get(&event_type) else {
            let nearest = match registry.expect([&event_type]) {
                Err(RegistryError::NotLinked { missing, .. }) => {
                    missing.iter().flat_map(|missing| missing.nearest.iter().copied()).collect()
                }
                _ => Vec::new(),
            };
            return Some(MissingReceiver { event_type, defined_in: None, nearest });
        };
        (!definition.is_handled_in(self.bus.hub())).then(|| {
            let defined_in = Some(definition.crate_name());
            MissingReceiver { event_type, defined_in, nearest: Vec::new() }
        })
    }
}

impl fmt::Display for MissingReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event_type, defined_in, nearest } = self;
        let Some(defined_in) = defined_in else {
            write!(f, "`{event_type}` is not linked into this program")?;
            for (at, known) in nearest.iter().enumerate() {
                write!(f, "{} `{known}`", if at == 0 { ", did you mean" } else { " or" })?;
            }
            return f.write_str(if nearest.is_empty() { "" } else { "?" });
        };
        write!(f, "`{event_type}`, defined in crate `{defined_in}`, has no receiver of events from a bus")
    }
}

/// The missing receivers in one line.
pub(in crate::bus) struct List<'a>(pub(in crate::bus) &'a [MissingReceiver]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, missing) in self.0.iter().enumerate() {
            write!(f, "{}{missing}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
