//! `consume`: prints the events of a topic as they arrive.

use std::time::Duration;

use uuid::Uuid;

use super::args::Consume;
use super::context::{Context, full_topic, require_topic, valid_name};
use super::failure::{Failure, chain};
use super::interrupt::stop_signal;
use super::output::{self, counted};
use super::render::Renderer;
use events_transport::{Consumer, ConsumerGroup, ErrorKind, Subscription, Topic, Transport, TransportError};

/// The prefix of the names of temporary groups; a version 7 UUID follows.
pub(super) const GROUP_PREFIX: &str = "consume.";
/// Maximum number of events in one fetch.
const BATCH: u64 = 100;
/// How long one fetch waits for events without `--idle`.
const WAIT: Duration = Duration::from_secs(30);
/// How long the first fetch waits before the command prints that it is waiting.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How long the removal of the temporary group may take.
const REMOVAL: Duration = Duration::from_secs(10);

pub(super) async fn run(context: &Context, args: &Consume) -> Result<(), Failure> {
    let config = context.config()?;
    let mut renderer = Renderer::new(&config, args.pii.personal_data())?;
    let base = valid_name(Topic::new(args.topic.as_str()))?;
    let topic = full_topic(&config, &args.topic)?;
    let own = valid_name(ConsumerGroup::new(format!("{GROUP_PREFIX}{}", Uuid::now_v7())))?;
    let named = args.group.as_deref().map(|group| valid_name(ConsumerGroup::new(group))).transpose()?;
    let configured = named.as_ref().unwrap_or(&own);
    let start = args.start.clone().unwrap_or_else(|| config.group(&base, configured).start);
    let transport = args.transport.connect(&config, &args.topic, configured)?;
    require_topic(&*transport, &config, &base).await?;
    if let Some(named) = named.as_ref().filter(|_| !args.acknowledge) {
        refuse_existing(&*transport, &topic, named, args).await?;
    }

    let mut interrupted = std::pin::pin!(stop_signal());
    tokio::select! {
        biased;
        // The first poll installs the signal handlers, before there is a group to remove.
        _ = &mut interrupted => return Ok(()),
        () = std::future::ready(()) => {}
    }
    let group = named.filter(|_| args.acknowledge);
    let is_own = group.is_none();
    let group = group.unwrap_or(own);
    let subscription = Subscription::new(topic.clone(), group.clone());
    let mut subscription = subscription.start(start).lease(config.bus().consumer.lease);
    subscription.retries_in_place = is_own;
    let consumed = match transport.consumer(subscription).await {
        Ok(mut consumer) => {
            let printed = tokio::select! {
                printed = print(context, args, &mut renderer, (&*transport, &topic), &mut *consumer) => printed,
                _ = interrupted => Ok(()),
            };
            let closed = consumer.close().await;
            printed.and_then(|()| Ok(closed?))
        }
        Err(error) => Err(error.into()),
    };
    if is_own {
        remove(&*transport, &topic, &group, args).await?;
    }
    consumed
}

/// Fails if a group exists: its events would be taken from its consumers. A transport does not know whether
/// a group without unsettled messages has consumers that wait.
async fn refuse_existing(
    transport: &dyn Transport,
    topic: &Topic,
    group: &ConsumerGroup,
    args: &Consume,
) -> Result<(), Failure> {
    let groups = transport.groups(topic).await?;
    let Some(status) = groups.iter().find(|status| status.group == *group) else { return Ok(()) };
    let transport =
        args.transport.name.as_ref().map(|name| format!(" --transport {name}")).unwrap_or_default();
    Err(Failure::failed(format!(
        "group `{group}` exists on `{topic}`, with {}, {} in flight: its consumers would never get the events that \
         this command prints; look with `peek --topic {}{transport}`, leave out `--group`, or pass `--acknowledge` \
         to acknowledge the events for the group",
        counted(status.lag, "unsettled message"),
        status.in_flight,
        args.topic,
    )))
}

/// Prints and acknowledges events until enough were printed, or none arrives.
async fn print(
    context: &Context,
    args: &Consume,
    renderer: &mut Renderer,
    (transport, topic): (&dyn Transport, &Topic),
    consumer: &mut dyn Consumer,
) -> Result<(), Failure> {
    let mut left = args.max.unwrap_or(u64::MAX);
    let mut announce_wait = !context.json() && args.idle.is_none();
    while left > 0 {
        let batch = usize::try_from(left.min(BATCH)).unwrap_or(usize::MAX);
        let wait = if announce_wait { FIRST_WAIT } else { args.idle.unwrap_or(WAIT) };
        let deliveries = consumer.receive(batch, wait).await?;
        if deliveries.is_empty() && std::mem::take(&mut announce_wait) {
            output::eprint(format_args!(
                "waiting for events on `{}`: press Ctrl-C to stop, or pass `--idle 5s` next time",
                args.topic
            ));
        }
        if deliveries.is_empty() && args.idle.is_some() {
            break;
        }
        for delivery in deliveries {
            renderer.fetch_schema(transport, topic, delivery.message()).await;
            output::rendered(context.json(), &renderer.delivery(&delivery))?;
            // Acknowledged after printing: an event whose printing fails is delivered again.
            delivery.ack().await?;
            left = left.saturating_sub(1);
        }
    }
    Ok(())
}

/// Removes the temporary group, whatever ended the command. Another signal ends the wait for it.
async fn remove(
    transport: &dyn Transport,
    topic: &Topic,
    group: &ConsumerGroup,
    args: &Consume,
) -> Result<(), Failure> {
    let removed = tokio::select! {
        removed = tokio::time::timeout(REMOVAL, transport.remove_group(topic, group)) => {
            removed.unwrap_or_else(|_| {
                let message = "the transport did not answer in time";
                Err(TransportError::new(ErrorKind::Unavailable, "remove a group of", topic, message))
            })
        }
        _ = stop_signal() => {
            let message = "interrupted";
            Err(TransportError::new(ErrorKind::Unavailable, "remove a group of", topic, message))
        }
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let transport =
                args.transport.name.as_ref().map(|name| format!(" --transport {name}")).unwrap_or_default();
            Err(Failure::failed(format!(
                "the temporary group `{group}` remains and delays retention, remove it with `offsets remove --topic {} \
                 --group {group} --yes{transport}`: {}",
                args.topic,
                chain(&error)
            )))
        }
        _ => Ok(()),
    }
}
