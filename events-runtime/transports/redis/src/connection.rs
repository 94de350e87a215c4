//! Connections that open on first use and reconnect after a failure, and the retries of calls.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::redis::{
    Cmd, ErrorKind as RedisKind, FromRedisValue, Pipeline, RedisError, RedisResult, ScriptInvocation,
    ServerErrorKind::TryAgain, Value,
};

use super::config::Config;
use super::endpoint::Destination;
use super::error;
use super::error_codes::Handling;
use super::node_pool::ServerConnection;
use events_support::error_chain::chain;
use events_transport::{ErrorKind, Topic};

/// The delay between retries doubles from the first to the longest.
const FIRST_DELAY: Duration = Duration::from_millis(5);
const MAX_DELAY: Duration = Duration::from_millis(500);

pub(super) enum Request<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
    Script(&'a ScriptInvocation<'a>),
}

/// Which socket a connection uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// In a cluster, one socket per node with other connections.
    Shared,
    /// Its own.
    Exclusive,
    /// Its own, on which nested replies arrive as text, unless it has TLS.
    Nested,
}

/// A connection to one destination. Requests are sent in the order in which they are made.
pub(super) struct Connection {
    config: Arc<Config>,
    destination: Destination,
    sharing: Sharing,
    /// How long to wait for a reply.
    timeout: Duration,
    current: tokio::sync::Mutex<Current>,
    /// Globally unique.
    client_id: u64,
    requests: AtomicU64,
}

#[derive(Default)]
struct Current {
    /// Counts connections, so that a late error does not close a newer one.
    number: u64,
    connection: Option<ServerConnection>,
}

impl Connection {
    /// For claims.
    pub(super) fn new(config: &Arc<Config>, topic: &Topic) -> Self {
        Self { sharing: Sharing::Nested, ..Self::blocking(config, topic, Duration::ZERO) }
    }

    /// For requests that block on the server for up to `wait`.
    pub(super) fn blocking(config: &Arc<Config>, topic: &Topic, wait: Duration) -> Self {
        let timeout = config.timeout + wait;
        Self {
            timeout,
            sharing: Sharing::Exclusive,
            ..Self::sharing(config.clone(), config.endpoint.destination(topic))
        }
    }

    /// Shares a socket with others to the same node of a cluster.
    pub(super) fn sharing(config: Arc<Config>, destination: Destination) -> Self {
        Self {
            timeout: config.timeout,
            config,
            destination,
            sharing: Sharing::Shared,
            current: tokio::sync::Mutex::default(),
            client_id: random(),
            requests: AtomicU64::new(0),
        }
    }

    /// Sends a request, and retries it over a new connection while the server is unavailable. The
    /// request must be idempotent.
    pub(super) async fn query<T: FromRedisValue>(&self, request: Request<'_>) -> RedisResult<T> {
        let mut backoff = self.backoff();
        loop {
            match self.send_once(&request).await {
                Err(error) if backoff.should_retry(&error).await => {}
                answer => return Ok(::redis::from_redis_value(answer?)?),
            }
        }
    }

    /// Sends a request without retrying.
    pub(super) async fn query_once<T: FromRedisValue>(&self, request: Request<'_>) -> RedisResult<T> {
        Ok(::redis::from_redis_value(self.send_once(&request).await?)?)
    }

    /// Identifies this client in replies that the server stores.
    pub(super) const fn client_id(&self) -> u64 {
        self.client_id
    }

    /// Identifies a request whose reply the server stores.
    pub(super) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn backoff(&self) -> Backoff {
        Backoff::new(self.config.clone())
    }

    /// Sends a request once and returns the undecoded reply.
    pub(super) async fn send_once(&self, request: &Request<'_>) -> RedisResult<Value> {
        let (number, server) = self.connection().await?;
        let mut connection = server.connection.clone();
        let reply = async {
            match request {
                Request::Command(command) => command.query_async(&mut connection).await,
                Request::Pipeline(pipeline) => pipeline.query_async(&mut connection).await,
                Request::Script(script) => script.invoke_async(&mut connection).await,
            }
        };
        let error = match reply.await {
            Ok(answer) => return Ok(answer),
            Err(error) => server.at(error),
        };
        let (moved, broken) = (self.config.endpoint.is_moved(&error), breaks_connection(&error));
        if broken {
            self.config.endpoint.retire(&server);
        }
        if moved || broken {
            let mut current = self.current.lock().await;
            if current.number == number {
                current.connection = None;
            }
        }
        // The next attempt looks up the owner of the topic again.
        Err(if moved { (TryAgain.into(), "the topic is moving to another node").into() } else { error })
    }

    async fn connection(&self) -> RedisResult<(u64, ServerConnection)> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((current.number, connection.clone()));
        }
        let connection = self.config.endpoint.connect(&self.destination, self.timeout, self.sharing).await?;
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((current.number, connection))
    }
}

/// The connections of a transport for occasional calls: one for all topics; in a cluster, one per topic
/// and one per node.
pub(super) struct ConnectionPool {
    config: Arc<Config>,
    open: Mutex<HashMap<Destination, Arc<Connection>>>,
}

impl ConnectionPool {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self { config, open: Mutex::default() }
    }

    /// The connection to the server that owns a topic.
    pub(super) fn for_topic(&self, topic: &Topic) -> Arc<Connection> {
        self.at(self.config.endpoint.destination(topic))
    }

    /// Connections to all servers that accept writes.
    pub(super) async fn all(&self) -> RedisResult<Vec<Arc<Connection>>> {
        let mut backoff = Backoff::new(self.config.clone());
        loop {
            match self.config.endpoint.masters().await {
                Ok(masters) => {
                    return Ok(masters.into_iter().map(|destination| self.at(destination)).collect());
                }
                Err(error) if backoff.should_retry(&error).await => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn at(&self, destination: Destination) -> Arc<Connection> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = |destination: &Destination| {
            Arc::new(Connection::sharing(self.config.clone(), destination.clone()))
        };
        open.entry(destination).or_insert_with_key(connection).clone()
    }
}

/// Decides how long and how often one call is retried.
pub(super) struct Backoff {
    until: Option<Instant>,
    delay: Duration,
    config: Arc<Config>,
}

impl Backoff {
    /// For a call that starts now.
    pub(super) fn new(config: Arc<Config>) -> Self {
        let until = Instant::now().checked_add(config.retry_for);
        Self { until, delay: FIRST_DELAY, config }
    }

    /// Whether to retry the call after this error. Sleeps before it returns `true`.
    pub(super) async fn should_retry(&mut self, error: &RedisError) -> bool {
        if !is_transient(error) || self.until.is_some_and(|until| until <= Instant::now()) {
            return false;
        }
        if self.delay == FIRST_DELAY {
            let error = error::convert(error.clone(), "reach", &self.config.url);
            tracing::warn!(error = chain(&error), retry_for = ?self.config.retry_for, "the server is unavailable: retrying the call");
        }
        tokio::time::sleep(self.delay).await;
        self.delay = (self.delay * 2).min(MAX_DELAY);
        true
    }
}

/// Whether the server is unreachable or not ready, and a retry may succeed.
pub(super) fn is_transient(error: &RedisError) -> bool {
    breaks_connection(error) && !is_auth_error(error) && !error::is_untrusted_certificate(error)
        || error.kind() == RedisKind::MasterNameNotFoundBySentinel
        || error.kind() == RedisKind::ClusterConnectionNotFound
        || is_handled_as(error, Handling::Retry)
}

/// Whether the connection must be closed. After a failover the old master is read-only and unblocks
/// its clients.
fn breaks_connection(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || is_handled_as(error, Handling::Reconnect)
        || is_auth_error(error)
}

/// Whether the server rejects the user. A new connection may succeed, since users and passwords are
/// changed while programs run.
fn is_auth_error(error: &RedisError) -> bool {
    error::error_code(error).is_some_and(|code| code.kind == ErrorKind::Permission)
}

fn is_handled_as(error: &RedisError, judgement: Handling) -> bool {
    error::error_code(error).is_some_and(|code| code.judgement == judgement)
}

/// 62 random bits.
pub(super) fn random() -> u64 {
    uuid::Uuid::now_v7().as_u64_pair().1 >> 2
}
