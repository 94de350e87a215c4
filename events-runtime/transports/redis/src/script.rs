//! The Lua scripts. The server runs each one atomically.

use std::sync::LazyLock;

use ::redis::{Script, ScriptInvocation};

use events_transport::{ConsumerGroup, Topic};

macro_rules! script {
    ($name:ident, $($file:literal),+) => {
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(include_str!("lua/shared.lua"), $(include_str!($file)),+))
        });
    };
}

script!(CLAIM, "lua/reclaim.lua", "lua/claim.lua");
script!(SETTLE, "lua/settle.lua");
script!(RENEW, "lua/renew.lua");
script!(JOIN, "lua/reset_group.lua", "lua/join.lua");
script!(MOVE_GROUP, "lua/reset_group.lua", "lua/move_group.lua");
script!(RECOVER_GROUP, "lua/reset_group.lua", "lua/recover_group.lua");
script!(LEAVE, "lua/leave.lua");
script!(STATUS, "lua/status.lua");
script!(TRIM, "lua/trim.lua");
script!(UNSETTLED, "lua/unsettled.lua");

/// A call of a script for a topic, or for a group of it.
pub(super) fn on<'s>(
    script: &'s Script,
    topic: &Topic,
    group: Option<&ConsumerGroup>,
) -> ScriptInvocation<'s> {
    let group = group.map_or("", ConsumerGroup::as_str);
    let mut call = script.prepare_invoke();
    call.key(topic.as_str()).key(key_prefix(topic, group)).arg(group);
    call
}

/// What the keys of a group start with. The braces put them into the hash slot of the stream.
pub(super) fn key_prefix(topic: &Topic, group: &str) -> String {
    format!("{{{topic}}}:{group}:")
}
