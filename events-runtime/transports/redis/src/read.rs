//! Claims by `XREADGROUP` itself, which spares the server a script that copies each entry. A member reads so while it
//! alone holds entries of its group, and nothing but new entries can be due.

use ::redis::{Cmd, Pipeline, Value};

use super::claim::Format as _;
use super::claim::{self, Claimed};
use super::nested_replies::{Resp, number};
use super::worker::{Member, Worker, millis};
use super::{entry, script};
use events_transport::Position;

/// Sent in full, as the module `idempotency` explains.
const REGISTER: &str = include_str!("lua/register.lua");

/// What the script `register` returns.
pub(super) const REGISTERED: i64 = 1;
pub(super) const NOTHING: i64 = 0;

/// The ID of no entry.
const NONE: Position = Position::Entry { millis: 0, sequence: 0 };

/// Reads follow claims that found as many entries as were asked for, and at least so many: a read that finds nothing
/// costs a round trip, and one ahead of slow receivers keeps entries from other members.
const MIN_ENTRIES: usize = 16;
/// A read has no limit of bytes.
const MAX_ENTRIES: usize = 256;

/// What the next read depends on.
#[derive(Default)]
pub(super) struct LastRead {
    /// The last entry that the previous claim read, if a read can follow it.
    after: Option<Position>,
    /// How many entries of the size of its largest fit into a claim.
    most: usize,
    /// The last claim that `register` made: its token, its first and last entry, and the number of its entries. The
    /// next call of `register` or `settle` tells them to the server, which does not know them.
    bounds: Option<(u64, [Position; 2], usize)>,
}

impl LastRead {
    /// After a claim of up to `max` entries by the script.
    pub(super) fn observe_claim(&mut self, claimed: &Claimed, max: usize) {
        let last = entry::position(claimed.last_ids[0].as_bytes()).map(|(position, _)| position);
        let last = last.filter(|last| last.sort_key() > NONE.sort_key());
        self.observe(claimed, last, max.min(MAX_ENTRIES));
    }

    /// After a read that was registered.
    pub(super) fn observe_read(&mut self, claimed: &Claimed, read: &Read) {
        let [Some(first), Some(last)] = [claimed.entries.first(), claimed.entries.last()] else { return };
        self.bounds = Some((claimed.token, [first.position, last.position], claimed.entries.len()));
        self.observe(claimed, Some(last.position), read.count);
    }

    fn observe(&mut self, claimed: &Claimed, last: Option<Position>, max: usize) {
        self.after = last.filter(|_| claimed.entries.len() >= max.max(MIN_ENTRIES));
        let largest = claimed.entries.iter().map(|entry| entry.message.data.len()).max();
        self.most = claim::MAX_BYTES / largest.unwrap_or(0).max(1);
    }

    /// The script makes the next claim.
    pub(super) fn forget(&mut self) {
        self.after = None;
    }

    pub(super) fn next(&self, token: u64, max: usize) -> Option<Read> {
        let count = max.min(MAX_ENTRIES);
        (count <= self.most).then_some(Read { token, after: self.after?, count })
    }

    /// The bounds as the scripts take them.
    pub(super) fn bounds(&self) -> Vec<String> {
        self.bounds.map_or_else(
            || vec![String::new(); 4],
            |(token, [first, last], count)| {
                vec![token.to_string(), first.to_string(), last.to_string(), count.to_string()]
            },
        )
    }
}

/// An `XREADGROUP` that is registered as a claim in the same transaction.
pub(super) struct Read {
    token: u64,
    /// This member has read no later entry.
    after: Position,
    count: usize,
}

impl Read {
    /// The number of commands that `add_to` adds.
    pub(super) const COMMANDS: usize = 4;

    /// Adds the transaction. It is undone unless the server executed `after_request`.
    pub(super) fn add_to(&self, pipeline: &mut Pipeline, worker: &Worker, after_request: Option<u64>) {
        let Member { topic, group, consumer, .. } = &worker.member;
        let mut read = ::redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(group.as_str()).arg(consumer).arg("COUNT").arg(self.count);
        read.arg("STREAMS").arg(topic.as_str()).arg(">");
        pipeline.add_command(::redis::cmd("MULTI"));
        pipeline.add_command(read);
        pipeline.add_command(self.register(worker, after_request));
        pipeline.add_command(::redis::cmd("EXEC"));
    }

    /// Registers what was read as a claim.
    pub(super) fn register(&self, worker: &Worker, after_request: Option<u64>) -> Cmd {
        let Member { topic, group, consumer, number, lease, .. } = &worker.member;
        let mut register = ::redis::cmd("EVAL");
        register.arg(REGISTER).arg(2).arg(topic.as_str()).arg(script::key_prefix(topic, group.as_str()));
        register.arg(group.as_str()).arg(*number).arg(consumer).arg(self.token).arg(millis(*lease));
        register.arg(self.after.to_string());
        register.arg(after_request.map_or_else(String::new, |request| request.to_string()));
        register.arg(worker.last_read.bounds());
        register
    }

    /// For a group that was moved back to before `first`.
    pub(super) fn starting_at(&self, first: Position) -> Self {
        let after = match first {
            Position::Entry { millis, sequence: 0 } => {
                Position::Entry { millis: millis.saturating_sub(1), sequence: u64::MAX }
            }
            Position::Entry { millis, sequence } => Position::Entry { millis, sequence: sequence - 1 },
            other => other,
        };
        Self { after, ..*self }
    }

    /// The entries and what `register` returned; `None` if the reply of `EXEC` is malformed or has an error.
    pub(super) fn executed(&self, reply: Value) -> Option<(Claimed, i64)> {
        let Value::BulkString(reply) = reply else { return None };
        let rest = &mut &reply[..];
        let mut entries = Vec::new();
        Resp::array(rest).filter(|replies| *replies == 2)?;
        if Resp::array(rest)? == 1 {
            Resp::array(rest).filter(|parts| *parts == 2)?;
            Resp::string(rest)?;
            entries =
                (0..Resp::array(rest)?).map(|_| claim::read_entry::<Resp>(rest)).collect::<Option<_>>()?;
        }
        let claimed = Claimed {
            token: self.token,
            entries,
            trimmed_pending: 0,
            trimmed_unread: 0,
            retry_in: None,
            last_ids: Default::default(),
            scan_from: String::new(),
        };
        Some((claimed, number(rest, b':')?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executed(reply: &str) -> Option<(Claimed, i64)> {
        let read = Read { token: 7, after: NONE, count: 9 };
        read.executed(Value::BulkString(reply.as_bytes().to_vec()))
    }

    #[test]
    fn the_entries_of_a_read_and_whether_they_are_registered_are_read_and_anything_else_is_none() {
        let entry = "*2\r\n$3\r\n5-1\r\n*4\r\n$10\r\nevent_data\r\n$2\r\nhi\r\n$3\r\nkey\r\n$1\r\nk\r\n";
        let reply = format!("*2\r\n*1\r\n*2\r\n$1\r\nt\r\n*1\r\n{entry}:1\r\n");
        let (claimed, registered) = executed(&reply).unwrap();
        assert_eq!((claimed.token, claimed.entries.len(), registered), (7, 1, REGISTERED));
        let entry = &claimed.entries[0];
        assert_eq!((entry.position.to_string().as_str(), entry.attempt), ("5-1", 1));
        assert_eq!((&entry.message.data[..], entry.message.key.as_deref()), (&b"hi"[..], Some(&b"k"[..])));
        let (claimed, registered) = executed("*2\r\n*-1\r\n:0\r\n").unwrap();
        assert_eq!((claimed.entries.len(), registered), (0, NOTHING));
        for cut in 0..reply.len() {
            assert!(executed(&reply[..cut]).is_none(), "{cut}");
        }
        assert!(executed("*2\r\n*-1\r\n-OOM no\r\n").is_none());
    }

    #[test]
    fn a_group_that_was_moved_back_is_read_from_before_its_first_entry() {
        let read = Read { token: 7, after: NONE, count: 9 };
        let after = |position: &str| read.starting_at(position.parse().unwrap()).after.to_string();
        assert_eq!((after("5-1").as_str(), after("5-0").as_str()), ("5-0", "4-18446744073709551615"));
    }
}
