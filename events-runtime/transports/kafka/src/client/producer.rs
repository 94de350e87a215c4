//! A producer of librdkafka.

use std::sync::Arc;
use std::time::Duration;

use events_support::error_chain::chain;
use events_transport::{Message, Position, TransportError};
use rdkafka::client::Client;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};
use rdkafka::statistics::Statistics;
use rdkafka::util::IntoOpaque;
use rdkafka::{ClientConfig, ClientContext};

use super::context::Context;
use super::settings::ClientSettings;
use super::{connect, error};

/// Gets the outcome of one record.
pub(crate) trait Receipt: Send + Sync + 'static {
    fn deliver(self, outcome: Result<Stored, Failed>);
}

/// A record is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) position: Position,
    /// Whether the broker had the record already, from a request whose reply was lost.
    pub(crate) is_duplicate: bool,
}

/// A record is not stored, as far as the client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed(RDKafkaErrorCode);

impl Failed {
    /// Whether the record was withdrawn by [`Native::purge`].
    pub(crate) fn is_withdrawn(self) -> bool {
        matches!(self.0, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
    }

    /// Whether the broker may have stored the record.
    pub(crate) fn is_uncertain(self) -> bool {
        !matches!(self.0, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::Fatal) && !self.is_refused()
    }

    /// Whether the batch of the record exceeds a limit of the broker.
    pub(crate) fn is_too_large(self) -> bool {
        matches!(self.0, RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge)
    }

    /// Whether the topic no longer exists.
    pub(crate) fn is_missing_topic(self) -> bool {
        matches!(
            self.0,
            RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopicId
        )
    }

    /// Whether the cause is the client, not one topic.
    pub(crate) fn is_of_client(self) -> bool {
        self.is_withdrawn() || matches!(self.0, RDKafkaErrorCode::Fatal | RDKafkaErrorCode::GaplessGuarantee)
    }

    pub(crate) fn error(self, operation: &'static str, subject: impl std::fmt::Display) -> TransportError {
        error::from_code(self.0, operation, subject)
    }

    fn is_refused(self) -> bool {
        use RDKafkaErrorCode as Code;
        matches!(
            self.0,
            Code::MessageSizeTooLarge
                | Code::MessageBatchTooLarge
                | Code::InvalidRecord
                | Code::InvalidTimestamp
                | Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::NotEnoughReplicas
                | Code::PolicyViolation
        )
    }
}

/// Why a record is not accepted.
pub(crate) enum Refused {
    /// The queue is full: the record can be offered again.
    QueueFull,
    /// The client failed for good: its records must be withdrawn.
    Broken,
    /// The record itself is at fault.
    Record(TransportError),
}

/// How records are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Batching {
    /// As configured.
    Configured,
    /// Each record alone, so that an error of the broker is about this record.
    Alone,
}

/// A producer of librdkafka, which reports to receipts of type `R`.
pub(crate) struct Native<R: Receipt>(BaseProducer<Deliveries<R>>);

/// The context of the producer.
pub(crate) struct Deliveries<R> {
    context: Context,
    receipts: std::marker::PhantomData<fn(R)>,
}

impl<R: Receipt> ClientContext for Deliveries<R> {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.context.stats(statistics);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.context.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }

    fn generate_oauth_token(
        &self,
        config: Option<&str>,
    ) -> Result<rdkafka::client::OAuthToken, Box<dyn std::error::Error>> {
        self.context.generate_oauth_token(config)
    }
}

impl<R: Receipt> AsRef<Context> for Deliveries<R> {
    fn as_ref(&self) -> &Context {
        &self.context
    }
}

impl<R: Receipt> ProducerContext for Deliveries<R>
where
    Box<R>: IntoOpaque,
{
    type DeliveryOpaque = Box<R>;

    fn delivery(&self, result: &DeliveryResult<'_>, receipt: Box<R>) {
        receipt.deliver(match result {
            Ok(record) => Ok(Stored {
                position: Position::Record {
                    partition: u32::try_from(record.partition()).unwrap_or_default(),
                    offset: u64::try_from(record.offset()).unwrap_or_default(),
                },
                // The broker acknowledges a duplicate without an offset if it no longer knows it.
                is_duplicate: record.offset() < 0,
            }),
            Err((error, _)) => Err(Failed(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))),
        });
    }
}

impl<R: Receipt> Native<R> {
    /// Creates a producer, which connects by itself.
    ///
    /// # Errors
    /// A [`TransportError`] if the settings or the files that they name are invalid.
    pub(crate) fn create(
        settings: &ClientSettings,
        batching: Batching,
        operation: &'static str,
        subject: &str,
    ) -> Result<Self, TransportError> {
        let mut config: ClientConfig = settings.producer();
        if batching == Batching::Alone {
            config.set("batch.num.messages", "1");
        }
        let context = Deliveries { context: settings.context(), receipts: std::marker::PhantomData };
        let created = config.create_with_context(context);
        created.map(Self).map_err(|error| error::convert(error, operation, subject))
    }

    /// Creates a producer for transactions, which brokers abort when they are open for
    /// [`transaction_timeout`](ClientSettings::transaction_timeout).
    ///
    /// # Errors
    /// As of [`create`](Self::create).
    pub(crate) fn transactional(
        settings: &ClientSettings,
        id: &str,
        operation: &'static str,
        subject: &str,
    ) -> Result<Self, TransportError> {
        let mut config: ClientConfig = settings.producer();
        let longest = settings.transaction_timeout().as_millis();
        // librdkafka refuses a request that may take longer than its transaction.
        let request = config.get("socket.timeout.ms").and_then(|text| text.parse().ok()).unwrap_or(longest);
        config.set("socket.timeout.ms", request.min(longest).to_string());
        config.set("transactional.id", id).set("transaction.timeout.ms", longest.to_string());
        // A record that is not stored in time fails, and the transaction is aborted.
        config.set("message.timeout.ms", longest.to_string());
        let context = Deliveries { context: settings.context(), receipts: std::marker::PhantomData };
        let created = config.create_with_context(context);
        created.map(Self).map_err(|error| error::convert(error, operation, subject))
    }

    /// The producer of librdkafka.
    pub(super) const fn producer(&self) -> &BaseProducer<Deliveries<R>> {
        &self.0
    }

    /// Waits until a broker is reached, see [`connect::reach`].
    ///
    /// # Errors
    /// A [`TransportError`] that says what to do.
    pub(crate) fn reach(
        &self,
        timeout: Duration,
        operation: &'static str,
        subject: &str,
    ) -> Result<(), TransportError> {
        connect::reach(self.client(), |time| self.poll(time), timeout, operation, subject)
    }

    pub(crate) fn client(&self) -> &Client<Deliveries<R>> {
        self.0.client()
    }

    /// What the client reported within this time, converted to the error of an operation.
    pub(crate) fn reported(
        &self,
        within: Duration,
        operation: &'static str,
        subject: impl std::fmt::Display,
    ) -> Option<TransportError> {
        let reported = self.client().context().context.last_error()?;
        (reported.at.elapsed() < within).then(|| error::from_report(&reported, operation, subject))
    }

    /// Why the client failed for good, unless the cause is the failure of a record.
    pub(crate) fn fatal(
        &self,
        operation: &'static str,
        subject: impl std::fmt::Display,
    ) -> Option<TransportError> {
        let (code, reason) = self.client().fatal_error()?;
        let failed = error::from_code(code, operation, subject);
        (code != RDKafkaErrorCode::GaplessGuarantee)
            .then(|| failed.with_source(std::io::Error::other(reason)))
    }

    /// Offers a record. It is sent in the order of the calls.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) fn offer(&self, topic: &str, message: &Message, receipt: R) -> Result<(), Refused> {
        let mut record = BaseRecord::with_opaque_to(topic, Box::new(receipt));
        record.payload = Some(&message.data[..]);
        record.key = message.key.as_deref();
        // librdkafka treats an empty key as none and picks any partition.
        if message.key.as_ref().is_some_and(bytes::Bytes::is_empty) {
            record.partition = Some(0);
        }
        if !message.headers.is_empty() {
            let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
            for (name, value) in message.headers.iter() {
                headers = headers.insert(Header { key: name, value: Some(&value[..]) });
            }
            record.headers = Some(headers);
        }
        self.0.send(record).map_err(|(error, _)| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => Refused::QueueFull,
            Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::BrokerDestroy) => Refused::Broken,
            _ => Refused::Record(error::convert(error, "send to", topic)),
        })
    }

    /// Serves the events of the client for this time: its log, its errors, and the outcomes of records.
    pub(crate) fn poll(&self, time: Duration) {
        self.0.poll(time);
    }

    /// Withdraws all records. Their receipts are served by the next [`poll`](Self::poll).
    pub(crate) fn purge(&self) {
        self.0.purge(PurgeConfig::default().queue().inflight());
    }

    /// The number of records without an outcome.
    pub(crate) fn in_flight(&self) -> usize {
        usize::try_from(self.0.in_flight_count()).unwrap_or_default()
    }
}

/// Ends a producer on a thread of its own: librdkafka waits for its threads.
pub(crate) fn retire<R: Receipt>(native: Arc<Native<R>>) {
    let spawned = std::thread::Builder::new().name("events-kafka-end".to_owned()).spawn(move || drop(native));
    if let Err(error) = spawned {
        tracing::debug!(
            error = chain(&error),
            "no thread to end a client of Kafka, so the caller waits for it"
        );
    }
}
