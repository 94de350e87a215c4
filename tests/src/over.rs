//! A transport over another one, whose answer about groups is made by a test.

use std::sync::Arc;

use events_runtime::transport::{
    BoxFuture, Capability, Consumer, ConsumerGroup, GroupStatus, Health, Producer, StartPosition,
    Subscription, Topic, TopicStatus, Transport, TransportError, Trimmed,
};

type Answer = dyn Fn(Vec<GroupStatus>) -> BoxFuture<'static, Vec<GroupStatus>> + Send + Sync;

/// A transport over another one, whose answer about groups is made by a test.
pub struct Over {
    inner: Box<dyn Transport>,
    groups: Box<Answer>,
}

impl Over {
    /// Asks this transport, and answers what is made of its groups.
    #[must_use]
    pub fn new<F>(
        inner: Box<dyn Transport>,
        groups: impl Fn(Vec<GroupStatus>) -> F + Send + Sync + 'static,
    ) -> Box<Self>
    where
        F: Future<Output = Vec<GroupStatus>> + Send + 'static,
    {
        Box::new(Self { inner, groups: Box::new(move |status| Box::pin(groups(status))) })
    }
}

impl Transport for Over {
    fn capability(&self) -> Capability {
        self.inner.capability()
    }
    fn url(&self) -> &str {
        self.inner.url()
    }
    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        self.inner.producer()
    }
    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        self.inner.consumer(subscription)
    }
    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        self.inner.check()
    }
    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        self.inner.topics()
    }
    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        Box::pin(async move { Ok((self.groups)(self.inner.groups(topic).await?).await) })
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
    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        self.inner.trim()
    }
}
