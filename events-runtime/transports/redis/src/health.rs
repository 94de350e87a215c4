//! Checks the server for `doctor`.

use std::collections::HashMap;
use std::sync::Arc;

use ::redis::RedisResult;
use ::redis::ServerErrorKind::ClusterDown;

use super::config::Config;
use super::connection::{Backoff, Connection, ConnectionPool, Request};
use super::{admin, error};
use events_transport::{ErrorKind, Health, TransportError};

/// The number of slots of a cluster.
const SLOTS: u32 = 16_384;
/// The durability of a server without an append-only file starts with this text.
const NOT_APPENDED: &str = "appendonly is off";

type Facts = Vec<(&'static str, String)>;

/// Reports version, role, durability and memory of each server; an error if it is unsuitable.
pub(super) async fn check(pool: &ConnectionPool, config: &Arc<Config>) -> Result<Health, TransportError> {
    let convert = |error| error::convert(error, "check", &config.url);
    let servers = pool.all().await.map_err(convert)?;
    let mut facts = Facts::new();
    if config.endpoint.is_cluster() {
        wait_for_slots(servers.first(), config).await.map_err(convert)?;
        facts.push(("cluster", format!("{} masters", servers.len())));
    }
    let mut of_servers = Vec::with_capacity(servers.len());
    for server in &servers {
        of_servers.push(check_one(server, config).await?);
    }
    facts.extend(merged(of_servers));
    facts.push(("topics", admin::topics(pool, config).await?.len().to_string()));
    let warnings = facts.iter().filter(|(name, value)| is_warning(name, value)).map(|(name, _)| *name);
    let warnings = warnings.collect();
    Ok(Health::new(facts, warnings))
}

/// Whether a fact means that acknowledged messages may be lost although the disk is intact.
fn is_warning(name: &str, value: &str) -> bool {
    let mut values = value.split("; ");
    match name {
        "durability" => {
            values.any(|value| value.starts_with(NOT_APPENDED) || value.starts_with("appendfsync no:"))
        }
        "aof" => true,
        _ => false,
    }
}

/// Merges the facts of several servers; different values are joined by `; `.
fn merged(of_servers: Vec<Facts>) -> Facts {
    let mut merged: Vec<(&'static str, Vec<String>)> = Vec::new();
    for (name, value) in of_servers.into_iter().flatten() {
        match merged.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) if values.contains(&value) => {}
            Some((_, values)) => values.push(value),
            None => merged.push((name, vec![value])),
        }
    }
    merged.into_iter().map(|(name, values)| (name, values.join("; "))).collect()
}

/// Waits until a cluster serves all its slots, for up to `retry_for`.
async fn wait_for_slots(server: Option<&Arc<Connection>>, config: &Arc<Config>) -> RedisResult<()> {
    let mut backoff = Backoff::new(config.clone());
    loop {
        if let Some(server) = server
            && serves_all(server).await?
        {
            return Ok(());
        }
        let down = (ClusterDown.into(), "some slots are not served: see `CLUSTER INFO`").into();
        if !backoff.should_retry(&down).await {
            return Err(down);
        }
    }
}

/// Whether the cluster is up and every slot is served by a reachable node.
async fn serves_all(connection: &Connection) -> RedisResult<bool> {
    let mut info = ::redis::cmd("CLUSTER");
    let text: String = connection.query(Request::Command(info.arg("INFO"))).await?;
    let fact = |name| text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim()));
    let served = fact("cluster_slots_ok:").and_then(|count| count.parse().ok()).unwrap_or(0);
    Ok(fact("cluster_state:") == Some("ok") && served == SLOTS)
}

async fn check_one(connection: &Connection, config: &Config) -> Result<Facts, TransportError> {
    let convert = |error| error::convert(error, "check", &config.url);
    let mut info = ::redis::cmd("INFO");
    let text: String = connection.query(Request::Command(info.arg("everything"))).await.map_err(convert)?;
    let facts: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let fact = |name: &str| facts.get(name).copied().unwrap_or_default().trim();
    let wrong = |kind, message: String| TransportError::new(kind, "check", &config.url, message);

    let version = fact("redis_version");
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let release = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if release < (6, 2) {
        let message = format!("the server is Redis {version}: use Redis 6.2 or later");
        return Err(wrong(ErrorKind::Version, message));
    }
    if fact("role") != "master" {
        return Err(wrong(
            ErrorKind::ReadOnly,
            "the server is a replica: use the URL of its master, its Sentinels or its cluster".to_owned(),
        ));
    }
    let policy = fact("maxmemory_policy");
    if fact("maxmemory") != "0" && !matches!(policy, "noeviction") && !policy.starts_with("volatile") {
        let message = format!(
            "the server may evict topics when its memory is full (`maxmemory-policy {policy}`): set `noeviction`"
        );
        return Err(wrong(ErrorKind::Invalid, message));
    }
    // Fails if the user may not run scripts.
    let mut run = ::redis::cmd("EVAL");
    run.arg("return 1").arg(0);
    let _: i64 = connection.query(Request::Command(&run)).await.map_err(convert)?;
    let durability = durability(connection, fact("aof_enabled") == "1").await;
    let mut facts = vec![
        ("server", format!("Redis {version}, {}", fact("redis_mode"))),
        ("durability", durability),
        (
            "memory",
            format!("{} used, limit {}, {policy}", fact("used_memory_human"), limit(fact("maxmemory_human"))),
        ),
        ("replicas", fact("connected_slaves").to_owned()),
    ];
    if fact("aof_last_write_status") != "ok" && fact("aof_enabled") == "1" {
        facts.push(("aof", "the last write failed: see the server's log".to_owned()));
    }
    Ok(facts)
}

fn limit(human: &str) -> &str {
    if human == "0B" { "none" } else { human }
}

/// Which failures an acknowledged send survives.
async fn durability(connection: &Connection, aof: bool) -> String {
    if !aof {
        return format!(
            "{NOT_APPENDED}: a crash of the server loses all messages since its last snapshot; set `appendonly yes`"
        );
    }
    let mut get = ::redis::cmd("CONFIG");
    get.arg("GET").arg("appendfsync");
    let answer: RedisResult<HashMap<String, String>> = connection.query(Request::Command(&get)).await;
    let fsync = answer.ok().and_then(|mut found| found.remove("appendfsync"));
    match fsync.as_deref() {
        Some("always") => "appendfsync always: acknowledged messages survive a power failure".to_owned(),
        Some("everysec") => {
            "appendfsync everysec: acknowledged messages survive a crash of the server; a power failure may lose \
             the last one or two seconds"
                .to_owned()
        }
        Some(other) => format!(
            "appendfsync {other}: acknowledged messages survive a crash of the server; a power failure may lose the \
             last ones"
        ),
        None => "appendonly is on; this user may not read `appendfsync`"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_durability_is_a_warning_also_among_others() {
        let always = "appendfsync always: acknowledged messages survive a power failure";
        for (name, value, is_warned) in [
            ("durability", format!("{NOT_APPENDED}: set `appendonly yes`"), true),
            ("durability", format!("{always}; {NOT_APPENDED}: set `appendonly yes`"), true),
            ("durability", "appendfsync no: a power failure may lose the last ones".to_owned(), true),
            ("durability", always.to_owned(), false),
            ("durability", "appendonly is on; this user may not read `appendfsync`".to_owned(), false),
            ("aof", "the last write failed: see the server's log".to_owned(), true),
            ("memory", "1M used, limit none, noeviction".to_owned(), false),
        ] {
            assert_eq!(is_warning(name, &value), is_warned, "{value}");
        }
    }
}
