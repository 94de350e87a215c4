//! Fixed metadata, so that a test can compare whole events.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::Hub;
use crate::hub::frozen::Frozen;
use crate::metadata::Source;

/// Gives every event that is emitted in the current hub this time, and these ids in order, until the result is
/// dropped. A test can then compare whole metadata, or a whole message.
///
/// After the last id, each event gets the id of the event before it plus 1; without any id, the first event
/// gets `00000000-0000-0000-0000-000000000001`. An emitter's own [`EmitOptions`](crate::EmitOptions) win, and
/// take no id from the list. Events of a disabled signal take one. Events from a bus keep their metadata.
///
/// ```
/// use events_runtime::{PublicSignal, testing};
/// use events_runtime::metadata::Source;
///
/// #[derive(Debug, PublicSignal)]
/// #[public_signal(event_type = "org.acme.orders.order.placed.v1")]
/// struct OrderPlaced { number: u32 }
///
/// testing::scope(|recorder| {
///     let id = "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11".parse()?;
///     let _frozen = testing::freeze("2023-01-02T03:04:05Z".parse()?, [id]).source(Source::new("shop")?);
///     ORDER_PLACED.emit(OrderPlaced { number: 1 });
///     assert_eq!(
///         serde_json::to_string(recorder.only::<OrderPlaced>().metadata())?,
///         r#"{"event_type":"org.acme.orders.order.placed.v1","id":"0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11","minorversion":0,"source":"shop","sourcehost":null,"time":"2023-01-02T03:04:05+00:00","sourcelib":null}"#
///     );
///     Ok::<_, Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// Outside of any scope: the default hub is shared by all tests of the process.
#[track_caller]
pub fn freeze(time: Timestamp, ids: impl IntoIterator<Item = Uuid>) -> Freeze {
    let hub = Hub::current();
    assert!(
        hub != *Hub::default_hub(),
        "`testing::freeze` needs a hub scope, because the default hub is shared by all tests of the process: call it in `testing::scope`, `testing::scope_async` or `hub.scope`"
    );
    let frozen = Arc::new(Frozen::new(time, ids.into_iter().collect()));
    hub.freeze(&frozen);
    Freeze { hub, frozen }
}

/// A hub whose events have fixed metadata: see [`freeze`]. Dropping this ends it.
#[must_use = "dropping this ends the freeze; keep it: `let _frozen = testing::freeze(…)`"]
pub struct Freeze {
    hub: Hub,
    frozen: Arc<Frozen>,
}

impl Freeze {
    /// Also fixes the source. Otherwise it has the names of this program and of its host, and the version of
    /// this library.
    pub fn source(self, source: impl Into<Arc<Source>>) -> Self {
        self.frozen.set_source(source.into());
        self
    }
}

impl Drop for Freeze {
    fn drop(&mut self) {
        self.hub.unfreeze(&self.frozen);
    }
}

impl std::fmt::Debug for Freeze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Freeze").field("hub", &self.hub).finish_non_exhaustive()
    }
}
