//! A connection that is made when it is needed, and made anew when it broke.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ::redis::{
    Cmd, ErrorKind as RedisKind, FromRedisValue, Pipeline, RedisError, RedisResult, ScriptInvocation,
    ServerErrorKind::TryAgain, Value,
};

use super::super::{ErrorKind, Topic};
use super::config::Config;
use super::endpoint::Destination;
use super::error;
use super::error_codes::Handling;
use super::node_pool::ServerConnection;
use crate::error_chain::chain;

/// The pause before a call is made again doubles from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What is asked of the server.
pub(super) enum Request<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
    Script(&'a ScriptInvocation<'a>),
}

/// One connection, shared; its requests are sent in the order in which they are made.
pub(super) struct Connection {
    config: Arc<Config>,
    destination: Destination,
    /// Whether others may use the connection too, where there are several servers.
    share: bool,
    /// How long an answer may take.
    timeout: Duration,
    current: tokio::sync::Mutex<Current>,
    /// No two links anywhere have the same.
    client_id: u64,
    requests: AtomicU64,
}

#[derive(Default)]
struct Current {
    /// Counts the connections, so that a late error does not end the next one.
    number: u64,
    connection: Option<ServerConnection>,
}

impl Connection {
    pub(super) fn new(config: &Arc<Config>, topic: &Topic) -> Self {
        Self::waiting(config, topic, Duration::ZERO)
    }

    /// A link for requests that wait at the server for up to this long.
    pub(super) fn waiting(config: &Arc<Config>, topic: &Topic, wait: Duration) -> Self {
        let timeout = config.timeout + wait;
        Self { timeout, share: false, ..Self::sharing(config.clone(), config.endpoint.destination(topic)) }
    }

    /// A link that shares its connection with others to the same node of a cluster.
    pub(super) fn sharing(config: Arc<Config>, destination: Destination) -> Self {
        Self {
            timeout: config.timeout,
            config,
            destination,
            share: true,
            current: tokio::sync::Mutex::default(),
            client_id: random(),
            requests: AtomicU64::new(0),
        }
    }

    /// The answer to a request, which is made again over a new connection while the server is away:
    /// it must do no harm twice.
    pub(super) async fn ask<T: FromRedisValue>(&self, request: Request<'_>) -> RedisResult<T> {
        let mut backoff = self.backoff();
        loop {
            match self.once(&request).await {
                Err(error) if backoff.should_retry(&error).await => {}
                answer => return Ok(::redis::from_redis_value(answer?)?),
            }
        }
    }

    /// The same where it can wait for a better time: a server that is away is not waited for.
    pub(super) async fn ask_once<T: FromRedisValue>(&self, request: Request<'_>) -> RedisResult<T> {
        Ok(::redis::from_redis_value(self.once(&request).await?)?)
    }

    /// Who asks, for answers that the server remembers.
    pub(super) const fn client_id(&self) -> u64 {
        self.client_id
    }

    /// The number of a question whose answer the server remembers.
    pub(super) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How long a call that begins now goes on.
    pub(super) fn backoff(&self) -> Backoff {
        Backoff::new(self.config.clone())
    }

    /// The answer to a request that is made once.
    pub(super) async fn once(&self, request: &Request<'_>) -> RedisResult<Value> {
        let (number, server) = self.connection().await?;
        let mut connection = server.connection.clone();
        let asked = async {
            match request {
                Request::Command(command) => command.query_async(&mut connection).await,
                Request::Pipeline(pipeline) => pipeline.query_async(&mut connection).await,
                Request::Script(script) => script.invoke_async(&mut connection).await,
            }
        };
        let error = match asked.await {
            Ok(answer) => return Ok(answer),
            Err(error) => server.at(error),
        };
        let (elsewhere, ends) = (self.config.endpoint.is_elsewhere(&error), breaks_connection(&error));
        if ends {
            self.config.endpoint.retire(&server);
        }
        if elsewhere || ends {
            let mut current = self.current.lock().await;
            if current.number == number {
                current.connection = None;
            }
        }
        // Who has it is asked anew; until that is settled, it is to be tried again.
        Err(if elsewhere { (TryAgain.into(), "the topic moves to another node").into() } else { error })
    }

    async fn connection(&self) -> RedisResult<(u64, ServerConnection)> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((current.number, connection.clone()));
        }
        let connection = self.config.endpoint.connect(&self.destination, self.timeout, self.share).await?;
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((current.number, connection))
    }
}

/// One link for all topics; in a cluster, one for each topic and node that was asked for.
pub(super) struct ConnectionPool {
    config: Arc<Config>,
    made: Mutex<HashMap<Destination, Arc<Connection>>>,
}

impl ConnectionPool {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self { config, made: Mutex::default() }
    }

    /// The link to the server that has this topic.
    pub(super) fn of(&self, topic: &Topic) -> Arc<Connection> {
        self.at(self.config.endpoint.destination(topic))
    }

    /// The links to all servers that take writes.
    pub(super) async fn all(&self) -> RedisResult<Vec<Arc<Connection>>> {
        let mut backoff = Backoff::new(self.config.clone());
        loop {
            match self.config.endpoint.places().await {
                Ok(places) => {
                    return Ok(places.into_iter().map(|destination| self.at(destination)).collect());
                }
                Err(error) if backoff.should_retry(&error).await => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn at(&self, destination: Destination) -> Arc<Connection> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = |destination: &Destination| {
            Arc::new(Connection::sharing(self.config.clone(), destination.clone()))
        };
        made.entry(destination).or_insert_with_key(connection).clone()
    }
}

/// What is left of the time for which a server may be away.
pub(super) struct Backoff {
    until: Option<Instant>,
    pause: Duration,
    config: Arc<Config>,
}

impl Backoff {
    /// That of a call that begins now.
    pub(super) fn new(config: Arc<Config>) -> Self {
        let until = Instant::now().checked_add(config.retry_for);
        Self { until, pause: FIRST_PAUSE, config }
    }

    /// Whether the call is to be made again after this error; waits a moment where it is.
    pub(super) async fn should_retry(&mut self, error: &RedisError) -> bool {
        if !is_transient(error) || self.until.is_some_and(|until| until <= Instant::now()) {
            return false;
        }
        if self.pause == FIRST_PAUSE {
            let told = error::convert(error.clone(), "reach", &self.config.url);
            tracing::warn!(error = chain(&told), retry_for = ?self.config.retry_for, "a call is made again until the server answers");
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

/// Whether the server can't be reached, or is not ready, and may be soon.
pub(super) fn is_transient(error: &RedisError) -> bool {
    breaks_connection(error) && !is_auth_error(error) && !error::is_untrusted_certificate(error)
        || error.kind() == RedisKind::MasterNameNotFoundBySentinel
        || error.kind() == RedisKind::ClusterConnectionNotFound
        || is_handled_as(error, Handling::Away)
}

/// Whether the connection is of no further use. After a failover the old master is read-only, and no
/// longer lets anybody wait.
fn breaks_connection(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || is_handled_as(error, Handling::Reconnects)
        || is_auth_error(error)
}

/// Whether the server does not take the connection's user: by a later connection it may, for users and
/// passwords are changed under running programs.
fn is_auth_error(error: &RedisError) -> bool {
    error::error_code(error).is_some_and(|code| code.kind == ErrorKind::Permission)
}

fn is_handled_as(error: &RedisError, judgement: Handling) -> bool {
    error::error_code(error).is_some_and(|code| code.judgement == judgement)
}

/// Sixty-two random bits.
pub(super) fn random() -> u64 {
    uuid::Uuid::now_v7().as_u64_pair().1 >> 2
}
