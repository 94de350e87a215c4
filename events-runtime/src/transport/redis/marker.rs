//! How a writer finds out whether a transaction was done whose answer was lost: the transaction's
//! last step writes its number beside each stream.

use std::sync::LazyLock;

use ::redis::{Cmd, RedisResult, Script, Value};

use super::super::Topic;
use super::link::{Link, Request};

static MARKER: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/marker.lua")));
static MARKED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/marked.lua")));

/// The key of a writer's marker beside a stream, in the stream's hash slot.
fn key(topic: &Topic, writer: u64) -> String {
    format!("{{{topic}}}::sent:{writer}")
}

/// The last step of a transaction on this stream. The script must be [loaded](load).
pub(super) fn mark(topic: &Topic, writer: u64, number: u64) -> Cmd {
    let mut mark = ::redis::cmd("EVALSHA");
    mark.arg(MARKER.get_hash()).arg(2).arg(topic.as_str()).arg(key(topic, writer)).arg(number);
    mark
}

/// Makes the server know the script.
pub(super) async fn load(link: &Link) -> RedisResult<()> {
    let mut load = ::redis::cmd("SCRIPT");
    load.arg("LOAD").arg(include_str!("lua/marker.lua"));
    let _: Value = link.ask(Request::Command(&load)).await?;
    Ok(())
}

/// The ids that the transaction gave to so many entries, where it was done.
pub(super) async fn ids(
    link: &Link,
    topic: &Topic,
    writer: u64,
    number: u64,
    count: usize,
) -> RedisResult<Option<Vec<String>>> {
    let mut call = MARKED.prepare_invoke();
    call.key(topic.as_str()).key(key(topic, writer)).arg(number).arg(count);
    link.ask(Request::Script(&call)).await
}
