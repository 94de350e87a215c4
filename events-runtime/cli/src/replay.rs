//! `replay`: emits past events again in this process.

use std::time::Duration;

use serde_json::json;

use super::args::Replay;
use super::context::{Context, linked_registry, require_topic};
use super::failure::Failure;
use super::interrupt::stop_signal;
use super::output::{self, counted, one_line};
use events_bus::bus;
use events_bus::bus::EventBus;
use events_bus::bus::Replayed;
use events_bus::config::UnhandledEvents;
use events_core::hub::Hub;
use events_transport::{ConsumerGroup, Topic};

/// Time limit for sending the events that receivers emit.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Advice for events that this program does not handle.
const ADVICE: &str =
    "with `events_runtime::link!` and replay again, or pass `--allow-untaken` to ignore them";

pub(super) async fn run(context: &Context, args: &Replay) -> Result<(), Failure> {
    linked_registry()?;
    let config = context.config()?;
    if !config.bus().consumer.enabled {
        return Err(Failure::failed(
            "consumers are disabled: `bus.consumer.enabled` is false; set `EVENTS_BUS__CONSUMER__ENABLED=true` to \
             enable them for this command",
        ));
    }
    // The bus reports invalid names.
    if let (Ok(base), Ok(group)) = (Topic::new(args.topic.as_str()), ConsumerGroup::new(args.group.as_str()))
    {
        require_topic(&*args.transport.connect(&config, &args.topic, &group)?, &config, &base).await?;
    }
    let bus = EventBus::builder().config(config).hub(Hub::current()).start().await?;
    let replay = bus.replay(args.topic.as_str());
    let replay = match &args.from {
        Some(from) => replay.from(from.clone()),
        None => replay,
    };
    let replay = match &args.to {
        Some(to) => replay.to(to.clone()),
        None => replay,
    };
    let replay = if args.in_place { replay.in_place(&*args.group) } else { replay.group(&*args.group) };
    let replay = if args.allow_untaken {
        replay.settings(|consume| consume.unhandled(UnhandledEvents::Skip))
    } else {
        replay
    };
    let replay = match &args.transport.name {
        Some(name) => replay.transport(name.as_str()),
        None => replay,
    };
    let replayed = replay.run_until(stop_signal()).await;
    // Events emitted by receivers are sent even if the replay failed.
    let sent = bus.shutdown(SEND_TIMEOUT).await;
    report(context, args, &replayed?)?;
    sent?;
    Ok(())
}

fn report(context: &Context, args: &Replay, replayed: &Replayed) -> Result<(), Failure> {
    let Replayed { group, range, resumed, finished, consumed, unreceived, unknown, .. } = replayed;
    let (from, to) = range.clone().unzip();
    let transport =
        args.transport.name.as_ref().map(|name| format!(" --transport {name}")).unwrap_or_default();
    if context.json() {
        output::json(&json!({
            "topic": args.topic,
            "group": group.as_str(),
            "from": from.map(|from| from.to_string()),
            "to": to.map(|to| to.to_string()),
            "resumed": resumed,
            "finished": finished,
            "emitted": consumed.acked,
            "skipped": consumed.skipped,
            "retried": consumed.retried,
            "dead_lettered": consumed.dead_lettered,
            "unreceived": unreceived,
            "unknown": unknown,
        }))?;
    } else {
        let range = range
            .as_ref()
            .map_or_else(|| "an empty topic".to_owned(), |(from, to)| format!("{from} to {to}"));
        let bus::Consumed { acked, skipped, retried, dead_lettered, .. } = consumed;
        output::line(format_args!(
            "replayed {} of `{}`, {range}, in group `{group}`: {skipped} skipped, {retried} retried, {dead_lettered} \
             dead-lettered",
            counted(*acked, "event"),
            args.topic
        ))?;
    }
    if *resumed {
        output::eprint(format_args!(
            "group `{group}` exists: continued the replay that was interrupted before"
        ));
    }
    if consumed.dead_lettered > 0 {
        output::eprint(format_args!(
            "list the dead letters with `dlq list --topic {} --group {group}{transport}`",
            args.topic
        ));
    }
    let severity = if args.allow_untaken { "warning" } else { "error" };
    for (event_type, count) in unreceived {
        output::eprint(format_args!(
            "{severity}: {} of type `{}` had no receiver: link the crate with the receivers {ADVICE}",
            counted(*count, "event"),
            one_line(event_type)
        ));
    }
    for (event_type, count) in unknown {
        output::eprint(format_args!(
            "{severity}: {} of unknown type `{}` skipped: link the crate that defines the type {ADVICE}",
            counted(*count, "event"),
            one_line(event_type)
        ));
    }
    if *finished && (args.allow_untaken || replayed.is_taken()) {
        return Ok(());
    }
    if *finished {
        return Err(Failure::Reported);
    }
    if args.in_place {
        output::eprint(format_args!(
            "interrupted: group `{group}` is back at its position before the replay"
        ));
    } else {
        output::eprint(format_args!(
            "interrupted: run the same command again to continue, or abandon the replay with `offsets remove --topic \
             {} --group {group}{transport}`",
            args.topic
        ));
    }
    Err(Failure::Reported)
}
