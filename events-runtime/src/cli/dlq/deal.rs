//! `dlq retry` and `dlq drop`.

use serde_json::{Value, json};

use super::super::context::Context;
use super::super::failure::{Failure, chain};
use super::super::output::{self, one_line};
use super::Office;
use super::args::{Drop, Retry, Selection};
use super::select::all_named;
use super::show::table;
use crate::avro::json::PersonalData;
use crate::bus::{DeadLetter, Handled};

pub(super) async fn retry(context: &Context, args: &Retry) -> Result<(), Failure> {
    let office = Office::open(context, &args.of)?;
    if args.dry_run {
        preview(context, &office, &args.selection).await?;
        return Ok(());
    }
    sure(&office, &args.selection).await?;
    let handled = office.letters().retry(|letter| args.selection.takes(letter)).await?;
    report(context, "sent again", &handled)
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
    sure(&office, &args.selection).await?;
    let handled = office.letters().discard(|letter| args.selection.takes(letter)).await?;
    report(context, "dropped", &handled)
}

/// Shows what a command would deal with, and how many that are.
async fn preview(context: &Context, office: &Office, selection: &Selection) -> Result<usize, Failure> {
    let listing = office.list().await?;
    all_named(&listing.letters, &selection.which)?;
    let chosen: Vec<_> = listing.letters.iter().filter(|letter| selection.takes(letter)).collect();
    table(context, office, &chosen, PersonalData::Masked)?;
    Ok(chosen.len())
}

/// Fails before anything is done where a name is none of a letter.
async fn sure(office: &Office, selection: &Selection) -> Result<(), Failure> {
    let listing = office.list().await?;
    all_named(&listing.letters, &selection.which)
}

fn report(context: &Context, done: &str, handled: &Handled) -> Result<(), Failure> {
    if context.json() {
        let failed = handled.failed.iter().map(|(letter, error)| {
            let mut entry = name(letter);
            if let Value::Object(fields) = &mut entry {
                fields.insert("error".to_owned(), chain(error).into());
            }
            entry
        });
        output::json(&json!({
            "done": handled.done.iter().map(name).collect::<Value>(),
            "failed": failed.collect::<Value>(),
            "kept": handled.kept,
            "elsewhere": handled.elsewhere,
        }))?;
    } else {
        for letter in &handled.done {
            output::line(format_args!("{done} {}", spoken(letter)))?;
        }
        for (letter, error) in &handled.failed {
            output::tell(format_args!(
                "error: {} is still a dead letter: {}",
                one_line(spoken(letter)),
                chain(error)
            ));
        }
        output::line(format_args!("{} {done}, {} left", handled.done.len(), handled.kept))?;
    }
    if handled.failed.is_empty() { Ok(()) } else { Err(Failure::Said) }
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
