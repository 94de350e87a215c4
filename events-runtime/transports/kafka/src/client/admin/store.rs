//! Stores single records.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};

use super::{Session, TICK};
use crate::client::context::Context;
use events_transport::TransportError;

impl Session {
    /// Stores a record of at most `max` bytes, as durably as the topic is replicated.
    pub(crate) fn store(
        &self,
        topic: &str,
        key: &str,
        value: &str,
        max: usize,
    ) -> Result<(), TransportError> {
        let mut settings = self.config.client.producer();
        settings.set("message.timeout.ms", self.timeout().as_millis().to_string());
        settings.set("message.max.bytes", max.to_string());
        // A record that is stored twice has no effect, and an idempotent producer takes half a second to start.
        settings.set("enable.idempotence", "false");
        settings.set("enable.gapless.guarantee", "false");
        let context = StoreContext { client: self.config.client.context(), stored: Mutex::default() };
        let producer: BaseProducer<StoreContext> =
            settings.create_with_context(context).map_err(|error| self.error(error))?;
        let record = BaseRecord::to(topic).key(key).payload(value);
        producer.send(record).map_err(|(error, _)| self.error(error))?;
        // librdkafka ends the wait: its timeout of messages is shorter.
        let deadline = Instant::now() + 2 * self.timeout();
        loop {
            producer.poll(TICK);
            let stored = producer.context().stored.lock().unwrap_or_else(PoisonError::into_inner).take();
            match stored {
                Some(stored) => return stored.map_err(|error| self.error(error)),
                None if Instant::now() >= deadline => {
                    return Err(self.error(KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut)));
                }
                None => {}
            }
        }
    }
}

/// Keeps the outcome of one record.
struct StoreContext {
    client: Context,
    stored: Mutex<Option<KafkaResult<()>>>,
}

impl ClientContext for StoreContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.client.generate_oauth_token(config)
    }
}

impl ProducerContext for StoreContext {
    type DeliveryOpaque = ();

    fn delivery(&self, delivered: &DeliveryResult<'_>, (): ()) {
        let stored = delivered.as_ref().map(drop).map_err(|(error, _)| error.clone());
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = Some(stored);
    }
}
