//! Finds out whether a transaction whose reply was lost was executed: its last step writes its number
//! to an idempotency key per stream.

use std::sync::LazyLock;

use ::redis::{Cmd, RedisResult, Script};

use super::connection::{Connection, Request};
use events_transport::Topic;

/// Sent in full with each transaction. After a restart, the server has no scripts: `EVALSHA` would fail
/// while the rest of the transaction is stored, and the transaction would be repeated.
const RECORD: &str = include_str!("lua/record_transaction.lua");
static FIND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/find_transaction.lua")));

/// The idempotency key of a writer, in the hash slot of the stream.
fn key(topic: &Topic, writer: u64) -> String {
    format!("{{{topic}}}::sent:{writer}")
}

/// The last step of a transaction that added entries to `topic`.
pub(super) fn record(topic: &Topic, writer: u64, number: u64) -> Cmd {
    let mut record = ::redis::cmd("EVAL");
    record.arg(RECORD).arg(2).arg(topic.as_str()).arg(key(topic, writer)).arg(number);
    record
}

/// The IDs of the `count` entries that a transaction added to `topic`, if it was executed.
pub(super) async fn find(
    connection: &Connection,
    topic: &Topic,
    writer: u64,
    number: u64,
    count: usize,
) -> RedisResult<Option<Vec<String>>> {
    let mut call = FIND.prepare_invoke();
    call.key(topic.as_str()).key(key(topic, writer)).arg(number).arg(count);
    connection.query(Request::Script(&call)).await
}
