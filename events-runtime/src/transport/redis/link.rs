//! A connection that is made when it is needed, and made anew when it broke.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, ScriptInvocation, Value};
use tokio::sync::Mutex;

use super::settings::Settings;

/// What is asked of the server.
pub(super) enum Request<'a> {
    Command(&'a Cmd),
    Pipeline(&'a Pipeline),
    Script(&'a ScriptInvocation<'a>),
}

/// One connection, shared; its requests are sent in the order in which they are made.
pub(super) struct Link {
    settings: Arc<Settings>,
    /// How long an answer may take.
    patience: Duration,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    /// Counts the connections, so that a late error does not end the next one.
    number: u64,
    connection: Option<MultiplexedConnection>,
}

impl Link {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        let patience = settings.timeout;
        Self { settings, patience, current: Mutex::default() }
    }

    /// A link for requests that wait at the server for up to this long.
    pub(super) fn waiting(settings: Arc<Settings>, wait: Duration) -> Self {
        let patience = settings.timeout + wait;
        Self { settings, patience, current: Mutex::default() }
    }

    /// The answer to a request. One whose connection turns out to be gone is sent once more over
    /// a new one: it must do no harm twice.
    pub(super) async fn ask<T: FromRedisValue>(&self, request: Request<'_>) -> RedisResult<T> {
        let value = match self.once(&request).await {
            Err(error) if was_closed(&error) => self.once(&request).await?,
            other => other?,
        };
        Ok(::redis::from_redis_value(value)?)
    }

    async fn once(&self, request: &Request<'_>) -> RedisResult<Value> {
        let (number, mut connection) = self.connection().await?;
        let asked = async {
            match request {
                Request::Command(command) => command.query_async(&mut connection).await,
                Request::Pipeline(pipeline) => pipeline.query_async(&mut connection).await,
                Request::Script(script) => script.invoke_async(&mut connection).await,
            }
        };
        let answer = asked.await;
        if let Err(error) = &answer
            && ends_connection(error)
        {
            let mut current = self.current.lock().await;
            if current.number == number {
                current.connection = None;
            }
        }
        answer
    }

    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((current.number, connection.clone()));
        }
        let connection = self.settings.endpoint.connect(Some(self.patience)).await?;
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((current.number, connection))
    }
}

/// Whether the connection was found to be closed, rather than slow or refused.
fn was_closed(error: &RedisError) -> bool {
    error.is_connection_dropped() && !error.is_timeout() && !error.is_connection_refusal()
}

/// Whether the connection is of no further use. After a failover the old master is read-only.
fn ends_connection(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || matches!(error.code(), Some("READONLY" | "MASTERDOWN"))
}
