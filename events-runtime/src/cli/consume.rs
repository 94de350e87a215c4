//! `consume`: prints what comes and acknowledges it.

use std::time::Duration;

use super::args::Consume;
use super::context::{Context, connect, full_topic, named};
use super::failure::Failure;
use super::interrupt::told_to_stop;
use super::output;
use super::shown::Shown;
use crate::avro::json::PersonalData;
use crate::bus::Writers;
use crate::config::Config;
use crate::registry::Registry;
use crate::transport::{ConsumerGroup, ErrorKind, Subscription, Topic, TopicStatus, Transport};
use events_support::nearest::similar;

/// How many events are fetched at once, at most.
const BATCH: u64 = 100;
/// How long one wait for events lasts where no `--idle` ends it.
const WAIT: Duration = Duration::from_secs(30);
/// After so long without events the command says that it waits.
const SOON: Duration = Duration::from_secs(1);
/// So many other topics are named, at most.
const MEANT: usize = 5;

pub(super) async fn run(context: &Context, args: &Consume) -> Result<(), Failure> {
    let config = context.config()?;
    let registry = Registry::linked()?;
    let writers = Writers::read(registry, config.bus().consumer.schemas.as_deref(), Vec::new())?;
    let topic = full_topic(&config, &args.topic)?;
    let group = named(ConsumerGroup::new(args.group.as_str()))?;
    let base = named(Topic::new(args.topic.as_str()))?;
    let start = args.start.unwrap_or_else(|| config.group(&base, &group).start);
    let personal_data = if args.show_pii { PersonalData::Shown } else { PersonalData::Masked };

    let transport = connect(&config)?;
    let subscription = Subscription::new(topic, group).start(start).lease(config.bus().consumer.lease);
    let was_absent = is_absent(&*transport, &subscription.topic).await;
    let mut consumer = transport.consumer(subscription).await?;
    if was_absent {
        // Else a slip of the finger waits for ever, on a topic that it made.
        let there = transport.topics().await.unwrap_or_default();
        output::tell(format_args!("warning: {}", made(&config, &base, there)));
    }
    let mut left = args.max.unwrap_or(u64::MAX);
    let mut waits = !context.json() && args.idle.is_none();
    let mut interrupted = std::pin::pin!(told_to_stop());
    while left > 0 {
        let batch = usize::try_from(left.min(BATCH)).unwrap_or(usize::MAX);
        let wait = if waits { SOON } else { args.idle.unwrap_or(WAIT) };
        let deliveries = tokio::select! {
            deliveries = consumer.receive(batch, wait) => deliveries?,
            _ = &mut interrupted => break,
        };
        if deliveries.is_empty() && std::mem::take(&mut waits) {
            output::tell(format_args!(
                "waiting for events on `{}`: Ctrl-C ends this, `--idle 5s` would",
                args.topic
            ));
        }
        if deliveries.is_empty() && args.idle.is_some() {
            break;
        }
        for delivery in deliveries {
            let shown = Shown::new(&delivery, registry, &writers, personal_data);
            if context.json() {
                output::json(&shown.json())?;
            } else {
                output::text(&shown)?;
            }
            // What was printed is done; an interruption before this brings it again.
            delivery.ack().await?;
            left = left.saturating_sub(1);
        }
    }
    consumer.close().await?;
    Ok(())
}

/// Whether a topic is known not to be there.
async fn is_absent(transport: &dyn Transport, topic: &Topic) -> bool {
    transport.groups(topic).await.is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// That a topic was made, and which others may have been meant.
fn made(config: &Config, topic: &Topic, there: Vec<TopicStatus>) -> String {
    let prefix = config.service().topic_prefix.as_ref();
    let others = there.into_iter().filter_map(|status| status.topic.without_prefix(prefix));
    let others: Vec<_> = others.filter(|other| other != topic).collect();
    // Who writes the prefix too means the topic without it.
    let without = topic.without_prefix(prefix);
    let without = others.iter().filter(|other| Some(*other) == without.as_ref()).map(Topic::as_str);
    let similar = similar(topic.as_str(), others.iter().map(Topic::as_str));
    let meant: Vec<_> = without.chain(similar).take(MEANT).map(|name| format!("`{name}`")).collect();
    let meant = match meant.as_slice() {
        [] => "no other topic there has a similar name".to_owned(),
        [one] => format!("there is {one}"),
        [some @ .., last] => format!("there are {} and {last}", some.join(", ")),
    };
    format!("topic `{topic}` was not there and was made now, in {}; {meant}", config.bus().url)
}
