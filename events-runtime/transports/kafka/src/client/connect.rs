//! Reaches the cluster, or says why it can't be reached.

use std::time::{Duration, Instant};

use events_support::error_chain::chain;
use events_transport::{ErrorKind, TransportError};
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode;

use super::context::{Context, Reported};
use super::error;

/// How long the first question for the cluster blocks; errors are looked at between two. Each is twice as long as the
/// one before, since the answer of a busy broker to an earlier one does not count.
const STEP: Duration = Duration::from_millis(100);
/// How long the first attempt of a call waits for its answer, which a broker that stops may never give. Each is twice
/// as long as the one before, since the answer of a busy broker to an earlier one does not count.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How long the events of the client are served between two.
const SERVE: Duration = Duration::from_millis(2);

/// Kafka's own topic with what all groups have committed.
pub(super) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// Runs work that blocks on a thread of its own, so that it needs no tokio runtime.
///
/// # Errors
/// A [`TransportError`] if the work panicked or the system has no thread.
pub(crate) async fn off_thread<T: Send + 'static>(
    operation: &'static str,
    subject: &str,
    work: impl FnOnce() -> Result<T, TransportError> + Send + 'static,
) -> Result<T, TransportError> {
    let (reply, answer) = tokio::sync::oneshot::channel();
    let spawned = std::thread::Builder::new().name("events-kafka-call".to_owned()).spawn(move || {
        // Nobody waits any more if the future was dropped.
        let _ = reply.send(work());
    });
    if let Err(source) = spawned {
        let message = "the system can't start a thread: check its limits";
        return Err(
            TransportError::new(ErrorKind::Unavailable, operation, subject, message).with_source(source)
        );
    }
    answer.await.unwrap_or_else(|_| {
        Err(TransportError::new(ErrorKind::Other, operation, subject, "the call panicked: please report it"))
    })
}

/// Repeats a call while its failure is one that ends by itself, such as a coordinator that is starting, for about this
/// long. The call is given the time for one attempt. Blocks.
///
/// # Errors
/// The last failure.
pub(crate) fn persist<T>(
    longest: Duration,
    mut call: impl FnMut(Duration) -> Result<T, TransportError>,
) -> Result<T, TransportError> {
    let deadline = Instant::now() + longest;
    let mut attempt = ATTEMPT;
    loop {
        let wait = attempt.min(deadline.saturating_duration_since(Instant::now()).max(STEP));
        attempt = attempt.saturating_mul(2);
        match call(wait) {
            Err(error)
                if error.is_retryable() && !error.kind().needs_operator() && Instant::now() < deadline =>
            {
                tracing::debug!(error = chain(&error), "a call is repeated");
                std::thread::sleep(STEP);
            }
            done => return done,
        }
    }
}

/// Waits until the client has reached a broker, for at most this long. `poll` serves the client's events.
///
/// # Errors
/// A [`TransportError`] that says what to do. Rejected credentials and certificates end the wait.
pub(crate) fn reach<C: ClientContext + AsRef<Context>>(
    client: &Client<C>,
    poll: impl Fn(Duration),
    timeout: Duration,
    operation: &'static str,
    subject: &str,
) -> Result<(), TransportError> {
    let deadline = Instant::now() + timeout;
    let context = (**client.context()).as_ref();
    let mut step = STEP;
    loop {
        poll(SERVE);
        let failed = context.last_error().filter(is_final);
        let left = deadline.saturating_duration_since(Instant::now());
        // A question makes librdkafka connect at once; otherwise it does so within a second.
        if failed.is_none() && client.fetch_metadata(Some(OFFSETS_TOPIC), step.min(left.max(STEP))).is_ok() {
            return Ok(());
        }
        step *= 2;
        if failed.is_some() || Instant::now() >= deadline {
            poll(SERVE);
            return Err(why(context, failed, operation, subject));
        }
    }
}

/// Whether the next attempt fails as well.
fn is_final(reported: &Reported) -> bool {
    matches!(
        reported.code,
        RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed | RDKafkaErrorCode::SSL
    ) || reported.rejects_certificate()
}

/// The error of a client that has not reached the cluster.
fn why(
    context: &Context,
    failed: Option<Reported>,
    operation: &'static str,
    subject: &str,
) -> TransportError {
    if let Some(reason) = context.token_error() {
        let message = "the provider of tokens failed: see the cause";
        return TransportError::new(ErrorKind::Permission, operation, subject, message)
            .with_source(std::io::Error::other(reason));
    }
    match failed.or_else(|| context.last_error()) {
        Some(reported) => error::from_report(&reported, operation, subject),
        None => TransportError::new(
            ErrorKind::Unavailable,
            operation,
            subject,
            "no broker replied within `timeout`: check that they are running, and the hosts and ports in the URL",
        ),
    }
}
