//! A transport that wraps another one and replaces some of its parts.

use std::ops::Deref;
use std::sync::Arc;

use crate::{
    BoxFuture, Capability, Consumer, ConsumerGroup, GroupStatus, Health, KeySchema, Message, Position,
    Producer, SchemaId, SchemaSubjects, StartPosition, StoredMessage, Subscription, Topic, TopicStatus,
    Transport, TransportError, Trimmed,
};

/// Wraps a value.
type Part<T> = Box<dyn Fn(T) -> T + Send + Sync>;
/// Replaces a result, asynchronously.
type Answer = Box<dyn Fn(Vec<GroupStatus>) -> BoxFuture<'static, Vec<GroupStatus>> + Send + Sync>;

/// Runs before a call about a schema.
type SchemaCall =
    Box<dyn Fn(&Topic, &SchemaId) -> BoxFuture<'static, Result<(), TransportError>> + Send + Sync>;

/// Runs before a call about the schema of keys.
type KeyCall = Box<dyn Fn(&Topic, &SchemaId, &KeySchema) -> Result<(), TransportError> + Send + Sync>;

/// The results of a send.
pub type Sent = BoxFuture<'static, Vec<Result<Position, TransportError>>>;

/// A transport that wraps another one, owned or borrowed. Parts that are not replaced are the inner transport's.
pub struct Over<T> {
    inner: T,
    capability: Option<Part<Capability>>,
    producer: Option<Part<Arc<dyn Producer>>>,
    consumer: Option<Part<Box<dyn Consumer>>>,
    groups: Option<Answer>,
    subscribes: Option<Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>>,
    stores: Option<SchemaCall>,
    stores_keys: Option<KeyCall>,
    fetches: Option<SchemaCall>,
}

impl<T> Over<T> {
    /// Forwards all calls to the inner transport.
    pub fn new(inner: T) -> Self {
        Self {
            inner,
            capability: None,
            producer: None,
            consumer: None,
            groups: None,
            subscribes: None,
            stores: None,
            stores_keys: None,
            fetches: None,
        }
    }

    /// Replaces the capability.
    #[must_use]
    pub fn capability(mut self, part: impl Fn(Capability) -> Capability + Send + Sync + 'static) -> Self {
        self.capability = Some(Box::new(part));
        self
    }

    /// Wraps each producer.
    #[must_use]
    pub fn producer<P: Producer + 'static>(
        mut self,
        part: impl Fn(Arc<dyn Producer>) -> P + Send + Sync + 'static,
    ) -> Self {
        self.producer = Some(Box::new(move |inner| Arc::new(part(inner))));
        self
    }

    /// Replaces each send by a function of the inner producer, the topic and the batch.
    #[must_use]
    pub fn sends<F>(self, send: F) -> Self
    where
        F: Fn(&Arc<dyn Producer>, &Topic, &[Message]) -> Sent + Send + Sync + 'static,
    {
        let send = Arc::new(send);
        self.producer(move |inner| Sends { inner, send: Arc::clone(&send) })
    }

    /// Wraps each consumer.
    #[must_use]
    pub fn consumer<C: Consumer + 'static>(
        mut self,
        part: impl Fn(Box<dyn Consumer>) -> C + Send + Sync + 'static,
    ) -> Self {
        self.consumer = Some(Box::new(move |inner| Box::new(part(inner))));
        self
    }

    /// Runs a future before each subscription.
    #[must_use]
    pub fn subscribes<F>(mut self, after: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.subscribes = Some(Box::new(move || Box::pin(after())));
        self
    }

    /// Runs a future before each schema is stored. An error is the result of the call.
    #[must_use]
    pub fn stores<F>(mut self, before: impl Fn(&Topic, &SchemaId) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), TransportError>> + Send + 'static,
    {
        self.stores = Some(Box::new(move |topic, schema| Box::pin(before(topic, schema))));
        self
    }

    /// Calls a function before each schema of keys is stored. An error is the result of the call.
    #[must_use]
    pub fn stores_keys(
        mut self,
        before: impl Fn(&Topic, &SchemaId, &KeySchema) -> Result<(), TransportError> + Send + Sync + 'static,
    ) -> Self {
        self.stores_keys = Some(Box::new(before));
        self
    }

    /// Runs a future before each schema is read. An error is the result of the call.
    #[must_use]
    pub fn fetches<F>(mut self, before: impl Fn(&Topic, &SchemaId) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), TransportError>> + Send + 'static,
    {
        self.fetches = Some(Box::new(move |topic, schema| Box::pin(before(topic, schema))));
        self
    }

    /// Replaces the listed groups.
    #[must_use]
    pub fn groups<F>(mut self, part: impl Fn(Vec<GroupStatus>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Vec<GroupStatus>> + Send + 'static,
    {
        self.groups = Some(Box::new(move |groups| Box::pin(part(groups))));
        self
    }
}

struct Sends<F> {
    inner: Arc<dyn Producer>,
    send: Arc<F>,
}

impl<F> Producer for Sends<F>
where
    F: Fn(&Arc<dyn Producer>, &Topic, &[Message]) -> Sent + Send + Sync,
{
    fn send(&self, topic: &Topic, batch: &[Message]) -> Sent {
        (self.send)(&self.inner, topic, batch)
    }
}

/// Applies the replacement, if there is one.
fn made<T>(part: Option<&Part<T>>, of: T) -> T {
    match part {
        Some(part) => part(of),
        None => of,
    }
}

impl<T> Transport for Over<T>
where
    T: Deref<Target: Transport> + Send + Sync,
{
    /// A producer that is replaced may fail calls that the inner one stores.
    fn capability(&self) -> Capability {
        let mut capability = self.inner.capability();
        capability.ordered_sends &= self.producer.is_none();
        made(self.capability.as_ref(), capability)
    }

    fn url(&self) -> &str {
        self.inner.url()
    }

    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        Box::pin(async { Ok(made(self.producer.as_ref(), self.inner.producer().await?)) })
    }

    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        Box::pin(async {
            if let Some(after) = &self.subscribes {
                after().await;
            }
            Ok(made(self.consumer.as_ref(), self.inner.consumer(subscription).await?))
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        self.inner.check()
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        self.inner.topics()
    }

    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        Box::pin(async move {
            let groups = self.inner.groups(topic).await?;
            Ok(match &self.groups {
                Some(part) => part(groups).await,
                None => groups,
            })
        })
    }

    fn unsettled<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredMessage>, TransportError>> {
        self.inner.unsettled(topic, group, after, max)
    }

    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        self.inner.seek(topic, group, start)
    }

    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        self.inner.remove_group(topic, group)
    }

    fn store_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            if let Some(before) = &self.stores {
                before(topic, schema).await?;
            }
            self.inner.store_schema(topic, schema, text).await
        })
    }

    fn store_key_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        key: &'a KeySchema,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        if let Some(before) = &self.stores_keys
            && let Err(error) = before(topic, schema, key)
        {
            return Box::pin(std::future::ready(Err(error)));
        }
        self.inner.store_key_schema(topic, schema, key)
    }

    fn subjects(&self) -> Option<&dyn SchemaSubjects> {
        self.inner.subjects()
    }

    fn schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
    ) -> BoxFuture<'a, Result<Option<String>, TransportError>> {
        Box::pin(async move {
            if let Some(before) = &self.fetches {
                before(topic, schema).await?;
            }
            self.inner.schema(topic, schema).await
        })
    }

    fn schemas<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<SchemaId>, TransportError>> {
        self.inner.schemas(topic)
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        self.inner.trim()
    }
}
