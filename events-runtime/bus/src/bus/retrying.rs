//! Retries the calls of a consumer to its transport.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::observe::{Consuming, RECEIVE_RETRIED, STORE_REFUSES};
use super::retry::Backoff;
use super::status::Running;
use events_support::error_chain::chain;
use events_transport::Later as _;
use events_transport::{BoxFuture, Consumer, Delivery, Subscription, Transport, TransportError};

/// The connection to a topic, with its consecutive failures.
pub(super) struct Connection {
    pub(super) consuming: Arc<Consuming>,
    /// The topic's status, visible in the bus's status.
    pub(super) running: Arc<Running>,
    pub(super) backoff: Backoff,
    pub(super) failures: u32,
}

impl Connection {
    /// Records a successful call to the transport.
    fn succeeded(&mut self) {
        if self.failures > 0 {
            let topic = &self.consuming.topic;
            tracing::info!(%topic, attempts = self.failures.saturating_add(1), "receiving succeeds again");
            self.running.succeeded();
        }
        self.failures = 0;
    }

    /// Records a failed call. Returns the pause before the next one.
    fn failed(&mut self, error: &TransportError) -> Duration {
        let topic = &self.consuming.topic;
        let needs_operator = error.kind().needs_operator();
        if needs_operator {
            self.consuming.count(STORE_REFUSES, 1);
            // Logged on the first failure and on every tenth after it.
            if self.failures.is_multiple_of(10) {
                tracing::error!(%topic, error = chain(error), "the store refuses this consumer until an operator fixes it; the consumer waits");
            }
        }
        self.failures = self.failures.saturating_add(1);
        let pause = self.backoff.after(self.failures);
        self.consuming.count(RECEIVE_RETRIED, 1);
        let error = chain(error);
        tracing::warn!(%topic, error, ?pause, "receiving failed; retrying");
        self.running.failed(error, needs_operator, pause);
        pause
    }
}

/// A consumer that retries failed calls after a pause: the topics beside it go on meanwhile. Only errors that a
/// retry does not help are returned.
pub(super) struct RetryingConsumer {
    inner: Box<dyn Consumer>,
    connections: Connections,
    /// When to call the transport again after a failure.
    retry_at: Option<Instant>,
}

/// The connections of one consumer of a transport: one, unless the transport's consumer has several topics by
/// itself.
pub(super) struct Connections(pub(super) Vec<Connection>);

impl Connections {
    /// Joins the group, with retries.
    pub(super) async fn subscribe(
        mut self,
        transport: &dyn Transport,
        subscriptions: Vec<Subscription>,
        through: impl FnOnce(Box<dyn Consumer>) -> Box<dyn Consumer>,
    ) -> Result<RetryingConsumer, TransportError> {
        loop {
            let subscribed = match subscriptions.as_slice() {
                [only] => transport.consumer(only.clone()).await,
                several => transport.consumer_of(several.to_vec()).await,
            };
            match subscribed {
                Ok(consumer) => {
                    self.succeeded();
                    self.0.iter().for_each(|connection| connection.running.subscribed());
                    let inner = through(consumer);
                    return Ok(RetryingConsumer { inner, connections: self, retry_at: None });
                }
                Err(error) => tokio::time::sleep(self.failed(error)?).await,
            }
            self.tried();
        }
    }

    fn succeeded(&mut self) {
        self.0.iter_mut().for_each(Connection::succeeded);
    }

    fn tried(&self) {
        self.0.iter().for_each(|connection| connection.running.tried());
    }

    /// Records a failed call: of the topic that the error names, otherwise of all. Returns the pause before the
    /// next call, or the error if a retry does not help.
    fn failed(&mut self, error: TransportError) -> Result<Duration, TransportError> {
        if !error.is_retryable() {
            return Err(error);
        }
        let is_subject = |connection: &Connection| connection.consuming.topic.as_str() == error.subject();
        let is_named = self.0.iter().any(is_subject);
        let failed = self.0.iter_mut().filter(|connection| !is_named || is_subject(connection));
        Ok(failed.map(|connection| connection.failed(&error)).max().unwrap_or_default())
    }
}

impl Consumer for RetryingConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            loop {
                if let Some(at) = self.retry_at {
                    // A look does not wait.
                    if wait.is_zero() && Instant::now() < at {
                        return Ok(Vec::new());
                    }
                    tokio::time::sleep_until(at).await;
                    self.retry_at = None;
                    self.connections.tried();
                }
                match self.inner.receive(max, wait).await {
                    Ok(deliveries) => {
                        self.connections.succeeded();
                        self.connections.0.iter().for_each(|connection| connection.running.received());
                        return Ok(deliveries);
                    }
                    Err(error) => {
                        self.retry_at = Some(Instant::now().later(self.connections.failed(error)?));
                    }
                }
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        self.inner.close()
    }
}
