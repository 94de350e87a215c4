//! A cluster, whose nodes share the topics out among them by hash slot.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, ErrorKind as RedisKind, Pipeline, RedisError, RedisResult,
    ServerErrorKind as RedisServerKind, Value,
};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::super::TransportError;
use super::super::options::Target;
use super::connection::is_transient;
use super::endpoint::{Address, ClientConfig, Destination, hosts};
use super::error;
use super::node_directory::NodeDirectory;
use super::node_pool::{NodePool, ServerConnection, at};
use super::slots::{self, Range};

/// Where a server listens unless told otherwise.
const PORT: u16 = 6379;

pub(super) struct Cluster {
    client_config: ClientConfig,
    directory: NodeDirectory,
    pool: NodePool,
    /// After so long the next node is asked too.
    pause: Duration,
}

/// What a node said.
struct Lookup {
    /// Who has what was asked for.
    owner: Address,
    ranges: Vec<Range>,
}

impl Cluster {
    pub(super) fn read(
        target: &Target<'_>,
        client_config: ClientConfig,
        timeout: Duration,
    ) -> Result<Self, TransportError> {
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
            client_config.client(node, 0).map_err(|_| client_config.malformed_url(target))?;
        }
        Ok(Self {
            client_config,
            directory: NodeDirectory::new(listed),
            pool: NodePool::default(),
            pause: timeout / 8,
        })
    }

    /// A connection to the node that has this place, which nobody else uses; `short` is for finding it.
    pub(super) async fn alone(
        &self,
        destination: &Destination,
        short: &AsyncConnectionConfig,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<ServerConnection> {
        let node = self.address(destination, short).await?;
        let connection = self.connect(&node, config).await?;
        Ok(ServerConnection::alone(connection, Some(node)))
    }

    /// A connection to the node that has this place, shared with others.
    pub(super) async fn shared(
        &self,
        destination: &Destination,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<ServerConnection> {
        self.open(&self.address(destination, config).await?, config).await
    }

    /// Takes note that a connection broke.
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
            Destination::Topic(topic) => self.ask(Some(topic.as_str()), config).await?.owner,
            Destination::Any => self.ask(None, config).await?.owner,
        })
    }

    async fn open(&self, node: &Address, config: &AsyncConnectionConfig) -> RedisResult<ServerConnection> {
        if let Some(open) = self.pool.get(node) {
            return Ok(open);
        }
        Ok(self.pool.share(node, self.connect(node, config).await?))
    }

    async fn connect(
        &self,
        node: &Address,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let client = self.client_config.client(node, 0)?;
        let connection = client.get_multiplexed_async_connection_with_config(config).await;
        connection.map_err(|error| at(node, error))
    }

    /// All masters that have slots.
    pub(super) async fn masters(&self, config: &AsyncConnectionConfig) -> RedisResult<Vec<Address>> {
        let ranges = self.ask(None, config).await?.ranges;
        let mut masters: Vec<_> = ranges.into_iter().filter_map(Range::into_master).collect();
        masters.sort();
        masters.dedup();
        Ok(masters)
    }

    /// Asks one node after the other, until one answers; one that takes its time is not waited for.
    async fn ask(&self, key: Option<&str>, config: &AsyncConnectionConfig) -> RedisResult<Lookup> {
        let mut worst =
            RedisError::from((RedisKind::ClusterConnectionNotFound, "no node of the cluster answers"));
        let mut rank = ErrorRank::Silent;
        let (mut asked, mut running) = (Vec::new(), FuturesUnordered::new());
        loop {
            let next = self.directory.next(&asked);
            let pause = next.is_some().then_some(self.pause);
            if let Some(node) = next {
                asked.push(node.clone());
                running.push(self.ask_next(node, key, config));
            }
            let answer = match pause {
                Some(pause) => tokio::time::timeout(pause, running.next()).await,
                None => Ok(running.next().await),
            };
            match answer {
                Ok(Some(Ok(told))) => return Ok(told),
                Ok(Some(Err(error))) if ErrorRank::of(&error) >= rank => {
                    (rank, worst) = (ErrorRank::of(&error), error)
                }
                Ok(None) => return Err(worst),
                Ok(Some(Err(_))) | Err(_) => {}
            }
        }
    }

    async fn ask_next(
        &self,
        node: Address,
        key: Option<&str>,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Lookup> {
        let told = self.ask_node(&node, key, config).await?;
        self.directory.answered(&node);
        self.directory.learn(told.ranges.iter().flat_map(Range::nodes));
        Ok(told)
    }

    async fn ask_node(
        &self,
        node: &Address,
        key: Option<&str>,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Lookup> {
        let server = self.open(node, config).await?;
        let mut ask = Pipeline::new();
        ask.cmd("CLUSTER").arg("SLOTS");
        if let Some(key) = key {
            // Any command that names the key: who has not its slot says who has.
            ask.cmd("TYPE").arg(key);
        }
        ask.ignore_errors();
        let answers: RedisResult<Vec<RedisResult<Value>>> =
            ask.query_async(&mut server.connection.clone()).await;
        let answers = answers.inspect_err(|_| self.retire(&server));
        let mut answers = answers.map_err(|error| at(node, error))?.into_iter();
        let ranges = slots::read(answers.next().unwrap_or(Ok(Value::Nil))?, node);
        let owner = match answers.next() {
            Some(Err(error)) => match &*error::code(&error) {
                "MOVED" => slots::moved_to(&error, node, &ranges).ok_or(error)?,
                // Keys of its slot are on their way to another node, but it still has the slot.
                "ASK" => node.clone(),
                _ => return Err(error),
            },
            _ => node.clone(),
        };
        if ranges.is_empty() {
            // It was taken out of the cluster, or never was in it: it does not know what there is.
            return Err((RedisServerKind::ClusterDown.into(), "the node knows of no slots").into());
        }
        Ok(Lookup { owner, ranges })
    }
}

/// Which of several nodes' errors matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ErrorRank {
    /// It can't be reached.
    Silent,
    /// It will not answer until something is set right.
    Refused,
    /// It answers, but not yet.
    NotYet,
}

impl ErrorRank {
    fn of(error: &RedisError) -> Self {
        match is_transient(error) {
            false => Self::Refused,
            true if error.is_io_error() => Self::Silent,
            true => Self::NotYet,
        }
    }
}
