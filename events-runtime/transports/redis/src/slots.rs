//! Decodes slot maps and redirections of a cluster.

use ::redis::{RedisError, Value};

use super::claim;
use super::endpoint::Address;

/// A range of hash slots with its nodes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SlotRange {
    first: i64,
    last: i64,
    /// Master first.
    nodes: Vec<Address>,
}

impl SlotRange {
    pub(super) fn nodes(&self) -> &[Address] {
        &self.nodes
    }

    pub(super) fn into_master(self) -> Option<Address> {
        self.nodes.into_iter().next()
    }
}

/// The target of a `MOVED` redirection. An empty host means the host of the queried node. For `?`, an
/// unknown host, the node is looked up in the ranges.
pub(super) fn moved_to(error: &RedisError, queried: &Address, ranges: &[SlotRange]) -> Option<Address> {
    let (node, slot) = error.redirect_node()?;
    let (host, port) = node.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let host = match host.trim_start_matches('[').trim_end_matches(']') {
        "" => queried.0.clone(),
        "?" => {
            let slot = i64::from(slot);
            let range = ranges.iter().find(|range| (range.first..=range.last).contains(&slot));
            return range.and_then(|range| range.nodes.iter().find(|node| node.1 == port)).cloned();
        }
        host => host.to_owned(),
    };
    Some((host, port))
}

/// Decodes the reply to `CLUSTER SLOTS`: for each range its first and last slot, then its nodes.
pub(super) fn read(answer: Value, queried: &Address) -> Vec<SlotRange> {
    let Value::Array(ranges) = answer else { return Vec::new() };
    let read = |range| {
        let Value::Array(parts) = range else { return None };
        let mut parts = parts.into_iter();
        let (first, last) = (claim::int(&parts.next()?)?, claim::int(&parts.next()?)?);
        Some(SlotRange { first, last, nodes: parts.filter_map(|node| read_node(node, queried)).collect() })
    };
    ranges.into_iter().filter_map(read).collect()
}

/// Decodes a node: host, port, ID, and a list with further names.
fn read_node(node: Value, queried: &Address) -> Option<Address> {
    let Value::Array(parts) = node else { return None };
    let mut parts = parts.into_iter();
    let host = parts.next().and_then(claim::text);
    let port = claim::int(&parts.next()?)?;
    let host = match host.as_deref() {
        // Same host as the queried node.
        None | Some("") => None,
        // The cluster prefers host names, but this node has none.
        Some("?") => parts.nth(1).and_then(ip),
        Some(_) => host,
    };
    Some((host.unwrap_or_else(|| queried.0.clone()), u16::try_from(port).ok()?))
}

fn ip(more: Value) -> Option<String> {
    let Value::Array(more) = more else { return None };
    let mut texts = more.into_iter().map(claim::text);
    while let Some(name) = texts.next() {
        let value = texts.next()?;
        if name.as_deref() == Some("ip") {
            return value.filter(|ip| !ip.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn answer() -> Value {
        let node = |host: Value, port, more: &[&str]| {
            let more = more.iter().map(|more| text(more)).collect();
            Value::Array(vec![host, Value::Int(port), text("id"), Value::Array(more)])
        };
        let range = |first, last, nodes: [Value; 2]| {
            Value::Array([Value::Int(first), Value::Int(last)].into_iter().chain(nodes).collect())
        };
        Value::Array(vec![
            range(0, 99, [node(text("10.0.0.1"), 7000, &[]), node(text("10.0.0.2"), 7001, &[])]),
            range(100, 199, [node(Value::Nil, 7002, &["ip", "10.0.0.3"]), node(text(""), 7003, &[])]),
            range(200, 299, [node(text("?"), 7004, &["ip", "10.0.0.4"]), node(text("?"), 7005, &[])]),
            Value::Nil,
        ])
    }

    fn seed() -> Address {
        ("seed".to_owned(), 1)
    }

    #[test]
    fn slots_are_decoded_with_masters_first_and_nodes_without_a_name_by_address() {
        let range = |first, last, nodes: [(&str, u16); 2]| SlotRange {
            first,
            last,
            nodes: nodes.map(|(host, port)| (host.to_owned(), port)).to_vec(),
        };
        assert_eq!(
            read(answer(), &seed()),
            [
                range(0, 99, [("10.0.0.1", 7000), ("10.0.0.2", 7001)]),
                range(100, 199, [("seed", 7002), ("seed", 7003)]),
                range(200, 299, [("10.0.0.4", 7004), ("seed", 7005)]),
            ]
        );
        assert!(read(Value::Nil, &seed()).is_empty());
    }

    #[test]
    fn a_redirection_may_name_any_kind_of_host_or_none() {
        for (redirection, host, port) in [
            ("1 10.0.0.1:7000", "10.0.0.1", 7000),
            ("1 :7001", "seed", 7001),
            ("1 [::1]:7002", "::1", 7002),
            ("1 ::1:7003", "::1", 7003),
            ("200 ?:7004", "10.0.0.4", 7004),
        ] {
            let error = ::redis::parse_redis_value(format!("-MOVED {redirection}\r\n").as_bytes());
            let error = error.and_then(Value::extract_error).expect_err("an error");
            let moved = moved_to(&error, &seed(), &read(answer(), &seed()));
            assert_eq!(moved, Some((host.to_owned(), port)), "{redirection}");
        }
    }
}
