//! What Redis says, in our words.

use std::fmt;

use ::redis::{ErrorKind as RedisKind, RedisError};

use super::super::error::NO_TOPIC;
use super::super::{ErrorKind, TransportError};

/// A Redis error in our words; Redis's own is its source.
pub(super) fn explain(
    error: RedisError,
    operation: &'static str,
    subject: impl fmt::Display,
) -> TransportError {
    let (kind, message) = if error.is_timeout() {
        (
            ErrorKind::Unavailable,
            "the server did not answer in time: is it paused or overloaded? Set a longer `timeout` if it is only \
             slow; what was asked may still be done",
        )
    } else if error.kind() == RedisKind::MasterNameNotFoundBySentinel {
        (
            ErrorKind::Unavailable,
            "no Sentinel knows a master of this name: check the name, or wait for a failover",
        )
    } else if error.kind() == RedisKind::ClusterConnectionNotFound {
        (
            ErrorKind::Unavailable,
            "no node of the cluster answers: are they running, and are hosts and ports right?",
        )
    } else if is_mistrust(&error) {
        (
            ErrorKind::Permission,
            "the server's certificate is not trusted: name its authority's file by `ca`, and the host as the \
             certificate does (in a cluster also by each node's `cluster-announce-hostname`)",
        )
    } else if error.is_io_error() || error.is_connection_dropped() || error.is_connection_refusal() {
        (ErrorKind::Unavailable, "the server can't be reached: is it running, and are host and port right?")
    } else {
        by_code(&code(&error), &error.to_string())
    };
    TransportError::new(kind, operation, subject, message).with_source(error)
}

/// Whether the server is not who it should be.
pub(super) fn is_mistrust(error: &RedisError) -> bool {
    error.is_io_error() && error.to_string().contains("certificate")
}

/// The code of the error that matters: that of the first command of a transaction that was refused.
pub(super) fn code(error: &RedisError) -> String {
    const TOLD: [&str; 15] = [
        "OOM",
        "READONLY",
        "LOADING",
        "MISCONF",
        "NOAUTH",
        "WRONGPASS",
        "NOPERM",
        "WRONGTYPE",
        "CLUSTERDOWN",
        "MASTERDOWN",
        "NOREPLICAS",
        "BUSY",
        "MOVED",
        "TRYAGAIN",
        "NOGROUP",
    ];
    if let Some(errors) = error.clone().into_server_errors() {
        return errors.first().map(|(_, error)| error.code().to_owned()).unwrap_or_default();
    }
    match error.code() {
        Some(code) if code != "EXECABORT" && code != "ERR" => code.to_owned(),
        _ if error.is_io_error() => String::new(),
        _ => {
            let text = error.to_string();
            TOLD.into_iter().find(|code| text.contains(code)).unwrap_or_default().to_owned()
        }
    }
}

fn by_code(code: &str, text: &str) -> (ErrorKind, &'static str) {
    match code {
        "NOAUTH" | "WRONGPASS" => {
            (ErrorKind::Permission, "the server refused the user: check user and password in the URL")
        }
        "NOPERM" => (
            ErrorKind::Permission,
            "the server refuses this user the command or the key: its ACL must allow streams, scripts, `TYPE` and \
             `SCAN`, in a cluster `CLUSTER SLOTS`, and the topics with the keys that begin with `{topic}:`",
        ),
        _ if text.contains("Password authentication failed") || text.contains("AuthenticationFailed") => {
            (ErrorKind::Permission, "the server refused the user: check user and password in the URL")
        }
        "OOM" => (
            ErrorKind::Full,
            "the server is at its `maxmemory`: raise it, or keep less (`retention_age`, `retention_count`); \
             nothing that was acknowledged is lost",
        ),
        "READONLY" | "UNBLOCKED" => (
            ErrorKind::Unavailable,
            "the server is a replica and takes no writes: a failover may be under way, or the URL names the \
             wrong server",
        ),
        "MISCONF" => {
            (ErrorKind::ReadOnly, "the server can't write to its disk and refuses writes: see its log")
        }
        "CLUSTERDOWN" => (
            ErrorKind::Unavailable,
            "the cluster can't serve now: it fails over, too few of its masters are there, or some slots are \
             nobody's; see `CLUSTER INFO`",
        ),
        "LOADING" | "BUSY" | "MASTERDOWN" | "NOREPLICAS" => (
            ErrorKind::Unavailable,
            "the server can't serve now: it loads its data, runs a script or fails over",
        ),
        "TRYAGAIN" => (
            ErrorKind::Unavailable,
            "the topic is being handed to another node: wait for it, and where that was left half done, end it by \
             `redis-cli --cluster fix`",
        ),
        "MOVED" | "ASK" | "CROSSSLOT" => (
            ErrorKind::Unsupported,
            "the server is a node of a cluster, and another has this topic: write `redis+cluster:` in place of \
             `redis:`, and its nodes",
        ),
        "WRONGTYPE" => (
            ErrorKind::Corrupt,
            "the key of this name holds something else than a stream: use another topic, prefix or database",
        ),
        "NOGROUP" => (
            ErrorKind::NotFound,
            "there is no such group any more: it was removed, or the server lost its data; subscribe again",
        ),
        _ if text.contains("cluster support disabled") => {
            (ErrorKind::Invalid, "the server is no cluster: write `redis:` in place of `redis+cluster:`")
        }
        _ if text.contains("no such key") => (ErrorKind::NotFound, NO_TOPIC),
        _ => (ErrorKind::Other, "Redis refused: see the cause"),
    }
}
