//! Items that the other crates of `events-runtime` use. Not part of the public API.

pub use crate::codec::skip::skip;
pub use crate::codec::to_json_resolved;
pub use crate::event::{AnyEvent, shown};
pub use crate::hub::delivery::{PendingTopic, PendingTopics};
pub use crate::hub::state::Outbound;
pub use crate::hub::unit::{InUnit, Unit, current_unit};
pub use crate::metadata::extensions::is_trace;
pub use crate::metadata::id::{new_id, new_openedx_id};
pub use crate::metadata::text::received;
pub use crate::registry::signal_descriptor::{Profile, SignalDescriptor, linked as linked_descriptors};
