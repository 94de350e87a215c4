//! Schemas that travel on the bus: a producer stores the schema of its messages beside their topic, and a
//! consumer with another version fetches it from there.
//!
//! | step | module |
//! |---|---|
//! | a route notes which schemas its queue has messages of | `written` |
//! | the sender stores them before the messages | `storing` |
//! | a consumer fetches an unknown schema, once for all its messages | `fetched` ▶ `verify` ▶ `known` |
//! | messages wait for a schema that is not there yet | `missing` |

mod fetched;
mod known;
mod missing;
mod storing;
mod verify;
mod written;

pub(super) use fetched::{FetchedSchemas, Found, Patience, TopicSchemas};
pub use missing::MissingSchema;
use storing::{KnownSchema, known};
pub(super) use storing::{Storing, store, store_known};
pub(super) use written::{NotedSchema, WrittenSchemas};
