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
use super::endpoint::{Address, Login, Place, hosts};
use super::fault;
use super::known::Known;
use super::link::is_away;
use super::nodes::{Connected, Nodes, at};
use super::slots::{self, Range};

/// Where a server listens unless told otherwise.
const PORT: u16 = 6379;

pub(super) struct Cluster {
    login: Login,
    known: Known,
    nodes: Nodes,
    /// After so long the next node is asked too.
    pause: Duration,
}

/// What a node said.
struct Told {
    /// Who has what was asked for.
    owner: Address,
    ranges: Vec<Range>,
}

impl Cluster {
    pub(super) fn read(target: &Target<'_>, login: Login, timeout: Duration) -> Result<Self, TransportError> {
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
        Ok(Self { login, known: Known::new(listed), nodes: Nodes::default(), pause: timeout / 8 })
    }

    /// A connection to the node that has this place, which nobody else uses; `short` is for finding it.
    pub(super) async fn alone(
        &self,
        place: &Place,
        short: &AsyncConnectionConfig,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<Connected> {
        let node = self.address(place, short).await?;
        let connection = self.connect(&node, config).await?;
        Ok(Connected::alone(connection, Some(node)))
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
        Ok(self.nodes.share(node, self.connect(node, config).await?))
    }

    async fn connect(
        &self,
        node: &Address,
        config: &AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let client = self.login.client(node, 0)?;
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
    async fn ask(&self, key: Option<&str>, config: &AsyncConnectionConfig) -> RedisResult<Told> {
        let mut worst =
            RedisError::from((RedisKind::ClusterConnectionNotFound, "no node of the cluster answers"));
        let mut rank = Rank::Silent;
        let (mut asked, mut running) = (Vec::new(), FuturesUnordered::new());
        loop {
            let next = self.known.next(&asked);
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
                Ok(Some(Err(error))) if Rank::of(&error) >= rank => (rank, worst) = (Rank::of(&error), error),
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
    ) -> RedisResult<Told> {
        let told = self.ask_node(&node, key, config).await?;
        self.known.answered(&node);
        self.known.learn(told.ranges.iter().flat_map(Range::nodes));
        Ok(told)
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
        let answers = answers.inspect_err(|_| self.retire(&connected));
        let mut answers = answers.map_err(|error| at(node, error))?.into_iter();
        let ranges = slots::read(answers.next().unwrap_or(Ok(Value::Nil))?, node);
        let owner = match answers.next() {
            Some(Err(error)) => match &*fault::code(&error) {
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
        Ok(Told { owner, ranges })
    }
}

/// Which of several nodes' errors matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It can't be reached.
    Silent,
    /// It will not answer until something is set right.
    Refused,
    /// It answers, but not yet.
    NotYet,
}

impl Rank {
    fn of(error: &RedisError) -> Self {
        match is_away(error) {
            false => Self::Refused,
            true if error.is_io_error() => Self::Silent,
            true => Self::NotYet,
        }
    }
}
