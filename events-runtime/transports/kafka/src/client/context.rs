//! What a client reports: its log, its errors, and its need of tokens.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use events_support::error_chain::{caught, chain};
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;

use super::tokens::TokenProvider;

/// The same error is a warning once in this time: a client reports it twice a second while a broker is down.
const REPEATED: Duration = Duration::from_secs(30);

/// The context of a client. Clones share the last error.
#[derive(Clone)]
pub(crate) struct Context {
    tokens: Option<TokenProvider>,
    reports: Arc<Mutex<Reports>>,
}

#[derive(Default)]
struct Reports {
    last: Option<Reported>,
    /// When a code was last logged as a warning.
    warned: Vec<(RDKafkaErrorCode, Instant)>,
    /// Why the program has no token.
    token: Option<String>,
}

/// An error that a client reported.
#[derive(Debug, Clone)]
pub(crate) struct Reported {
    pub(crate) code: RDKafkaErrorCode,
    /// The text of librdkafka, with the broker's address.
    pub(crate) reason: String,
    pub(crate) at: Instant,
}

impl Reported {
    /// Whether the broker rejects the client's certificate, or wants one. With TLS 1.3, it says so after the
    /// handshake, so the code is that of a lost connection.
    pub(crate) fn rejects_certificate(&self) -> bool {
        ["alert certificate required", "alert bad certificate", "alert unknown ca"]
            .iter()
            .any(|alert| self.reason.contains(alert))
    }
}

impl Context {
    pub(crate) fn new(tokens: Option<TokenProvider>) -> Self {
        Self { tokens, reports: Arc::default() }
    }

    /// The last error that tells why the cluster is not reached.
    pub(crate) fn last_error(&self) -> Option<Reported> {
        self.reports().last.clone()
    }

    /// Why there is no token, if the provider failed.
    pub(crate) fn token_error(&self) -> Option<String> {
        self.reports().token.clone()
    }

    fn reports(&self) -> std::sync::MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the reason of a lost connection, which librdkafka only logs if the broker closed it, unless there is
    /// another.
    fn keep_logged(&self, facility: &str, message: &str) {
        let mut reports = self.reports();
        let is_known = |last: &Reported| last.code != RDKafkaErrorCode::AllBrokersDown;
        if facility == "FAIL" && !reports.last.as_ref().is_some_and(is_known) {
            let code = RDKafkaErrorCode::BrokerTransportFailure;
            reports.last = Some(Reported { code, reason: message.to_owned(), at: Instant::now() });
        }
    }

    /// Keeps an error. Returns whether it is new, or was logged long ago.
    fn keep(&self, code: RDKafkaErrorCode, reason: &str) -> bool {
        let mut reports = self.reports();
        let now = Instant::now();
        // This one only counts the others.
        if code != RDKafkaErrorCode::AllBrokersDown || reports.last.is_none() {
            reports.last = Some(Reported { code, reason: reason.to_owned(), at: now });
        }
        reports.warned.retain(|(_, at)| now.duration_since(*at) < REPEATED);
        let is_new = !reports.warned.iter().any(|(warned, _)| *warned == code);
        if is_new {
            reports.warned.push((code, now));
        }
        is_new
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
        self.keep_logged(facility, message);
        match level {
            Emerg | Alert | Critical => tracing::error!(target: "librdkafka", facility, "{message}"),
            // What matters of these is reported as an error, too, which is logged once.
            Error | Warning | Notice | Info => tracing::debug!(target: "librdkafka", facility, "{message}"),
            Debug => tracing::trace!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn stats(&self, _: Statistics) {}

    fn stats_raw(&self, statistics: &[u8]) {
        tracing::debug!(target: "librdkafka", statistics = %String::from_utf8_lossy(statistics), "statistics");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        if self.keep(code, reason) {
            tracing::warn!(target: "librdkafka", ?code, reason, "the client reported an error and goes on");
        } else {
            tracing::debug!(target: "librdkafka", ?code, reason, "the client reported an error again");
        }
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let provided = match &self.tokens {
            // A panic must not pass through librdkafka.
            Some(provider) => caught(|| provider(config).map_err(|error| chain(&*error)))
                .unwrap_or_else(|panic| Err(format!("the provider panicked: {panic}"))),
            None => Err("no `token_provider` is set in the URL".to_owned()),
        };
        let failed = |reason: String| {
            // librdkafka takes the text as a C string.
            let reason = reason.replace('\0', "");
            tracing::warn!(target: "librdkafka", reason, "the provider of tokens failed");
            self.reports().token = Some(reason.clone());
            reason
        };
        let token = provided.map_err(failed)?;
        self.reports().token = None;
        let since = token.expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(OAuthToken {
            token: token.token,
            principal_name: token.principal,
            lifetime_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        })
    }
}

impl ConsumerContext for Context {}

impl AsRef<Self> for Context {
    fn as_ref(&self) -> &Self {
        self
    }
}
