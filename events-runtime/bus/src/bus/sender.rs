//! Sends a topic's queue to the transport: in batches, in order, with retries. While a call is under way, full batches
//! follow it, if the transport keeps the order of calls when one fails.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tracing::Instrument;

use super::destination::Destination;
use super::guarded::Guarded;
use super::observe::{SEND_RETRIED, STORE_REFUSES, record_error, send_span};
use super::retry::Backoff;
use super::schemas::{self, Storing};
use super::status::Circuit;
use super::topic_queue::TopicQueue;
use crate::config::{RetrySettings, TransportSettings};
use events_support::error_chain::{caught, chain};
use events_transport::Later as _;
use events_transport::{ErrorKind, Position, Producer, Transport, TransportError};

/// The phase of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Running,
    /// The bus accepts no new events; queued ones are sent.
    Draining,
    /// The timeout has passed.
    Abandoning,
}

/// What the senders of all topic queues of a transport share.
#[derive(Clone)]
pub struct Sending {
    pub(super) producer: Arc<dyn Producer>,
    /// Keeps the transport open. Its schemas are stored if it can store them.
    transport: Arc<dyn Transport>,
    stores_schemas: bool,
    pub(super) batch_size: usize,
    /// How many calls of a topic may be under way.
    max_in_flight: usize,
    pub(super) linger: Duration,
    pub(super) backoff: Backoff,
}

impl Sending {
    #[doc(hidden)]
    pub fn new(
        transport: &Arc<dyn Transport>,
        producer: Arc<dyn Producer>,
        settings: &TransportSettings,
        retry: &RetrySettings,
    ) -> Self {
        let capability = transport.capability();
        Self {
            producer,
            transport: Arc::clone(transport),
            stores_schemas: capability.schemas,
            batch_size: settings.batch_size.get(),
            max_in_flight: if capability.ordered_sends { settings.max_in_flight.get() } else { 1 },
            linger: settings.linger,
            backoff: Backoff::new(retry.initial, retry.max),
        }
    }
}

/// Messages that are not stored: the first ones in flight.
struct Unsent {
    count: usize,
    /// One of them, or more, is itself at fault.
    is_refused: bool,
}

impl Sending {
    /// Sends these messages in flight in one call, which begins at once. Returns whether it has begun: a custom
    /// transport may panic.
    fn call(
        &self,
        queue: &TopicQueue,
        range: Range<usize>,
    ) -> (bool, impl Future<Output = Vec<Result<Position, TransportError>>> + use<>) {
        let to = queue.to.clone();
        let mut in_flight = queue.in_flight();
        let messages = in_flight.range(range);
        let span = send_span(&queue.system, &to.topic, messages);
        // A transport may do its work in the call itself, so the call is inside the span too.
        let send = caught(|| span.in_scope(|| self.producer.send(&to.topic, messages)));
        drop(in_flight);
        let has_begun = send.is_ok();
        // A panic counts as a failed attempt: the result is unknown and the messages stay in the queue.
        let panicked = move |panic: String| {
            let Destination { topic, transport } = &to;
            let transport = transport.named();
            tracing::error!(%topic, transport, panic, "the transport panicked while sending");
            Vec::new()
        };
        let results = async move {
            let send = match send {
                Ok(send) => Guarded::new(send.instrument(span.clone())),
                Err(panic) => return panicked(panic),
            };
            let results = send.await.unwrap_or_else(panicked);
            if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
                record_error(&span, error.kind().as_str());
            }
            results
        };
        (has_begun, results)
    }
}

/// The task that sends a topic queue.
pub(super) struct Sender {
    queue: Arc<TopicQueue>,
    sending: Sending,
    phase: watch::Receiver<Phase>,
    schemas: Storing,
}

/// The timeout of a shutdown has passed.
struct Abandoned;

/// Whether the store stays in this state until an operator acts.
const fn waits_for_operator(kind: ErrorKind) -> bool {
    kind.needs_operator() || !kind.is_retryable()
}

/// Ends the queue when the task ends for any reason, so that no emission waits forever.
struct End(Arc<TopicQueue>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Sender {
    pub(super) fn new(queue: Arc<TopicQueue>, sending: Sending, phase: watch::Receiver<Phase>) -> Self {
        Self { queue, sending, phase, schemas: Storing::default() }
    }

    /// Sends until the queue is closed and empty, or the timeout of a shutdown has passed.
    pub(super) async fn run(mut self) {
        let _end = End(Arc::clone(&self.queue));
        self.queue.set_circuit(Circuit::Closed);
        while self.gather().await {
            self.queue.advance();
            if self.send().await.is_err() {
                return;
            }
            self.queue.advance();
        }
    }

    /// Fills the batch in flight. Returns false when the queue has ended.
    async fn gather(&mut self) -> bool {
        loop {
            if !self.sending.linger.is_zero() && self.queue.queued() > 0 {
                self.linger().await;
            }
            if self.queue.take(self.sending.batch_size) > 0 {
                return true;
            }
            if self.is_draining() {
                if self.queue.close_if_empty() {
                    return false;
                }
                continue;
            }
            tokio::select! {
                () = self.queue.pushed() => {}
                // The next iteration reads the phase.
                _ = self.phase.changed() => {}
            }
        }
    }

    /// Waits for more events for the batch.
    async fn linger(&mut self) {
        let deadline = tokio::time::Instant::now().later(self.sending.linger);
        while self.queue.queued() < self.sending.batch_size && !self.is_draining() {
            tokio::select! {
                () = self.queue.pushed() => {}
                _ = self.phase.changed() => {}
                () = tokio::time::sleep_until(deadline) => return,
            }
        }
    }

    /// Whether no event can be pushed any more: the bus is shutting down, or the bus and its hub were
    /// dropped.
    fn is_draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining || self.phase.has_changed().is_err()
    }

    /// Sends the batch until each message is stored or refused. A message is refused only if it is itself
    /// at fault; for any other failure of the store, the queue waits.
    async fn send(&mut self) -> Result<(), Abandoned> {
        let mut told = None;
        loop {
            let Some((kind, error)) = self.attempt().await? else {
                let failures = self.queue.circuit().failures();
                if failures > 0 {
                    let Destination { topic, transport } = &self.queue.to;
                    let transport = transport.named();
                    tracing::info!(%topic, transport, attempts = failures + 1, "the topic accepts events again");
                    self.queue.set_circuit(Circuit::Closed);
                }
                return Ok(());
            };
            let failures = self.queue.circuit().failures().saturating_add(1);
            let pause = self.sending.backoff.after(failures);
            let Destination { topic, transport } = &self.queue.to;
            let transport = transport.named();
            metrics::counter!(SEND_RETRIED, self.queue.to.labels()).increment(1);
            tracing::warn!(%topic, transport, error, failures, ?pause, "sending failed; retrying");
            let needs_operator = kind.is_some_and(waits_for_operator);
            if needs_operator {
                metrics::counter!(STORE_REFUSES, self.queue.to.labels()).increment(1);
                if told.replace(kind) != Some(kind) {
                    tracing::error!(%topic, transport, error, "the store refuses all events until an operator fixes it; the queue is kept");
                }
            }
            self.queue.set_circuit(self.queue.circuit().failed(error, needs_operator, pause));
            self.schemas.forget();
            self.queue.advance();
            self.pause(pause).await?;
            self.queue.set_circuit(self.queue.circuit().tried());
        }
    }

    /// Makes one attempt. Returns the error of the first message that is not sent.
    async fn attempt(&mut self) -> Result<Option<(Option<ErrorKind>, String)>, Abandoned> {
        let mut has_failed = false;
        loop {
            if self.sending.stores_schemas && !self.schemas.is_complete(self.queue.schemas.len()) {
                if let Err(error) = self.store_schemas().await? {
                    return Ok(Some((Some(error.kind()), chain(&error))));
                }
                let batch = &mut self.queue.in_flight();
                batch.refuse(&self.queue.to, |message| self.schemas.refusal(message), &self.queue.observe);
            }
            if self.queue.in_flight().len() == 0 {
                return Ok(None);
            }
            let unsent = self.submit().await?;
            // After a failure that is of no message, one message shows whether the store is back. If batches fail all
            // the same, all messages go one by one.
            let is_probe =
                unsent.count > 0 && !unsent.is_refused && !std::mem::replace(&mut has_failed, true);
            // A store that accepts or rejects a batch as a whole does not say which message is at fault. The messages
            // are sent one by one until that message is found, so that it does not affect the others.
            for _ in 0..unsent.count {
                match self.submit_first().await?.pop() {
                    Some(Ok(position)) => {
                        let (to, observe) = (&self.queue.to, &self.queue.observe);
                        self.queue.in_flight().settle(0..1, to, vec![Ok(position)], observe);
                        if is_probe {
                            break;
                        }
                    }
                    Some(Err(error)) if error.kind().is_of_message() => {
                        self.queue.in_flight().refuse_first(&self.queue.to, &error, &self.queue.observe);
                        break;
                    }
                    Some(Err(error)) => return Ok(Some((Some(error.kind()), chain(&error)))),
                    None => return Ok(Some((None, "the transport returned no result".to_owned()))),
                }
            }
        }
    }

    /// Stores the schemas of the queue's messages that are not stored yet. Returns the error of the first that is
    /// not stored; one that is at fault itself, such as a text that is too long, counts as done.
    async fn store_schemas(&mut self) -> Result<Result<(), TransportError>, Abandoned> {
        let to = &self.queue.to;
        for schema in self.queue.schemas.from(self.schemas.done()) {
            let stored = tokio::select! {
                stored = schemas::store(&*self.sending.transport, &to.topic, &schema) => stored,
                Ok(_) = self.phase.wait_for(|phase| *phase == Phase::Abandoning) => return Err(Abandoned),
            };
            if let Err(error) = self.schemas.stored(to, schema, stored) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// Sends the first batch in flight, and full batches behind it while it is under way. As in Nagle's algorithm, a
    /// batch that is not full waits for the answer.
    async fn submit(&mut self) -> Result<Unsent, Abandoned> {
        self.check_phase()?;
        let Self { queue, sending, phase, schemas } = self;
        let batch = sending.batch_size;
        let first = queue.first_batch(batch);
        let in_flight = queue.in_flight().len();
        // What an earlier attempt could not send is sent before anything else, so that the circuit is closed at once.
        let is_first_attempt = queue.is_circuit_closed();
        let mut max_calls = if is_first_attempt && first == in_flight { sending.max_in_flight } else { 1 };
        let mut calls = FuturesUnordered::new();
        // How many messages of each call are still in flight, in the order of the calls, from the call `oldest` on.
        let (mut lens, mut oldest) = (VecDeque::new(), 0_usize);
        let begin = |call: usize, range: Range<usize>| {
            let (has_begun, results) = sending.call(queue, range);
            (has_begun, async move { (call, results.await) })
        };
        lens.push_back(first);
        let (has_begun, call) = begin(oldest, 0..first);
        let mut has_failed = !has_begun;
        let mut is_refused = false;
        calls.push(call);
        while !calls.is_empty() {
            // What is answered is settled, also at the end of a shutdown, but nothing begins then.
            if *phase.borrow() == Phase::Abandoning {
                max_calls = 0;
            }
            while !has_failed && calls.len() < max_calls {
                let taken = queue.take_full(batch);
                if taken == 0 {
                    break;
                }
                // A message is queued after its schema.
                if sending.stores_schemas && !schemas.is_complete(queue.schemas.len()) {
                    max_calls = 0;
                    break;
                }
                let in_flight = queue.in_flight().len();
                let (has_begun, call) = begin(oldest + lens.len(), in_flight - taken..in_flight);
                lens.push_back(taken);
                has_failed |= !has_begun;
                calls.push(call);
            }
            tokio::select! {
                biased;
                Some((call, results)) = calls.next() => {
                    let is_of_message = |error: &TransportError| error.kind().is_of_message();
                    is_refused |= results.iter().any(|result| result.as_ref().is_err_and(is_of_message));
                    let start = lens.iter().take(call - oldest).sum();
                    if let Some(len) = lens.get_mut(call - oldest) {
                        *len = queue.in_flight().settle(start..start + *len, &queue.to, results, &queue.observe);
                        has_failed |= *len > 0;
                    }
                    while lens.front() == Some(&0) {
                        lens.pop_front();
                        oldest += 1;
                    }
                    queue.advance();
                }
                () = queue.filled(batch), if !has_failed && calls.len() < max_calls => {}
                Ok(_) = phase.wait_for(|phase| *phase == Phase::Abandoning) => return Err(Abandoned),
            }
        }
        Ok(Unsent { count: lens.iter().sum(), is_refused })
    }

    /// Sends the first message in flight.
    async fn submit_first(&mut self) -> Result<Vec<Result<Position, TransportError>>, Abandoned> {
        self.check_phase()?;
        let (_, results) = self.sending.call(&self.queue, 0..1);
        tokio::select! {
            results = results => Ok(results),
            Ok(_) = self.phase.wait_for(|phase| *phase == Phase::Abandoning) => Err(Abandoned),
        }
    }

    fn check_phase(&self) -> Result<(), Abandoned> {
        if *self.phase.borrow() == Phase::Abandoning { Err(Abandoned) } else { Ok(()) }
    }

    /// Waits for `pause`, or until the timeout of a shutdown has passed.
    async fn pause(&mut self, pause: Duration) -> Result<(), Abandoned> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            Ok(_) = self.phase.wait_for(|phase| *phase == Phase::Abandoning) => Err(Abandoned),
        }
    }
}
