//! `dlq retry` and `dlq drop`.

use std::io;

use serde_json::{Value, json};

use super::super::context::Context;
use super::super::failure::{Failure, chain};
use super::super::interrupt::Interrupt;
use super::super::output::{self, counted, one_line};
use super::DeadLetterQueue;
use super::args::{Drop, Retry, Selection};
use super::select::MissingIds;
use super::show::Table;
use events_bus::bus::{DeadLetter, DeadLetterReport};
use events_core::avro::json::PersonalData;
use events_transport::Producer;

pub(super) async fn retry(context: &Context, args: &Retry) -> Result<(), Failure> {
    let queue = DeadLetterQueue::open(context, &args.source)?;
    if args.dry_run {
        preview(context, &queue, &args.selection).await?;
        return Ok(());
    }
    let producer = queue.transport.producer().await?;
    process(context, &queue, &args.selection, "resent", Some(&*producer)).await
}

pub(super) async fn drop(context: &Context, args: &Drop) -> Result<(), Failure> {
    let queue = DeadLetterQueue::open(context, &args.source)?;
    if args.dry_run {
        preview(context, &queue, &args.selection).await?;
        return Ok(());
    }
    if !args.yes {
        let count = preview(context, &queue, &args.selection).await?;
        return Err(Failure::Usage(format!(
            "{} would be dropped permanently: pass `--yes` to drop, or save a copy first with `dlq export --raw FILE`",
            counted(count, "dead letter")
        )));
    }
    process(context, &queue, &args.selection, "dropped", None).await
}

/// Prints the selected dead letters and returns their number.
async fn preview(
    context: &Context,
    queue: &DeadLetterQueue,
    selection: &Selection,
) -> Result<usize, Failure> {
    let mut missing = MissingIds::new(&selection.ids);
    let mut table = Table::new(context, PersonalData::Masked);
    queue
        .for_each(|dead_letter| {
            missing.remove_found(&dead_letter);
            if selection.matches(&dead_letter) {
                table.add(&dead_letter);
            }
            Ok(())
        })
        .await?;
    missing.check_none()?;
    table.print(queue)
}

/// Resends the selected dead letters, or drops them without a producer. Prints each when done.
async fn process(
    context: &Context,
    queue: &DeadLetterQueue,
    selection: &Selection,
    verb: &str,
    producer: Option<&dyn Producer>,
) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen();
    // Checks all ids first, so that nothing is done if one is wrong.
    let mut missing = MissingIds::new(&selection.ids);
    queue
        .for_each(|dead_letter| {
            missing.remove_found(&dead_letter);
            Ok(())
        })
        .await?;
    missing.check_none()?;
    // Each one is printed when done, since a later one may fail. If standard output is closed, the
    // work continues.
    let mut done = Vec::new();
    let mut count = 0_u64;
    let mut printed = Ok(());
    let on_done = |dead_letter: DeadLetter| {
        count += 1;
        if context.json() {
            done.push(to_json(&dead_letter));
        } else if printed.is_ok() {
            printed = output::line(format_args!("{verb} {}", describe(&dead_letter)));
        }
    };
    let dead_letters = queue.dead_letters();
    let selected = |dead_letter: &DeadLetter| selection.matches(dead_letter);
    let handled = dead_letters.process(selected, producer, interrupt.requested(), on_done).await?;
    printed?;
    if context.json() {
        report_json(&done, &handled)?;
    } else {
        report(queue, verb, count, &handled)?;
    }
    if handled.is_complete() { Ok(()) } else { Err(Failure::Reported) }
}

fn report_json(done: &[Value], handled: &DeadLetterReport) -> io::Result<()> {
    let failed = handled.failed.iter().map(|(dead_letter, error)| {
        let mut entry = to_json(dead_letter);
        if let Value::Object(fields) = &mut entry {
            fields.insert("error".to_owned(), chain(error).into());
        }
        entry
    });
    output::json(&json!({
        "done": done,
        "failed": failed.collect::<Value>(),
        "kept": handled.kept,
        "untried": handled.untried,
        "elsewhere": handled.elsewhere,
        "interrupted": handled.stopped,
        "error": handled.ended.as_ref().map(|error| chain(error)),
    }))
}

fn report(queue: &DeadLetterQueue, verb: &str, count: u64, handled: &DeadLetterReport) -> io::Result<()> {
    let DeadLetterReport { failed, kept, untried, elsewhere, stopped, ended, .. } = handled;
    for (dead_letter, error) in failed {
        output::eprint(format_args!(
            "error: {} is still a dead letter: {}",
            one_line(describe(dead_letter)),
            chain(error)
        ));
    }
    if let Some(error) = ended {
        output::eprint(format_args!("error: {}", chain(error)));
    }
    let left = failed.len() as u64 + kept + untried + elsewhere;
    output::line(format_args!("{count} {verb}, {left} left"))?;
    if *elsewhere > 0 {
        let lease = queue.config.bus().consumer.lease;
        output::eprint(format_args!(
            "{} selected but leased by another command, or by one that crashed less than {lease:?} ago: run the \
             command again later",
            counted(*elsewhere, "dead letter")
        ));
    }
    if *stopped {
        output::eprint(format_args!(
            "interrupted: run the same command again to process the remaining {}",
            counted(*untried, "dead letter")
        ));
    } else if *untried > 0 {
        output::eprint(format_args!(
            "{} selected but not processed: fix the error above, then run the same command again",
            counted(*untried, "dead letter")
        ));
    }
    Ok(())
}

fn to_json(dead_letter: &DeadLetter) -> Value {
    json!({
        "position": dead_letter.position().to_string(),
        "event_type": dead_letter.event_type(),
        "id": dead_letter.id(),
    })
}

fn describe(dead_letter: &DeadLetter) -> String {
    format!("{} ({})", dead_letter.id().unwrap_or("message without an id"), dead_letter.position())
}
