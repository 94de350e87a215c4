//! `consume`: prints and acknowledges the events of a topic.

use std::time::Duration;

use super::args::Consume;
use super::context::{Context, full_topic, valid_name};
use super::failure::Failure;
use super::interrupt::stop_signal;
use super::output;
use super::render::Rendered;
use events_bus::bus::Writers;
use events_bus::config::Config;
use events_core::avro::json::PersonalData;
use events_core::registry::Registry;
use events_support::nearest::similar;
use events_transport::{ConsumerGroup, ErrorKind, Subscription, Topic, TopicStatus, Transport};

/// Maximum number of events in one fetch.
const BATCH: u64 = 100;
/// How long one fetch waits for events without `--idle`.
const WAIT: Duration = Duration::from_secs(30);
/// How long the first fetch waits before the command prints that it is waiting.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Maximum number of topics that are suggested.
const MAX_SUGGESTIONS: usize = 5;

pub(super) async fn run(context: &Context, args: &Consume) -> Result<(), Failure> {
    let config = context.config()?;
    let registry = Registry::linked()?;
    let writers = Writers::read(registry, config.bus().consumer.schemas.as_deref(), Vec::new())?;
    let topic = full_topic(&config, &args.topic)?;
    let group = valid_name(ConsumerGroup::new(args.group.as_str()))?;
    let base = valid_name(Topic::new(args.topic.as_str()))?;
    let start = args.start.clone().unwrap_or_else(|| config.group(&base, &group).start);
    let personal_data = if args.show_pii { PersonalData::Shown } else { PersonalData::Masked };

    let transport = args.transport.connect(&config, &args.topic, &group)?;
    let subscription = Subscription::new(topic, group).start(start).lease(config.bus().consumer.lease);
    let was_missing = is_missing(&*transport, &subscription.topic).await;
    let mut consumer = transport.consumer(subscription).await?;
    if was_missing {
        // A misspelled topic name would otherwise wait forever on the topic just created.
        let topics = transport.topics().await.unwrap_or_default();
        output::eprint(format_args!("warning: {}", describe_created(&config, &*transport, &base, topics)));
    }
    let mut left = args.max.unwrap_or(u64::MAX);
    let mut announce_wait = !context.json() && args.idle.is_none();
    let mut interrupted = std::pin::pin!(stop_signal());
    while left > 0 {
        let batch = usize::try_from(left.min(BATCH)).unwrap_or(usize::MAX);
        let wait = if announce_wait { FIRST_WAIT } else { args.idle.unwrap_or(WAIT) };
        let deliveries = tokio::select! {
            deliveries = consumer.receive(batch, wait) => deliveries?,
            _ = &mut interrupted => break,
        };
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
            let rendered = Rendered::from_delivery(&delivery, registry, &writers, personal_data);
            if context.json() {
                output::json(&rendered.json())?;
            } else {
                output::lines(&rendered)?;
            }
            // Acknowledged after printing: an event whose printing fails is delivered again.
            delivery.ack().await?;
            left = left.saturating_sub(1);
        }
    }
    consumer.close().await?;
    Ok(())
}

async fn is_missing(transport: &dyn Transport, topic: &Topic) -> bool {
    transport.groups(topic).await.is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Says that a topic was created, and suggests existing topics with similar names.
fn describe_created(
    config: &Config,
    transport: &dyn Transport,
    topic: &Topic,
    topics: Vec<TopicStatus>,
) -> String {
    let prefix = config.service().topic_prefix.as_ref();
    let others = topics.into_iter().filter_map(|status| status.topic.without_prefix(prefix));
    let others: Vec<_> = others.filter(|other| other != topic).collect();
    // The name may include the configured prefix by mistake.
    let without = topic.without_prefix(prefix);
    let without = others.iter().filter(|other| Some(*other) == without.as_ref()).map(Topic::as_str);
    let similar = similar(topic.as_str(), others.iter().map(Topic::as_str));
    let suggestions: Vec<_> =
        without.chain(similar).take(MAX_SUGGESTIONS).map(|name| format!("`{name}`")).collect();
    let suggestion = match suggestions.as_slice() {
        [] => "no other topic has a similar name".to_owned(),
        [some @ .., last] if !some.is_empty() => format!("did you mean {} or {last}?", some.join(", ")),
        [one, ..] => format!("did you mean {one}?"),
    };
    format!("topic `{topic}` did not exist and was created in {}; {suggestion}", transport.url())
}
