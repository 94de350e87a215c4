//! Events for unit tests of receivers.

use crate::{EmitOptions, Event, Hub, Origin, PublicSignal};

/// An event of local origin, to call a receiver directly. Its metadata is what emitting it in the current hub
/// would give it, so [`freeze`](super::freeze) fixes it too. No receiver runs.
///
/// ```
/// use events_runtime::{Event, PublicSignal, testing};
///
/// #[derive(Debug, PublicSignal)]
/// #[public_signal(event_type = "org.acme.orders.order.placed.v1")]
/// struct OrderPlaced { number: u32 }
///
/// fn receipt(event: &Event<OrderPlaced>) -> Result<(), String> {
///     if event.number == 0 { Err("no number".into()) } else { Ok(()) }
/// }
///
/// assert_eq!(receipt(&testing::event(OrderPlaced { number: 7 })), Ok(()));
/// ```
pub fn event<E: PublicSignal>(payload: E) -> Event<E> {
    event_with(payload, EmitOptions::new())
}

/// [`event`] with metadata of the caller.
///
/// ```
/// # use events_runtime::{EmitOptions, PublicSignal, testing};
/// # #[derive(Debug, PublicSignal)]
/// # #[public_signal(event_type = "org.acme.orders.order.placed.v1")]
/// # struct OrderPlaced { number: u32 }
/// let options = EmitOptions::new().time("2023-01-02T03:04:05Z".parse()?).extension("tenant", "acme")?;
/// let event = testing::event_with(OrderPlaced { number: 7 }, options);
/// assert_eq!(event.metadata().extensions().get("tenant"), Some("acme"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn event_with<E: PublicSignal>(payload: E, options: EmitOptions) -> Event<E> {
    Hub::with_current(|hub| hub.new_event(Origin::Local, payload, options))
}

/// [`event_with`], as if a bus had delivered the event: with [`Origin::Bus`].
pub fn event_from_bus<E: PublicSignal>(payload: E, options: EmitOptions) -> Event<E> {
    Hub::with_current(|hub| hub.new_event(Origin::Bus, payload, options))
}
