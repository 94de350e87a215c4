//! A connection that is made when it is needed, and made anew when it broke.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ::redis::{
    Cmd, ErrorKind as RedisKind, FromRedisValue, Pipeline, RedisError, RedisResult, ScriptInvocation,
    ServerErrorKind::TryAgain, Value,
};
use tokio::sync::Mutex;

use super::super::{ErrorKind, Topic};
use super::codes::Judgement;
use super::endpoint::Place;
use super::fault;
use super::nodes::Connected;
use super::settings::Settings;
use events_support::error_chain::chain;

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
pub(super) struct Link {
    settings: Arc<Settings>,
    place: Place,
    /// Whether others may use the connection too, where there are several servers.
    share: bool,
    /// How long an answer may take.
    timeout: Duration,
    current: Mutex<Current>,
    /// No two links anywhere have the same.
    asker: u64,
    questions: AtomicU64,
}

#[derive(Default)]
struct Current {
    /// Counts the connections, so that a late error does not end the next one.
    number: u64,
    connection: Option<Connected>,
}

impl Link {
    pub(super) fn new(settings: &Arc<Settings>, topic: &Topic) -> Self {
        Self::waiting(settings, topic, Duration::ZERO)
    }

    /// A link for requests that wait at the server for up to this long.
    pub(super) fn waiting(settings: &Arc<Settings>, topic: &Topic, wait: Duration) -> Self {
        let timeout = settings.timeout + wait;
        Self { timeout, share: false, ..Self::sharing(settings.clone(), settings.endpoint.place(topic)) }
    }

    /// A link that shares its connection with others to the same node of a cluster.
    pub(super) fn sharing(settings: Arc<Settings>, place: Place) -> Self {
        Self {
            timeout: settings.timeout,
            settings,
            place,
            share: true,
            current: Mutex::default(),
            asker: random(),
            questions: AtomicU64::new(0),
        }
    }

    /// The answer to a request, which is made again over a new connection while the server is away:
    /// it must do no harm twice.
    pub(super) async fn ask<T: FromRedisValue>(&self, request: Request<'_>) -> RedisResult<T> {
        let mut patience = self.patience();
        loop {
            match self.once(&request).await {
                Err(error) if patience.allows(&error).await => {}
                answer => return Ok(::redis::from_redis_value(answer?)?),
            }
        }
    }

    /// The same where it can wait for a better time: a server that is away is not waited for.
    pub(super) async fn ask_once<T: FromRedisValue>(&self, request: Request<'_>) -> RedisResult<T> {
        Ok(::redis::from_redis_value(self.once(&request).await?)?)
    }

    /// Who asks, for answers that the server remembers.
    pub(super) const fn asker(&self) -> u64 {
        self.asker
    }

    /// The number of a question whose answer the server remembers.
    pub(super) fn next_question(&self) -> u64 {
        self.questions.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How long a call that begins now goes on.
    pub(super) fn patience(&self) -> Patience {
        Patience::new(self.settings.clone())
    }

    /// The answer to a request that is made once.
    pub(super) async fn once(&self, request: &Request<'_>) -> RedisResult<Value> {
        let (number, connected) = self.connection().await?;
        let mut connection = connected.connection.clone();
        let asked = async {
            match request {
                Request::Command(command) => command.query_async(&mut connection).await,
                Request::Pipeline(pipeline) => pipeline.query_async(&mut connection).await,
                Request::Script(script) => script.invoke_async(&mut connection).await,
            }
        };
        let error = match asked.await {
            Ok(answer) => return Ok(answer),
            Err(error) => connected.at(error),
        };
        let (elsewhere, ends) = (self.settings.endpoint.is_elsewhere(&error), ends_connection(&error));
        if ends {
            self.settings.endpoint.retire(&connected);
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

    async fn connection(&self) -> RedisResult<(u64, Connected)> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((current.number, connection.clone()));
        }
        let connection = self.settings.endpoint.connect(&self.place, self.timeout, self.share).await?;
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((current.number, connection))
    }
}

/// What is left of the time for which a server may be away.
pub(super) struct Patience {
    until: Option<Instant>,
    pause: Duration,
    settings: Arc<Settings>,
}

impl Patience {
    /// That of a call that begins now.
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        let until = Instant::now().checked_add(settings.retry_for);
        Self { until, pause: FIRST_PAUSE, settings }
    }

    /// Whether the call is to be made again after this error; waits a moment where it is.
    pub(super) async fn allows(&mut self, error: &RedisError) -> bool {
        if !is_away(error) || self.until.is_some_and(|until| until <= Instant::now()) {
            return false;
        }
        if self.pause == FIRST_PAUSE {
            let told = fault::explain(error.clone(), "reach", &self.settings.url);
            tracing::warn!(error = chain(&told), retry_for = ?self.settings.retry_for, "a call is made again until the server answers");
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

/// Whether the server can't be reached, or is not ready, and may be soon.
pub(super) fn is_away(error: &RedisError) -> bool {
    ends_connection(error) && !refuses_user(error) && !fault::is_mistrust(error)
        || error.kind() == RedisKind::MasterNameNotFoundBySentinel
        || error.kind() == RedisKind::ClusterConnectionNotFound
        || is_judged(error, Judgement::Away)
}

/// Whether the connection is of no further use. After a failover the old master is read-only, and no
/// longer lets anybody wait.
fn ends_connection(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || is_judged(error, Judgement::Reconnects)
        || refuses_user(error)
}

/// Whether the server does not take the connection's user: by a later connection it may, for users and
/// passwords are changed under running programs.
fn refuses_user(error: &RedisError) -> bool {
    fault::judged(error).is_some_and(|code| code.kind == ErrorKind::Permission)
}

fn is_judged(error: &RedisError, judgement: Judgement) -> bool {
    fault::judged(error).is_some_and(|code| code.judgement == judgement)
}

/// Sixty-two random bits.
pub(super) fn random() -> u64 {
    uuid::Uuid::now_v7().as_u64_pair().1 >> 2
}
