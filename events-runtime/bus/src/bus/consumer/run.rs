//! Runs a consumer: subscribes, consumes until the shutdown, and leaves the group.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::Consume;
use crate::bus::EventBus;
use crate::bus::dedup::Dedup;
use crate::bus::destination::Destination;
use crate::bus::inbound::Inbound;
use crate::bus::observe::{Consuming, watch};
use crate::bus::offsets::tidy;
use crate::bus::retrying::{Connection, Connections, RetryingConsumer};
use crate::bus::schemas::{Patience, TopicSchemas};
use crate::bus::settings::TopicSettings;
use crate::bus::settling::{Consumed, Settling};
use crate::bus::topics::{ConsumedTopic, ConsumedTopics};
use crate::bus::transports::Opened;
use crate::bus::worker::{ConsumeError, Worker, sleep_until};
use events_support::error_chain::{chain, drop_quietly};
use events_transport::{
    BoxFuture, Consumer, MergedConsumer, Subscription, Topic, Transport, TransportError, TransportName,
};

/// The topics that one consumer of a transport has: one, or all of the transport if it
/// [can](events_transport::Capability::multi_topic).
struct Source<'b> {
    name: TransportName,
    transport: &'b dyn Transport,
    subscriptions: Vec<Subscription>,
    connections: Vec<Connection>,
}

/// What a consumer is made of.
struct Plan<'b> {
    topics: ConsumedTopics,
    sources: Vec<Source<'b>>,
    /// The topics whose lag is polled, with their transports.
    watched: Vec<(&'b dyn Transport, Arc<Consuming>)>,
    /// The greatest concurrency of the topics.
    concurrency: usize,
}

impl Consume {
    /// Consumes with these subscriptions until the future is ready; `through` may wrap the transport's
    /// consumers.
    pub(in crate::bus) async fn run_as(
        mut self,
        subscriptions: Vec<Subscription>,
        through: impl Fn(Box<dyn Consumer>) -> Box<dyn Consumer> + Sync,
        shutdown: impl Future,
    ) -> Result<Consumed, ConsumeError> {
        let lag_interval = self.bus.config().bus().consumer.lag_interval;
        let bus = self.bus.clone();
        let Plan { topics, sources, watched, concurrency } = self.plan(&bus, subscriptions)?;
        self.settings.concurrency = self.overrides.concurrency.unwrap_or(concurrency);
        self.settings.seen = None;
        let Consuming { group, observe, .. } = &*Arc::clone(&topics.first().settling.consuming);
        let enabled = bus.0.consuming.subscribe();
        let mut worker = Worker { topics, settings: self.settings, enabled, consecutive_errors: 0 };

        let mut shutdown = std::pin::pin!(shutdown);
        let subscribed = tokio::select! {
            biased;
            consumer = subscribe(sources, &through) => Some(consumer?),
            _ = &mut shutdown => None,
        };
        let Some(mut consumer) = subscribed else { return Ok(worker.topics.consumed()) };
        let topic =
            watched.iter().map(|(_, consuming)| consuming.topic.as_str()).collect::<Vec<_>>().join(", ");
        tracing::info!(%topic, %group, concurrency = worker.settings.concurrency, "consumer started");
        let mut beside: Vec<BoxFuture<'_, Infallible>> = Vec::new();
        for (transport, consuming) in &watched {
            beside.push(Box::pin(watch(*transport, consuming, lag_interval)));
            beside.push(Box::pin(tidy(*transport, &consuming.topic)));
        }
        let (result, close_by) = tokio::select! {
            biased;
            ended = worker.run(consumer.as_mut(), shutdown) => ended,
            never = forever(&mut beside) => match never {},
        };
        drop(beside);
        let closed = tokio::select! {
            biased;
            closed = consumer.close() => closed,
            () = sleep_until(close_by) => {
                tracing::warn!(%topic, %group, "the transport did not answer when the consumer closed; its unsettled events are redelivered");
                Ok(())
            }
        };
        observe.flush().await;
        let counts = worker.topics.consumed();
        // Middleware and the store of handled events are user code, which may panic on drop.
        drop_quietly(worker);
        let ended = result.and(closed.map_err(ConsumeError::from));
        let Consumed { acked, retried, parked, unfinished, dead_lettered, skipped } = counts;
        let error = ended.as_ref().err().map(|error| chain(error));
        tracing::info!(%topic, %group, acked, retried, parked, unfinished, dead_lettered, skipped, error, "consumer stopped");
        ended.map(|()| counts)
    }

    fn plan<'b>(
        &self,
        bus: &'b EventBus,
        subscriptions: Vec<Subscription>,
    ) -> Result<Plan<'b>, ConsumeError> {
        let mut concurrency = 1;
        let (mut topics, mut watched) = (Vec::new(), Vec::new());
        let mut sources: Vec<Source<'_>> = Vec::new();
        for (base_name, subscription) in self.topics().zip(subscriptions) {
            let configured = self.configured(base_name)?;
            concurrency = configured.concurrency.get().max(concurrency);
            let settings = self.topic_settings(&configured);
            let name = self.transport_of(&configured)?;
            let Opened { transport, system, .. } = bus.0.transports.get(&name)?;
            let consuming = Arc::new(Consuming {
                observe: Arc::clone(&bus.0.observe),
                system: Arc::clone(system),
                topic: subscription.topic.clone(),
                transport: name.clone(),
                group: subscription.group.clone(),
                propagator: bus.0.propagator.clone(),
            });
            let to = Destination { topic: consuming.topic.clone(), transport: name.clone() };
            let running = bus.0.consumers.add(to.clone(), consuming.group.clone());
            let (backoff, failures) = (settings.backoff, 0);
            let connection = Connection { consuming: Arc::clone(&consuming), running, backoff, failures };
            let schemas = bus.0.schemas.of(&to, transport);
            let schemas = schemas.map(|schemas| {
                (schemas, Patience { wait: settings.unknown_schema_wait, backoff: settings.backoff })
            });
            topics.push(self.topic(bus, &consuming, settings, schemas));
            watched.push((&**transport, consuming));
            let shared = transport.capability().multi_topic;
            match sources.iter_mut().find(|source| shared && source.name == name) {
                Some(source) => {
                    source.subscriptions.push(subscription);
                    source.connections.push(connection);
                }
                None => sources.push(Source {
                    name,
                    transport: &**transport,
                    subscriptions: vec![subscription],
                    connections: vec![connection],
                }),
            }
        }
        let topics = ConsumedTopics::new(topics);
        Ok(Plan { topics, sources, watched, concurrency })
    }

    fn topic(
        &self,
        bus: &EventBus,
        consuming: &Arc<Consuming>,
        settings: TopicSettings,
        schemas: Option<(Arc<TopicSchemas>, Patience)>,
    ) -> ConsumedTopic {
        let mut inbound = Inbound::new(bus, self.settings.unknown_events, Arc::clone(consuming));
        inbound.schemas = schemas;
        inbound.unhandled = Arc::clone(&self.unhandled);
        let seen = self.settings.seen.clone();
        inbound.dedup = seen.map(|seen| Dedup { seen, consuming: Arc::clone(consuming) });
        let settling = Settling::new(Arc::clone(consuming), settings.backoff);
        ConsumedTopic { inbound: Arc::new(inbound), settling, settings }
    }
}

/// A source whose consumer joins the group.
struct Joining<'b> {
    /// `None` if there are several, which the errors of their consumer name.
    topic: Option<Topic>,
    subscribing: BoxFuture<'b, Result<RetryingConsumer, TransportError>>,
    joined: Option<RetryingConsumer>,
}

/// Joins the group in all topics at the same time, with retries. If a retry does not help in one topic, that is
/// the result for all.
async fn subscribe(
    sources: Vec<Source<'_>>,
    through: &(impl Fn(Box<dyn Consumer>) -> Box<dyn Consumer> + Sync),
) -> Result<Box<dyn Consumer>, TransportError> {
    let joining = sources.into_iter().map(|Source { transport, subscriptions, connections, .. }| {
        let topic = match subscriptions.as_slice() {
            [only] => Some(only.topic.clone()),
            _ => None,
        };
        let subscribing = Box::pin(Connections(connections).subscribe(transport, subscriptions, through));
        Joining { topic, subscribing, joined: None }
    });
    let mut joining: Vec<_> = joining.collect();
    if let [only] = joining.as_mut_slice() {
        return Ok(Box::new(only.subscribing.as_mut().await?));
    }
    poll_fn(|context| {
        for Joining { topic, subscribing, joined } in joining.iter_mut().filter(|one| one.joined.is_none()) {
            match subscribing.as_mut().poll(context) {
                Poll::Pending => {}
                Poll::Ready(Ok(consumer)) => *joined = Some(consumer),
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(match topic {
                        Some(topic) => error.about(topic),
                        None => error,
                    }));
                }
            }
        }
        if joining.iter().all(|one| one.joined.is_some()) { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await?;
    let consumers = joining.into_iter().filter_map(|Joining { topic, joined, .. }| {
        let consumer: Box<dyn Consumer> = Box::new(joined?);
        Some((topic, consumer))
    });
    Ok(Box::new(MergedConsumer::new(consumers)))
}

/// Runs tasks that never end.
async fn forever(tasks: &mut [BoxFuture<'_, Infallible>]) -> Infallible {
    poll_fn(|context| {
        for task in &mut *tasks {
            if let Poll::Ready(never) = task.as_mut().poll(context) {
                return Poll::Ready(never);
            }
        }
        Poll::Pending
    })
    .await
}
