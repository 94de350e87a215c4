//! `dlq retry` and `dlq drop`.

use std::io;

use serde_json::{Value, json};

use super::super::context::Context;
use super::super::failure::{Failure, chain};
use super::super::interrupt::Interrupt;
use super::super::output::{self, one_line};
use super::Office;
use super::args::{Drop, Retry, Selection};
use super::select::Names;
use super::show::Table;
use crate::avro::json::PersonalData;
use crate::bus::{DeadLetter, DeadLetterReport};
use crate::transport::Producer;

pub(super) async fn retry(context: &Context, args: &Retry) -> Result<(), Failure> {
    let office = Office::open(context, &args.of)?;
    if args.dry_run {
        preview(context, &office, &args.selection).await?;
        return Ok(());
    }
    let producer = office.transport.producer().await?;
    deal(context, &office, &args.selection, "sent again", Some(&*producer)).await
}

pub(super) async fn drop(context: &Context, args: &Drop) -> Result<(), Failure> {
    let office = Office::open(context, &args.of)?;
    if args.dry_run {
        preview(context, &office, &args.selection).await?;
        return Ok(());
    }
    if !args.yes {
        let count = preview(context, &office, &args.selection).await?;
        return Err(Failure::Usage(format!(
            "{count} would be dropped and can't be had back: `dlq export --raw FILE` keeps them, `--yes` drops them"
        )));
    }
    deal(context, &office, &args.selection, "dropped", None).await
}

/// Shows what a command would deal with, and how many that are.
async fn preview(context: &Context, office: &Office, selection: &Selection) -> Result<usize, Failure> {
    let mut names = Names::new(&selection.which);
    let mut table = Table::new(context, PersonalData::Masked);
    office
        .look(|letter| {
            names.see(&letter);
            if selection.takes(&letter) {
                table.add(&letter);
            }
            Ok(())
        })
        .await?;
    names.all_seen()?;
    table.show(office)
}

/// Sends letters again or drops them, and tells each when it is done.
async fn deal(
    context: &Context,
    office: &Office,
    selection: &Selection,
    done: &str,
    producer: Option<&dyn Producer>,
) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen();
    // Fails before anything is done where a name is none of a letter.
    let mut names = Names::new(&selection.which);
    office
        .look(|letter| {
            names.see(&letter);
            Ok(())
        })
        .await?;
    names.all_seen()?;
    // What was done is told also where the rest fails. Where nobody reads it, the work goes on.
    let mut list = Vec::new();
    let mut count = 0_u64;
    let mut told = Ok(());
    let tell = |letter: DeadLetter| {
        count += 1;
        if context.json() {
            list.push(name(&letter));
        } else if told.is_ok() {
            told = output::line(format_args!("{done} {}", spoken(&letter)));
        }
    };
    let letters = office.letters();
    let handled = letters.process(|letter| selection.takes(letter), producer, interrupt.told(), tell).await?;
    told?;
    if context.json() {
        json_report(&list, &handled)?;
    } else {
        report(office, done, count, &handled)?;
    }
    if handled.is_complete() { Ok(()) } else { Err(Failure::Said) }
}

fn json_report(done: &[Value], handled: &DeadLetterReport) -> io::Result<()> {
    let failed = handled.failed.iter().map(|(letter, error)| {
        let mut entry = name(letter);
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

fn report(office: &Office, done: &str, count: u64, handled: &DeadLetterReport) -> io::Result<()> {
    let DeadLetterReport { failed, kept, untried, elsewhere, stopped, ended, .. } = handled;
    for (letter, error) in failed {
        output::tell(format_args!(
            "error: {} is still a dead letter: {}",
            one_line(spoken(letter)),
            chain(error)
        ));
    }
    if let Some(error) = ended {
        output::tell(format_args!("error: {}", chain(error)));
    }
    let left = failed.len() as u64 + kept + untried + elsewhere;
    output::line(format_args!("{count} {done}, {left} left"))?;
    if *elsewhere > 0 {
        let lease = office.config.bus().consumer.lease;
        output::tell(format_args!(
            "{elsewhere} of them were selected, and are held by another command, or were by one that ended badly \
             less than {lease:?} ago: run the same command again"
        ));
    }
    if *stopped {
        output::tell(format_args!(
            "interrupted: the same command goes on with the {untried} that are left of it"
        ));
    } else if *untried > 0 {
        output::tell(format_args!(
            "{untried} of them were selected, and not tried: mend what the error says, then run the same command again"
        ));
    }
    Ok(())
}

fn name(letter: &DeadLetter) -> Value {
    json!({
        "position": letter.position().to_string(),
        "event_type": letter.event_type(),
        "id": letter.id(),
    })
}

fn spoken(letter: &DeadLetter) -> String {
    format!("{} ({})", letter.id().unwrap_or("a message without an id"), letter.position())
}
