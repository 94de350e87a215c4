//! Runs a consumer: subscribes, consumes until the shutdown, and leaves the group.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::Consume;
use crate::bus::EventBus;
use crate::bus::dedup::Dedup;
use crate::bus::destination::Destination;
use crate::bus::inbound::Inbound;
use crate::bus::missing_topic::MissingTopic;
use crate::bus::observe::{Consuming, Watched};
use crate::bus::offsets::tidy;
use crate::bus::outputs::Transacting;
use crate::bus::retrying::{Connection, Connections, RetryingConsumer};
use crate::bus::schemas::{Patience, TopicSchemas};
use crate::bus::settings::TopicSettings;
use crate::bus::settling::{Consumed, Settling};
use crate::bus::status::Running;
use crate::bus::topics::{ConsumedTopic, ConsumedTopics};
use crate::bus::transports::Opened;
use crate::bus::worker::{ConsumeError, Worker, sleep_until};
use events_support::error_chain::{chain, drop_quietly};
use events_transport::{
    BoxFuture, Consumer, ErrorKind, MergedConsumer, Subscription, Topic, TopicPrefix, Transport,
    TransportError, TransportName,
};

/// How long a transport may take to say whether a topic exists.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// The topics that one consumer of a transport has: one, or all of the transport if it
/// [can](events_transport::Capability::multi_topic).
struct Source<'b> {
    name: TransportName,
    transport: &'b dyn Transport,
    subscriptions: Vec<Subscription>,
    /// The names of their topics without the prefix.
    base_names: Vec<Topic>,
    connections: Vec<Connection>,
}

/// What a consumer is made of.
struct Plan<'b> {
    topics: ConsumedTopics,
    sources: Vec<Source<'b>>,
    /// The topics whose groups are polled.
    watched: Vec<Watched<'b>>,
    /// The greatest concurrency of the topics.
    concurrency: usize,
}

impl Consume {
    /// Consumes with these subscriptions until the future is ready; `through` may wrap the transport's
    /// consumers.
    pub(in crate::bus) async fn run_as(
        self,
        subscriptions: Vec<Subscription>,
        through: impl Fn(Box<dyn Consumer>) -> Box<dyn Consumer> + Sync,
        shutdown: impl Future,
    ) -> Result<Consumed, ConsumeError> {
        let bus = self.bus.clone();
        let topics: Vec<_> = subscriptions.iter().map(|subscription| subscription.topic.clone()).collect();
        let group = subscriptions.first().map(|subscription| subscription.group.clone());
        let ended = self.run_in(&bus, subscriptions, through, shutdown).await;
        if let (Err(error), Some(group)) = (&ended, group) {
            let error = chain(error);
            tracing::error!(topic = names(&topics), %group, error, "a consumer ended with an error");
            bus.0.consumers.failed(topics, group, error);
        }
        ended
    }

    async fn run_in(
        mut self,
        bus: &EventBus,
        subscriptions: Vec<Subscription>,
        through: impl Fn(Box<dyn Consumer>) -> Box<dyn Consumer> + Sync,
        shutdown: impl Future,
    ) -> Result<Consumed, ConsumeError> {
        let lag_interval = self.bus.config().bus().consumer.lag_interval;
        let Plan { topics, sources, watched, concurrency } = self.plan(bus, subscriptions)?;
        self.settings.concurrency = self.overrides.concurrency.unwrap_or(concurrency);
        self.settings.seen = None;
        let Consuming { group, observe, .. } = &*Arc::clone(&topics.first().settling.consuming);
        let enabled = bus.0.consuming.subscribe();
        let mut worker = Worker { topics, settings: self.settings, enabled, consecutive_errors: 0 };

        let mut shutdown = std::pin::pin!(shutdown);
        let subscribed = tokio::select! {
            biased;
            consumer = subscribe(sources, bus.prefix(), &through) => Some(consumer?),
            _ = &mut shutdown => None,
        };
        let Some(mut consumer) = subscribed else { return Ok(worker.topics.consumed()) };
        let topic = names(watched.iter().map(|watched| &watched.consuming.topic));
        tracing::info!(%topic, %group, concurrency = worker.settings.concurrency, "consumer started");
        let mut beside: Vec<BoxFuture<'_, Infallible>> = Vec::new();
        for watched in &watched {
            beside.push(Box::pin(watched.poll(lag_interval)));
            beside.push(Box::pin(tidy(watched.transport, &watched.consuming.topic)));
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
        let Consumed { acked, retried, parked, unfinished, dead_lettered, paused, skipped } = counts;
        tracing::info!(%topic, %group, acked, retried, parked, unfinished, dead_lettered, paused, skipped, "consumer stopped");
        ended.map(|()| counts)
    }

    fn plan<'b>(
        &self,
        bus: &'b EventBus,
        subscriptions: Vec<Subscription>,
    ) -> Result<Plan<'b>, ConsumeError> {
        self.check_receivers()?;
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
            let connected = Arc::clone(&running);
            let connection =
                Connection { consuming: Arc::clone(&consuming), running: connected, backoff, failures };
            let schemas = bus.0.schemas.of(&to, transport);
            let schemas = schemas.map(|schemas| {
                (schemas, Patience { wait: settings.unknown_schema_wait, backoff: settings.backoff })
            });
            let transacting = transacting(bus, &consuming, transport, settings.transactions)?;
            topics.push(ConsumedTopic {
                transacting,
                ..self.topic(bus, &consuming, running, settings, schemas)
            });
            let dead_letters = subscription.dead_letter_topic()?;
            watched.push(Watched { transport: &**transport, consuming, dead_letters });
            let shared = transport.capability().multi_topic;
            match sources.iter_mut().find(|source| shared && source.name == name) {
                Some(source) => {
                    source.subscriptions.push(subscription);
                    source.base_names.push(Topic::new(base_name)?);
                    source.connections.push(connection);
                }
                None => sources.push(Source {
                    name,
                    transport: &**transport,
                    subscriptions: vec![subscription],
                    base_names: vec![Topic::new(base_name)?],
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
        running: Arc<Running>,
        settings: TopicSettings,
        schemas: Option<(Arc<TopicSchemas>, Patience)>,
    ) -> ConsumedTopic {
        let unknown_events = self.settings.unknown_events;
        let mut inbound =
            Inbound::new(bus, unknown_events, &settings, Arc::clone(consuming), Arc::clone(&running));
        inbound.schemas = schemas;
        inbound.counts = Arc::clone(&self.counts);
        let seen = self.settings.seen.clone();
        inbound.dedup = seen.map(|seen| Dedup { seen, consuming: Arc::clone(consuming) });
        let settling = Settling::new(Arc::clone(consuming), Arc::clone(&running), settings.backoff);
        ConsumedTopic { inbound: Arc::new(inbound), settling, settings, running, transacting: None }
    }
}

/// What a consumer needs for `transactions`, if they are on.
fn transacting(
    bus: &EventBus,
    consuming: &Consuming,
    transport: &Arc<dyn Transport>,
    is_on: bool,
) -> Result<Option<Arc<Transacting>>, TransportError> {
    if !is_on {
        return Ok(None);
    }
    if !transport.capability().transactions {
        let message = "`transactions` is set, and this transport can't store messages together with an \
                       acknowledgement: unset it, or use `memory:`, `sqlite:` or `kafka:`";
        return Err(TransportError::new(ErrorKind::Unsupported, "consume", &consuming.topic, message));
    }
    Ok(Some(Arc::new(Transacting {
        transport: Arc::clone(transport),
        name: consuming.transport.clone(),
        observe: Arc::clone(&bus.0.observe),
        stored: tokio::sync::Mutex::default(),
    })))
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
    prefix: Option<&TopicPrefix>,
    through: &(impl Fn(Box<dyn Consumer>) -> Box<dyn Consumer> + Sync),
) -> Result<Box<dyn Consumer>, TransportError> {
    let joining = sources.into_iter().map(|source| {
        let Source { transport, subscriptions, base_names, connections, .. } = source;
        let topic = match subscriptions.as_slice() {
            [only] => Some(only.topic.clone()),
            _ => None,
        };
        let subscribing = Box::pin(async move {
            let missing = missing_topics(transport, &base_names, prefix).await;
            let consumer = Connections(connections).subscribe(transport, subscriptions, through).await?;
            for missing in missing {
                let topic = missing.topic();
                tracing::warn!(%topic, "a consumer created a topic that did not exist: {missing}");
            }
            Ok(consumer)
        });
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

/// The topics that do not exist yet, if other topics may be meant. A transport that does not answer has none.
async fn missing_topics(
    transport: &dyn Transport,
    base_names: &[Topic],
    prefix: Option<&TopicPrefix>,
) -> Vec<MissingTopic> {
    let mut missing = Vec::new();
    for base_name in base_names {
        let look = MissingTopic::check(transport, base_name, prefix);
        match tokio::time::timeout(LOOK_TIMEOUT, look).await {
            Ok(Ok(found)) => missing.extend(found.filter(MissingTopic::has_suggestion)),
            Ok(Err(error)) => {
                tracing::debug!(topic = %base_name, error = chain(&error), "failed to look whether the topic exists");
            }
            Err(_) => break,
        }
    }
    missing
}

/// The names of topics, for log lines.
fn names<'t>(topics: impl IntoIterator<Item = &'t Topic>) -> String {
    topics.into_iter().map(Topic::as_str).collect::<Vec<_>>().join(", ")
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
