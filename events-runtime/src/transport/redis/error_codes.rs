//! Every error code of Redis with its judgement: the one table by which errors are told, calls are made
//! again, queues are kept and consumers wait. Decision 57 shows it to readers.

use super::super::ErrorKind;
use super::super::error::NO_TOPIC;

/// What becomes of a call that an error of this code answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handling {
    /// The message itself is at fault: it alone is refused for good.
    Message,
    /// The server is not ready: the call is made again for `retry_for`, then as `Waits`.
    Away,
    /// The same, over a new connection.
    Reconnects,
    /// A state of the store that passes: the queue is kept and consumers wait.
    Waits,
    /// The group or its topic is gone: `on_lost` says what a consumer does.
    Lost,
    /// The settings of this program, or what the store holds, must change: the queue is kept, a consumer
    /// ends.
    Ends,
}

/// A code, the part of the text that tells it from others of the same code, and what is said of it.
pub(super) struct ErrorCode {
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    pub(super) judgement: Handling,
    pub(super) kind: ErrorKind,
    pub(super) message: &'static str,
}

const fn code(
    code: &'static str,
    says: &'static str,
    judgement: Handling,
    kind: ErrorKind,
    message: &'static str,
) -> ErrorCode {
    ErrorCode { name: code, says, judgement, kind, message }
}

const REFUSED_USER: &str = "the server refused the user: check user and password in the URL";
const REPLICA: &str = "the server is a replica and takes no writes: a failover may be under way, or the URL names the wrong server";
const NOT_NOW: &str = "the server can't serve now: it loads its data, runs a script or fails over";
const TOO_LARGE: &str =
    "a message is larger than the server takes: send a reference to it, or raise `proto-max-bulk-len`";
const OTHER_NODE: &str = "the server is a node of a cluster, and another has this topic: write `redis+cluster:` in place of \
     `redis:`, and its nodes";
const SENTINEL: &str = "the Sentinels can't fail over now: see their logs";
const OTHER: &str = "Redis refused: see the cause";

/// All codes. The first row that fits counts.
pub(super) const CODES: [ErrorCode; 42] = {
    use ErrorKind as Kind;
    use Handling::{Away, Ends, Lost, Message, Reconnects, Waits};
    [
        code("ERR", "invalid bulk length", Message, Kind::TooLarge, TOO_LARGE),
        code("ERR", "string exceeds maximum allowed size", Message, Kind::TooLarge, TOO_LARGE),
        code(
            "ERR",
            "max number of clients",
            Reconnects,
            Kind::Unavailable,
            "the server has as many clients as it takes: raise `maxclients`",
        ),
        code("ERR", "no such key", Lost, Kind::NotFound, NO_TOPIC),
        code(
            "ERR",
            "cluster support disabled",
            Ends,
            Kind::Invalid,
            "the server is no cluster: write `redis:` in place of `redis+cluster:`",
        ),
        code(
            "ERR",
            "unknown command",
            Ends,
            Kind::Unsupported,
            "the server does not know a command: is it Redis 6.2 or later, and are no commands renamed?",
        ),
        // What is refused while a connection is made loses its code.
        code("ERR", "Authentication required", Waits, Kind::Permission, REFUSED_USER),
        code("ERR", "no permissions", Waits, Kind::Permission, super::acl::HINT),
        code(
            "ERR",
            "DB index is out of range",
            Ends,
            Kind::Invalid,
            "the server has no database of this number: see its `databases`",
        ),
        code(
            "OOM",
            "",
            Waits,
            Kind::Full,
            "the server is at its `maxmemory`: raise it, or keep less (`retention_age`, `retention_count`); nothing that was acknowledged is lost",
        ),
        code(
            "MISCONF",
            "",
            Waits,
            Kind::ReadOnly,
            "the server can't write to its disk and refuses writes: see its log",
        ),
        code(
            "NOREPLICAS",
            "",
            Waits,
            Kind::Unavailable,
            "the server has too few replicas to take writes (`min-replicas-to-write`)",
        ),
        code("NOAUTH", "", Waits, Kind::Permission, REFUSED_USER),
        code("WRONGPASS", "", Waits, Kind::Permission, REFUSED_USER),
        code("NOPERM", "", Waits, Kind::Permission, super::acl::HINT),
        code(
            "DENIED",
            "",
            Waits,
            Kind::Permission,
            "the server takes clients of its own machine alone (`protected-mode`): give it a password, or turn that off",
        ),
        code("READONLY", "", Reconnects, Kind::Unavailable, REPLICA),
        code("UNBLOCKED", "", Reconnects, Kind::Unavailable, REPLICA),
        code("REDIRECT", "", Reconnects, Kind::Unavailable, REPLICA),
        code("MASTERDOWN", "", Reconnects, Kind::Unavailable, NOT_NOW),
        code("LOADING", "", Away, Kind::Unavailable, NOT_NOW),
        code("BUSY", "", Away, Kind::Unavailable, NOT_NOW),
        code("UNKILLABLE", "", Away, Kind::Unavailable, NOT_NOW),
        code("NOTREADY", "", Away, Kind::Unavailable, NOT_NOW),
        code(
            "CLUSTERDOWN",
            "",
            Away,
            Kind::Unavailable,
            "the cluster can't serve now: it fails over, too few of its masters are there, or some slots are nobody's; see `CLUSTER INFO`",
        ),
        code(
            "TRYAGAIN",
            "",
            Away,
            Kind::Unavailable,
            "the topic is being handed to another node: wait for it, and where that was left half done, end it by `redis-cli --cluster fix`",
        ),
        code("INPROG", "", Waits, Kind::Unavailable, SENTINEL),
        code("NOGOODSLAVE", "", Waits, Kind::Unavailable, SENTINEL),
        code("NOQUORUM", "", Waits, Kind::Unavailable, SENTINEL),
        code("IOERR", "", Waits, Kind::Unavailable, "the server could not reach another one: see its log"),
        // The client asks again by itself; told only where that went on without end.
        code(
            "NOSCRIPT",
            "",
            Waits,
            Kind::Unavailable,
            "the server forgets its scripts as soon as they are loaded: does something flush them?",
        ),
        code("EXECABORT", "", Waits, Kind::Unavailable, "the server refused a transaction: see the cause"),
        // In a cluster the node that has the topic is asked in their place.
        code("MOVED", "", Ends, Kind::Unsupported, OTHER_NODE),
        code("ASK", "", Ends, Kind::Unsupported, OTHER_NODE),
        code("CROSSSLOT", "", Ends, Kind::Unsupported, OTHER_NODE),
        code(
            "NOGROUP",
            "",
            Lost,
            Kind::NotFound,
            "there is no such group any more: it was removed, or the server lost its data; subscribe again",
        ),
        code(
            "WRONGTYPE",
            "",
            Ends,
            Kind::Corrupt,
            "the key of this name holds something else than a stream: use another topic, prefix or database",
        ),
        code(
            "NOPROTO",
            "",
            Ends,
            Kind::Version,
            "the server does not speak the protocol: is it Redis 6.2 or later?",
        ),
        // Answers to what is not asked here.
        code("BUSYGROUP", "", Ends, Kind::Other, OTHER),
        code("BUSYKEY", "", Ends, Kind::Other, OTHER),
        code("NOTBUSY", "", Ends, Kind::Other, OTHER),
        code("ERR", "", Ends, Kind::Other, OTHER),
    ]
};

/// What is said of a code that no version of Redis had when this was written: states have come with every
/// version, new faults of messages never.
const UNKNOWN: ErrorCode = code("", "", Handling::Waits, ErrorKind::Unavailable, OTHER);

/// The row of a code, with the text that came with it.
pub(super) fn lookup(code: &str, text: &str) -> &'static ErrorCode {
    let code = if code.is_empty() { "ERR" } else { code };
    CODES.iter().find(|row| row.name == code && text.contains(row.says)).unwrap_or(&UNKNOWN)
}

/// The first code that a text tells of, as of a call inside a script or a transaction.
pub(super) fn find_in(text: &str) -> &'static str {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let known = |word| {
        CODES.iter().map(|row| row.name).find(|code| *code == word && !matches!(*code, "ERR" | "EXECABORT"))
    };
    words.find_map(known).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_table_stands_in_the_decision_with_its_judgement() {
        let documented =
            include_str!("../../../../docs/decisions/0057-errors-of-redis-are-judged-in-one-table.md");
        for ErrorCode { name: code, says, judgement, kind, .. } in &CODES {
            let says = if says.is_empty() { String::new() } else { format!(" {says}") };
            let row = format!("| `{code}{says}` | {judgement:?} | {} |", kind.as_str());
            assert!(documented.contains(&row), "{row}");
        }
        let rows = documented.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, CODES.len());
    }

    #[test]
    fn only_a_fault_of_the_message_refuses_it_and_every_passing_state_is_waited_for() {
        for ErrorCode { name: code, says, judgement, kind, .. } in CODES.iter().chain([&UNKNOWN]) {
            assert_eq!(kind.is_of_message(), *judgement == Handling::Message, "{code} {says}");
            let waits = matches!(judgement, Handling::Away | Handling::Reconnects | Handling::Waits);
            assert_eq!(kind.is_retryable(), waits, "{code} {says}");
        }
    }

    #[test]
    fn a_code_is_judged_by_its_text_where_it_has_several_meanings() {
        let kind = |code, text| lookup(code, text).kind;
        assert_eq!(kind("ERR", "ERR Protocol error: invalid bulk length"), ErrorKind::TooLarge);
        assert_eq!(kind("", "max number of clients reached"), ErrorKind::Unavailable);
        assert_eq!(kind("ERR", "something else"), ErrorKind::Other);
        assert_eq!(kind("NEVERHEARDOF", "of 2031"), ErrorKind::Unavailable);
        assert_eq!(find_in("Error running script: @user_script:7: BUSYGROUP it is there"), "BUSYGROUP");
        assert_eq!(find_in("ERR Error running script: -NOGROUP No such key"), "NOGROUP");
        assert_eq!(find_in("nothing of it"), "");
    }
}
