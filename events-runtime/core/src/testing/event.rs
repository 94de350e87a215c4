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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sample::{ORDER_PLACED, enrolled, placed};
    use crate::testing::{self, event, event_from_bus, event_with};

    #[test]
    fn an_event_has_the_metadata_of_an_emission_and_reaches_no_receiver() {
        testing::scope(|recorder| {
            recorder.hub().set_service_name("shop").expect("a name");
            ORDER_PLACED.connect("none", |_| panic!("not emitted"));
            let event = event(placed(3));
            let metadata = event.metadata();
            assert_eq!(metadata.event_type().as_str(), ORDER_PLACED.event_type());
            assert_eq!((metadata.minor_version(), metadata.source()), (2, "shop"));
            assert_eq!((event.origin(), event.number), (Origin::Local, 3));
            assert_eq!(super::event(enrolled()).metadata().source(), "openedx/shop/web");
            assert!(recorder.event_types().is_empty());
        });
    }

    #[test]
    fn options_set_the_metadata_and_the_origin() {
        let id = uuid::Uuid::from_u128(7);
        let options = || EmitOptions::new().id(id).time(jiff::Timestamp::UNIX_EPOCH);
        for (event, origin) in [
            (event_with(placed(1), options()), Origin::Local),
            (event_from_bus(placed(1), options()), Origin::Bus),
        ] {
            assert_eq!(event.metadata().id(), id);
            assert_eq!(event.metadata().time(), jiff::Timestamp::UNIX_EPOCH);
            assert_eq!(event.origin(), origin);
        }
    }
}
