//! `replay`: emits the events of the past again in this process.

use std::time::Duration;

use serde_json::json;

use super::args::Replay;
use super::context::{Context, linked};
use super::failure::Failure;
use super::interrupt::told_to_stop;
use super::output::{self, one_line};
use crate::EventBus;
use crate::bus::{self, Replayed};
use crate::hub::Hub;

/// How long what receivers emit may take to be sent.
const SENDING: Duration = Duration::from_secs(30);
/// What to do where events are meant to be taken by nobody.
const OTHERWISE: &str = "; `--allow-untaken` leaves them to other programs";

pub(super) async fn run(context: &Context, args: &Replay) -> Result<(), Failure> {
    linked()?;
    let config = context.config()?;
    if !config.bus().consumer.enabled {
        return Err(Failure::failed(
            "consumers are switched off: `bus.consumer.enabled` is false; switch them on, for this command by \
             `EVENTS_BUS__CONSUMER__ENABLED=true`",
        ));
    }
    let bus = EventBus::builder().config(config).hub(Hub::current()).start().await?;
    let replay = bus.replay(args.topic.as_str());
    let replay = match args.from {
        Some(from) => replay.from(from),
        None => replay,
    };
    let replay = match args.to {
        Some(to) => replay.to(to),
        None => replay,
    };
    let replay = if args.in_place { replay.in_place(&*args.group) } else { replay.group(&*args.group) };
    let replayed = replay.run_until(told_to_stop()).await;
    // What receivers have emitted is sent either way.
    let sent = bus.shutdown(SENDING).await;
    report(context, args, &replayed?)?;
    sent?;
    Ok(())
}

fn report(context: &Context, args: &Replay, replayed: &Replayed) -> Result<(), Failure> {
    let Replayed { group, range, resumed, finished, consumed, unreceived, unknown, .. } = replayed;
    let (from, to) = range.unzip();
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
        let range = range.map_or_else(|| "an empty topic".to_owned(), |(from, to)| format!("{from} to {to}"));
        let bus::Consumed { acked, skipped, retried, dead_lettered, .. } = consumed;
        output::line(format_args!(
            "{acked} emitted again from `{}`, {range}, in group `{group}`; {skipped} passed over, {retried} retried, \
             {dead_lettered} dead letters",
            args.topic
        ))?;
    }
    if *resumed {
        output::tell(format_args!(
            "group `{group}` was there: the replay went on where an earlier one had stopped"
        ));
    }
    if consumed.dead_lettered > 0 {
        output::tell(format_args!(
            "`dlq list --topic {} --group {group}` shows the dead letters",
            args.topic
        ));
    }
    let word = if args.allow_untaken { "warning" } else { "error" };
    for (event_type, count) in unreceived {
        output::tell(format_args!(
            "{word}: {count} events of type `{}` reached no receiver: link the crate that has the receivers, by \
             `events_runtime::link!`, and replay again{OTHERWISE}",
            one_line(event_type)
        ));
    }
    for (event_type, count) in unknown {
        output::tell(format_args!(
            "{word}: {count} events of type `{}` were passed over, for it is not known here: link the crate that \
             defines it, by `events_runtime::link!`, and replay again{OTHERWISE}",
            one_line(event_type)
        ));
    }
    if *finished && (args.allow_untaken || replayed.is_taken()) {
        return Ok(());
    }
    if *finished {
        return Err(Failure::Said);
    }
    if args.in_place {
        output::tell(format_args!("interrupted: group `{group}` is back where it stood"));
    } else {
        output::tell(format_args!(
            "interrupted: the same command goes on from here, `offsets remove --topic {} --group {group}` gives it up",
            args.topic
        ));
    }
    Err(Failure::Said)
}
