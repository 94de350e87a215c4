//! Redis Cluster: finds the node that owns a topic's hash slot.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, ErrorKind as RedisKind, Pipeline, RedisError, RedisResult,
    ServerErrorKind as RedisServerKind, Value,
};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::connection::{Sharing, is_transient};
use super::endpoint::{Address, ClientConfig, Destination, hosts};
use super::node_directory::NodeDirectory;
use super::node_pool::{NodePool, ServerConnection, at};
use super::slots::{self, SlotRange};
use super::{error, nested_replies};
use events_transport::Target;
use events_transport::TransportError;

/// The default port.
const PORT: u16 = 6379;

pub(super) struct Cluster {
    client_config: ClientConfig,
    directory: NodeDirectory,
    pool: NodePool,
    /// How long a node may take to reply before the next one is queried as well.
    hedge_delay: Duration,
}

/// The reply of a node.
struct Lookup {
    /// The owner of the requested key.
    owner: Address,
    ranges: Vec<SlotRange>,
}

impl Cluster {
    pub(super) fn read(
        target: &Target<'_>,
        client_config: ClientConfig,
        timeout: Duration,
    ) -> Result<Self, TransportError> {
        let malformed = || {
            target.invalid(
                "write `redis+cluster://host:6379,host:6379`: some nodes of the cluster; a cluster has only database 0",
            )
        };
        let (listed, path) = hosts(target, PORT).ok_or_else(malformed)?;
        if !matches!(path, None | Some("" | "0")) {
            return Err(malformed());
        }
        for node in &listed {
            client_config.client(node, 0).map_err(|_| client_config.malformed_url(target))?;
        }
        Ok(Self {
            client_config,
            directory: NodeDirectory::new(listed),
            pool: NodePool::default(),
            hedge_delay: timeout / 8,
        })
    }

    /// Opens a connection for one user. `short` configures the connections that look up the node.
    pub(super) async fn exclusive(
        &self,
        destination: &Destination,
        short: &AsyncConnectionConfig,
        config: &AsyncConnectionConfig,
        sharing: Sharing,
    ) -> RedisResult<ServerConnection> {
        let node = self.address(destination, short).await?;
        let connection = self.connect(&node, config, sharing).await?;
        Ok(ServerConnection::exclusive(connection, Some(node)))
    }

    /// Returns the shared connection to the node, opening it if needed.
    pub(super) async fn shared(
        &self,
        destination: &Destination,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<ServerConnection> {
        self.open(&self.address(destination, config).await?, config).await
    }

    /// Stops sharing a broken connection.
    pub(super) fn retire(&self, broken: &ServerConnection) {
        self.pool.retire(broken);
    }

    async fn address(
        &self,
        destination: &Destination,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Address> {
        Ok(match destination {
            Destination::Node(address) => address.clone(),
            Destination::Topic(topic) => self.lookup(Some(topic.as_str()), config).await?.owner,
            Destination::Any => self.lookup(None, config).await?.owner,
        })
    }

    async fn open(&self, node: &Address, config: &AsyncConnectionConfig) -> RedisResult<ServerConnection> {
        if let Some(open) = self.pool.get(node) {
            return Ok(open);
        }
        Ok(self.pool.share(node, self.connect(node, config, Sharing::Shared).await?))
    }

    async fn connect(
        &self,
        node: &Address,
        config: &AsyncConnectionConfig,
        sharing: Sharing,
    ) -> RedisResult<MultiplexedConnection> {
        let client = self.client_config.client(node, 0)?;
        let connection = nested_replies::connect(&client, config, sharing).await;
        connection.map_err(|error| at(node, error))
    }

    /// All masters that own slots.
    pub(super) async fn masters(&self, config: &AsyncConnectionConfig) -> RedisResult<Vec<Address>> {
        let ranges = self.lookup(None, config).await?.ranges;
        let mut masters: Vec<_> = ranges.into_iter().filter_map(SlotRange::into_master).collect();
        masters.sort();
        masters.dedup();
        Ok(masters)
    }

    /// Queries one node after the other until one replies, without waiting long for slow nodes.
    async fn lookup(&self, key: Option<&str>, config: &AsyncConnectionConfig) -> RedisResult<Lookup> {
        let mut worst =
            RedisError::from((RedisKind::ClusterConnectionNotFound, "no node of the cluster replies"));
        let mut rank = ErrorRank::Unreachable;
        let (mut queried, mut running) = (Vec::new(), FuturesUnordered::new());
        loop {
            let next = self.directory.next(&queried);
            let delay = next.is_some().then_some(self.hedge_delay);
            if let Some(node) = next {
                queried.push(node.clone());
                running.push(self.lookup_at(node, key, config));
            }
            let reply = match delay {
                Some(delay) => tokio::time::timeout(delay, running.next()).await,
                None => Ok(running.next().await),
            };
            match reply {
                Ok(Some(Ok(lookup))) => return Ok(lookup),
                Ok(Some(Err(error))) if ErrorRank::of(&error) >= rank => {
                    (rank, worst) = (ErrorRank::of(&error), error);
                }
                Ok(None) => return Err(worst),
                Ok(Some(Err(_))) | Err(_) => {}
            }
        }
    }

    async fn lookup_at(
        &self,
        node: Address,
        key: Option<&str>,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Lookup> {
        let lookup = self.query_node(&node, key, config).await?;
        self.directory.mark_responsive(&node);
        self.directory.update(lookup.ranges.iter().flat_map(SlotRange::nodes));
        Ok(lookup)
    }

    async fn query_node(
        &self,
        node: &Address,
        key: Option<&str>,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Lookup> {
        let server = self.open(node, config).await?;
        let mut pipeline = Pipeline::new();
        pipeline.cmd("CLUSTER").arg("SLOTS");
        if let Some(key) = key {
            // Any command with the key does: a node that does not own its slot replies with the owner.
            pipeline.cmd("TYPE").arg(key);
        }
        pipeline.ignore_errors();
        let replies: RedisResult<Vec<RedisResult<Value>>> =
            pipeline.query_async(&mut server.connection.clone()).await;
        let replies = replies.inspect_err(|_| self.retire(&server));
        let mut replies = replies.map_err(|error| at(node, error))?.into_iter();
        let ranges = slots::read(replies.next().unwrap_or(Ok(Value::Nil))?, node);
        let owner = match replies.next() {
            Some(Err(error)) => match &*error::code(&error) {
                "MOVED" => slots::moved_to(&error, node, &ranges).ok_or(error)?,
                // The slot is migrating, but this node still owns it.
                "ASK" => node.clone(),
                _ => return Err(error),
            },
            _ => node.clone(),
        };
        if ranges.is_empty() {
            // The node was removed from the cluster, or never joined it.
            return Err((RedisServerKind::ClusterDown.into(), "the node knows no slots").into());
        }
        Ok(Lookup { owner, ranges })
    }
}

/// Orders the errors of several nodes: the greatest is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ErrorRank {
    /// The node can't be reached.
    Unreachable,
    /// The node rejects the query, for example because of a wrong password.
    Rejected,
    /// The node is up but can't serve yet.
    NotReady,
}

impl ErrorRank {
    fn of(error: &RedisError) -> Self {
        match is_transient(error) {
            false => Self::Rejected,
            true if error.is_io_error() => Self::Unreachable,
            true => Self::NotReady,
        }
    }
}
