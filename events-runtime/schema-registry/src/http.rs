//! Requests: failover, retries, bounded answers.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use events_support::error_chain::chain;
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, Method, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::Refusal;
use crate::config::{Credentials, RegistryConfig, invalid};
use crate::error::judge;
use crate::{RegistryError, RegistryErrorKind};

/// The most bytes of an answer. A schema of 1 MiB has 2 MiB as JSON if each of its bytes is escaped.
const MAX_ANSWER: usize = 8 << 20;
/// The most characters of a registry's message in an error.
const MAX_MESSAGE: usize = 1000;
/// The pause between rounds over all addresses doubles from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// A request to a registry.
#[derive(Clone)]
pub(crate) struct Request {
    /// For errors: a verb.
    pub(crate) operation: &'static str,
    /// For errors: a subject or an id.
    pub(crate) about: String,
    pub(crate) method: Method,
    /// The segments of the path, unencoded.
    pub(crate) path: Vec<String>,
    pub(crate) query: &'static [(&'static str, &'static str)],
    pub(crate) body: Option<Value>,
}

impl Request {
    pub(crate) fn get(operation: &'static str, about: impl fmt::Display, path: &[&str]) -> Self {
        Self {
            operation,
            about: about.to_string(),
            method: Method::GET,
            path: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: &[],
            body: None,
        }
    }

    pub(crate) fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }

    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn error(&self, kind: RegistryErrorKind, message: impl Into<String>) -> RegistryError {
        RegistryError::new(kind, self.operation, &self.about, message)
    }

    /// The URL at an address. The URL type ignores the segments `.` and `..`, so they would name another subject.
    fn url(&self, base: &Url) -> Result<Url, RegistryError> {
        let wrong = |what: &str| self.error(RegistryErrorKind::Invalid, format!("{what}: use another name"));
        if let Some(segment) = self.path.iter().find(|segment| matches!(segment.as_str(), "" | "." | "..")) {
            return Err(wrong(&format!("`{segment}` can't be a subject in the path of a URL")));
        }
        let mut url = base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(&self.path),
            Err(()) => return Err(wrong("the address has no path")),
        };
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(self.query);
        }
        Ok(url)
    }
}

pub(crate) struct Http {
    config: RegistryConfig,
    client: Client,
    /// The address that answered last.
    current: AtomicUsize,
}

/// A failed attempt, and how long the registry asks to wait.
struct Failure {
    error: RegistryError,
    retry_after: Option<Duration>,
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self { error, retry_after: None }
    }
}

impl Http {
    pub(crate) fn new(config: RegistryConfig) -> Result<Self, RegistryError> {
        // Fails if the program has installed a provider, which then stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let wrong = |error: reqwest::Error| {
            invalid(config.shown(), "the TLS settings are invalid: check the PEM files").with_source(error)
        };
        let mut client = Client::builder()
            .user_agent(&config.user_agent)
            .redirect(Policy::none())
            .connect_timeout(config.timeout)
            .timeout(config.timeout);
        if let Some(ca) = &config.ca {
            client = client.tls_certs_only(Certificate::from_pem_bundle(ca).map_err(wrong)?);
        } else if config.urls.iter().all(|url| url.scheme() == "http") {
            // The system's authorities are not needed, and a container may have none.
            client = client.tls_certs_only([]);
        }
        if let Some(identity) = &config.identity {
            client = client.identity(Identity::from_pem(identity).map_err(wrong)?);
        }
        let client = client.build().map_err(wrong)?;
        Ok(Self { config, client, current: AtomicUsize::new(0) })
    }

    pub(crate) fn shown(&self) -> String {
        self.config.shown()
    }

    /// The answer of the first address that has one. Starts over while none is available, for up to `retry_for`.
    pub(crate) async fn call<T: DeserializeOwned>(&self, request: &Request) -> Result<T, RegistryError> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let failure = match self.round(request).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let wait = failure.retry_after.unwrap_or_else(|| jittered(pause));
            let left = self.config.retry_for.saturating_sub(started.elapsed());
            if !failure.error.is_retryable() || wait >= left {
                return Err(failure.error);
            }
            if pause == FIRST_PAUSE {
                let error = chain(&failure.error);
                tracing::warn!(error, retry_for = ?self.config.retry_for, "the schema registry is unavailable: retrying the call");
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Tries each address once.
    async fn round<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Failure> {
        let (count, first) = (self.config.urls.len(), self.current.load(Ordering::Relaxed));
        let mut failed: Option<Failure> = None;
        for (index, base) in self.config.urls.iter().enumerate().cycle().skip(first % count).take(count) {
            match self.attempt(base, request).await {
                Err(failure) if failure.error.is_retryable() => {
                    tracing::debug!(url = %base, error = chain(&failure.error), "an address of the schema registry is unavailable");
                    failed.get_or_insert(failure);
                }
                answer => {
                    self.current.store(index, Ordering::Relaxed);
                    return answer;
                }
            }
        }
        Err(failed.unwrap_or_else(|| request.error(RegistryErrorKind::Unavailable, "no address").into()))
    }

    async fn attempt<T: DeserializeOwned>(&self, base: &Url, request: &Request) -> Result<T, Failure> {
        let mut call = self.client.request(request.method.clone(), request.url(base)?);
        call = match &self.config.credentials {
            Credentials::None => call,
            Credentials::Basic { user, password } => call.basic_auth(user, Some(password)),
            Credentials::Bearer(token) => call.bearer_auth(token),
        };
        call = call.header(ACCEPT, "application/vnd.schemaregistry.v1+json, application/json");
        if let Some(body) = &request.body {
            let content = "application/vnd.schemaregistry.v1+json";
            call = call.header(CONTENT_TYPE, content).body(body.to_string());
        }
        let mut response = call.send().await.map_err(|error| unreachable(base, request, error))?;
        let status = response.status();
        let body = bounded(base, request, &mut response).await?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| malformed(base, request, status).with_source(error).into());
        }
        let retry_after = retry_after(&response);
        let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
        let (kind, hint) = judge(status, refusal.error_code);
        let mut message = format!("{hint}; {} answers HTTP {}", shown(base), status.as_u16());
        if let Some(said) = refusal.message.filter(|said| !said.is_empty()) {
            message.push_str(": ");
            message.extend(said.chars().take(MAX_MESSAGE).map(|c| if c.is_control() { ' ' } else { c }));
        }
        let error = request.error(kind, message).with_status(status, refusal.error_code);
        Err(Failure { error, retry_after })
    }
}

fn shown(base: &Url) -> &str {
    base.as_str().trim_end_matches('/')
}

/// Between half the pause and the pause, so that clients do not return all at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Only seconds are read: registries and proxies send no date here.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).max(FIRST_PAUSE))
}

async fn bounded(base: &Url, request: &Request, response: &mut Response) -> Result<Vec<u8>, RegistryError> {
    let too_large = || {
        let message = format!(
            "the answer of {} exceeds {} MiB: check that the URL is that of a schema registry",
            shown(base),
            MAX_ANSWER >> 20
        );
        request.error(RegistryErrorKind::TooLarge, message)
    };
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(base, request, error))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

pub(crate) fn malformed(base: &Url, request: &Request, status: StatusCode) -> RegistryError {
    let message = format!(
        "the answer of {} is not one of a schema registry: check the path of the URL, which is \
         `/apis/ccompat/v7` for Apicurio",
        shown(base)
    );
    request.error(RegistryErrorKind::Malformed, message).with_status(status, None)
}

fn unreachable(base: &Url, request: &Request, error: reqwest::Error) -> RegistryError {
    let error = error.without_url();
    let base = shown(base);
    if has_tls_refusal(&error) {
        let message = format!(
            "the certificate of {base}, or that of this client, is not accepted: set the certificate authority \
             of the registry, and a client certificate if it demands one"
        );
        return request.error(RegistryErrorKind::Tls, message).with_source(error);
    }
    let message = if error.is_timeout() {
        format!("{base} does not answer in time: check that the registry runs")
    } else if error.is_connect() {
        format!("can't connect to {base}: check the address and that the registry runs")
    } else {
        format!("the connection to {base} broke: check that the registry runs")
    };
    request.error(RegistryErrorKind::Unavailable, message).with_source(error)
}

/// Whether one side rejects the other's certificate, which no retry heals.
fn has_tls_refusal(error: &(dyn StdError + 'static)) -> bool {
    let refuses = |error: &rustls::Error| {
        matches!(
            error,
            rustls::Error::InvalidCertificate(_)
                | rustls::Error::NoCertificatesPresented
                | rustls::Error::PeerIncompatible(_)
                | rustls::Error::AlertReceived(_)
        )
    };
    events_support::error_chain::sources(error).any(|link| {
        // An I/O error gives its inner error's source as its own, and may be in another one.
        let mut inner = link;
        while let Some(error) = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            inner = error;
        }
        inner.downcast_ref::<rustls::Error>().is_some_and(refuses)
    })
}
