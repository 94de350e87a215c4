//! An event and a receiver that have an effect only if they are linked.

use events_runtime::{Event, PublicSignal, receiver};

/// A crate was linked.
#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.linking.crate.linked.v1")]
pub struct CrateLinked {
    /// Whether somebody named it.
    pub named: bool,
}

#[receiver(CRATE_LINKED, name = "linked only")]
fn on_linked(event: &Event<CrateLinked>) -> Result<(), String> {
    if event.named { Ok(()) } else { Err("linked and not named".to_owned()) }
}
