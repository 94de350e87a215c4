//! The table of Redis error codes: how each one is reported, and whether calls are retried, queues kept
//! and consumers paused. Decision 57 documents it.

use events_transport::ErrorKind;
use events_transport::NO_TOPIC;

/// How a call that failed with an error code is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handling {
    /// The message is invalid: reject it permanently, and only it.
    RejectMessage,
    /// The server is not ready: retry the call for `retry_for`, then as `Wait`.
    Retry,
    /// As `Retry`, over a new connection.
    Reconnect,
    /// A temporary state of the server: keep the queue, consumers wait.
    Wait,
    /// The group or its topic was deleted: the consumer does what `on_lost` says.
    GroupLost,
    /// The configuration or the stored data must be changed: keep the queue, consumers end.
    Stop,
}

/// An error code. Several rows with one `name` differ by `says`, a part of the error text.
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

const REFUSED_USER: &str = "the server rejected the credentials: check user and password in the URL";
const REPLICA: &str =
    "the server is a read-only replica: wait if a failover is in progress, or correct the URL";
const NOT_NOW: &str = "the server is not ready: it is loading its data, running a script or failing over";
const TOO_LARGE: &str = "a message exceeds the server's size limit: send a reference to the data, or increase `proto-max-bulk-len`";
const OTHER_NODE: &str = "the server is a cluster node and another node owns this topic: write `redis+cluster:` instead of `redis:` \
     in the URL";
const SENTINEL: &str = "the Sentinels can't fail over: see their logs";
const OTHER: &str = "Redis replied with an error: see the cause";

/// All codes. The first matching row applies.
pub(super) const CODES: [ErrorCode; 44] = {
    use ErrorKind as Kind;
    use Handling::{GroupLost, Reconnect, RejectMessage, Retry, Stop, Wait};
    [
        code("ERR", "invalid bulk length", RejectMessage, Kind::TooLarge, TOO_LARGE),
        code("ERR", "string exceeds maximum allowed size", RejectMessage, Kind::TooLarge, TOO_LARGE),
        code(
            "ERR",
            "max number of clients",
            Reconnect,
            Kind::Unavailable,
            "the server has reached its limit of clients: increase `maxclients`",
        ),
        code("ERR", "no such key", GroupLost, Kind::NotFound, NO_TOPIC),
        code(
            "ERR",
            "cluster support disabled",
            Stop,
            Kind::Invalid,
            "the server is not a cluster node: write `redis:` instead of `redis+cluster:` in the URL",
        ),
        code(
            "ERR",
            "unknown command",
            Stop,
            Kind::Unsupported,
            "the server does not support a command: use Redis 6.2 or later, without renamed commands",
        ),
        // Errors during the handshake of a connection lose their code.
        code("ERR", "Authentication required", Wait, Kind::Permission, REFUSED_USER),
        code("ERR", "no permissions", Wait, Kind::Permission, super::acl::HINT),
        // In scripts, Redis 7.0 reports missing permissions without a code.
        code("ERR", "can't run this command", Wait, Kind::Permission, super::acl::HINT),
        code("ERR", "can't access at least one of the keys", Wait, Kind::Permission, super::acl::HINT),
        code(
            "ERR",
            "DB index is out of range",
            Stop,
            Kind::Invalid,
            "the server has no database of this number: correct the URL, or increase `databases`",
        ),
        code(
            "OOM",
            "",
            Wait,
            Kind::Full,
            "the server has reached `maxmemory`: increase it, or keep fewer messages (`retention_age`, `retention_count`); acknowledged messages are not lost",
        ),
        code(
            "MISCONF",
            "",
            Wait,
            Kind::ReadOnly,
            "the server can't write to its disk and rejects writes: see its log",
        ),
        code(
            "NOREPLICAS",
            "",
            Wait,
            Kind::Unavailable,
            "the server has too few replicas to accept writes: start more, or decrease `min-replicas-to-write`",
        ),
        code("NOAUTH", "", Wait, Kind::Permission, REFUSED_USER),
        code("WRONGPASS", "", Wait, Kind::Permission, REFUSED_USER),
        code("NOPERM", "", Wait, Kind::Permission, super::acl::HINT),
        code(
            "DENIED",
            "",
            Wait,
            Kind::Permission,
            "the server accepts local clients only (`protected-mode`): set a password, or disable it",
        ),
        code("READONLY", "", Reconnect, Kind::Unavailable, REPLICA),
        code("UNBLOCKED", "", Reconnect, Kind::Unavailable, REPLICA),
        code("REDIRECT", "", Reconnect, Kind::Unavailable, REPLICA),
        code("MASTERDOWN", "", Reconnect, Kind::Unavailable, NOT_NOW),
        code("LOADING", "", Retry, Kind::Unavailable, NOT_NOW),
        code("BUSY", "", Retry, Kind::Unavailable, NOT_NOW),
        code("UNKILLABLE", "", Retry, Kind::Unavailable, NOT_NOW),
        code("NOTREADY", "", Retry, Kind::Unavailable, NOT_NOW),
        code(
            "CLUSTERDOWN",
            "",
            Retry,
            Kind::Unavailable,
            "the cluster is down: it is failing over, has lost too many masters, or has unassigned slots; see `CLUSTER INFO`",
        ),
        code(
            "TRYAGAIN",
            "",
            Retry,
            Kind::Unavailable,
            "the topic is migrating to another node: wait, or run `redis-cli --cluster fix` if the migration was interrupted",
        ),
        code("INPROG", "", Wait, Kind::Unavailable, SENTINEL),
        code("NOGOODSLAVE", "", Wait, Kind::Unavailable, SENTINEL),
        code("NOQUORUM", "", Wait, Kind::Unavailable, SENTINEL),
        code("IOERR", "", Wait, Kind::Unavailable, "the server could not reach another server: see its log"),
        // The client loads the script and retries; this error means that it failed repeatedly.
        code(
            "NOSCRIPT",
            "",
            Wait,
            Kind::Unavailable,
            "the server drops scripts right after they are loaded: check what runs `SCRIPT FLUSH`",
        ),
        code("EXECABORT", "", Wait, Kind::Unavailable, "the server rejected a transaction: see the cause"),
        // In cluster mode, redirections are followed instead.
        code("MOVED", "", Stop, Kind::Unsupported, OTHER_NODE),
        code("ASK", "", Stop, Kind::Unsupported, OTHER_NODE),
        code("CROSSSLOT", "", Stop, Kind::Unsupported, OTHER_NODE),
        code(
            "NOGROUP",
            "",
            GroupLost,
            Kind::NotFound,
            "the group no longer exists: it was removed, or the server lost its data; subscribe again",
        ),
        code(
            "WRONGTYPE",
            "",
            Stop,
            Kind::Corrupt,
            "the key of this topic is not a stream: use another topic, prefix or database",
        ),
        code(
            "NOPROTO",
            "",
            Stop,
            Kind::Version,
            "the server does not support the protocol: use Redis 6.2 or later",
        ),
        // Not expected as replies to our commands.
        code("BUSYGROUP", "", Stop, Kind::Other, OTHER),
        code("BUSYKEY", "", Stop, Kind::Other, OTHER),
        code("NOTBUSY", "", Stop, Kind::Other, OTHER),
        code("ERR", "", Stop, Kind::Other, OTHER),
    ]
};

/// Used for codes that are not in the table. New Redis versions have added server states, but never new
/// reasons to reject a message.
const UNKNOWN: ErrorCode = code("", "", Handling::Wait, ErrorKind::Unavailable, OTHER);

/// The row for a code and its error text.
pub(super) fn lookup(code: &str, text: &str) -> &'static ErrorCode {
    let code = if code.is_empty() { "ERR" } else { code };
    CODES.iter().find(|row| row.name == code && text.contains(row.says)).unwrap_or(&UNKNOWN)
}

/// The first known code in a text, such as the error of a call inside a script or a transaction.
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
    fn the_decision_documents_every_code_with_its_handling() {
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
    fn only_an_invalid_message_is_rejected_and_temporary_states_are_retryable() {
        for ErrorCode { name: code, says, judgement, kind, .. } in CODES.iter().chain([&UNKNOWN]) {
            assert_eq!(kind.is_of_message(), *judgement == Handling::RejectMessage, "{code} {says}");
            let waits = matches!(judgement, Handling::Retry | Handling::Reconnect | Handling::Wait);
            assert_eq!(kind.is_retryable(), waits, "{code} {says}");
        }
    }

    #[test]
    fn an_ambiguous_code_is_looked_up_by_its_text() {
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
