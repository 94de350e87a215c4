//! How a writer finds out whether a transaction was done whose answer was lost: the transaction's
//! last step writes its number beside each stream.

use std::sync::LazyLock;

use ::redis::{Cmd, RedisResult, Script};

use super::super::Topic;
use super::connection::{Connection, Request};

/// Told as a whole each time: a server that started anew has forgotten all scripts, and a transaction
/// without its marker would be made again.
const MARKER: &str = include_str!("lua/record_transaction.lua");
static MARKED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/find_transaction.lua")));

/// The key of a writer's marker beside a stream, in the stream's hash slot.
fn key(topic: &Topic, writer: u64) -> String {
    format!("{{{topic}}}::sent:{writer}")
}

/// The last step of a transaction on this stream.
pub(super) fn mark(topic: &Topic, writer: u64, number: u64) -> Cmd {
    let mut mark = ::redis::cmd("EVAL");
    mark.arg(MARKER).arg(2).arg(topic.as_str()).arg(key(topic, writer)).arg(number);
    mark
}

/// The ids that the transaction gave to so many entries, where it was done.
pub(super) async fn ids(
    connection: &Connection,
    topic: &Topic,
    writer: u64,
    number: u64,
    count: usize,
) -> RedisResult<Option<Vec<String>>> {
    let mut call = MARKED.prepare_invoke();
    call.key(topic.as_str()).key(key(topic, writer)).arg(number).arg(count);
    connection.query(Request::Script(&call)).await
}
