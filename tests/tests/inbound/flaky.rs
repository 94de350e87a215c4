//! A transport whose consumers fail when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use events_runtime::transport::{
    BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, Delivery, ErrorKind, GroupStatus, Health,
    Producer, StartPosition, Subscription, Topic, TopicStatus, Transport, TransportError, Trimmed, connect,
};

/// Memory whose consumers fail so many polls.
pub(crate) struct Flaky {
    memory: Box<dyn Transport>,
    failures: Arc<AtomicU32>,
    kind: ErrorKind,
}

impl Flaky {
    pub(crate) fn new(failures: u32, kind: ErrorKind) -> Self {
        let memory = connect("memory:", &ConnectOptions::new()).expect("memory");
        Self { memory, failures: Arc::new(AtomicU32::new(failures)), kind }
    }
}

struct FlakyConsumer {
    memory: Box<dyn Consumer>,
    failures: Arc<AtomicU32>,
    kind: ErrorKind,
}

impl Consumer for FlakyConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            let topic = Topic::new("orders").expect("a name");
            let error = TransportError::new(self.kind, "receive from", &topic, "it is away");
            return Box::pin(std::future::ready(Err(error)));
        }
        self.memory.receive(max, wait)
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        self.memory.close()
    }
}

impl Transport for Flaky {
    fn capability(&self) -> Capability {
        self.memory.capability()
    }
    fn url(&self) -> &str {
        self.memory.url()
    }
    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        self.memory.producer()
    }
    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        Box::pin(async {
            let memory = self.memory.consumer(subscription).await?;
            let failures = Arc::clone(&self.failures);
            Ok(Box::new(FlakyConsumer { memory, failures, kind: self.kind }) as Box<dyn Consumer>)
        })
    }
    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        self.memory.check()
    }
    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        self.memory.topics()
    }
    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        self.memory.groups(topic)
    }
    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        self.memory.seek(topic, group, start)
    }
    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        self.memory.remove_group(topic, group)
    }
    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        self.memory.trim()
    }
}
