//! `memory:` transport: messages in this process, for tests, development and single-process services.
//!
//! Leases, order per key, retries and dead letters work as in `sqlite:`. `memory:` is a store of
//! its own; `memory:NAME` is shared by all handles of that name in the process.
//!
//! Settings, in the query of the URL (`memory:orders?retention_count=unlimited`):
//!
//! | setting | meaning |
//! |---|---|
//! | `retention_age=unlimited`, `retention_count=10000` | which settled messages are kept for later groups |
//! | `dead_letter_age=unlimited`, `dead_letter_count=unlimited` | the same for dead-letter topics |
//! | `partitions=3` | the number of partitions of each topic, to test a program for Kafka; the first handle of a name decides |
//!
//! # Differences from the other transports
//! - Nothing is durable: messages, groups and progress are dropped with the last handle.
//! - Positions are numbers that start at 1 in each topic; with partitions, offsets that start at 0 in each.
//! - Renewing a delivery renews that delivery only.

mod acker;
mod admin;
mod consumer;
mod group;
mod log;
mod partitions;
mod producer;
mod store;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use self::consumer::MemoryConsumer;
use self::producer::MemoryProducer;
use self::store::Store;
use super::options::RetentionPolicy;
use super::target::Target;
use super::{
    Acknowledgement, BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, GroupStatus, Health,
    Position, Producer, SchemaId, StartPosition, StoredMessage, Subscription, Topic, TopicStatus, Transport,
    TransportError, Trimmed,
};

/// The setting for the number of partitions of each topic.
const PARTITIONS: &str = "partitions";
const MAX_PARTITIONS: u32 = 1000;

/// The named stores.
static NAMED: Mutex<Option<HashMap<String, Weak<Store>>>> = Mutex::new(None);

/// The `memory:` transport.
pub struct MemoryTransport {
    store: Arc<Store>,
}

impl MemoryTransport {
    pub(crate) fn open(
        target: &Target<'_>,
        options: &ConnectOptions,
    ) -> Result<Box<dyn Transport>, TransportError> {
        Ok(Box::new(Self::connect(target, options)?))
    }

    fn connect(target: &Target<'_>, options: &ConnectOptions) -> Result<Self, TransportError> {
        let [age, count, dead_letter_age, dead_letter_count] = RetentionPolicy::SETTINGS;
        target.only(&[age, count, dead_letter_age, dead_letter_count, PARTITIONS])?;
        let partitions = match target.get(PARTITIONS) {
            None => None,
            Some(text) => {
                let count: Option<NonZeroU32> = text.parse().ok();
                let count = count.filter(|count| count.get() <= MAX_PARTITIONS);
                let expected = || target.bad_setting(PARTITIONS, text, "a whole number from 1 to 1000");
                Some(count.ok_or_else(expected)?.get())
            }
        };
        let policy = RetentionPolicy::new(target, options)?;
        let open = || Arc::new(Store::new(target.shown().to_owned(), policy, partitions));
        if target.path.is_empty() {
            return Ok(Self { store: open() });
        }
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        let named = named.get_or_insert_default();
        named.retain(|_, store| store.strong_count() > 0);
        if let Some(store) = named.get(&target.path).and_then(Weak::upgrade) {
            return Ok(Self { store });
        }
        let store = open();
        named.insert(target.path.clone(), Arc::downgrade(&store));
        Ok(Self { store })
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(std::future::ready(value))
}

impl Transport for MemoryTransport {
    fn capability(&self) -> Capability {
        Capability {
            takeover: true,
            counts_attempts: true,
            isolates: true,
            keeps_delay: true,
            // No send fails.
            ordered_sends: true,
            start_at_time: true,
            start_at_position: true,
            seek: true,
            partitions: self.store.partitions.is_some(),
            schemas: true,
            transactions: true,
            trim: true,
            ..Capability::new(Acknowledgement::Lease)
        }
    }

    fn url(&self) -> &str {
        self.store.url()
    }

    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        let producer: Arc<dyn Producer> = Arc::new(MemoryProducer { store: self.store.clone() });
        ready(Ok(producer))
    }

    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        let consumer = MemoryConsumer::subscribe(&self.store, &subscription)
            .map(|consumer| Box::new(consumer) as Box<dyn Consumer>);
        ready(consumer)
    }

    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        ready(Ok(self.store.health()))
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        ready(Ok(self.store.topics()))
    }

    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        ready(self.store.groups(topic))
    }

    fn unsettled<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredMessage>, TransportError>> {
        ready(self.store.unsettled(topic, group, after, max))
    }

    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        ready(self.store.seek(topic, group, &start))
    }

    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        ready(self.store.remove_group(topic, group))
    }

    fn store_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        ready(schema.check_text(topic, text).map(|()| self.store.store_schema(topic, schema, text)))
    }

    fn schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
    ) -> BoxFuture<'a, Result<Option<String>, TransportError>> {
        ready(Ok(self.store.schema(topic, schema)))
    }

    fn schemas<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<SchemaId>, TransportError>> {
        ready(Ok(self.store.schemas(topic)))
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        ready(Ok(self.store.trim()))
    }
}
