//! A cluster, whose nodes share the topics out among them by hash slot.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use ::redis::{
    AsyncConnectionConfig, Client, ErrorKind as RedisKind, Pipeline, RedisError, RedisResult, Value,
};

use super::super::TransportError;
use super::super::options::Target;
use super::endpoint::{Address, Login, Place, hosts};
use super::nodes::{Connected, Nodes};
use super::{claim, fault};

/// Where a server listens unless told otherwise.
const PORT: u16 = 6379;

pub(super) struct Cluster {
    login: Login,
    listed: Vec<Address>,
    /// The nodes that the URL lists and those that they told of. The next to be asked comes first, so
    /// that one that is away, or knows no better, is not asked again and again.
    known: Mutex<VecDeque<Address>>,
    nodes: Nodes,
}

/// What a node said.
struct Told {
    /// Who has what was asked for.
    owner: Address,
    /// The nodes of each range of slots, its master first.
    ranges: Vec<Vec<Address>>,
}

impl Cluster {
    pub(super) fn read(target: &Target<'_>, login: Login) -> Result<Self, TransportError> {
        let wrong = || {
            target.invalid(
                "write `redis+cluster://host:6379,host:6379`: some nodes of the cluster, which has but database 0",
            )
        };
        let (listed, path) = hosts(target, PORT).ok_or_else(wrong)?;
        if !matches!(path, None | Some("" | "0")) {
            return Err(wrong());
        }
        for node in &listed {
            login.client(node, 0).map_err(|_| login.not_understood(target))?;
        }
        let known = Mutex::new(listed.iter().cloned().collect());
        Ok(Self { login, known, listed, nodes: Nodes::default() })
    }

    /// The node that has this place.
    pub(super) async fn client(&self, place: &Place, config: &AsyncConnectionConfig) -> RedisResult<Client> {
        self.login.client(&self.address(place, config).await?, 0)
    }

    /// A connection to the node that has this place, shared with others.
    pub(super) async fn shared(
        &self,
        place: &Place,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Connected> {
        self.open(&self.address(place, config).await?, config).await
    }

    /// Takes note that a connection broke.
    pub(super) fn retire(&self, broken: &Connected) {
        self.nodes.retire(broken);
    }

    async fn address(&self, place: &Place, config: &AsyncConnectionConfig) -> RedisResult<Address> {
        Ok(match place {
            Place::Node(address) => address.clone(),
            Place::Topic(topic) => self.ask(Some(topic.as_str()), config).await?.owner,
            Place::Any => self.ask(None, config).await?.owner,
        })
    }

    async fn open(&self, node: &Address, config: &AsyncConnectionConfig) -> RedisResult<Connected> {
        if let Some(open) = self.nodes.get(node) {
            return Ok(open);
        }
        let client = self.login.client(node, 0)?;
        let connection = client.get_multiplexed_async_connection_with_config(config).await?;
        Ok(self.nodes.share(node, connection))
    }

    /// All masters that have slots.
    pub(super) async fn masters(&self, config: &AsyncConnectionConfig) -> RedisResult<Vec<Address>> {
        let ranges = self.ask(None, config).await?.ranges;
        let mut masters: Vec<_> = ranges.into_iter().filter_map(|nodes| nodes.into_iter().next()).collect();
        masters.sort();
        masters.dedup();
        Ok(masters)
    }

    /// Asks one node after the other, until one answers.
    async fn ask(&self, key: Option<&str>, config: &AsyncConnectionConfig) -> RedisResult<Told> {
        let mut last =
            RedisError::from((RedisKind::ClusterConnectionNotFound, "no node of the cluster answers"));
        let count = self.known().len();
        for _ in 0..count {
            let Some(node) = self.next() else { break };
            match self.ask_node(&node, key, config).await {
                Ok(told) => {
                    self.learn(&told.ranges);
                    return Ok(told);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn ask_node(
        &self,
        node: &Address,
        key: Option<&str>,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Told> {
        let connected = self.open(node, config).await?;
        let mut ask = Pipeline::new();
        ask.cmd("CLUSTER").arg("SLOTS");
        if let Some(key) = key {
            // Any command that names the key: who has not its slot says who has.
            ask.cmd("TYPE").arg(key);
        }
        ask.ignore_errors();
        let answers: RedisResult<Vec<RedisResult<Value>>> =
            ask.query_async(&mut connected.connection.clone()).await;
        let mut answers = answers.inspect_err(|_| self.retire(&connected))?.into_iter();
        let slots = answers.next().unwrap_or(Ok(Value::Nil))?;
        let owner = match answers.next() {
            Some(Err(error)) => match &*fault::code(&error) {
                "MOVED" => moved_to(&error, node).ok_or(error)?,
                // Keys of its slot are on their way to another node, but it still has the slot.
                "ASK" => node.clone(),
                _ => return Err(error),
            },
            _ => node.clone(),
        };
        Ok(Told { owner, ranges: read_slots(slots, node) })
    }

    /// Takes note of nodes, and forgets those that are neither listed nor in the cluster any more.
    fn learn(&self, ranges: &[Vec<Address>]) {
        let nodes = || ranges.iter().flatten();
        let mut known = self.known();
        known.retain(|old| self.listed.contains(old) || nodes().any(|node| node == old));
        for node in nodes() {
            if !known.contains(node) {
                known.push_back(node.clone());
            }
        }
    }

    fn next(&self) -> Option<Address> {
        let mut known = self.known();
        let next = known.pop_front()?;
        known.push_back(next.clone());
        Some(next)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, VecDeque<Address>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The node that a redirection names; without a host it is the one that was asked.
fn moved_to(error: &RedisError, asked: &Address) -> Option<Address> {
    let (host, port) = error.redirect_node()?.0.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((if host.is_empty() { asked.0.clone() } else { host.to_owned() }, port.parse().ok()?))
}

/// The nodes of each range of `CLUSTER SLOTS`: its first and last slot, then host and port of each.
fn read_slots(answer: Value, asked: &Address) -> Vec<Vec<Address>> {
    let Value::Array(ranges) = answer else { return Vec::new() };
    let read = |range| {
        let Value::Array(parts) = range else { return None };
        Some(parts.into_iter().skip(2).filter_map(|node| read_node(node, asked)).collect())
    };
    ranges.into_iter().filter_map(read).collect()
}

fn read_node(node: Value, asked: &Address) -> Option<Address> {
    let Value::Array(parts) = node else { return None };
    let mut parts = parts.into_iter();
    // A node that does not know its own name tells none: it is the one that was asked.
    let host = parts.next().and_then(claim::text).filter(|host| !matches!(&**host, "" | "?"));
    let port = claim::int(&parts.next()?)?;
    Some((host.unwrap_or_else(|| asked.0.clone()), u16::try_from(port).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn slots_are_read_with_masters_first_and_nameless_nodes_as_the_one_that_was_asked() {
        let node =
            |host: Value, port| Value::Array(vec![host, Value::Int(port), text("id"), Value::Array(vec![])]);
        let answer = Value::Array(vec![
            Value::Array(vec![
                Value::Int(0),
                Value::Int(8191),
                node(text("10.0.0.1"), 7000),
                node(text("10.0.0.2"), 7001),
            ]),
            Value::Array(vec![
                Value::Int(8192),
                Value::Int(16383),
                node(Value::Nil, 7002),
                node(text("?"), 7003),
            ]),
            Value::Nil,
        ]);
        let asked = ("seed".to_owned(), 1);
        let address = |host: &str, port| (host.to_owned(), port);
        assert_eq!(
            read_slots(answer, &asked),
            [
                [address("10.0.0.1", 7000), address("10.0.0.2", 7001)],
                [address("seed", 7002), address("seed", 7003)],
            ]
        );
        assert!(read_slots(Value::Nil, &asked).is_empty());
    }

    #[test]
    fn a_redirection_names_a_host_of_any_kind_or_none() {
        let asked = ("seed".to_owned(), 1);
        for (told, host, port) in [
            ("1 10.0.0.1:7000", "10.0.0.1", 7000),
            ("1 :7001", "seed", 7001),
            ("1 [::1]:7002", "::1", 7002),
            ("1 ::1:7003", "::1", 7003),
        ] {
            let error = ::redis::parse_redis_value(format!("-MOVED {told}\r\n").as_bytes());
            let error = error.and_then(Value::extract_error).expect_err("an error");
            assert_eq!(moved_to(&error, &asked), Some((host.to_owned(), port)), "{told}");
        }
    }
}
